import { randomUUID } from 'node:crypto'
import { nextState } from '../core/consent.ts'
import { type EpochMs, hour } from '../core/people.ts'
import type { Hex, PatientRow, SafeguardChangeRow } from '../core/rows.ts'
import type { LooseningFacts, SafeguardFacts } from '../core/safeguardConversation.ts'
import { nextChangeState, type SafeguardKind } from '../core/safeguards.ts'
import type { Store } from '../core/store.ts'
import { newSafeguardOperation, type SafeguardOperationKind } from '../core/userOperation.ts'

/** In the transaction that reads her text. */
type Changing = { store: Store; clock: () => EpochMs; patient: PatientRow }

export async function gatherSafeguards(store: Store, patient: PatientRow): Promise<SafeguardFacts> {
  const card = await store.cards.ofPatient(patient.id)
  const changes = await store.safeguards.openChanges(patient.id)
  const lines = card ? await store.cards.lines(card.id) : []
  return {
    standing: await store.safeguards.standing(patient.id),
    hasCard: card !== null,
    hasNewCard: (await store.cards.pendingOf(patient.id)) !== null,
    hasLine: lines.some(({ line }) => line === card?.nextLine),
    loosenings: changes.filter(({ step }) => step === 'loosen').map(toFacts),
  }
}

function toFacts({ id, safeguard, state, readyAt, ...row }: SafeguardChangeRow): LooseningFacts {
  const { cardId, cardLine: line, lineHash } = row
  const card = cardId && lineHash && line !== null ? { cardId, line, lineHash } : null
  return { id, safeguard, state, card, readyAt }
}

const tighteningKinds: Readonly<Record<SafeguardKind, SafeguardOperationKind | null>> = {
  unfreeze: 'freeze',
  allowEmergency: 'forbidEmergency',
  lowerAssurance: 'requireCode',
  replaceCard: null,
}

/** Counts at our gate from this commit on; the chain follows. A loosening that would undo it is over. */
export async function tighten(changing: Changing, safeguard: SafeguardKind): Promise<void> {
  const { store, patient } = changing
  const kind = tighteningKinds[safeguard]
  if (!kind) return
  const open = await store.safeguards.openChanges(patient.id)
  for (const { id, step, ...change } of open)
    if (step === 'loosen' && change.safeguard === safeguard) await cancel(changing, id)
  await operate(changing, kind, await addChange(changing, { step: 'tighten', safeguard, state: 'standing' }))
  if (safeguard === 'unfreeze') await closeRequests(changing)
}

/** Questions that are open end as if she had not answered; open pages hear that nobody may look. */
async function closeRequests({ store, clock, patient }: Changing): Promise<void> {
  const now = clock()
  // A page may still show what a one-time grant opened, which ended with that look.
  for (const { id } of await store.requests.ofPatient(patient.id, (now - hour) as EpochMs)) {
    const request = await store.requests.lock(id)
    const state = request && nextState(request.state, 'lapse')
    if (state) await store.requests.update(id, { state, endedAt: now })
    await store.announce('request', id)
  }
}

/** The loosening takes the next line of her card, as a request does, so that the next request takes the one after. */
export async function askLoosening(changing: Changing, safeguard: SafeguardKind): Promise<void> {
  const { store, patient } = changing
  const card = await store.cards.lockOfPatient(patient.id)
  const next = card && (await store.cards.lines(card.id)).find(({ line }) => line === card.nextLine)
  const newCard = safeguard === 'replaceCard' ? await store.cards.pendingOf(patient.id) : null
  if (!card || !next || (safeguard === 'replaceCard' && !newCard)) return
  const { line: cardLine, lineHash, nextLink } = next
  const taken = { cardId: card.id, cardLine, lineHash, nextLink, newCardTip: newCard?.tip ?? null }
  await store.cards.setNextLine(card.id, cardLine + 1)
  await operate(
    changing,
    'askLoosening',
    await addChange(changing, { step: 'loosen', safeguard, state: 'asking', ...taken }),
  )
}

export async function confirmLoosening(changing: Changing, changeId: string, codeSealed: Uint8Array): Promise<void> {
  const { store, patient } = changing
  const change = await store.safeguards.lockChange(changeId)
  const state = change && nextChangeState(change.state, 'showCode')
  if (!state) return
  await store.safeguards.updateChange(changeId, { state })
  await store.cards.clearMisses(patient.id)
  await operate(changing, 'confirmLoosening', changeId, codeSealed)
}

/** Everything stays as it is: what is under way is over here, and then on chain. */
export async function keep(changing: Changing, changeIds: readonly string[]): Promise<void> {
  for (const id of changeIds) {
    const change = await cancel(changing, id)
    if (!change) continue
    const { safeguard } = change
    await operate(changing, 'cancelLoosening', await addChange(changing, { step: 'keep', safeguard, state: 'kept' }))
  }
}

/** What has not gone to the chain yet never will. @returns the change, or null where it was over already */
async function cancel({ store, clock }: Changing, id: string): Promise<SafeguardChangeRow | null> {
  const change = await store.safeguards.lockChange(id)
  const state = change && nextChangeState(change.state, 'cancel')
  if (!state) return null
  await store.safeguards.updateChange(id, { state })
  for (const operation of await store.operations.ofChange(id))
    if (operation.status === 'prepared')
      await store.operations.update(operation.id, {
        status: 'dropped',
        failure: 'cancelled',
        codeSealed: null,
        updatedAt: clock(),
      })
  return change
}

const noLine = { cardId: null, cardLine: null, lineHash: null, nextLink: null, newCardTip: null }

async function addChange(
  { store, clock, patient }: Changing,
  change: Pick<SafeguardChangeRow, 'step' | 'safeguard' | 'state'> & {
    cardId?: Hex
    cardLine?: number
    lineHash?: Hex
    nextLink?: Hex
    newCardTip?: Hex | null
  },
): Promise<string> {
  const id = randomUUID()
  const rest = { id, patientId: patient.id, readyAt: null, transactionId: null, createdAt: clock() }
  await store.safeguards.addChange({ ...noLine, ...change, ...rest })
  return id
}

async function operate(
  { store, clock, patient }: Changing,
  kind: SafeguardOperationKind,
  changeId: string,
  codeSealed: Uint8Array | null = null,
): Promise<void> {
  const operation = newSafeguardOperation(randomUUID(), kind, changeId, patient, clock())
  if (await store.operations.add({ ...operation, codeSealed }))
    await store.outbox.add('submitUserOperations', operation.id, clock())
}
