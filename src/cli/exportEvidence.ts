import { foldersOf } from '../config.ts'
import type { LookEvidence } from '../core/lookStatement.ts'
import { openStore } from '../db/openStore.ts'
import { openPglite } from '../db/pglite.ts'
import { openPostgres } from '../db/postgres.ts'

/** Reads everything that opens entries on chain out of the server's database. */
export async function exportEvidence(databaseUrl: string | undefined, dataFolder: string): Promise<LookEvidence> {
  const database = databaseUrl ? await openPostgres(databaseUrl) : await openPglite(foldersOf({ dataFolder }).database)
  try {
    return await openStore(database.kysely).looks.evidence()
  } finally {
    await database.close()
  }
}
