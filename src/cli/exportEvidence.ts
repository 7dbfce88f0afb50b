import { existsSync } from 'node:fs'
import { foldersOf } from '../config.ts'
import type { LookEvidence } from '../core/lookStatement.ts'
import { openStore } from '../db/openStore.ts'
import { openPglite } from '../db/pglite.ts'
import { openPostgres } from '../db/postgres.ts'

/**
 * Reads everything that opens entries on chain out of the server's database.
 *
 * @throws where the folder holds no database: an empty one, made now, would accuse every look
 */
export async function exportEvidence(databaseUrl: string | undefined, dataFolder: string): Promise<LookEvidence> {
  const folder = foldersOf({ dataFolder }).database
  if (databaseUrl === undefined && !existsSync(folder))
    throw new Error(
      `There is no database in ${dataFolder}. Do: name the server's data folder with --data-folder, or --database.`,
    )
  const database = databaseUrl ? await openPostgres(databaseUrl) : await openPglite(folder)
  try {
    return await openStore(database.kysely).looks.evidence()
  } finally {
    await database.close()
  }
}
