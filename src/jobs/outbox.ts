import { TryAgainError } from '../core/errors.ts'
import type { EpochMs } from '../core/people.ts'
import type { Store } from '../core/store.ts'
import type { QueuedJob, WorkQueue } from './queue.ts'

/** A row the queue has held this long without an end is handed to it again: Redis may have been flushed. */
const staleAfterMs = 5_000
const batch = 200
/** A job that fails this often for no reason it can name is poison: it is put aside, and the others go on. */
const maxAttempts = 5
const firstDelayMs = 500

export type Log = { info(facts: object, text: string): void; error(facts: object, text: string): void }
export type OutboxParts = { store: Store; queue: WorkQueue; clock: () => EpochMs; log: Log }
export type Processor = (subjectId: string) => Promise<void>

/** Hands every outbox row whose time has come to the queue. @returns how many */
export async function relayOutbox({ store, queue, clock }: OutboxParts): Promise<number> {
  const now = clock()
  const rows = await store.outbox.due(now, (now - staleAfterMs) as EpochMs, batch)
  if (rows.length === 0) return 0
  // Marked before they are handed over: a job may end, and ask for another try, before `add` comes back.
  const ids = rows.map((row) => row.id)
  await store.outbox.markRelayed(ids, now)
  try {
    await queue.add(rows.map((row) => ({ outboxId: row.id, job: row.job, subjectId: row.subjectId })))
  } catch (error) {
    await store.outbox.markRelayed(ids, null)
    throw error
  }
  return rows.length
}

/** Does one queued job and notes its end. A job that was done already, or put aside, is left alone. */
export async function workOff(
  { store, clock, log }: OutboxParts,
  processors: Readonly<Record<QueuedJob['job'], Processor>>,
  { outboxId }: QueuedJob,
): Promise<void> {
  const row = await store.outbox.get(outboxId)
  if (!row || row.doneAt !== null || row.failedAt !== null) return
  // The row says what to do; the queue only says when.
  const { job, subjectId } = row
  try {
    await processors[job](subjectId)
    await store.outbox.update(outboxId, { doneAt: clock() })
  } catch (error) {
    const now = clock()
    if (error instanceof TryAgainError) {
      const notBefore = (now + error.delayMs) as EpochMs
      await store.outbox.update(outboxId, { notBefore, relayedAt: null, lastError: error.code })
      return
    }
    const attempts = row.attempts + 1
    const lastError = error instanceof Error ? error.name : 'unknown'
    if (attempts >= maxAttempts) {
      log.error({ job, outboxId, err: error }, 'A job failed for the last time and was put aside')
      await store.outbox.update(outboxId, { attempts, failedAt: now, lastError })
      return
    }
    log.error({ job, outboxId, attempts, err: error }, 'A job failed and will be tried again')
    const notBefore = (now + firstDelayMs * 4 ** attempts) as EpochMs
    await store.outbox.update(outboxId, { attempts, notBefore, relayedAt: null, lastError })
  }
}
