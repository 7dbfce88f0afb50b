import { randomUUID } from 'node:crypto'
import type { Phrase } from '../core/effects.ts'
import type { LedgerEvent } from '../core/ledger.ts'
import { type EpochMs, hour, minute, type PatientId } from '../core/people.ts'
import type { PatientRow, SafeguardChangeRow, UserOperationRow } from '../core/rows.ts'
import { nextChangeState } from '../core/safeguards.ts'
import type { Store } from '../core/store.ts'
import type { UserOperationKind } from '../core/userOperation.ts'
import type { OutcomeParts } from './outcomes.ts'

/** A loosening is put into force this long after its time: block time may be behind our clock. */
export const executionDelayMs = minute

type Said = Extract<LedgerEvent, { kind: 'safeguards' }>
type Of<News extends Said['news']> = Extract<Said, { news: News }>

/** Takes what the chain said of a patient's safeguards. Hearing it twice changes nothing, and tells her nothing twice. */
export async function safeguardSaid(parts: OutcomeParts, event: Said): Promise<void> {
  const { store } = parts
  const { patientAccount: account, transactionHash, logIndex, blockNumber, news } = event
  const safeguard = 'safeguard' in event ? event.safeguard : null
  await store.safeguards.addEvent({ transactionHash, logIndex, blockNumber, account, news, safeguard })
  const patient = await store.people.patientByAccount(account)
  if (!patient) return
  switch (event.news) {
    case 'frozen':
    case 'suspended':
    case 'added':
      return announceRequests(parts, patient)
    case 'looseningAsked':
      return asked(parts, patient, event)
    case 'looseningScheduled':
      return scheduled(parts, patient, event)
    case 'looseningCancelled':
      return cancelled(parts, patient, event)
    case 'looseningExecuted':
      return executed(parts, patient, event)
    case 'emergencyForbidden':
    case 'codeRequired':
      return
  }
}

/** The line is taken, and serves nothing else: only now she is asked for its code. */
async function asked(parts: OutcomeParts, patient: PatientRow, event: Of<'looseningAsked'>): Promise<void> {
  const change = await openLoosening(parts.store, patient, event, ({ lineHash }) => lineHash === event.lineHash)
  const state = change && nextChangeState(change.state, 'askedOnChain')
  if (!state || change.cardLine === null) return
  await parts.store.safeguards.updateChange(change.id, { state })
  await tellPatient(parts, patient.id, {
    name: 'looseningCode',
    safeguard: change.safeguard,
    line: change.cardLine,
  })
}

async function scheduled(parts: OutcomeParts, patient: PatientRow, event: Of<'looseningScheduled'>): Promise<void> {
  const { store, clock } = parts
  const { safeguard, byRecovery } = event
  const readyAt = (event.readyAtSeconds * 1000) as EpochMs
  const known = await openLoosening(store, patient, event)
  // Her guardians began it: she is told all the same, and can stop it.
  const change = known ?? (byRecovery ? await addRecovery(parts, patient, event) : null)
  const state = change && nextChangeState(change.state, 'scheduledOnChain')
  if (!state) return
  await store.safeguards.updateChange(change.id, { state, readyAt })
  await store.outbox.add('executeLoosening', change.id, clock(), (readyAt + executionDelayMs) as EpochMs)
  if (change.state !== 'waiting')
    await tellPatient(parts, patient.id, { name: 'looseningWaits', safeguard, at: readyAt })
}

async function addRecovery(
  { store, clock }: OutcomeParts,
  { id: patientId }: PatientRow,
  event: Of<'looseningScheduled'>,
) {
  const id = randomUUID()
  await store.safeguards.addChange({
    id,
    patientId,
    step: 'loosen',
    safeguard: event.safeguard,
    state: 'confirming',
    cardId: null,
    cardLine: null,
    lineHash: null,
    nextLink: null,
    newCardTip: event.newCardTip,
    readyAt: null,
    transactionId: null,
    createdAt: clock(),
  })
  return store.safeguards.lockChange(id)
}

