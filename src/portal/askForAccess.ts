import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { mayAsk } from '../core/askRules.ts'
import { rightBits } from '../core/classes.ts'
import { answerTimeMs, nextState } from '../core/consent.ts'
import { parseHealthId } from '../core/healthId.ts'
import type { LedgerRequest } from '../core/ledger.ts'
import { type ConsentRequestId, type DoctorId, day, type EpochMs, minute } from '../core/people.ts'
import { pickRequestNumber } from '../core/requestNumber.ts'
import type { ConsentRequestRow, Hex, PatientRow } from '../core/rows.ts'
import { sharesNothing } from '../core/safeguards.ts'
import { commitToScope } from '../core/scope.ts'
import type { Store } from '../core/store.ts'
import { newUserOperation } from '../core/userOperation.ts'
import type { AccessAsk, AskRefusal, PortalActions } from './actions.ts'

const numberRestsMs = 90 * day
const recordsWindowMs = 365 * day
/** The ledger takes an answer time of at most 72 h by its own clock, which may be behind ours. */
const clockSkewMs = minute

export type AskParts = {
  store: Store
  /** The only one on which a bare reply allows what the server signed for a doctor. */
  isLocalChain: boolean
  clock: () => EpochMs
  ledgerRequestIdOf(request: LedgerRequest): Hex
  toLedgerRequest(row: ConsentRequestRow, parties: { patientAccount: Hex; affiliationId: number }): LedgerRequest
}

/**
 * A doctor asks. The request becomes an operation of the doctor's own account; the patient's phone hears of it only when the
 * chain holds it. A health ID that is nobody's gets a request like any other, which nobody will ever answer.
 */
export function askForAccess(parts: AskParts): PortalActions['askForAccess'] {
  return (doctorId, ask) => {
    const healthId = parseHealthId(ask.healthId)
    if (!healthId) return Promise.resolve({ refused: { code: 'healthIdMistyped' } })
    return parts.store.transaction(async (store) => {
      const now = parts.clock()
      const doctor = await store.people.lockDoctor(doctorId)
      if (!doctor) throw new RangeError('A session names a doctor who does not exist.')
      const refusal = await refusalOf(store, doctorId, { ...ask, healthId }, now)
      if (refusal) return { refused: refusal }
      const patient = await askable(store, healthId)
      const asker = { ...doctor, signing: 'serverSigned' } as const
      const row = await newRequest({ ...parts, store }, { asker, doctorId, patient, healthId, ask, now })
      await addRequest(store, row, newUserOperation(randomUUID(), 'openRequest', row.id, doctor, now), now)
      return { requestId: row.id }
    })
  }
}

/**
 * Whom a question can go to: nobody while she, or her hospital, has stopped all sharing. The doctor's page is that of a health ID that is
 * nobody's, and no line of her card is taken.
 */
export async function askable(store: Store, healthId: string): Promise<PatientRow | null> {
  const patient = await store.people.patientByHealthId(healthId)
  return patient && sharesNothing(await store.safeguards.standing(patient.id)) ? null : patient
}

/** The rule that keeps this doctor from asking now, or null. Call it with the doctor locked. */
export async function refusalOf(
  store: Store,
  doctorId: DoctorId,
  ask: Pick<AccessAsk, 'healthId' | 'preset' | 'days' | 'oneTime'>,
  now: EpochMs,
): Promise<AskRefusal | null> {
  const since = { dayAgo: (now - day) as EpochMs, weekAgo: (now - 7 * day) as EpochMs }
  const facts = await store.requests.askFacts(doctorId, ask.healthId, since)
  return mayAsk({ now, preset: ask.preset, days: ask.oneTime ? 1 : ask.days, ...facts })
}

/** Stores a request with the operation that opens it; one to nobody only waits for its end. */
export async function addRequest(
  store: Store,
  row: ConsentRequestRow,
  operation: Parameters<Store['operations']['add']>[0],
  now: EpochMs,
): Promise<void> {
  await store.requests.add(row)
  if (row.cardId && row.cardLine !== null) await store.cards.setNextLine(row.cardId, row.cardLine + 1)
  if (!row.patientId) return store.outbox.add('endRequest', row.id, now, row.answerBy)
  await store.operations.add(operation)
  await store.outbox.add('submitUserOperations', operation.id, now)
}

export type NewRequest = {
  /** The doctor's account that asks. */
  asker: Pick<ConsentRequestRow, 'affiliationId' | 'signing'> & { account: Hex }
  doctorId: DoctorId
  patient: PatientRow | null
  healthId: string
  now: EpochMs
}

