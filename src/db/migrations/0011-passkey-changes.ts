import { type Kysely, sql } from 'kysely'

/** Which passkeys an account obeys, the chain says; what a doctor changes of them is about no request and no patient. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table passkey drop column slot`,
  `alter table unsigned_operation
    alter column patient_account drop not null,
    add column credential_id text references passkey`,
  `alter table user_operation drop constraint user_operation_subject,
    add constraint user_operation_subject check ((consent_request_id is null) <> (safeguard_change_id is null)
      or (consent_request_id is null and kind in ('setSecondPasskey', 'vetoRotation')))`,
]
