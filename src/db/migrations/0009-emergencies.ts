import { type Kysely, sql } from 'kysely'

/** Why a doctor opened an emergency, sealed; and that it was reviewed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table consent_request add column reason_sealed bytea, add column reviewed_at bigint`.execute(db)
}