export async function newRequest(parts: AskParts, asking: NewRequest & { ask: AccessAsk }): Promise<ConsentRequestRow> {
  const { store, ledgerRequestIdOf, toLedgerRequest } = parts
  const { ask, asker, patient, now } = asking
  const row: ConsentRequestRow = {
    ...(await rowOf(store, asking, {
      preset: ask.preset,
      purpose: ask.purpose,
      days: ask.oneTime ? 1 : ask.days,
      oneTime: ask.oneTime,
      answerBy: (now + answerTimeMs(ask.purpose) - clockSkewMs) as EpochMs,
    })),
    ...(patient ? await nextLineOf(parts, patient, asker.signing) : noLine),
    state: patient ? 'asking' : 'asked',
  }
  if (patient) {
    const parties = { patientAccount: patient.account, affiliationId: asker.affiliationId }
    row.ledgerRequestId = ledgerRequestIdOf(toLedgerRequest(row, parties))
  }
  return row
}

/** A row that is on its way to the chain, its place there a random one; a request to nobody keeps that. */
export async function rowOf(
  store: Store,
  { asker, doctorId, patient, healthId, now }: NewRequest,
  terms: Pick<ConsentRequestRow, 'preset' | 'purpose' | 'days' | 'oneTime' | 'answerBy'>,
): Promise<ConsentRequestRow> {
  const { preset, purpose, days } = terms
  const recordsFrom = (now - recordsWindowMs) as EpochMs
  const recordsUntil = (now + (days + 1) * day) as EpochMs
  const scopeSalt: Hex = `0x${randomBytes(32).toString('hex')}`
  return {
    ...terms,
    recordsFrom,
    recordsUntil,
    id: randomUUID() as ConsentRequestId,
    number: patient ? await freeNumber(store, patient, now) : randomInt(10, 100),
    doctorId,
    doctorAccount: asker.account,
    affiliationId: asker.affiliationId,
    signing: asker.signing,
    patientId: patient?.id ?? null,
    healthId,
    rights: rightBits.VIEW,
    scopeSalt,
    scopeCommitment: commitToScope({ preset, purpose, recordsFrom, recordsUntil }, scopeSalt),
    ledgerRequestId: `0x${randomBytes(32).toString('hex')}`,
    ...noLine,
    state: 'asking',
    askedAt: now,
    answeredAt: null,
    endedAt: null,
    grantedUntil: null,
    reasonSealed: null,
    reviewedAt: null,
    artefactSealed: null,
    artefactSalt: null,
    artefactCommitment: null,
  }
}

const noLine = { cardId: null, cardLine: null, lineHash: null, nextLink: null }

/**
 * The line of her card that the next request takes, unless she lets a bare reply do; `addRequest` takes it. Without a line
 * left, and where she must be asked for a code, the ledger refuses the request. Locks her card until the transaction ends.
 */
async function nextLineOf(
  { store, isLocalChain }: AskParts,
  patient: PatientRow,
  signing: ConsentRequestRow['signing'],
): Promise<Pick<ConsentRequestRow, keyof typeof noLine>> {
  const card = await store.cards.lockOfPatient(patient.id)
  const { codeRequired } = await store.safeguards.standing(patient.id)
  if (!codeRequired && (isLocalChain || signing === 'passkey')) return noLine
  const next = card && (await store.cards.lines(card.id)).find(({ line }) => line === card.nextLine)
  if (!next) return noLine
  return { cardId: card.id, cardLine: next.line, lineHash: next.lineHash, nextLink: next.nextLink }
}

/** The same request on the line that is the next one now; it itself where that has not changed. */
export async function onNextLine(parts: AskParts, request: ConsentRequestRow): Promise<ConsentRequestRow> {
  const { store, ledgerRequestIdOf, toLedgerRequest } = parts
  const patient = request.patientId && (await store.people.patient(request.patientId))
  const line = patient ? await nextLineOf(parts, patient, request.signing) : noLine
  if (!patient || line.lineHash === request.lineHash) return request
  const row = { ...request, ...line }
  const parties = { patientAccount: patient.account, affiliationId: request.affiliationId }
  return { ...row, ledgerRequestId: ledgerRequestIdOf(toLedgerRequest(row, parties)) }
}

export async function freeNumber(store: Store, patient: PatientRow, now: EpochMs): Promise<number> {
  const known = await store.requests.ofPatient(patient.id, (now - numberRestsMs) as EpochMs)
  return pickRequestNumber(new Set(known.map((request) => request.number)), randomInt(0, 2 ** 32) / 2 ** 32)
}

/** The doctor takes an open question back. */
export function withdraw({ store, clock }: Pick<AskParts, 'store' | 'clock'>) {
  return (doctorId: DoctorId, id: ConsentRequestId): Promise<void> =>
    store.transaction(async (inside) => {
      const request = await inside.requests.lock(id)
      if (request?.doctorId !== doctorId || request.purpose === 'emergency') return
      const state = nextState(request.state, 'withdraw')
      const doctor = state && (await inside.people.lockDoctor(doctorId))
      // What her passkey signed, only her passkey takes back.
      if (!state || !doctor || request.signing === 'passkey') return
      const now = clock()
      await inside.requests.update(id, { state, endedAt: now })
      if (request.patientId) {
        const operationId = randomUUID()
        await inside.operations.add(newUserOperation(operationId, 'withdrawRequest', id, doctor, now))
        await inside.outbox.add('submitUserOperations', operationId, now)
      }
      await inside.announce('request', id)
    })
}
