import { randomBytes } from 'node:crypto'
import { cpSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { startVillage, type Village, type VillageOptions } from '../../local/village.ts'

/** The embedded engines, or PostgreSQL with Redis. Suites that matter on both run on both. */
export type EngineName = 'embedded' | 'postgresAndRedis'
export const engines: readonly EngineName[] = ['embedded', 'postgresAndRedis']

/** A seeded village of the test's own. Dispose of it with `await using`. */
export async function testVillage(
  engine: EngineName = 'embedded',
  options: Pick<VillageOptions, 'log' | 'bundler'> = {},
): Promise<Village> {
  if (engine === 'postgresAndRedis')
    return startVillage({ ...options, databaseUrl: await freshDatabaseUrl(), redisUrl: freshRedisUrl() })
  const folder = await copyOfPrepared()
  const village = await startVillage({ ...options, folder })
  const stop = async () => {
    await village.stop()
    await rm(folder, { recursive: true, force: true })
  }
  return { ...village, stop, [Symbol.asyncDispose]: stop }
}

/** A copy of the prepared village's folder, for tests that start processes of their own. */
export async function copyOfPrepared(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'healthchain-test-'))
  // In one call of Node's native code: file by file the promises alone cost 0.7 s.
  cpSync(inject('preparedFolder'), folder, { recursive: true })
  return folder
}

export async function freshDatabaseUrl(): Promise<string> {
  const url = inject('postgresUrl')
  const name = `test_${randomBytes(6).toString('hex')}`
  const client = new pg.Client(url)
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  return url.replace(/\/postgres$/, `/${name}`)
}

let redisDatabase = 0
/** Redis keeps databases by number; each test process counts from its own. */
export function freshRedisUrl(): string {
  redisDatabase += 1
  const first = (Number(process.env['VITEST_POOL_ID'] ?? 1) % 4) * 16
  return `${inject('redisUrl')}/${first + (redisDatabase % 16)}`
}
