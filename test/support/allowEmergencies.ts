import { createTestClient, createWalletClient, http } from 'viem'
import { anvil } from 'viem/chains'
import type { SeededPatient } from '../../local/seed.ts'
import type { Village } from '../../local/village.ts'
import { consentLedgerAbi } from '../../src/accounts/contracts.generated.ts'
import { hour } from '../../src/core/people.ts'

/** IPatientSafeguards.LooseningKind.AllowEmergency */
const allowEmergency = 1

/**
 * The patient allows emergency access as she does after a recovery of her account: the chain lets the test speak for the
 * account, and 72 hours pass.
 */
export async function allowEmergencies(village: Village, { id }: SeededPatient): Promise<void> {
  const { chain, chainClient, deployment } = village.world
  const patient = await village.app.store.people.patient(id)
  if (!patient) throw new Error('The village does not know this patient.')
  const { account } = patient
  const testClient = createTestClient({ mode: 'anvil', chain: anvil, transport: http(chain.url) })
  const wallet = createWalletClient({ account, chain: anvil, transport: http(chain.url) })
  const call = { address: deployment.consentLedger.address, abi: consentLedgerAbi } as const
  await testClient.impersonateAccount({ address: account })
  await chain.fund(account, 10n ** 18n)
  const asked = await wallet.writeContract({
    ...call,
    functionName: 'scheduleLooseningByRecovery',
    args: [allowEmergency, `0x${'00'.repeat(32)}`],
  })
  await chainClient.waitForTransactionReceipt({ hash: asked })
  await village.advance(72 * hour)
  const done = await wallet.writeContract({
    ...call,
    functionName: 'executeLoosening',
    args: [account, allowEmergency],
  })
  await chainClient.waitForTransactionReceipt({ hash: done })
  await testClient.stopImpersonatingAccount({ address: account })
  // Where a transaction came from no contract can be made, and this is one.
  if ((await chainClient.getCode({ address: account })) === undefined)
    await testClient.setNonce({ address: account, nonce: 0 })
  await village.settle()
}
