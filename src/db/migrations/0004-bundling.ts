import { type Kysely, sql } from 'kysely'

/** Transactions that are replaced keep the hashes they had; operations say whose signature they carry. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table operator_transaction
    add column earlier_hashes text not null default '',
    add column sent_block bigint,
    add column urgent boolean not null default false`,
  `alter table user_operation add column signed_by text not null default 'vault'`,
]
