import { createPostgresBackend, Queue, runMigrations, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import type { JobName } from '../core/jobs.ts'

const queueName = 'healthchain'
const concurrency = 16
/** A worker that died holds its jobs this long; then another takes them. */
const workerOptions = { concurrency, lockDuration: 10_000, stalledInterval: 5_000, maxStalledCount: 1_000 }

/** What the queue carries: ids and nothing else. The job's id is its outbox row's. */
export type QueuedJob = { outboxId: string; job: JobName; subjectId: string }

/** The work queue. Nothing in it is the only copy: an outbox row stands behind every job. */
export type WorkQueue = {
  engine: 'redis' | 'postgres'
  add(jobs: readonly QueuedJob[]): Promise<void>
  /** Starts taking jobs. */
  process(handle: (job: QueuedJob) => Promise<void>): void
  /** Empties it. Only for a process that is the only worker: the outbox hands everything over again. */
  clear(): Promise<void>
  /** Jobs waiting or being worked on. */
  countOpen(): Promise<number>
  /** Stops taking jobs and waits for those under way. */
  close(): Promise<void>
}

/** A pool on the database engine, as BullMQ's Postgres backend takes it. */
type QueuePool = {
  query(text: string, params?: readonly unknown[]): Promise<{ rows: unknown[] }>
  connect(): Promise<unknown>
  end(): Promise<void>
}

export type QueueSource = { redisUrl: string } | { pool: QueuePool }

/**
 * Opens BullMQ on Redis, or on its Postgres backend over the database's own engine.
 *
 * @param onError told of broken connections; BullMQ connects again by itself
 */
export async function openQueue(source: QueueSource, onError: (error: Error) => void): Promise<WorkQueue> {
  const isRedis = 'redisUrl' in source
  const opened = isRedis ? openRedis(source.redisUrl) : await openPool(source.pool)
  const { queue } = opened
  queue.on('error', onError)
  let worker: ReturnType<Opened['work']> | null = null
  return {
    engine: isRedis ? 'redis' : 'postgres',
    async add(jobs) {
      await queue.addBulk(
        jobs.map((job) => ({
          name: job.job,
          data: job,
          // Tries again are the outbox's business, which outlives a flushed Redis.
          opts: { jobId: job.outboxId, attempts: 1, removeOnComplete: true, removeOnFail: true },
        })),
      )
    },
    process(handle) {
      worker = opened.work((job) => handle(job.data))
      worker.on('error', onError)
    },
    async clear() {
      await queue.obliterate({ force: true })
    },
    async countOpen() {
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized')
      return Object.values(counts).reduce((sum, count) => sum + count, 0)
    },
    async close() {
      await worker?.close()
      await queue.close()
      await opened.end()
    },
  }
}

/** What both backends of BullMQ have in common here. */
type Opened = {
  queue: Pick<Queue<QueuedJob>, 'addBulk' | 'getJobCounts' | 'obliterate' | 'close'> & Listens
  work(handle: (job: { data: QueuedJob }) => Promise<void>): Pick<Worker<QueuedJob>, 'close'> & Listens
  end(): Promise<void>
}
type Listens = { on(event: 'error', listener: (error: Error) => void): unknown }

function openRedis(url: string): Opened {
  // Without retries per request a command fails at once while Redis is away, so the relay can say so and try again.
  const producer = new Redis(url, { maxRetriesPerRequest: 1, enableOfflineQueue: false, lazyConnect: false })
  const consumer = new Redis(url, { maxRetriesPerRequest: null })
  for (const connection of [producer, consumer]) connection.on('error', () => {})
  return {
    queue: new Queue<QueuedJob>(queueName, { connection: producer }),
    work: (handle) => new Worker<QueuedJob>(queueName, handle, { connection: consumer, ...workerOptions }),
    async end() {
      producer.disconnect()
      consumer.disconnect()
    },
  }
}

async function openPool(pool: QueuePool): Promise<Opened> {
  type MigrationClient = Parameters<typeof runMigrations>[0] & { release(): void }
  const client = (await pool.connect()) as MigrationClient
  try {
    await runMigrations(client)
  } finally {
    client.release()
  }
  type Connection = Parameters<typeof createPostgresBackend>[1]['connection']
  const connection = pool as unknown as NonNullable<Connection>
  return {
    queue: new Queue(queueName, { connection }, createPostgresBackend) as unknown as Opened['queue'],
    work: (handle) => new Worker(queueName, handle, { connection, ...workerOptions }, createPostgresBackend),
    end: () => pool.end(),
  }
}
