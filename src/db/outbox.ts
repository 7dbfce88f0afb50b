import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Store } from '../core/store.ts'
import type { Tables } from './schema.ts'

export function outboxQueries(db: Kysely<Tables>): Store['outbox'] {
  const open = () => db.selectFrom('outbox').where('doneAt', 'is', null).where('failedAt', 'is', null)
  return {
    async add(job, subjectId, now, notBefore = now) {
      await db
        .insertInto('outbox')
        .values({
          id: randomUUID(),
          job,
          subjectId,
          createdAt: now,
          notBefore,
          relayedAt: null,
          doneAt: null,
          failedAt: null,
          attempts: 0,
          lastError: null,
        })
        .execute()
      if (notBefore <= now) await sql`select pg_notify('outbox', '')`.execute(db)
    },
    async get(id) {
      return (await db.selectFrom('outbox').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },
    due: (now, staleSince, limit) =>
      open()
        .selectAll()
        .where('notBefore', '<=', now)
        .where(({ or, eb }) => or([eb('relayedAt', 'is', null), eb('relayedAt', '<', staleSince)]))
        .orderBy('sequence')
        .limit(limit)
        .execute(),
    async update(id, change) {
      await db.updateTable('outbox').set(change).where('id', '=', id).execute()
    },
    async markRelayed(ids, at) {
      await db
        .updateTable('outbox')
        .set({ relayedAt: at })
        .where('id', 'in', [...ids])
        .execute()
    },
    async hasten(subjectIds, reason, now) {
      if (subjectIds.length === 0) return
      const { numUpdatedRows } = await db
        .updateTable('outbox')
        .set({ notBefore: now })
        .where('subjectId', 'in', [...subjectIds])
        .where('lastError', '=', reason)
        .where('notBefore', '>', now)
        .where('doneAt', 'is', null)
        .where('failedAt', 'is', null)
        .executeTakeFirst()
      if (numUpdatedRows > 0n) await sql`select pg_notify('outbox', '')`.execute(db)
    },
    async relayAnew() {
      await db
        .updateTable('outbox')
        .set({ relayedAt: null })
        .where('doneAt', 'is', null)
        .where('failedAt', 'is', null)
        .execute()
    },
    async countDue(now) {
      const { count } = await open()
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('notBefore', '<=', now)
        .executeTakeFirstOrThrow()
      return Number(count)
    },
  }
}
