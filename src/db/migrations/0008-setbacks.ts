import { type Kysely, sql } from 'kysely'

/** What keeps being refused, or keeps reverting, goes less and less often, and has an end. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table user_operation
    add column refusals integer not null default 0,
    add column not_before bigint not null default 0,
    add column reverts integer not null default 0`.execute(db)
}
