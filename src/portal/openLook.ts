import { randomBytes, randomUUID } from 'node:crypto'
import { presetClasses } from '../core/classes.ts'
import type { Ledger } from '../core/ledger.ts'
import { serverSignedEntryId } from '../core/lookStatement.ts'
import { type AccessEntryId, type DoctorId, type EpochMs, minute, type PatientId } from '../core/people.ts'
import type { RecordView } from '../core/recordView.ts'
import type { AccessEntryRow, RecordVersionRow } from '../core/rows.ts'
import type { RequestWithPeople, Store } from '../core/store.ts'
import type { ColumnVault, LoggedLook } from '../core/vault.ts'
import type { LookRefusal, OpenedLook, OpenedRecord, PortalActions } from './actions.ts'
import { summarise } from './requestSummary.ts'
import { sharingPause } from './sharingPause.ts'
import { committedCids } from './signLook.ts'

/** A reading session: after this the records need a new look, which is a new entry on chain. */
export const lookLastsMs = 15 * minute

export type LookParts = {
  store: Store
  ledger: Ledger
  columns: ColumnVault
  clock: () => EpochMs
  /** Calls back when a request may have changed; returns the function that stops it. */
  onRequestChange(listener: (requestId: string) => void): () => void
  readRecord(
    patient: { id: PatientId; dataKeyId: string },
    row: RecordVersionRow,
    proof: LoggedLook,
  ): Promise<RecordView | null>
}

/** Begins a look: a row and the job that writes it to the chain. Nothing is unsealed yet. */
export function startLook({ store, clock }: LookParts): PortalActions['startLook'] {
  return (doctorId, requestId) =>
    store.transaction(async (inside) => {
      const request = await inside.requests.lock(requestId)
      if (request?.doctorId !== doctorId) return { refused: { code: 'noGrant', state: 'failed' } satisfies LookRefusal }
      const { state } = summarise(request, clock(), false)
      if (state !== 'granted') return { refused: { code: 'noGrant', state } satisfies LookRefusal }
      const pause = await sharingPause(inside, request.patientId, clock())
      if (pause) return { refused: { code: 'sharingPaused', ...pause } satisfies LookRefusal }
      // An entry that nobody signed for must not pass for one of her passkey's account.
      if (request.signing === 'passkey') return { refused: { code: 'needsPasskey' } satisfies LookRefusal }
      const id = randomUUID() as AccessEntryId
      await inside.looks.add({
        id,
        consentRequestId: requestId,
        doctorId,
        entryId: serverSignedEntryId(randomBytes(31)),
        state: 'waiting',
        transactionId: null,
        blockNumber: null,
        transactionHash: null,
        createdAt: clock(),
        loggedAt: null,
        sessionGrantId: null,
        statement: null,
        signature: null,
        recordsSealed: null,
      })
      await inside.outbox.add('logAccess', id, clock())
      return { lookId: id }
    })
}

/**
 * Opens a look in this order: its entry stands on chain, the chain is asked again whether the grant does, and only then the
 * vault unwraps against the proof. If database and chain disagree, or the chain can't be asked, the answer is no.
 */
export function openLook(parts: LookParts): PortalActions['open'] {
  return async (doctorId, lookId, waitMs) => {
    const look = await loggedLook(parts, doctorId, lookId, waitMs)
    if (!look) return { status: 'refused', reason: 'notFound' }
    if (look.state === 'waiting' || look.state === 'unsigned') return { status: look.state }
    if (look.state === 'refused') return { status: 'refused', reason: 'refusedOnChain' }
    const request = await parts.store.requests.get(look.consentRequestId)
    const patient = request?.patientId ? await parts.store.people.patient(request.patientId) : null
    if (!request || !patient || !look.transactionHash || look.loggedAt === null)
      return { status: 'refused', reason: 'notFound' }
    const refusal = await gateRefusal(parts, request, look.loggedAt)
    if (refusal) return { status: 'refused', reason: refusal }

    const proof = await proveStanding(parts, look, request)
    if (proof === 'chainUnavailable') return { status: 'refused', reason: 'chainUnavailable' }
    if (!proof) return { status: 'refused', reason: 'refusedOnChain' }
    const records = await unsealAll(parts, patient, request, proof, committedCids(look, parts.columns))
    // A removal that came while we unsealed wins: nothing of it is shown.
    const now = await parts.store.requests.get(request.id)
    const late = now && (await gateRefusal(parts, now, look.loggedAt))
    if (!now || late) return { status: 'refused', reason: late || 'removed' }
    return {
      status: 'open',
      request: summarise(now, parts.clock(), false),
      entry: {
        id: look.id,
        blockNumber: proof.blockNumber,
        transactionHash: proof.transactionHash,
        at: look.loggedAt,
      },
      records,
    }
  }
}

