import { lineAtLink } from '../core/codeCard.ts'
import type { Ledger, LedgerRequest } from '../core/ledger.ts'
import type { ConsentRequestId } from '../core/people.ts'
import type { ConsentRequestRow, Hex } from '../core/rows.ts'
import type { Store } from '../core/store.ts'

export type ResyncParts = {
  store: Store
  ledger: Pick<Ledger, 'cardTip'>
  ledgerRequestIdOf(request: LedgerRequest): Hex
  toLedgerRequest(row: ConsentRequestRow, parties: { patientAccount: Hex; affiliationId: number }): LedgerRequest
}

/**
 * The ledger does not take the line that a request was given: another request of this card goes first, or it never went, or
 * an old backup was restored. Gives it the first line that the ledger still has and no other request waits with. Its
 * identity changes with its line; nobody was asked yet. What a doctor's passkey signed can't change: she has to ask again.
 *
 * @returns true where it shall be tried again; false where the card can't serve it
 */
export async function resyncCard(parts: ResyncParts, requestId: ConsentRequestId): Promise<boolean> {
  const { store, ledger, ledgerRequestIdOf, toLedgerRequest } = parts
  const patientId = (await store.requests.get(requestId))?.patientId
  const patient = patientId ? await store.people.patient(patientId) : null
  if (!patient) return false
  const link = await ledger.cardTip(patient.account)
  return store.transaction(async (inside) => {
    const card = await inside.cards.lockOfPatient(patient.id)
    const request = await inside.requests.lock(requestId)
    if (!card || request?.state !== 'asking' || request.cardLine === null) return false
    const lines = await inside.cards.lines(card.id)
    const next = lineAtLink({ tip: card.tip, lines }, link)
    if (next === null) return false
    const waiting = (await inside.cards.waiting(card.id)).filter(({ id }) => id !== requestId)
    const held = new Set(waiting.map(({ cardLine }) => cardLine))
    const free = lines.find(({ line }) => line >= next && !held.has(line))
    if (!free) return false
    if (free.line === request.cardLine) return true
    if (request.signing === 'passkey') {
      // Her passkey signed for that very line. She asks again; the line is the right one then.
      await inside.cards.setNextLine(card.id, Math.max(free.line, ...[...held].map((line) => line + 1)))
      return false
    }
    const row = { ...request, cardLine: free.line, lineHash: free.lineHash, nextLink: free.nextLink }
    const parties = { patientAccount: patient.account, affiliationId: request.affiliationId }
    await inside.requests.update(requestId, {
      cardLine: free.line,
      lineHash: free.lineHash,
      nextLink: free.nextLink,
      ledgerRequestId: ledgerRequestIdOf(toLedgerRequest(row, parties)),
    })
    await inside.cards.setNextLine(card.id, Math.max(free.line, ...held) + 1)
    return true
  })
}
