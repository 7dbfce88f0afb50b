import { randomUUID } from 'node:crypto'
import { nextState, type RequestEvent } from '../core/consent.ts'
import type { Phrase } from '../core/effects.ts'
import type { EndedProviders, LedgerEvent } from '../core/ledger.ts'
import { type ConsentRequestId, type EpochMs, hour, type Language } from '../core/people.ts'
import { afterQuietHours } from '../core/quietHours.ts'
import type { PhoneAddressRow, UserOperationRow } from '../core/rows.ts'
import type { RequestWithPeople, Store } from '../core/store.ts'
import {
  grantKinds,
  isIncluded,
  newUserOperation,
  openedBefore,
  openingKinds,
  opensGrant,
  type UserOperationKind,
  waitsForItsTurn,
} from '../core/userOperation.ts'
import { changeIncluded, changeRejected, safeguardSaid, tellPatient } from './safeguardOutcomes.ts'

const reminderAfterMs = 4 * hour
/** A block's time. */
const lookAgainMs = 2_000
/** Tries of an operation that reorganisations turn round again and again. */
const maxAttempts = 5
/** What the ledger says of a request whose line of the card is not the next one. */
const lineIsNotNext = 'CardLineMismatch'
/** What it says of a request to a patient who has stopped all sharing, or whose hospital has suspended her. */
const notShared: readonly (string | null)[] = ['FrozenPatient', 'SuspendedPatient']

/** Puts a text on its way in the caller's transaction; see `bot/say`. */
export type Say = (
  store: Store,
  saying: {
    to: PhoneAddressRow
    phrase: Phrase
    language: Language
    timeZone: string
    consentRequestId?: ConsentRequestId
    notBefore?: EpochMs
  },
) => Promise<void>

export type OutcomeParts = {
  store: Store
  say: Say
  clock: () => EpochMs
  /** Gives an operation another line of the patient's card. @returns true where it shall be tried again; see `resyncCard` */
  resyncCard(operation: UserOperationRow): Promise<boolean>
}

/** What follows from what the chain said, and from nothing else. Hearing a thing twice changes nothing. */
export type Outcomes = {
  /** Takes one event of the chain into the caller's transaction. */
  apply(store: Store, event: LedgerEvent): Promise<void>
  /** An operation that will never be on chain. */
  refused(operationId: string, reason: string): Promise<void>
}

export function chainOutcomes(parts: OutcomeParts): Outcomes {
  return {
    apply: (store, event) => apply({ ...parts, store }, event),
    async refused(operationId, reason) {
      const known = await parts.store.operations.get(operationId)
      if (!known || (reason === lineIsNotNext && (await parts.resyncCard(known)))) return
      await parts.store.transaction(async (store) => {
        const operation = await store.operations.get(operationId)
        if (operation?.status !== 'prepared') return
        const status = operation.attempts > 0 ? 'dropped' : 'refused'
        await store.operations.update(operationId, { status, failure: reason, updatedAt: parts.clock() })
        await rejected({ ...parts, store }, { ...operation, failure: reason })
      })
    },
  }
}

async function apply(parts: OutcomeParts, event: LedgerEvent): Promise<void> {
  const { store } = parts
  if (event.kind === 'userOperation') return operationIncluded(parts, event)
  if (event.kind === 'safeguards') return safeguardSaid(parts, event)
  if (event.kind === 'accessLogged' || event.kind === 'accessRefused') return lookAnswered(parts, event)
  if (event.kind === 'providersEnded') return askPagesAgain(parts, event.providers)
  const known = await store.requests.byLedgerId(event.ledgerRequestId)
  const request = known && (await store.requests.lock(known.id))
  if (!request) return event.kind === 'emergencyOpened' ? emergencyElsewhere(parts, event) : undefined
  if (event.kind === 'requestOpened') await requestOpened(parts, request)
  if (event.kind === 'grantOpened') await grantOpened(parts, request, event.untilSeconds)
  if (event.kind === 'emergencyOpened') await emergencyOpened(parts, request, event.untilSeconds)
  if (event.kind === 'emergencyReviewed') await emergencyReviewed(parts, request)
  const ended = endings[event.kind]
  if (ended) await endAsChainSays(parts, request, ended)
}

/** The chain shows nothing any more under what they were granted: open pages ask it, and close. */
async function askPagesAgain({ store }: OutcomeParts, providers: EndedProviders): Promise<void> {
  for (const id of await store.requests.grantedTo(providers)) await store.announce('request', id)
}

