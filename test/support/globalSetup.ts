import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startVillage } from '../../local/village.ts'
import { startPostgres, startRedis } from './engines.ts'

declare module 'vitest' {
  interface ProvidedContext {
    redisUrl: string
    postgresUrl: string
    /** A seeded village at rest; tests start from copies of it. */
    preparedFolder: string
  }
}

/** Once for all test files: PostgreSQL, Redis, and a seeded village to copy. */
export default async function setup(project: TestProject) {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()])
  const preparedFolder = await mkdtemp(join(tmpdir(), 'healthchain-prepared-'))
  const village = await startVillage({ folder: preparedFolder })
  await village.stop()
  project.provide('redisUrl', redis.url)
  project.provide('postgresUrl', postgres.url)
  project.provide('preparedFolder', preparedFolder)
  return async () => {
    await Promise.all([redis.stop(), postgres.stop()])
    await rm(preparedFolder, { recursive: true, force: true })
  }
}
