import type { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { up as initial } from './migrations/0001-initial.ts'
import { up as affiliationCredential } from './migrations/0002-affiliation-credential.ts'
import { up as codeCards } from './migrations/0003-code-cards.ts'
import { up as bundling } from './migrations/0004-bundling.ts'
import { up as passkeys } from './migrations/0005-passkeys.ts'
import { up as earlierHashes } from './migrations/0006-earlier-hashes.ts'
import { up as safeguards } from './migrations/0007-safeguards.ts'
import { up as setbacks } from './migrations/0008-setbacks.ts'
import { up as emergencies } from './migrations/0009-emergencies.ts'
import { up as replacedCards } from './migrations/0010-replaced-cards.ts'
import { up as passkeyChanges } from './migrations/0011-passkey-changes.ts'
import type { Tables } from './schema.ts'

/** The parts of node-postgres' pool that BullMQ's Postgres backend uses; PGlite is given the same shape. */
export type PoolLike = {
  query(text: string, params?: readonly unknown[]): Promise<{ rows: unknown[]; rowCount: number | null }>
  connect(): Promise<unknown>
  end(): Promise<void>
  on(event: string, listener: (...args: never[]) => void): unknown
  removeAllListeners(event?: string): unknown
}

/** One of the two engines, opened and migrated. */
export type Database = {
  engine: 'pglite' | 'postgres'
  kysely: Kysely<Tables>
  /** Calls back with the payload of each NOTIFY on a channel. Returns the function that stops it. */
  listen(channel: string, onPayload: (payload: string) => void): Promise<() => Promise<void>>
  /** A pool on the same engine for the queue, its `search_path` set to the queue's own schema first. */
  queuePool(): Promise<PoolLike>
  close(): Promise<void>
}

const migrations = {
  '0001-initial': { up: initial },
  '0002-affiliation-credential': { up: affiliationCredential },
  '0003-code-cards': { up: codeCards },
  '0004-bundling': { up: bundling },
  '0005-passkeys': { up: passkeys },
  '0006-earlier-hashes': { up: earlierHashes },
  '0007-safeguards': { up: safeguards },
  '0008-setbacks': { up: setbacks },
  '0009-emergencies': { up: emergencies },
  '0010-replaced-cards': { up: replacedCards },
  '0011-passkey-changes': { up: passkeyChanges },
}

/** Brings the schema up to date; the same migrations on both engines. Idempotent. */
export async function migrate(kysely: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db: kysely, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error)
    throw new Error('The database could not be migrated. Do: read the cause, restore the backup, start again.', {
      cause: error,
    })
}
