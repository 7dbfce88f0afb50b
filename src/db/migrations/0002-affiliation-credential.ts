import { type Kysely, sql } from 'kysely'

/** The hospital's signed word that a doctor works there, as a JWT; null until it was issued, and then nobody signs in. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table doctor add column credential text`.execute(db)
}