async function cancelled({ store }: OutcomeParts, patient: PatientRow, event: Of<'looseningCancelled'>): Promise<void> {
  const change = await openLoosening(store, patient, event)
  const state = change && nextChangeState(change.state, 'cancel')
  if (state) await store.safeguards.updateChange(change.id, { state })
}

async function executed(parts: OutcomeParts, patient: PatientRow, event: Of<'looseningExecuted'>): Promise<void> {
  const { store } = parts
  const { safeguard } = event
  for (const tightening of await store.safeguards.openChanges(patient.id)) {
    const state = nextChangeState(tightening.state, 'loosenedOnChain')
    if (!state || tightening.safeguard !== safeguard) continue
    // One that she asked for since is on its way, and stands.
    if (!(await isOnItsWay(store, tightening))) await store.safeguards.updateChange(tightening.id, { state })
  }
  const change = await openLoosening(store, patient, event)
  const state = change && nextChangeState(change.state, 'executedOnChain')
  if (state) {
    await store.safeguards.updateChange(change.id, { state })
    if (change.newCardTip !== null) await store.cards.replace(patient.id, change.newCardTip)
    await tellPatient(parts, patient.id, { name: 'loosened', safeguard })
  }
  await announceRequests(parts, patient)
}

async function isOnItsWay(store: Store, { id }: SafeguardChangeRow): Promise<boolean> {
  const operations = await store.operations.ofChange(id)
  return operations.some(({ status }) => status === 'prepared' || status === 'submitted')
}

async function openLoosening(
  store: Store,
  patient: PatientRow,
  { safeguard }: { safeguard: SafeguardChangeRow['safeguard'] },
  isIt: (change: SafeguardChangeRow) => boolean = () => true,
): Promise<SafeguardChangeRow | null> {
  const open = await store.safeguards.openChanges(patient.id)
  const found = open.findLast((change) => change.step === 'loosen' && change.safeguard === safeguard && isIt(change))
  return found ? store.safeguards.lockChange(found.id) : null
}

/** A tightening stands in a block. What a loosening says follows from the ledger's own events. */
export async function changeIncluded(parts: OutcomeParts, operation: UserOperationRow): Promise<void> {
  const { store } = parts
  const change = await store.safeguards.change(operation.safeguardChangeId ?? '')
  if (!change) return
  const hasCard = (await store.cards.ofPatient(change.patientId)) !== null
  const phrases: Partial<Readonly<Record<UserOperationKind, Phrase>>> = {
    freeze: { name: 'frozen', hasCard },
    forbidEmergency: { name: 'emergencyOff' },
    requireCode: { name: 'codeOn' },
    cancelLoosening: { name: 'kept' },
  }
  const phrase = phrases[operation.kind]
  if (phrase) await tellPatient(parts, change.patientId, phrase)
}

/** The chain will never hold it. A tightening stays at our gate: she said so. */
export async function changeRejected(parts: OutcomeParts, operation: UserOperationRow): Promise<void> {
  const { store } = parts
  if (operation.codeSealed) await store.operations.update(operation.id, { codeSealed: null })
  const change = await store.safeguards.lockChange(operation.safeguardChangeId ?? '')
  const state = change && nextChangeState(change.state, 'rejectedByChain')
  if (!state) return
  await store.safeguards.updateChange(change.id, { state })
  // What she was told before, a reorganisation has undone for good; no second text says the opposite.
  if (operation.blockNumber === null) await tellPatient(parts, change.patientId, { name: 'changeFailed' })
}

export async function tellPatient({ store, say }: OutcomeParts, patientId: PatientId, phrase: Phrase): Promise<void> {
  const patient = await store.people.patient(patientId)
  const to = await store.people.addressOf(patientId)
  if (patient && to) await say(store, { to, phrase, language: patient.language, timeZone: patient.timeZone })
}

/** Open pages and lists of her doctors show whether sharing is paused. */
async function announceRequests({ store, clock }: OutcomeParts, { id }: PatientRow): Promise<void> {
  const since = (clock() - hour) as EpochMs
  for (const request of await store.requests.ofPatient(id, since)) await store.announce('request', request.id)
}
