import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EntryPointVersion } from '../src/accounts/entryPoint.ts'
import { type App, createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import type { EpochMs } from '../src/core/people.ts'
import { openLog } from '../src/log.ts'
import { freePort } from './chain/anvil.ts'
import { type Seeded, seed } from './seed.ts'
import { createSchedule } from './twilio/schedule.ts'
import { startWorld, type World } from './world.ts'

/** What `settle` still waits for: jobs that will be tried again this soon. */
const horizonMs = 1_500
const settleTimeoutMs = 60_000
const settlePollMs = 15

export type VillageOptions = {
  /** Default: a fresh temporary folder, removed at the stop. */
  folder?: string
  /** PostgreSQL and Redis in place of the embedded engines. */
  databaseUrl?: string
  redisUrl?: string
  /** Default: 0.7. */
  entryPointVersion?: EntryPointVersion
  /** Starts a bundler that the server hands its operations to. Default: the server's own keys bundle. */
  bundler?: (world: World) => Promise<{ url: string; stop(): Promise<void> }>
  /** Where the server's log lines go. Default: nowhere. */
  log?: (line: string) => void
}

/** The same world as a value: server, chain, stand-ins and people in one process, with one clock. */
export type Village = AsyncDisposable & {
  app: App
  world: World
  people: Seeded
  now(): EpochMs
  /** Moves wall time, the chain's time and the stand-ins' time together. */
  advance(ms: number): Promise<void>
  /** Resolves once outbox, queue, chain, provider and handsets have nothing left to do. */
  settle(): Promise<void>
  stop(): Promise<void>
}

export async function startVillage(options: VillageOptions = {}): Promise<Village> {
  const isTemporary = options.folder === undefined
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'healthchain-village-')))
  let offsetMs = 0
  const clock = () => (Date.now() + offsetMs) as EpochMs
  // Retries and delays of the stand-ins within a minute happen at once; hours take moving the clock.
  const schedule = createSchedule({ clock, eagerWithinMs: 60_000 })
  const world = await startWorld({
    folder,
    ports: { server: await freePort(), phones: 0, twilio: 0, lighthouse: 0 },
    clock,
    schedule,
    entryPointVersion: options.entryPointVersion ?? '0.7',
  })
  const bundler = await options.bundler?.(world)
  const { config, secrets } = readConfig({
    ...world.env,
    BUNDLER_URL: bundler?.url ?? '',
    DATABASE_URL: options.databaseUrl ?? '',
    REDIS_URL: options.redisUrl ?? '',
  })
  const log = openLog('info', { write: options.log ?? (() => {}) })
  const app = await createApp(config, secrets, { log, clock })
  await app.start()

  async function settle(): Promise<void> {
    const deadline = Date.now() + settleTimeoutMs
    let quietRounds = 0
    while (quietRounds < 2) {
      await world.twilio.settle()
      const isQuiet = (await app.worker.settleOnce(horizonMs)) && (await app.queue.countOpen()) === 0
      quietRounds = isQuiet ? quietRounds + 1 : 0
      if (Date.now() > deadline)
        throw new Error(`The village did not come to rest within a minute: ${await whatIsOpen(app, clock())}`)
      if (!isQuiet) await new Promise((resolve) => setTimeout(resolve, settlePollMs))
    }
  }

  const seedFile = join(folder, 'people.json')
  let people: Seeded
  if (existsSync(seedFile)) people = JSON.parse(await readFile(seedFile, 'utf8')) as Seeded
  else {
    people = await seed(app, world)
    await settle()
    await writeFile(seedFile, JSON.stringify(people), { mode: 0o600 })
  }

  let isStopped = false
  async function stop(): Promise<void> {
    if (isStopped) return
    isStopped = true
    await app.close()
    await bundler?.stop()
    await world.stop()
    if (isTemporary) await rm(folder, { recursive: true, force: true })
  }

  return {
    app,
    world,
    people,
    now: clock,
    async advance(ms) {
      offsetMs += ms
      await world.chain.increaseTime(Math.ceil(ms / 1000))
      await world.chain.mine(1)
      schedule.runDue()
    },
    settle,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Kinds and counts; no subject of anybody. */
async function whatIsOpen({ database: { kysely }, queue }: App, now: EpochMs): Promise<string> {
  const jobs = await kysely
    .selectFrom('outbox')
    .select(['job', 'attempts', 'lastError', 'notBefore', 'relayedAt'])
    .where('doneAt', 'is', null)
    .where('failedAt', 'is', null)
    .where('notBefore', '<=', (now + horizonMs) as EpochMs)
    .execute()
  const operations = await kysely
    .selectFrom('userOperation')
    .select(['kind', 'status', 'attempts', 'refusals', 'failure', 'notBefore', 'bundleId'])
    .where('status', 'in', ['prepared', 'submitted'])
    .execute()
  return JSON.stringify({ jobs, operations, queued: await queue.countOpen() })
}
