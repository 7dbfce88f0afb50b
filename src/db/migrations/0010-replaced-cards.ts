import { type Kysely, sql } from 'kysely'

/** A patient has one card that counts, one at most that waits for her word, and those before. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table code_card drop constraint code_card_patient_id_key`,
  `alter table code_card add column standing text not null default 'current'`,
  `create unique index code_card_standing on code_card (patient_id, standing) where standing in ('current', 'pending')`,
  `alter table safeguard_change add column new_card_tip text`,
]
