import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { type Database, migrate, type PoolLike } from './database.ts'
import type { Tables } from './schema.ts'

const connectTimeoutMs = 5_000
const statementTimeoutMs = 10_000

// Times are epoch milliseconds in int8 columns and fit a double exactly.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/** Opens PostgreSQL 13 or newer and brings its schema up to date. */
export async function openPostgres(url: string): Promise<Database> {
  const common = { connectionString: url, connectionTimeoutMillis: connectTimeoutMs, keepAlive: true }
  const pool = new pg.Pool({ ...common, statement_timeout: statementTimeoutMs, max: 10 })
  // An idle client that loses its server must not end the process; the next query opens a new one.
  pool.on('error', () => {})
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] })
  try {
    await migrate(kysely)
  } catch (error) {
    await kysely.destroy()
    throw error
  }

  const listeners = new Map<string, Set<(payload: string) => void>>()
  let listenClient: pg.Client | null = null
  let closed = false

  async function connectListener(): Promise<void> {
    const client = new pg.Client(common)
    client.on('notification', ({ channel, payload }) => {
      for (const listener of listeners.get(channel) ?? []) listener(payload ?? '')
    })
    client.on('error', () => {
      if (listenClient === client) listenClient = null
      if (!closed) setTimeout(() => void connectListener().catch(() => {}), 1000).unref()
    })
    await client.connect()
    listenClient = client
    for (const channel of listeners.keys()) await client.query(`listen ${pg.escapeIdentifier(channel)}`)
  }

  return {
    engine: 'postgres',
    kysely,
    async listen(channel, onPayload) {
      const set = listeners.get(channel) ?? new Set()
      const isNew = set.size === 0
      listeners.set(channel, set.add(onPayload))
      if (!listenClient) await connectListener()
      else if (isNew) await listenClient.query(`listen ${pg.escapeIdentifier(channel)}`)
      return async () => {
        set.delete(onPayload)
      }
    },
    async queuePool() {
      const queuePool = new pg.Pool({ ...common, max: 6, options: '-c search_path=bullmq' })
      await queuePool.query('create schema if not exists bullmq')
      return queuePool as unknown as PoolLike
    },
    async close() {
      closed = true
      await listenClient?.end()
      await kysely.destroy()
    },
  }
}
