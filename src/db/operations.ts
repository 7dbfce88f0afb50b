import { type Kysely, sql } from 'kysely'
import type { UserOperationRow } from '../core/rows.ts'
import type { OperationWithSubject, Store } from '../core/store.ts'
import { changesPasskeys, openingKinds } from '../core/userOperation.ts'
import { requestsWithPeople } from './requests.ts'
import type { Tables } from './schema.ts'

export function operationQueries(db: Kysely<Tables>): Store['operations'] {
  return {
    async add(row) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('userOperation')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .columns([row.consentRequestId === null ? 'safeguardChangeId' : 'consentRequestId', 'kind'])
            .doNothing(),
        )
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    },
    async get(id) {
      return (await db.selectFrom('userOperation').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },
    async prepared(limit, now) {
      const operations = await db
        .selectFrom('userOperation')
        .selectAll()
        .where('status', '=', 'prepared')
        .where('notBefore', '<=', now)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('userOperation as before')
                .select('before.id')
                .whereRef('before.sender', '=', 'userOperation.sender')
                .whereRef('before.nonceKey', '=', 'userOperation.nonceKey')
                .where('before.status', '=', 'submitted'),
            ),
          ),
        )
        // The ledger must know a request before it can take anything else about it.
        .where(({ not, exists, selectFrom, or, eb }) =>
          or([
            eb('kind', 'in', openingKinds),
            not(
              exists(
                selectFrom('userOperation as opening')
                  .select('opening.id')
                  .whereRef('opening.consentRequestId', '=', 'userOperation.consentRequestId')
                  .where('opening.kind', 'in', openingKinds)
                  .where('opening.status', 'in', ['prepared', 'submitted']),
              ),
            ),
          ]),
        )
        .orderBy('nonceKey', 'desc')
        .orderBy('sequence')
        .limit(limit)
        .execute()
      return withSubjects(db, operations)
    },
    async byHash(hash) {
      const operations = db.selectFrom('userOperation').selectAll()
      const now = await operations.where('hash', '=', hash).executeTakeFirst()
      return now ?? (await operations.where('earlierHashes', 'like', `%${hash}%`).executeTakeFirst()) ?? null
    },
    inFlight: (sender) =>
      db
        .selectFrom('userOperation')
        .selectAll()
        .where('sender', '=', sender)
        .where('status', '=', 'submitted')
        .execute(),
    async ofRequest(requestId, kind) {
      const found = db.selectFrom('userOperation').selectAll().where('consentRequestId', '=', requestId)
      return (await found.where('kind', '=', kind).executeTakeFirst()) ?? null
    },
    ofChange: (changeId) =>
      db.selectFrom('userOperation').selectAll().where('safeguardChangeId', '=', changeId).execute(),
    alone: () =>
      db
        .selectFrom('userOperation')
        .selectAll()
        .where('status', '=', 'submitted')
        .where('bundleId', 'is', null)
        .orderBy('sequence')
        .execute(),
    inBundle: (bundleId) => db.selectFrom('userOperation').selectAll().where('bundleId', '=', bundleId).execute(),
    async update(id, change) {
      await db.updateTable('userOperation').set(change).where('id', '=', id).execute()
    },
    async settleUpTo({ safe, final }) {
      await db
        .updateTable('userOperation')
        .set({ status: 'succeeded', codeSealed: null })
        .where('status', 'in', ['included', 'safe'])
        .where('blockNumber', '<=', final)
        .execute()
      await db
        .updateTable('userOperation')
        .set({ status: 'safe' })
        .where('status', '=', 'included')
        .where('blockNumber', '<=', safe)
        .execute()
    },
    async takeBackAfter(blockNumber) {
      // The block's number stays in the row: it says that the patient was told.
      await db
        .updateTable('userOperation')
        .set({ status: 'submitted' })
        .where('status', 'in', ['included', 'safe', 'reverted'])
        .where('blockNumber', '>', blockNumber)
        .execute()
    },
    async claim({ id, signed, hash }, bundleId, now) {
      const { numUpdatedRows } = await db
        .updateTable('userOperation')
        .set({
          status: 'submitted',
          bundleId,
          signed,
          hash,
          // All that were sent under the row: a block may take any of them.
          earlierHashes: sql`case when hash = ${hash} then earlier_hashes else trim(earlier_hashes || ' ' || coalesce(hash, '')) end`,
          failure: null,
          attempts: sql`attempts + 1`,
          updatedAt: now,
        })
        .where('id', '=', id)
        .where('status', '=', 'prepared')
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    async giveBack(id, hash, change) {
      const { numUpdatedRows } = await db
        .updateTable('userOperation')
        .set({ ...change, status: 'prepared' })
        .where('id', '=', id)
        .where('hash', '=', hash)
        .where('status', '=', 'submitted')
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    open: (sender) =>
      db
        .selectFrom('userOperation')
        .selectAll()
        .where('sender', '=', sender)
        .where('status', 'in', ['prepared', 'submitted'])
        .execute(),
    async addUnsigned(row, forgetBefore) {
      await db.deleteFrom('unsignedOperation').where('createdAt', '<', forgetBefore).execute()
      await db.insertInto('unsignedOperation').values(row).execute()
    },
    async unsigned(id) {
      return (await db.selectFrom('unsignedOperation').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },
    async takeUnsigned(id) {
      return (await db.deleteFrom('unsignedOperation').where('id', '=', id).returningAll().executeTakeFirst()) ?? null
    },
  }
}

async function withSubjects(
  db: Kysely<Tables>,
  operations: readonly UserOperationRow[],
): Promise<OperationWithSubject[]> {
  const requestIds = new Set(operations.flatMap(({ consentRequestId }) => consentRequestId ?? []))
  const changeIds = new Set(operations.flatMap(({ safeguardChangeId }) => safeguardChangeId ?? []))
  const requests =
    requestIds.size === 0
      ? []
      : await requestsWithPeople(db)
          .innerJoin('patient', 'patient.id', 'consentRequest.patientId')
          .select('patient.account as patientAccount')
          .where('consentRequest.id', 'in', [...requestIds])
          .execute()
  const changes =
    changeIds.size === 0
      ? []
      : await db
          .selectFrom('safeguardChange')
          .innerJoin('patient', 'patient.id', 'safeguardChange.patientId')
          .selectAll('safeguardChange')
          .select('patient.account as patientAccount')
          .where('safeguardChange.id', 'in', [...changeIds])
          .execute()
  const requestById = new Map(requests.map((request) => [request.id as string, request]))
  const changeById = new Map(changes.map((change) => [change.id, change]))
  return operations.flatMap((operation) => {
    const request = requestById.get(operation.consentRequestId ?? '') ?? null
    const change = changeById.get(operation.safeguardChangeId ?? '') ?? null
    const patientAccount = (request ?? change)?.patientAccount ?? null
    // Which kinds belong to which is the row's own: `newUserOperation` and its like see to it.
    return patientAccount !== null || changesPasskeys(operation.kind)
      ? [{ ...operation, request, change, patientAccount } as OperationWithSubject]
      : []
  })
}

export function transactionQueries(db: Kysely<Tables>): Store['transactions'] {
  return {
    async add(row) {
      await db.insertInto('operatorTransaction').values(row).execute()
    },
    sent: () =>
      db.selectFrom('operatorTransaction').selectAll().where('status', '=', 'sent').orderBy('sequence').execute(),
    async update(id, change) {
      await db.updateTable('operatorTransaction').set(change).where('id', '=', id).execute()
    },
    async replace(id, hash, change) {
      const { numUpdatedRows } = await db
        .updateTable('operatorTransaction')
        .set({ ...change, earlierHashes: sql`trim(earlier_hashes || ' ' || hash)` })
        .where('id', '=', id)
        .where('hash', '=', hash)
        .where('status', '=', 'sent')
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    async takeBackAfter(blockNumber) {
      await db
        .updateTable('operatorTransaction')
        .set({ status: 'sent', blockNumber: null, sentBlock: null })
        .where('status', '=', 'included')
        .where('blockNumber', '>', blockNumber)
        .execute()
    },
    async highestNonce(operator) {
      const { nonce } = await db
        .selectFrom('operatorTransaction')
        .select(({ fn }) => fn.max('nonce').as('nonce'))
        .where('operator', '=', operator)
        .where('status', 'in', ['sent', 'included'])
        .executeTakeFirstOrThrow()
      return nonce === null ? null : Number(nonce)
    },
  }
}
