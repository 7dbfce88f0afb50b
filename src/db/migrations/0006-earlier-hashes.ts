import { type Kysely, sql } from 'kysely'

/** An operation that is signed anew keeps the hashes it had: whoever saw one of them may still put it on chain. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table user_operation add column earlier_hashes text not null default ''`.execute(db)
}
