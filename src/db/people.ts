import type { Kysely } from 'kysely'
import type { Store } from '../core/store.ts'
import type { Tables } from './schema.ts'

export function peopleQueries(db: Kysely<Tables>): Store['people'] {
  return {
    async addHospital(row) {
      await db.insertInto('hospital').values(row).execute()
    },
    async addDoctor(row) {
      await db.insertInto('doctor').values(row).execute()
    },
    async addPatient(row) {
      await db.insertInto('patient').values(row).execute()
    },
    async addAddress(row) {
      await db.insertInto('phoneAddress').values(row).execute()
    },
    async hospital(id) {
      return (await db.selectFrom('hospital').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },
    async doctor(id) {
      const row = await db
        .selectFrom('doctor')
        .innerJoin('hospital', 'hospital.id', 'doctor.hospitalId')
        .selectAll('doctor')
        .select(['hospital.name as hospitalName', 'hospital.timeZone'])
        .where('doctor.id', '=', id)
        .executeTakeFirst()
      return row ?? null
    },
    async lockDoctor(id) {
      return (await db.selectFrom('doctor').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()) ?? null
    },
    async setCredential(id, credential) {
      await db.updateTable('doctor').set({ credential }).where('id', '=', id).execute()
    },
    async doctorByLogin(login) {
      return (await db.selectFrom('doctor').selectAll().where('login', '=', login).executeTakeFirst()) ?? null
    },
    async patient(id) {
      const row = await db
        .selectFrom('patient')
        .innerJoin('hospital', 'hospital.id', 'patient.hospitalId')
        .selectAll('patient')
        .select('hospital.timeZone')
        .where('patient.id', '=', id)
        .executeTakeFirst()
      return row ?? null
    },
    async patientByHealthId(healthId) {
      return (await db.selectFrom('patient').selectAll().where('healthId', '=', healthId).executeTakeFirst()) ?? null
    },
    async patientByAccount(account) {
      return (await db.selectFrom('patient').selectAll().where('account', '=', account).executeTakeFirst()) ?? null
    },
    async addressOf(patientId) {
      const row = await db
        .selectFrom('phoneAddress')
        .selectAll()
        .where('patientId', '=', patientId)
        .orderBy('since')
        .executeTakeFirst()
      return row ?? null
    },
    async address(id) {
      return (await db.selectFrom('phoneAddress').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },
    async findOrAddAddress(row) {
      await db
        .insertInto('phoneAddress')
        .values(row)
        .onConflict((conflict) => conflict.columns(['channel', 'addressIndex']).doNothing())
        .execute()
      return db
        .selectFrom('phoneAddress')
        .selectAll()
        .where('channel', '=', row.channel)
        .where('addressIndex', '=', row.addressIndex)
        .executeTakeFirstOrThrow()
    },
    async lockAddress(id) {
      const row = await db.selectFrom('phoneAddress').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
      return row ?? null
    },
    async setUnreachable(id, since) {
      await db.updateTable('phoneAddress').set({ unreachableSince: since }).where('id', '=', id).execute()
    },
    async addPasskeyAccount(row) {
      await db.insertInto('passkeyAccount').values(row).execute()
    },
    async passkeyAccount(id) {
      const row = await db.selectFrom('passkeyAccount').selectAll().where('doctorId', '=', id).executeTakeFirst()
      return row ?? null
    },
    async confirmPasskeyAccount(id, affiliationId, credential) {
      await db.updateTable('passkeyAccount').set({ affiliationId, credential }).where('doctorId', '=', id).execute()
    },
    async addPasskey(row) {
      await db.insertInto('passkey').values(row).execute()
    },
    async passkey(credentialId) {
      const row = await db.selectFrom('passkey').selectAll().where('credentialId', '=', credentialId).executeTakeFirst()
      return row ?? null
    },
    passkeysOf: (id) => db.selectFrom('passkey').selectAll().where('doctorId', '=', id).orderBy('createdAt').execute(),
    async countSignature(credentialId, signCount) {
      const { numUpdatedRows } = await db
        .updateTable('passkey')
        .set({ signCount })
        .where('credentialId', '=', credentialId)
        .where('signCount', '<=', signCount)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    async addSessionGrant(row) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('sessionGrant')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    },
    async sessionGrant(id) {
      return (await db.selectFrom('sessionGrant').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },
    async addSession(row) {
      await db.insertInto('session').values(row).execute()
    },
    async session(tokenHash, now) {
      const row = await db
        .selectFrom('session')
        .selectAll()
        .where('tokenHash', '=', tokenHash)
        .where('expiresAt', '>', now)
        .executeTakeFirst()
      return row ?? null
    },
    async dropSession(tokenHash) {
      await db.deleteFrom('session').where('tokenHash', '=', tokenHash).execute()
    },
  }
}
