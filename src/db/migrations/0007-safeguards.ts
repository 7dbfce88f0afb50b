import { type Kysely, sql } from 'kysely'

/**
 * What patients tighten and loosen, and what the chain said of it. An operation belongs to a consent request or to such a
 * change, never to both.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table safeguard_change (
    id text primary key, sequence bigint generated always as identity, patient_id text not null references patient,
    step text not null, safeguard text not null, state text not null,
    card_id text references code_card, card_line integer, line_hash text, next_link text,
    ready_at bigint, transaction_id text references operator_transaction, created_at bigint not null)`,
  `create index safeguard_change_patient on safeguard_change (patient_id, sequence)`,
  `create table safeguard_event (
    transaction_hash text not null, log_index integer not null, block_number bigint not null, account text not null,
    news text not null, safeguard text, primary key (transaction_hash, log_index))`,
  `create index safeguard_event_account on safeguard_event (account, block_number, log_index)`,
  `alter table user_operation
    alter column consent_request_id drop not null,
    add column safeguard_change_id text references safeguard_change,
    add constraint user_operation_subject check ((consent_request_id is null) <> (safeguard_change_id is null)),
    add constraint user_operation_change_kind unique (safeguard_change_id, kind)`,
  `alter table code_miss
    alter column consent_request_id drop not null,
    add column safeguard_change_id text references safeguard_change`,
]
