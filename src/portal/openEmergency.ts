import { randomUUID } from 'node:crypto'
import { mayOpenEmergency } from '../core/askRules.ts'
import { emergencyLastsMs, emergencyWaitMs, reviewTimeMs } from '../core/consent.ts'
import { parseHealthId } from '../core/healthId.ts'
import type { LedgerEmergency } from '../core/ledger.ts'
import { type DoctorId, day, type EpochMs } from '../core/people.ts'
import type { ConsentRequestRow, Hex, PatientRow } from '../core/rows.ts'
import { sharesNothing } from '../core/safeguards.ts'
import { commitToEmergency } from '../core/scope.ts'
import type { Store } from '../core/store.ts'
import { newUserOperation } from '../core/userOperation.ts'
import type { ColumnVault } from '../core/vault.ts'
import type { EmergencyRefusal, PortalActions } from './actions.ts'
import { type AskParts, type NewRequest, rowOf } from './askForAccess.ts'

export type EmergencyParts = AskParts & {
  columns: ColumnVault
  ledgerEmergencyIdOf(emergency: LedgerEmergency): Hex
}

const reasonContext = 'consent_request.reason'

/**
 * A doctor opens a record without asking. Where its patient has not allowed that, the row is the one of a health ID that is
 * nobody's: it waits, and nothing is sent.
 */
export function openEmergency(parts: EmergencyParts): PortalActions['openEmergency'] {
  return (doctorId, { healthId: typed, reason }) => {
    const healthId = parseHealthId(typed)
    if (!healthId) return Promise.resolve({ refused: { code: 'healthIdMistyped' } })
    return parts.store.transaction(async (store) => {
      const now = parts.clock()
      const doctor = await store.people.lockDoctor(doctorId)
      if (!doctor) throw new RangeError('A session names a doctor who does not exist.')
      const asker = { ...doctor, signing: 'serverSigned' } as const
      const refusal = await emergencyRefusal(store, { doctorId, doctorAccount: doctor.account, healthId }, reason, now)
      if (refusal) return { refused: refusal }
      const patient = await openable(store, healthId)
      const row = await newEmergency({ ...parts, store }, { asker, doctorId, patient, healthId, now }, reason)
      await addEmergency(store, row, newUserOperation(randomUUID(), 'openEmergency', row.id, doctor, now), now)
      return { requestId: row.id }
    })
  }
}

/**
 * Whose record can be opened: nobody's who has not allowed it, or stopped all sharing, as the chain said and she said since.
 * The ledger judges it again.
 */
export async function openable(store: Store, healthId: string): Promise<PatientRow | null> {
  const patient = await store.people.patientByHealthId(healthId)
  const standing = patient && (await store.safeguards.standing(patient.id))
  return standing?.emergencyAllowed && !sharesNothing(standing) ? patient : null
}

/** The rule that keeps this doctor from opening an emergency now, or null. Call it with the doctor locked. */
export async function emergencyRefusal(
  store: Store,
  { doctorId, doctorAccount, healthId }: { doctorId: DoctorId; doctorAccount: Hex; healthId: string },
  reason: string,
  now: EpochMs,
): Promise<EmergencyRefusal | null> {
  const since = { dayAgo: (now - day) as EpochMs, weekAgo: (now - 7 * day) as EpochMs }
  const facts = await store.requests.askFacts(doctorId, healthId, since)
  const last = await store.requests.lastEmergency(doctorAccount, healthId)
  const reviewBy = last && reviewByOf(last)
  const unreviewed = last?.reviewedAt === null && reviewBy ? { requestId: last.id, reviewBy } : null
  return mayOpenEmergency({ reason: reason.trim(), unreviewed, ...facts })
}

/** VIEW of ALL, for a day, as the ledger has it; what is PRIVATE stays closed. */
export async function newEmergency(
  { store, columns, ledgerEmergencyIdOf }: EmergencyParts,
  opening: NewRequest,
  typedReason: string,
): Promise<ConsentRequestRow> {
  const { asker, patient, now } = opening
  const reason = typedReason.trim()
  const terms = { preset: 'ALL', purpose: 'emergency', days: 1, oneTime: false } as const
  const row = await rowOf(store, opening, { ...terms, answerBy: waitUntil(now) })
  const reasonCommitment = commitToEmergency(row, reason, row.scopeSalt)
  row.scopeCommitment = reasonCommitment
  row.reasonSealed = columns.seal(reason, reasonContext)
  if (patient)
    row.ledgerRequestId = ledgerEmergencyIdOf({
      patient: patient.account,
      affiliationId: asker.affiliationId,
      reasonCommitment,
    })
  return row
}

/** Until when an emergency is waited for that begins now. */
export function waitUntil(now: EpochMs): EpochMs {
  return (now + emergencyWaitMs) as EpochMs
}

/** Stores an emergency with the operation that opens it. One of nobody's record is not opened either, only without a try. */
export async function addEmergency(
  store: Store,
  row: ConsentRequestRow,
  operation: Parameters<Store['operations']['add']>[0],
  now: EpochMs,
): Promise<void> {
  await store.requests.add(row)
  await store.outbox.add('endRequest', row.id, now, row.answerBy)
  if (!row.patientId) return
  await store.operations.add(operation)
  await store.outbox.add('submitUserOperations', operation.id, now)
}

/** Until when the doctor's hospital may review it; null for one that never stood on chain. */
export function reviewByOf({ grantedUntil }: Pick<ConsentRequestRow, 'grantedUntil'>): EpochMs | null {
  return grantedUntil === null ? null : ((grantedUntil - emergencyLastsMs + reviewTimeMs) as EpochMs)
}

export function openReason({ reasonSealed }: ConsentRequestRow, columns: ColumnVault): string | null {
  return reasonSealed && columns.open(reasonSealed, reasonContext)
}
