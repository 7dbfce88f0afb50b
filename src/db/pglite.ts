import { EventEmitter } from 'node:events'
import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { CamelCasePlugin, Kysely, PGliteDialect } from 'kysely'
import { type Database, migrate, type PoolLike } from './database.ts'
import type { Tables } from './schema.ts'

/** Another process has this folder open. PGlite itself would let both write, and lose rows. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError'
  constructor(folder: string, pid: number) {
    super(
      `The data folder ${folder} is in use by process ${pid}. Do: stop that process, or choose another folder with DATA_FOLDER.`,
    )
  }
}

const int8 = 20

/**
 * Opens the embedded database in a folder. It survives kill -9, not a power cut: PGlite never calls fsync.
 *
 * @throws {FolderInUseError} while another process has it open
 */
export async function openPglite(folder: string): Promise<Database> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const releaseLock = await takeLock(folder)
  try {
    // The queue's tables live in a schema of their own; no name of theirs is one of ours, so one search path serves both.
    const pglite = await PGlite.create(join(folder, 'postgres'), { parsers: { [int8]: Number } })
    await pglite.exec('create schema if not exists bullmq; set search_path = public, bullmq')
    const kysely = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }), plugins: [new CamelCasePlugin()] })
    await migrate(kysely)
    return {
      engine: 'pglite',
      kysely,
      listen: (channel, onPayload) => pglite.listen(channel, onPayload),
      queuePool: async () => new PglitePool(pglite) as unknown as PoolLike,
      async close() {
        await kysely.destroy()
        await releaseLock()
      },
    }
  } catch (error) {
    await releaseLock()
    throw error
  }
}

/** BullMQ's statements begin with comments, so the keyword is looked for behind them. */
const listenStatement = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(un)?listen\s+"?([\w$]+|\*)"?/i

/** node-postgres' pool and client in one, over the one session that PGlite has. */
class PglitePool extends EventEmitter {
  readonly options = { keepAlive: true }
  readonly #pglite: PGlite
  readonly #listening = new Map<string, () => Promise<void>>()

  constructor(pglite: PGlite) {
    super()
    this.#pglite = pglite
  }

  async query(text: string, params: readonly unknown[] = []) {
    // A turn of the event loop for each query: a busy worker would otherwise starve timers and sockets.
    await new Promise((resolve) => setImmediate(resolve))
    const listen = listenStatement.exec(text)
    if (listen) return this.#listen(listen[2] ?? '', listen[1] !== undefined)
    // `query` waits while an application's transaction is open, so that nothing of the queue's slips into it.
    if (params.length === 0) {
      const results = await this.#pglite.exec(text)
      const last = results.at(-1)
      return { rows: last?.rows ?? [], rowCount: last?.affectedRows ?? last?.rows.length ?? 0 }
    }
    const result = await this.#pglite.query(text, [...params])
    return { rows: result.rows, rowCount: result.affectedRows ?? result.rows.length }
  }

  async connect() {
    return new PgliteClient(this)
  }

  async end() {
    for (const stop of this.#listening.values()) await stop()
    this.#listening.clear()
  }

  async #listen(channel: string, off: boolean) {
    if (off) {
      await this.#listening.get(channel)?.()
      this.#listening.delete(channel)
    } else if (!this.#listening.has(channel)) {
      const stop = await this.#pglite.listen(channel, (payload) => this.emit('notification', { channel, payload }))
      this.#listening.set(channel, stop)
    }
    return { rows: [], rowCount: 0 }
  }
}

/** A checked-out client: the same session, with listeners of its own. */
class PgliteClient extends EventEmitter {
  readonly #pool: PglitePool
  readonly #forward = (message: unknown) => this.emit('notification', message)

  constructor(pool: PglitePool) {
    super()
    this.#pool = pool
    this.setMaxListeners(0)
    pool.setMaxListeners(0)
    pool.on('notification', this.#forward)
  }

  query(text: string, params?: readonly unknown[]) {
    return this.#pool.query(text, params)
  }

  release() {
    this.#pool.off('notification', this.#forward)
  }
}

async function takeLock(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, 'lock')
  for (;;) {
    let handle: FileHandle
    try {
      handle = await open(file, 'wx', 0o600)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const pid = Number(await readFile(file, 'utf8').catch(() => '0'))
      if (pid !== process.pid && isAlive(pid)) throw new FolderInUseError(folder, pid)
      if (pid === process.pid) throw new FolderInUseError(folder, pid)
      await rm(file, { force: true })
      continue
    }
    await handle.writeFile(String(process.pid))
    await handle.close()
    return () => rm(file, { force: true })
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