const endings: Partial<Record<LedgerEvent['kind'], RequestEvent>> = {
  requestWithdrawn: 'withdraw',
  requestRefused: 'refuse',
  grantRevoked: 'remove',
  emergencyDisputed: 'dispute',
}

/** Mostly decided here and known; after an old backup was restored, or with another operator, it is news. */
async function endAsChainSays({ store, clock }: OutcomeParts, request: RequestWithPeople, event: RequestEvent) {
  // A freeze removes what was still open: for the doctor it ends as a question that nobody answered.
  const state = nextState(request.state, event) ?? (event === 'remove' ? nextState(request.state, 'lapse') : null)
  if (!state) return
  await store.requests.update(request.id, { state, endedAt: clock() })
  await store.announce('request', request.id)
}

/** The doctor's request stands on chain; only now it reaches a phone. */
async function requestOpened(parts: OutcomeParts, request: RequestWithPeople): Promise<void> {
  const { store, clock } = parts
  const state = nextState(request.state, 'openedOnChain')
  if (!state) return
  const now = clock()
  await store.requests.update(request.id, { state })
  await store.outbox.add('endRequest', request.id, now, request.answerBy)
  const notBefore = request.purpose === 'treatment' ? now : afterQuietHours(now, request.timeZone)
  const remindAt = afterQuietHours((notBefore + reminderAfterMs) as EpochMs, request.timeZone)
  if (remindAt < request.answerBy) await store.outbox.add('remindPatient', request.id, now, remindAt)
  await tell(parts, request, { name: 'prompt', ...askOf(request) }, notBefore)
  await store.announce('request', request.id)
}

async function grantOpened(parts: OutcomeParts, request: RequestWithPeople, untilSeconds: number): Promise<void> {
  const { store, clock } = parts
  const until = (untilSeconds * 1000) as EpochMs
  const state = nextState(request.state, 'grantedOnChain')
  // Removed meanwhile: the removal's operation follows, and the gate is closed already.
  if (!state && request.state !== 'failed') return
  // She was told that nothing was opened, and a reorganisation opened it after all: it is closed again.
  if (!state) return closeAgain(parts, request)
  await store.requests.update(request.id, { state, grantedUntil: until })
  await store.outbox.add('endRequest', request.id, clock(), until)
  const { number, doctorShortName: doctor, preset } = request
  await tell(parts, request, { name: 'granted', number, doctor, preset, until })
  await store.announce('request', request.id)
}

/** A doctor's emergency stands on chain: the patient hears of it now, by night too. */
async function emergencyOpened(parts: OutcomeParts, request: RequestWithPeople, untilSeconds: number): Promise<void> {
  const { store, clock } = parts
  const state = nextState(request.state, 'emergencyOnChain')
  if (!state) return
  const until = (untilSeconds * 1000) as EpochMs
  await store.requests.update(request.id, { state, grantedUntil: until, endedAt: null })
  await store.outbox.add('endRequest', request.id, clock(), until)
  const { number, doctorShortName: doctor, hospitalShortName: hospital } = request
  await tell(parts, request, { name: 'emergency', number, doctor, hospital })
  await store.announce('request', request.id)
}

/**
 * A doctor called the ledger past this server, as one with a passkey can: nothing opens under it here, and the patient hears
 * of it all the same.
 */
async function emergencyElsewhere(
  parts: OutcomeParts,
  event: Extract<LedgerEvent, { kind: 'emergencyOpened' }>,
): Promise<void> {
  const { store } = parts
  const { patientAccount: account, transactionHash, logIndex, blockNumber } = event
  const patient = await store.people.patientByAccount(account)
  const news = { transactionHash, logIndex, blockNumber, account, news: 'emergencyElsewhere', safeguard: null } as const
  if (patient && (await store.safeguards.addEvent(news)))
    await tellPatient(parts, patient.id, { name: 'emergencyElsewhere' })
}

async function emergencyReviewed({ store, clock }: OutcomeParts, { id, reviewedAt }: RequestWithPeople): Promise<void> {
  if (reviewedAt !== null) return
  await store.requests.update(id, { reviewedAt: clock() })
  await store.announce('request', id)
}

function grantingOf(store: Store, requestId: ConsentRequestId): Promise<UserOperationRow | null> {
  return oneOf(store, requestId, grantKinds)
}

