import { isAddressEqual, type LocalAccount, type PublicClient, type Transport, type WalletClient } from 'viem'
import { type CardRefusal, type CodeCard, readCodeCard } from '../core/codeCard.ts'
import type { Ledger } from '../core/ledger.ts'
import type { EpochMs, PatientId } from '../core/people.ts'
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

/** `hasCard`: the ledger has a card of hers that the server has not. `replacing`: another new card is on its way. */
export type CardRegistrationRefusal = CardRefusal | 'unknownPatient' | 'otherHospital' | 'hasCard' | 'replacing'

/** `pending`: it counts once she has sent CARD, and a code of the card before, and 72 hours are over. */
export type CardRegistration = 'registered' | 'pending' | { refused: CardRegistrationRefusal }

/**
 * Registers a patient's code card. The first: the hospital puts the tip on chain, then the server keeps the hashes, and from
 * then on only a code opens a grant. Another one waits for her word. Doing it again with the same file finishes what broke
 * off.
 *
 * @param file as the page that prints cards wrote it
 * @throws {Error} of viem where the chain can't be reached or the ledger refuses
 */
export async function registerCard(
  parts: RegisterCardParts,
  healthId: string,
  file: string,
): Promise<CardRegistration> {
  const { store, ledger, client, deployment, hospital, clock } = parts
  const { chainId, consentLedger } = deployment
  const card = readCodeCard(file, { chainId, ledger: consentLedger.address })
  if ('refused' in card) return card
  const patient = await store.people.patientByHealthId(healthId)
  if (!patient) return { refused: 'unknownPatient' }
  const own = await store.people.hospital(patient.hospitalId)
  if (!own || !isAddressEqual(own.account, hospital.account.address)) return { refused: 'otherHospital' }
  const known = await store.cards.ofPatient(patient.id)
  if (known) return known.id === card.cardId ? 'registered' : addPending(parts, patient.id, card)

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
  if ((await ledger.cardTip(patient.account)) !== card.tip) return { refused: 'hasCard' }
  await store.transaction((inside) =>
    inside.cards.add({ ...rowOf(card, patient.id), standing: 'current', registeredAt: clock() }, card.lines),
  )
  return 'registered'
}

/** Nothing goes to the chain before her word. A card that waits already is dropped, unless she was asked for its code. */
function addPending(
  { store, clock }: RegisterCardParts,
  patientId: PatientId,
  card: CodeCard,
): Promise<CardRegistration> {
  return store.transaction(async (inside) => {
    await inside.cards.lockOfPatient(patientId)
    const before = await inside.cards.pendingOf(patientId)
    if (before?.id === card.cardId) return 'pending'
    const open = await inside.safeguards.openChanges(patientId)
    if (open.some(({ safeguard }) => safeguard === 'replaceCard')) return { refused: 'replacing' }
    await inside.cards.dropPending(patientId)
    await inside.cards.add({ ...rowOf(card, patientId), standing: 'pending', registeredAt: clock() }, card.lines)
    return 'pending'
  })
}

function rowOf({ cardId, tip }: CodeCard, patientId: PatientId) {
  return { id: cardId, patientId, tip, nextLine: 1 }
}
