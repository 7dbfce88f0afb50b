import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database, PoolLike } from '../../src/db/database.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { openQueue, type QueuedJob, type QueueSource, type WorkQueue } from '../../src/jobs/queue.ts'
import { freshDatabaseUrl, freshRedisUrl } from '../support/testVillage.ts'

const waitMs = 15_000
const soon = { timeout: waitMs, interval: 10 }

/** One engine of the queue, and what it stores about a job. */
type Bench = {
  source(): Promise<QueueSource>
  storedOf(jobId: string): Promise<unknown>
  end(): Promise<void>
}

const benches: Record<string, () => Promise<Bench>> = {
  'BullMQ on Redis': async () => {
    const redisUrl = freshRedisUrl()
    const redis = new Redis(redisUrl)
    await redis.flushdb()
    return {
      source: async () => ({ redisUrl }),
      storedOf: async (jobId) => JSON.parse((await redis.hget(`bull:healthchain:${jobId}`, 'data')) ?? 'null'),
      end: async () => redis.disconnect(),
    }
  },
  'BullMQ on PGlite': async () => {
    const folder = await mkdtemp(join(tmpdir(), 'healthchain-queue-'))
    return overDatabase(await openPglite(folder), () => rm(folder, { recursive: true, force: true }))
  },
  'BullMQ on PostgreSQL': async () => overDatabase(await openPostgres(await freshDatabaseUrl()), async () => {}),
}

async function overDatabase(database: Database, clean: () => Promise<void>): Promise<Bench> {
  const inspect: PoolLike = await database.queuePool()
  return {
    source: async () => ({ pool: await database.queuePool() }),
    async storedOf(jobId) {
      const found = await inspect.query('select data from bullmq.job where id = $1', [jobId])
      const [row] = found.rows as { data: unknown }[]
      return typeof row?.data === 'string' ? JSON.parse(row.data) : row?.data
    },
    async end() {
      await inspect.end()
      await database.close()
      await clean()
    },
  }
}

describe.each(Object.keys(benches))('%s', (name) => {
  let bench: Bench
  let queue: WorkQueue
  let errors: Error[]
  const open = async () => openQueue(await bench.source(), (error) => errors.push(error))

  beforeAll(async () => {
    const start = benches[name]
    if (!start) throw new Error(`No engine is called ${name}.`)
    bench = await start()
  })

  beforeEach(async () => {
    errors = []
    queue = await open()
    return () => queue.close()
  })

  afterAll(() => bench?.end())

  test('each job is done once', async () => {
    const done: string[] = []
    queue.process(async ({ outboxId }) => void done.push(outboxId))
    const ids = Array.from({ length: 100 }, (_, index) => `once-${index}`)
    await queue.add(ids.map(job))
    await expect.poll(() => queue.countOpen(), soon).toBe(0)
    expect([...done].sort()).toEqual([...ids].sort())
  })

  test('a job that is added while it is open is not done twice', async () => {
    const done: string[] = []
    await queue.add([job('twice'), job('twice')])
    await queue.add([job('twice')])
    expect(await queue.countOpen()).toBe(1)
    const gate = Promise.withResolvers<void>()
    queue.process(async ({ outboxId }) => {
      done.push(outboxId)
      await gate.promise
    })
    await expect.poll(() => done.length, soon).toBe(1)
    await queue.add([job('twice'), job('after')])
    await expect.poll(() => done.includes('after'), soon).toBe(true)
    gate.resolve()
    await expect.poll(() => queue.countOpen(), soon).toBe(0)
    expect(done.sort()).toEqual(['after', 'twice'])
  })

  test('a job that ended may come again: the outbox asks for it', async () => {
    let times = 0
    queue.process(async () => {
      times += 1
    })
    for (let round = 1; round <= 3; round += 1) {
      await queue.add([job('again')])
      await expect.poll(() => times, soon).toBe(round)
      await expect.poll(() => queue.countOpen(), soon).toBe(0)
    }
  })

  test('closing waits for the job under way and takes no other', async () => {
    const other = await open()
    const started = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const order: string[] = []
    other.process(async ({ outboxId }) => {
      order.push(`${outboxId} begins`)
      started.resolve()
      await gate.promise
      order.push(`${outboxId} ends`)
    })
    await queue.add([job('slow')])
    await started.promise
    const closing = other.close().then(() => order.push('closed'))
    expect(order).toEqual(['slow begins'])
    gate.resolve()
    await closing
    await queue.add([job('late')])
    expect(order).toEqual(['slow begins', 'slow ends', 'closed'])
    expect(await queue.countOpen()).toBe(1)
    queue.process(async ({ outboxId }) => void order.push(outboxId))
    await expect.poll(() => order.at(-1), soon).toBe('late')
  })

  test('a worker that has been idle takes the next job', async () => {
    const done: string[] = []
    queue.process(async ({ outboxId }) => void done.push(outboxId))
    for (const id of ['idle-1', 'idle-2', 'idle-3']) {
      await expect.poll(() => queue.countOpen(), soon).toBe(0)
      await queue.add([job(id)])
      await expect.poll(() => done.includes(id), soon).toBe(true)
    }
  })

  test('jobs that were waiting before the worker came are done', async () => {
    await queue.add(['early-1', 'early-2'].map(job))
    const done: string[] = []
    queue.process(async ({ outboxId }) => void done.push(outboxId))
    await expect.poll(() => done.sort(), soon).toEqual(['early-1', 'early-2'])
  })

  test('a handler that throws does not stop the others', async () => {
    const done: string[] = []
    queue.process(async ({ outboxId }) => {
      if (outboxId.startsWith('bad')) throw new Error('broken')
      done.push(outboxId)
    })
    const ids = Array.from({ length: 40 }, (_, index) => (index % 2 ? `bad-${index}` : `good-${index}`))
    await queue.add(ids.map(job))
    await expect.poll(() => done.length, soon).toBe(20)
    await expect.poll(() => queue.countOpen(), soon).toBe(0)
    await queue.add([job('good-last')])
    await expect.poll(() => done.at(-1), soon).toBe('good-last')
    expect(errors).toEqual([])
  })

  test('what the queue stores is three ids and nothing else', async () => {
    const stored = job('payload')
    await queue.add([stored])
    expect(await bench.storedOf('payload')).toEqual(stored)
    expect(Object.keys((await bench.storedOf('payload')) as object).sort()).toEqual(['job', 'outboxId', 'subjectId'])
    const done: string[] = []
    queue.process(async ({ outboxId }) => void done.push(outboxId))
    await expect.poll(() => done, soon).toEqual(['payload'])
    await expect.poll(() => bench.storedOf('payload'), soon).toBeFalsy()
  })
})

function job(outboxId: string): QueuedJob {
  return { outboxId, job: 'sendMessage', subjectId: `subject-of-${outboxId}` }
}
