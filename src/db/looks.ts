import type { Kysely } from 'kysely'
import type { Store } from '../core/store.ts'
import type { Tables } from './schema.ts'

export function lookQueries(db: Kysely<Tables>): Store['looks'] {
  const withRequest = () =>
    db
      .selectFrom('accessEntry')
      .innerJoin('consentRequest', 'consentRequest.id', 'accessEntry.consentRequestId')
      .innerJoin('doctor', 'doctor.id', 'accessEntry.doctorId')
      .selectAll('accessEntry')
      .select([
        'consentRequest.number',
        'consentRequest.healthId',
        'consentRequest.preset',
        'doctor.shortName as doctorShortName',
      ])

  return {
    async add(row) {
      await db.insertInto('accessEntry').values(row).execute()
    },
    async get(id) {
      return (await db.selectFrom('accessEntry').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },
    async byEntryId(entryId) {
      return (await db.selectFrom('accessEntry').selectAll().where('entryId', '=', entryId).executeTakeFirst()) ?? null
    },
    unsent: (limit) =>
      db
        .selectFrom('accessEntry')
        .innerJoin('consentRequest', 'consentRequest.id', 'accessEntry.consentRequestId')
        .selectAll('accessEntry')
        .select('consentRequest.ledgerRequestId')
        .where('accessEntry.state', '=', 'waiting')
        .where('transactionId', 'is', null)
        .orderBy('accessEntry.sequence')
        .limit(limit)
        .execute(),
    inTransaction: (transactionId) =>
      db.selectFrom('accessEntry').selectAll().where('transactionId', '=', transactionId).execute(),
    async update(id, change) {
      await db.updateTable('accessEntry').set(change).where('id', '=', id).execute()
    },
    async takeBackAfter(blockNumber) {
      // When it was first logged stays in the row: it says that the record was shown.
      await db
        .updateTable('accessEntry')
        .set({ state: 'waiting' })
        .where('state', '=', 'logged')
        .where('blockNumber', '>', blockNumber)
        .execute()
    },
    async claim(ids, transactionId) {
      if (ids.length === 0) return 0
      const { numUpdatedRows } = await db
        .updateTable('accessEntry')
        .set({ transactionId })
        .where('id', 'in', ids)
        .where('transactionId', 'is', null)
        .executeTakeFirst()
      return Number(numUpdatedRows)
    },
    async evidence() {
      const sessions = await db
        .selectFrom('sessionGrant')
        .select(['statement', 'assertion'])
        .orderBy('createdAt')
        .execute()
      const looks = await db
        .selectFrom('accessEntry')
        .select(['statement', 'signature'])
        .where('signature', 'is not', null)
        .orderBy('sequence')
        .execute()
      return {
        sessions,
        looks: looks.flatMap(({ statement, signature }) => (statement && signature ? [{ statement, signature }] : [])),
      }
    },
    ofDoctor: (doctorId, limit) =>
      withRequest()
        .where('accessEntry.doctorId', '=', doctorId)
        .where('accessEntry.state', '!=', 'unsigned')
        .orderBy('accessEntry.sequence', 'desc')
        .limit(limit)
        .execute(),
    ofPatient: (patientId, limit) =>
      withRequest()
        .where('consentRequest.patientId', '=', patientId)
        .where('accessEntry.state', '=', 'logged')
        .orderBy('accessEntry.sequence', 'desc')
        .limit(limit)
        .execute(),
  }
}
