import { beforeEach, expect, test } from 'vitest'
import { TryAgainError } from '../../../src/core/errors.ts'
import { type JobName, jobNames } from '../../../src/core/jobs.ts'
import type { EpochMs } from '../../../src/core/people.ts'
import type { OutboxRow } from '../../../src/core/rows.ts'
import type { Store } from '../../../src/core/store.ts'
import { type Processor, relayOutbox, workOff } from '../../../src/jobs/outbox.ts'
import type { QueuedJob, WorkQueue } from '../../../src/jobs/queue.ts'

let now: number
let rows: Map<string, OutboxRow>
let queued: QueuedJob[]
let logged: { facts: object; text: string }[]

beforeEach(() => {
  now = 1_795_000_000_000
  rows = new Map()
  queued = []
  logged = []
})

const clock = () => now as EpochMs
const log = { info: () => {}, error: (facts: object, text: string) => void logged.push({ facts, text }) }

/** The outbox's own table in memory; the database's answers to the same questions are tested on both engines. */
const outbox: Pick<Store['outbox'], 'get' | 'due' | 'update' | 'markRelayed'> = {
  get: async (id) => rows.get(id) ?? null,
  due: async (at, staleSince, limit) =>
    [...rows.values()]
      .filter((row) => row.doneAt === null && row.failedAt === null && row.notBefore <= at)
      .filter((row) => row.relayedAt === null || row.relayedAt < staleSince)
      .slice(0, limit),
  update: async (id, change) => {
    const row = rows.get(id)
    if (row) rows.set(id, { ...row, ...change })
  },
  markRelayed: async (ids, relayedAt) => {
    for (const id of ids) {
      const row = rows.get(id)
      if (row) rows.set(id, { ...row, relayedAt })
    }
  },
}
const store = { outbox } as unknown as Store
const queue: Pick<WorkQueue, 'add'> = { add: async (jobs) => void queued.push(...jobs) }
const parts = { store, queue: queue as WorkQueue, clock, log }

function addRow(id: string, change: Partial<OutboxRow> = {}): void {
  rows.set(id, {
    id,
    sequence: rows.size,
    job: 'sendMessage',
    subjectId: `subject-${id}`,
    createdAt: clock(),
    notBefore: clock(),
    relayedAt: null,
    doneAt: null,
    failedAt: null,
    attempts: 0,
    lastError: null,
    ...change,
  })
}

/** Every job does the same. */
const doing = (processor: Processor) =>
  Object.fromEntries(jobNames.map((name) => [name, processor])) as Record<JobName, Processor>

/** Relays what is due and does it. @returns how many jobs were done */
async function round(processor: Processor): Promise<number> {
  queued = []
  await relayOutbox(parts)
  for (const job of queued) await workOff(parts, doing(processor), job)
  return queued.length
}

const fail = () => Promise.reject(new Error('broken'))

test('what is due goes to the queue once, with ids and nothing else', async () => {
  addRow('a')
  addRow('b', { notBefore: (now + 1) as EpochMs })
  expect(await relayOutbox(parts)).toBe(1)
  expect(queued).toEqual([{ outboxId: 'a', job: 'sendMessage', subjectId: 'subject-a' }])
  expect(await relayOutbox(parts)).toBe(0)
})

test('what the queue lost is handed to it again after five seconds', async () => {
  addRow('a')
  await relayOutbox(parts)
  now += 5_000
  expect(await relayOutbox(parts)).toBe(0)
  now += 1
  expect(await relayOutbox(parts)).toBe(1)
})

test('a row stays due where the queue did not take it', async () => {
  addRow('a')
  const down = { ...parts, queue: { add: () => Promise.reject(new Error('Redis is away')) } as unknown as WorkQueue }
  await expect(relayOutbox(down)).rejects.toThrow('Redis is away')
  expect(await relayOutbox(parts)).toBe(1)
})

test('a job is done once, however often the queue brings it', async () => {
  addRow('a')
  const done: string[] = []
  await round(async (subject) => void done.push(subject))
  for (let again = 0; again < 3; again += 1)
    await workOff(parts, doing(fail), { outboxId: 'a', job: 'sendMessage', subjectId: 'subject-a' })
  expect(done).toEqual(['subject-a'])
  expect(rows.get('a')).toMatchObject({ doneAt: now, attempts: 0 })
})

test('the row says what to do, whatever the queue carries', async () => {
  addRow('a')
  const done: string[] = []
  const processors = { ...doing(fail), sendMessage: async (subject: string) => void done.push(subject) }
  await workOff(parts, processors, { outboxId: 'a', job: 'logAccess', subjectId: 'another' })
  expect(done).toEqual(['subject-a'])
})

test('a job whose row nobody knows does nothing', async () => {
  await workOff(parts, doing(fail), { outboxId: 'gone', job: 'sendMessage', subjectId: 's' })
  expect(logged).toEqual([])
})

test('work that must wait is tried again at its own time and never counts as poison', async () => {
  addRow('a')
  const wait = () => Promise.reject(new TryAgainError('chainUnavailable', 2_000))
  for (let times = 0; times < 50; times += 1) {
    expect(await round(wait)).toBe(1)
    expect(rows.get('a')).toMatchObject({ notBefore: now + 2_000, relayedAt: null, attempts: 0, failedAt: null })
    expect(rows.get('a')?.lastError).toBe('chainUnavailable')
    expect(await round(wait)).toBe(0)
    now += 2_000
  }
  expect(logged).toEqual([])
  await round(async () => {})
  expect(rows.get('a')?.doneAt).toBe(now)
})

test('a job that fails five times is put aside, each time later, and the others go on', async () => {
  addRow('poison', { job: 'uploadRecord' })
  const waits: number[] = []
  const others: string[] = []
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    addRow(`other-${attempt}`)
    await round(async (subject) => (subject === 'subject-poison' ? fail() : void others.push(subject)))
    const row = rows.get('poison')
    expect(row).toMatchObject({ attempts: attempt, lastError: 'Error', doneAt: null })
    if (attempt < 5) {
      expect(row?.failedAt).toBeNull()
      waits.push((row?.notBefore ?? 0) - now)
      now = row?.notBefore ?? 0
    }
  }
  expect(rows.get('poison')?.failedAt).toBe(now)
  expect(waits).toEqual([2_000, 8_000, 32_000, 128_000])
  expect(others).toHaveLength(5)
  now += 86_400_000
  expect(await round(fail)).toBe(0)
  expect(logged.map(({ text }) => text)).toEqual([
    ...Array.from({ length: 4 }, () => 'A job failed and will be tried again'),
    'A job failed for the last time and was put aside',
  ])
})

test('a row keeps the name of what went wrong, never its words', async () => {
  addRow('a')
  await round(() => Promise.reject(new RangeError('no route to +254700000011')))
  expect(rows.get('a')?.lastError).toBe('RangeError')
})

test('a failure between two waits still counts on', async () => {
  addRow('a')
  await round(fail)
  now += 10_000
  await round(() => Promise.reject(new TryAgainError('chainUnavailable', 100)))
  now += 10_000
  await round(fail)
  expect(rows.get('a')?.attempts).toBe(2)
})
