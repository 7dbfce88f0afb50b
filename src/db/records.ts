import type { Kysely } from 'kysely'
import type { Store } from '../core/store.ts'
import type { Tables } from './schema.ts'

export function recordQueries(db: Kysely<Tables>): Store['records'] {
  return {
    async add(record, version) {
      await db.insertInto('record').values(record).execute()
      await db.insertInto('recordVersion').values(version).execute()
    },
    async version(recordId, version) {
      const row = await db
        .selectFrom('recordVersion')
        .innerJoin('record', 'record.id', 'recordVersion.recordId')
        .selectAll('recordVersion')
        .select('record.patientId')
        .where('recordId', '=', recordId)
        .where('version', '=', version)
        .executeTakeFirst()
      return row ?? null
    },
    async markStored(recordId, version, at) {
      await db
        .updateTable('recordVersion')
        .set({ state: 'stored', storedAt: at })
        .where('recordId', '=', recordId)
        .where('version', '=', version)
        .execute()
    },
    ofPatient: (patientId, classes, from, until) =>
      db
        .selectFrom('recordVersion')
        .innerJoin('record', 'record.id', 'recordVersion.recordId')
        .distinctOn(['record.date', 'record.id'])
        .selectAll('recordVersion')
        .select(['record.class', 'record.date'])
        .where('record.patientId', '=', patientId)
        .where('record.class', 'in', [...classes])
        .where('record.date', '>=', from)
        .where('record.date', '<=', until)
        .orderBy('record.date', 'desc')
        .orderBy('record.id')
        .orderBy('version', 'desc')
        .execute(),
  }
}

export function keyQueries(db: Kysely<Tables>): Store['keys'] {
  return {
    async add(row) {
      await db.insertInto('vaultKey').values(row).execute()
    },
    async get(id) {
      return (await db.selectFrom('vaultKey').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },
  }
}