async function oneOf(store: Store, requestId: ConsentRequestId, kinds: readonly UserOperationKind[]) {
  for (const kind of kinds) {
    const operation = await store.operations.ofRequest(requestId, kind)
    if (operation) return operation
  }
  return null
}

async function closeAgain({ store, clock }: OutcomeParts, request: RequestWithPeople): Promise<void> {
  const granting = await grantingOf(store, request.id)
  const patient = request.patientId && (await store.people.patient(request.patientId))
  if (!granting?.blockNumber || !patient) return
  const removal = newUserOperation(randomUUID(), 'revokeGrant', request.id, patient, clock())
  if (await store.operations.add(removal)) await store.outbox.add('submitUserOperations', removal.id, clock())
}

async function operationIncluded(
  parts: OutcomeParts,
  event: Extract<LedgerEvent, { kind: 'userOperation' }>,
): Promise<void> {
  const { store, clock } = parts
  const operation = await store.operations.byHash(event.hash)
  if (!operation || isIncluded(operation.status)) return
  const wasTold = operation.blockNumber !== null
  await store.operations.update(operation.id, {
    status: event.success ? 'included' : 'reverted',
    blockNumber: event.blockNumber,
    transactionHash: event.transactionHash,
    updatedAt: clock(),
  })
  const open = await store.operations.open(operation.sender)
  await store.outbox.hasten(
    open.map(({ id }) => id),
    waitsForItsTurn,
    clock(),
  )
  if (!event.success) return failedInBlock(parts, operation)
  // Included a second time after a reorganisation: the words were said.
  if (wasTold) return
  if (operation.consentRequestId === null) return changeIncluded(parts, operation)
  const request = await store.requests.get(operation.consentRequestId)
  if (!request) return
  const { number, doctorShortName: doctor } = request
  if (operation.kind === 'revokeGrant' && request.state !== 'failed')
    await tell(parts, request, { name: 'removed', number, doctor })
  if (operation.kind === 'disputeEmergency') await tell(parts, request, { name: 'disputed', number, doctor })
  if (operation.kind === 'refuseRequest')
    await tell(parts, request, { name: request.state === 'notMe' ? 'notMe' : 'refused', number })
}

/**
 * The account's call failed. Where it had gone through before, or its request is not on chain any more, a reorganisation has
 * turned things round: it is tried again, and the ledger judges it first.
 */
async function failedInBlock(parts: OutcomeParts, operation: UserOperationRow): Promise<void> {
  const { store, clock } = parts
  const opening = await openingOf(store, operation)
  const isTurnedRound = operation.blockNumber !== null || (opening !== null && !isIncluded(opening.status))
  if (!isTurnedRound || operation.signedBy === 'owner' || operation.attempts >= maxAttempts)
    return rejected(parts, operation)
  await store.operations.update(operation.id, { status: 'prepared', bundleId: null, updatedAt: clock() })
  await store.outbox.add('submitUserOperations', operation.id, clock())
}

/** What has to stand on chain before it: the question, or the line that a loosening takes. */
async function openingOf(store: Store, { consentRequestId, safeguardChangeId }: UserOperationRow) {
  if (consentRequestId !== null) return oneOf(store, consentRequestId, openingKinds)
  const ofChange = await store.operations.ofChange(safeguardChangeId ?? '')
  return ofChange.find(({ kind }) => kind === 'askLoosening') ?? null
}

/** The chain will never hold what was decided: nothing was opened, and who waits for it is told. */
async function rejected(parts: OutcomeParts, operation: UserOperationRow): Promise<void> {
  const { store, clock } = parts
  if (operation.consentRequestId === null) return changeRejected(parts, operation)
  const isGrant = opensGrant(operation.kind)
  if (operation.kind !== 'openRequest' && !isGrant) return
  // One that may be signed again keeps its code, until its block is final.
  if (operation.codeSealed) await store.operations.update(operation.id, { codeSealed: null })
  const request = await store.requests.lock(operation.consentRequestId)
  // For the doctor it is a question that nobody answered: why she shares nothing is not his to know.
  const isUnanswered = notShared.includes(operation.failure) && operation.kind !== 'openEmergency'
  const state = request && nextState(request.state, isUnanswered ? 'lapse' : 'rejectedByChain')
  if (!request || !state) return
  const wasTold = operation.blockNumber !== null
  // The page must not tell why: it says so when a health ID that is nobody's would be said to be none, see `emergencyWaitMs`.
  if (operation.kind === 'openEmergency' && !wasTold && operation.failure !== openedBefore) return
  await store.requests.update(request.id, { state, endedAt: clock() })
  // What she was told before, a reorganisation has undone for good: access is closed, and no second text says the opposite.
  if (isGrant && !wasTold && request.purpose !== 'emergency')
    await tell(parts, request, { name: 'grantFailed', number: request.number })
  await store.announce('request', request.id)
}

