import { createTestClient, createWalletClient, http } from 'viem'
import { anvil } from 'viem/chains'
import type { SeededDoctor, SeededPatient } from '../../local/seed.ts'
import type { Village } from '../../local/village.ts'
import { consentLedgerAbi } from '../../src/accounts/contracts.generated.ts'
import { hour } from '../../src/core/people.ts'
import type { Hex } from '../../src/core/rows.ts'
import { safeguardNumberOf } from '../../src/core/safeguards.ts'

const allowEmergency = safeguardNumberOf('allowEmergency')

/**
 * The patient allows emergency access as she does after a recovery of her account: the chain lets the test speak for the
 * account, and 72 hours pass.
 */
export async function allowEmergencies(village: Village, patient: SeededPatient): Promise<void> {
  await beginRecovery(village, patient)
  await village.advance(72 * hour)
  await callAsPatient(village, patient, 'executeLoosening', [await accountOf(village, patient), allowEmergency])
  await village.settle()
}

/** Two of her guardians have begun to allow emergencies for her. */
export function beginRecovery(village: Village, patient: SeededPatient): Promise<void> {
  return callAsPatient(village, patient, 'scheduleLooseningByRecovery', [allowEmergency, `0x${'00'.repeat(32)}`])
}

/** She forbids it on the chain, and nobody has read the block yet. */
export function forbidEmergencies(village: Village, patient: SeededPatient): Promise<void> {
  return callAsPatient(village, patient, 'forbidEmergency', [])
}

/** A doctor's account calls the ledger by itself: this server has prepared nothing. */
export async function openEmergencyElsewhere(village: Village, by: SeededDoctor, of: SeededPatient): Promise<void> {
  const doctor = await village.app.store.people.doctorByLogin(by.login)
  if (!doctor) throw new Error('The village knows its doctors.')
  const args = [await accountOf(village, of), doctor.affiliationId, `0x${'01'.repeat(32)}`]
  await callAs(village, doctor.account, 'openEmergency', args)
}

async function callAsPatient(
  village: Village,
  patient: SeededPatient,
  functionName: 'scheduleLooseningByRecovery' | 'executeLoosening' | 'forbidEmergency',
  args: readonly unknown[],
): Promise<void> {
  await callAs(village, await accountOf(village, patient), functionName, args)
}

async function callAs(village: Village, account: Hex, functionName: string, args: readonly unknown[]): Promise<void> {
  const { chain, chainClient, deployment } = village.world
  const testClient = createTestClient({ mode: 'anvil', chain: anvil, transport: http(chain.url) })
  const wallet = createWalletClient({ account, chain: anvil, transport: http(chain.url) })
  await testClient.impersonateAccount({ address: account })
  await chain.fund(account, 10n ** 18n)
  const call = { address: deployment.consentLedger.address, abi: consentLedgerAbi, functionName, args }
  const hash = await wallet.writeContract(call as Parameters<typeof wallet.writeContract>[0])
  await chainClient.waitForTransactionReceipt({ hash })
  await testClient.stopImpersonatingAccount({ address: account })
  // Where a transaction came from no contract can be made, and this is one.
  if ((await chainClient.getCode({ address: account })) === undefined)
    await testClient.setNonce({ address: account, nonce: 0 })
}

async function accountOf({ app }: Village, { id }: SeededPatient): Promise<Hex> {
  const patient = await app.store.people.patient(id)
  if (!patient) throw new Error('The village does not know this patient.')
  return patient.account
}
