import { type Kysely, sql } from 'kysely'

/**
 * Code cards as the server knows them: hashes of lines and links, and which line is next. A code, or what it is stretched
 * to, is never in a table; `user_operation.code_sealed` holds the latter, sealed, until the chain has it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table code_card (
    id text primary key, patient_id text not null unique references patient, tip text not null,
    next_line integer not null, registered_at bigint not null)`,
  `create table code_card_line (
    card_id text not null references code_card, line integer not null, line_hash text not null unique,
    next_link text not null, primary key (card_id, line))`,
  `create table code_miss (
    inbound_message_id text primary key references inbound_message, patient_id text not null references patient,
    consent_request_id text not null references consent_request, missed_at bigint not null)`,
  `create index code_miss_patient on code_miss (patient_id)`,
  `create table sharing_pause (
    id text primary key, patient_id text not null references patient, reason text not null,
    paused_at bigint not null, paused_until bigint not null, health_worker_told_at bigint)`,
  `create index sharing_pause_patient on sharing_pause (patient_id, paused_until)`,
  `alter table consent_request
    add column card_id text references code_card, add column card_line integer,
    add column line_hash text, add column next_link text`,
  `alter table user_operation add column code_sealed bytea`,
]