type Refusal = Extract<OpenedLook, { status: 'refused' }>['reason']

/** What our own gate says, before and after the chain is asked. */
async function gateRefusal(
  { store, clock }: LookParts,
  request: RequestWithPeople,
  loggedAt: EpochMs,
): Promise<Refusal | null> {
  const now = clock()
  const { state } = summarise(request, now, false)
  if (state === 'removed' || state === 'disputed') return state
  if (await sharingPause(store, request.patientId, now)) return 'sharingPaused'
  if (now - loggedAt > lookLastsMs) return request.oneTime ? 'usedUp' : 'lookEnded'
  // The look that used a one-time grant up is the one being read.
  return state === 'granted' || (state === 'usedUp' && request.oneTime) ? null : 'expired'
}

async function proveStanding(
  { ledger }: LookParts,
  look: AccessEntryRow,
  request: RequestWithPeople,
): Promise<LoggedLook | null | 'chainUnavailable'> {
  if (!look.transactionHash) return null
  try {
    const proof = await ledger.proveLogged(look.entryId, look.transactionHash)
    if (!proof || proof.ledgerRequestId !== request.ledgerRequestId) return null
    return (await ledger.stillStands(proof, request.doctorAccount, request.oneTime)) ? proof : null
  } catch {
    return 'chainUnavailable'
  }
}

async function unsealAll(
  { store, readRecord }: LookParts,
  patient: { id: PatientId; dataKeyId: string },
  request: RequestWithPeople,
  proof: LoggedLook,
  committed: ReadonlySet<string> | null,
): Promise<OpenedRecord[]> {
  const found = await store.records.ofPatient(
    patient.id,
    presetClasses[request.preset],
    request.recordsFrom,
    request.recordsUntil,
  )
  const rows = committed ? found.filter(({ cid }) => committed.has(cid)) : found
  return Promise.all(
    rows.map(async (row): Promise<OpenedRecord> => {
      const date = new Date(row.date).toISOString().slice(0, 10)
      if (row.state !== 'stored') return { status: 'notStoredYet', class: row.class, date }
      const view = await readRecord(patient, row, proof)
      if (!view) return { status: 'unavailable', class: row.class, date }
      return { status: 'unsealed', cid: row.cid, class: row.class, view }
    }),
  )
}

/** The look once its entry stands on chain, or as it is when the time is up; null for another doctor's. */
async function loggedLook(
  { store, onRequestChange }: LookParts,
  doctorId: DoctorId,
  lookId: AccessEntryId,
  waitMs: number,
): Promise<AccessEntryRow | null> {
  const first = await store.looks.get(lookId)
  if (first?.doctorId !== doctorId) return null
  if (first.state !== 'waiting') return first
  const { promise: changed, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, waitMs)
  let isOver = false
  void changed.then(() => {
    isOver = true
  })
  const stop = onRequestChange((id) => {
    if (id !== first.consentRequestId || isOver) return
    void store.looks.get(lookId).then((look) => {
      if (look?.state !== 'waiting') resolve()
    }, resolve)
  })
  try {
    // It may have been answered between the first reading and the listening.
    if ((await store.looks.get(lookId))?.state === 'waiting') await changed
    return await store.looks.get(lookId)
  } finally {
    clearTimeout(timer)
    stop()
  }
}
