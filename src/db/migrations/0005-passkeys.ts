import { type Kysely, sql } from 'kysely'

/** Doctors' passkeys, the accounts they own, sessions whose key a passkey authorised, and what waits to be signed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table passkey_account (
    doctor_id text primary key references doctor, account text not null unique, qx text not null, qy text not null,
    affiliation_id integer unique, credential text, created_at bigint not null)`,
  `create table passkey (
    credential_id text primary key, doctor_id text not null references doctor, slot integer not null,
    qx text not null, qy text not null, sign_count bigint not null, created_at bigint not null)`,
  `create table session_grant (
    id text primary key, doctor_id text not null references doctor, credential_id text not null references passkey,
    statement text not null, assertion text not null, public_key text not null, expires_at bigint not null,
    created_at bigint not null)`,
  `alter table session add column session_grant_id text references session_grant`,
  `alter table consent_request add column doctor_account text`,
  `alter table consent_request add column affiliation_id integer`,
  `alter table consent_request add column signing text not null default 'serverSigned'`,
  `update consent_request set doctor_account = doctor.account, affiliation_id = doctor.affiliation_id
    from doctor where doctor.id = consent_request.doctor_id`,
  `alter table consent_request alter column doctor_account set not null`,
  `alter table consent_request alter column affiliation_id set not null`,
  `alter table user_operation alter column key_id drop not null`,
  `alter table user_operation alter column owner drop not null`,
  `create table unsigned_operation (
    id text primary key, doctor_id text not null references doctor, kind text not null,
    consent_request_id text references consent_request, request text, patient_account text not null, operation text not null, hash text not null,
    created_at bigint not null)`,
  `create index unsigned_operation_age on unsigned_operation (created_at)`,
  `alter table access_entry add column session_grant_id text references session_grant`,
  `alter table access_entry add column statement text`,
  `alter table access_entry add column signature text`,
  `alter table access_entry add column records_sealed bytea`,
]
