import { type Kysely, sql } from 'kysely'

/** Times are epoch milliseconds. `sequence` orders rows of one kind. Sealed columns are encrypted under the vault. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table vault_key (
    id text primary key, kind text not null, sealed bytea, created_at bigint not null)`,
  `create table hospital (
    id text primary key, name text not null, short_name text not null, time_zone text not null,
    account text not null unique)`,
  `create table doctor (
    id text primary key, hospital_id text not null references hospital, name_sealed bytea not null,
    short_name text not null, login text not null unique, password_hash text not null,
    key_id text not null references vault_key, owner text not null, account text not null unique,
    affiliation_id integer not null unique)`,
  `create table patient (
    id text primary key, health_id text not null unique, name_sealed bytea not null, language text not null,
    hospital_id text not null references hospital, key_id text not null references vault_key,
    owner text not null, account text not null unique, data_key_id text not null references vault_key,
    created_at bigint not null)`,
  `create table phone_address (
    id text primary key, patient_id text references patient, channel text not null, address_sealed bytea not null,
    address_index text not null, since bigint not null, unreachable_since bigint, unique (channel, address_index))`,
  `create index phone_address_patient on phone_address (patient_id)`,
  `create table session (
    token_hash text primary key, doctor_id text not null references doctor, expires_at bigint not null)`,
  `create table inbound_message (
    id text primary key, sequence bigint generated always as identity, provider_id text not null unique,
    address_id text not null references phone_address, text_sealed bytea not null, received_at bigint not null,
    handled_at bigint)`,
  `create index inbound_message_waiting on inbound_message (address_id, sequence) where handled_at is null`,
  `create table consent_request (
    id text primary key, number integer not null, doctor_id text not null references doctor,
    patient_id text references patient, health_id text not null, preset text not null, purpose text not null,
    days integer not null, one_time boolean not null, rights integer not null,
    records_from bigint not null, records_until bigint not null,
    scope_salt text not null, scope_commitment text not null, ledger_request_id text not null unique,
    state text not null, asked_at bigint not null, answer_by bigint not null, answered_at bigint, ended_at bigint,
    granted_until bigint, artefact_sealed bytea, artefact_salt text, artefact_commitment text)`,
  `create index consent_request_patient on consent_request (patient_id, asked_at)`,
  `create index consent_request_doctor on consent_request (doctor_id, asked_at)`,
  `create table outbound_message (
    id text primary key, sequence bigint generated always as identity,
    address_id text not null references phone_address, phrase text not null, text_sealed bytea not null,
    text_index text not null, consent_request_id text references consent_request, parts integer not null,
    state text not null, provider_id text unique, error_code text, created_at bigint not null, sent_at bigint)`,
  `create index outbound_message_address on outbound_message (address_id, sequence)`,
  `create table operator_transaction (
    id text primary key, sequence bigint generated always as identity, kind text not null, operator text not null,
    nonce bigint not null, raw text not null, hash text not null unique, status text not null,
    max_fee_per_gas_wei text not null, block_number bigint, created_at bigint not null, updated_at bigint not null)`,
  `create unique index operator_transaction_nonce on operator_transaction (operator, nonce)
    where status in ('sent', 'included')`,
  `create index operator_transaction_open on operator_transaction (sequence) where status = 'sent'`,
  `create table user_operation (
    id text primary key, sequence bigint generated always as identity, kind text not null,
    consent_request_id text not null references consent_request, sender text not null, owner text not null,
    key_id text not null references vault_key, nonce_key integer not null,
    status text not null, signed text, hash text unique, bundle_id text references operator_transaction,
    block_number bigint, transaction_hash text, failure text, attempts integer not null default 0,
    created_at bigint not null, updated_at bigint not null,
    unique (consent_request_id, kind))`,
  `create index user_operation_open on user_operation (sequence) where status in ('prepared', 'submitted')`,
  `create table access_entry (
    id text primary key, sequence bigint generated always as identity,
    consent_request_id text not null references consent_request, doctor_id text not null references doctor,
    entry_id text not null unique, state text not null, transaction_id text references operator_transaction,
    block_number bigint, transaction_hash text, created_at bigint not null, logged_at bigint)`,
  `create index access_entry_request on access_entry (consent_request_id, sequence)`,
  `create index access_entry_doctor on access_entry (doctor_id, sequence)`,
  `create index access_entry_waiting on access_entry (sequence) where state = 'waiting'`,
  `create table record (
    id text primary key, patient_id text not null references patient, class text not null, date bigint not null,
    created_at bigint not null)`,
  `create index record_patient on record (patient_id, class, date)`,
  `create table record_version (
    record_id text not null references record, version integer not null, key_wrapped bytea, cid text not null,
    bytes bigint not null, state text not null, created_at bigint not null, stored_at bigint,
    primary key (record_id, version))`,
  `create table outbox (
    id text primary key, sequence bigint generated always as identity, job text not null, subject_id text not null,
    created_at bigint not null, not_before bigint not null, relayed_at bigint, done_at bigint, failed_at bigint,
    attempts integer not null default 0, last_error text)`,
  `create index outbox_open on outbox (not_before, sequence) where done_at is null and failed_at is null`,
  `create table chain_cursor (
    name text primary key, block_number bigint not null, block_hash text not null)`,
]
