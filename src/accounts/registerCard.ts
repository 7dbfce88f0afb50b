import { isAddressEqual, type LocalAccount, type PublicClient, type Transport, type WalletClient } from 'viem'
import { type CardRefusal, readCodeCard } from '../core/codeCard.ts'
import type { Ledger } from '../core/ledger.ts'
import type { EpochMs } from '../core/people.ts'
import type { Store } from '../core/store.ts'
import { consentLedgerAbi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'

export type RegisterCardParts = {
  store: Store
  ledger: Pick<Ledger, 'cardTip'>
  client: PublicClient
  deployment: Deployment
  /** Signs with the key of the hospital that added the patient, and pays. */
  hospital: WalletClient<Transport, undefined, LocalAccount>
  clock: () => EpochMs
}

/** `hasCard`: another card replaces hers only with her consent, which the server can't ask for yet. */
export type CardRegistrationRefusal = CardRefusal | 'unknownPatient' | 'otherHospital' | 'hasCard'

/**
 * Registers a patient's first code card: the hospital puts the tip on chain, then the server keeps the hashes. From then on
 * only a code opens a grant. Doing it again with the same file finishes what broke off.
 *
 * @param file as the page that prints cards wrote it
 * @returns null when the card is registered
 * @throws {Error} of viem where the chain can't be reached or the ledger refuses
 */
export async function registerFirstCard(
  parts: RegisterCardParts,
  healthId: string,
  file: string,
): Promise<CardRegistrationRefusal | null> {
  const { store, ledger, client, deployment, hospital, clock } = parts
  const { chainId, consentLedger } = deployment
  const card = readCodeCard(file, { chainId, ledger: consentLedger.address })
  if ('refused' in card) return card.refused
  const patient = await store.people.patientByHealthId(healthId)
  if (!patient) return 'unknownPatient'
  const own = await store.people.hospital(patient.hospitalId)
  if (!own || !isAddressEqual(own.account, hospital.account.address)) return 'otherHospital'
  const known = await store.cards.ofPatient(patient.id)
  if (known) return known.id === card.cardId ? null : 'hasCard'

  const tip = await ledger.cardTip(patient.account)
  if (BigInt(tip) === 0n) {
    const call = { abi: consentLedgerAbi, address: consentLedger.address, functionName: 'issueFirstCard' } as const
    const { request } = await client.simulateContract({
      ...call,
      account: hospital.account,
      args: [patient.account, card.tip],
    })
    const hash = await hospital.writeContract({ ...request, chain: null })
    await client.waitForTransactionReceipt({ hash })
  }
  if ((await ledger.cardTip(patient.account)) !== card.tip) return 'hasCard'
  await store.transaction((inside) =>
    inside.cards.add(
      { id: card.cardId, patientId: patient.id, tip: card.tip, nextLine: 1, registeredAt: clock() },
      card.lines,
    ),
  )
  return null
}
