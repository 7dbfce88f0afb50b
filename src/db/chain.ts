import type { Kysely } from 'kysely'
import type { Store } from '../core/store.ts'
import type { Tables } from './schema.ts'

export function chainQueries(db: Kysely<Tables>): Store['chain'] {
  return {
    async cursor(name) {
      return (await db.selectFrom('chainCursor').selectAll().where('name', '=', name).executeTakeFirst()) ?? null
    },
    async setCursor(row) {
      await db
        .insertInto('chainCursor')
        .values(row)
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet({ blockNumber: row.blockNumber, blockHash: row.blockHash }),
        )
        .execute()
    },
  }
}
