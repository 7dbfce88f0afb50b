import { lineAtLink } from '../core/codeCard.ts'
import type { Ledger, LedgerRequest } from '../core/ledger.ts'
import type { PatientId } from '../core/people.ts'
import type { ConsentRequestRow, Hex, UserOperationRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'

export type ResyncParts = {
  store: Store
  ledger: Pick<Ledger, 'cardTip'>
  ledgerRequestIdOf(request: LedgerRequest): Hex
  toLedgerRequest(row: ConsentRequestRow, parties: { patientAccount: Hex; affiliationId: number }): LedgerRequest
}

type Line = Pick<ConsentRequestRow, 'cardId' | 'cardLine' | 'lineHash' | 'nextLink'>

/** A request or a loosening that took a line, locked. */
type Taker = {
  id: string
  cardId: Hex | null
  cardLine: number
  /** False where a passkey signed for that very line. */
  mayChange: boolean
  changeTo(line: Line): Promise<void>
}

/**
 * The ledger does not take the line that a request or a loosening was given: another of this card goes first, or it never
 * went, or an old backup was restored. Gives it the first line that the ledger still has and nothing else waits with. A
 * request's identity changes with its line; nobody was asked yet. What a doctor's passkey signed can't change: she has to ask
 * again.
 *
 * @returns true where it shall be tried again; false where the card can't serve it
 */
export async function resyncCard(parts: ResyncParts, operation: UserOperationRow): Promise<boolean> {
  const { store, ledger } = parts
  const patientId = await patientOf(store, operation)
  const patient = patientId ? await store.people.patient(patientId) : null
  if (!patient) return false
  const link = await ledger.cardTip(patient.account)
  return store.transaction(async (inside) => {
    const card = await inside.cards.lockOfPatient(patient.id)
    const taker = await lockTaker({ ...parts, store: inside }, operation, patient.account)
    if (!card || !taker) return false
    const lines = await inside.cards.lines(card.id)
    const next = lineAtLink({ tip: card.tip, lines }, link)
    if (next === null) return false
    const waiting = (await inside.cards.waiting(card.id)).filter(({ id }) => id !== taker.id)
    const held = new Set(waiting.map(({ cardLine }) => cardLine))
    const free = lines.find(({ line }) => line >= next && !held.has(line))
    if (!free) return false
    if (card.id === taker.cardId && free.line === taker.cardLine) return true
    if (!taker.mayChange) {
      // The right line is the next one when she asks again.
      await inside.cards.setNextLine(card.id, Math.max(free.line, ...[...held].map((line) => line + 1)))
      return false
    }
    await taker.changeTo({ cardId: card.id, cardLine: free.line, lineHash: free.lineHash, nextLink: free.nextLink })
    await inside.cards.setNextLine(card.id, Math.max(free.line, ...held) + 1)
    return true
  })
}

async function patientOf(store: Store, operation: UserOperationRow): Promise<PatientId | null> {
  const { consentRequestId, safeguardChangeId } = operation
  if (consentRequestId !== null) return (await store.requests.get(consentRequestId))?.patientId ?? null
  return (await store.safeguards.change(safeguardChangeId ?? ''))?.patientId ?? null
}

/** @returns null where it took no line, or its line stands on chain already */
async function lockTaker(
  { store, ledgerRequestIdOf, toLedgerRequest }: ResyncParts,
  { consentRequestId, safeguardChangeId }: UserOperationRow,
  patientAccount: Hex,
): Promise<Taker | null> {
  if (consentRequestId === null) {
    const change = await store.safeguards.lockChange(safeguardChangeId ?? '')
    if (change?.state !== 'asking' || change.cardLine === null) return null
    const changeTo = (line: Line) => store.safeguards.updateChange(change.id, line)
    return { id: change.id, cardId: change.cardId, cardLine: change.cardLine, mayChange: true, changeTo }
  }
  const request = await store.requests.lock(consentRequestId)
  if (request?.state !== 'asking' || request.cardLine === null) return null
  return {
    id: request.id,
    cardId: request.cardId,
    cardLine: request.cardLine,
    mayChange: request.signing !== 'passkey',
    async changeTo(line) {
      const parties = { patientAccount, affiliationId: request.affiliationId }
      const ledgerRequestId = ledgerRequestIdOf(toLedgerRequest({ ...request, ...line }, parties))
      await store.requests.update(request.id, { ...line, ledgerRequestId })
    },
  }
}
