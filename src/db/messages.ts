import type { Kysely } from 'kysely'
import type { Store } from '../core/store.ts'
import type { Tables } from './schema.ts'

export function messageQueries(db: Kysely<Tables>): Store['messages'] {
  return {
    async receive(row) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('inboundMessage')
        .values(row)
        .onConflict((conflict) => conflict.column('providerId').doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    },
    async inbound(id) {
      return (await db.selectFrom('inboundMessage').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },
    waiting: (addressId) =>
      db
        .selectFrom('inboundMessage')
        .selectAll()
        .where('addressId', '=', addressId)
        .where('handledAt', 'is', null)
        .orderBy('sequence')
        .execute(),
    async markHandled(id, at) {
      await db.updateTable('inboundMessage').set({ handledAt: at }).where('id', '=', id).execute()
    },
    async wipe(id, textSealed) {
      await db.updateTable('inboundMessage').set({ textSealed }).where('id', '=', id).execute()
    },
    async addOutbound(row) {
      await db.insertInto('outboundMessage').values(row).execute()
    },
    async outbound(id) {
      return (await db.selectFrom('outboundMessage').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },
    async updateOutbound(id, change) {
      await db.updateTable('outboundMessage').set(change).where('id', '=', id).execute()
    },
    async outboundByProviderId(providerId) {
      const row = await db
        .selectFrom('outboundMessage')
        .selectAll()
        .where('providerId', '=', providerId)
        .executeTakeFirst()
      return row ?? null
    },
    async lastOutbound(addressId) {
      const row = await db
        .selectFrom('outboundMessage')
        .selectAll()
        .where('addressId', '=', addressId)
        .where('state', '!=', 'suppressed')
        .orderBy('sequence', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row ?? null
    },
    async promptOf(requestId) {
      const row = await db
        .selectFrom('outboundMessage')
        .selectAll()
        .where('consentRequestId', '=', requestId)
        .where('phrase', '=', 'prompt')
        .orderBy('sequence')
        .executeTakeFirst()
      return row ?? null
    },
    async countIdentical(addressId, textIndex, since) {
      const { count } = await db
        .selectFrom('outboundMessage')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('addressId', '=', addressId)
        .where('textIndex', '=', textIndex)
        .where('createdAt', '>=', since)
        .executeTakeFirstOrThrow()
      return Number(count)
    },
    async countPhrase(addressId, phrase, since) {
      const { count } = await db
        .selectFrom('outboundMessage')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('addressId', '=', addressId)
        .where('phrase', '=', phrase)
        .where('createdAt', '>=', since)
        .executeTakeFirstOrThrow()
      return Number(count)
    },
  }
}