async function lookAnswered(
  { store, clock }: OutcomeParts,
  event: Extract<LedgerEvent, { kind: 'accessLogged' | 'accessRefused' }>,
): Promise<void> {
  const look = await store.looks.byEntryId(event.entryId)
  if (look?.state !== 'waiting') return
  const { blockNumber, transactionHash } = event
  const isLogged = event.kind === 'accessLogged'
  if (!isLogged && look.loggedAt !== null && (await isGrantTakenBack(store, look.consentRequestId))) {
    await store.looks.update(look.id, { transactionId: null })
    await store.outbox.add('logAccess', look.id, clock(), (clock() + lookAgainMs) as EpochMs)
    return
  }
  await store.looks.update(look.id, {
    state: isLogged ? 'logged' : 'refused',
    blockNumber,
    transactionHash,
    loggedAt: clock(),
  })
  const request = await store.requests.lock(look.consentRequestId)
  const state = request && nextState(request.state, 'useUp')
  if (isLogged && request?.oneTime && state) await store.requests.update(request.id, { state, endedAt: clock() })
  await store.announce('request', look.consentRequestId)
}

/** A look that was shown is written again, once the grant it was under stands again. */
async function isGrantTakenBack(store: Store, requestId: ConsentRequestId): Promise<boolean> {
  const granting = await grantingOf(store, requestId)
  return granting?.status === 'submitted' || granting?.status === 'prepared'
}

/** One reminder, if the question is still open. */
export async function remindPatient(parts: OutcomeParts, requestId: string): Promise<void> {
  await parts.store.transaction(async (store) => {
    const request = await store.requests.lock(requestId as ConsentRequestId)
    if (request?.state === 'asked') await tell({ ...parts, store }, request, { name: 'reminder', ...askOf(request) })
  })
}

/** Ends what the clock ends: a question without an answer, a grant past its day. */
export async function endRequest({ store, clock }: OutcomeParts, requestId: string): Promise<void> {
  await store.transaction(async (inside) => {
    const request = await inside.requests.lock(requestId as ConsentRequestId)
    if (!request) return
    const now = clock()
    const event = eventOfTime(request, now)
    const state = event && nextState(request.state, event)
    if (!state) return
    if (event === 'rejectedByChain') await giveUp(inside, request, now)
    await inside.requests.update(request.id, { state, endedAt: now })
    await inside.announce('request', request.id)
  })
}

function eventOfTime({ state, purpose, grantedUntil, answerBy }: RequestWithPeople, now: EpochMs): RequestEvent | null {
  if (grantedUntil !== null && grantedUntil <= now) return 'expire'
  if (answerBy > now) return null
  if (purpose !== 'emergency') return 'lapse'
  return state === 'asking' ? 'rejectedByChain' : null
}

/** An emergency that has not gone yet goes no more: who opened it was told so. */
async function giveUp(store: Store, { id }: RequestWithPeople, now: EpochMs): Promise<void> {
  const operation = await store.operations.ofRequest(id, 'openEmergency')
  if (operation?.status === 'prepared')
    await store.operations.update(operation.id, { status: 'dropped', failure: 'tooLate', updatedAt: now })
}

async function tell(
  { store, say }: OutcomeParts,
  request: RequestWithPeople,
  phrase: Phrase,
  notBefore?: EpochMs,
): Promise<void> {
  if (!request.patientId) return
  const patient = await store.people.patient(request.patientId)
  const to = patient && (await store.people.addressOf(patient.id))
  if (!patient || !to) return
  const { timeZone } = request
  await say(store, {
    to,
    phrase,
    language: patient.language,
    timeZone,
    consentRequestId: request.id,
    ...(notBefore === undefined ? {} : { notBefore }),
  })
}

function askOf(request: RequestWithPeople) {
  return {
    number: request.number,
    doctor: request.doctorShortName,
    hospital: request.hospitalShortName,
    preset: request.preset,
    days: request.days,
    oneTime: request.oneTime,
    purpose: request.purpose,
    line: request.cardLine,
  }
}
