import type { Kysely } from 'kysely'
import type { PatientId } from '../core/people.ts'
import type { CodeCardRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import type { Tables } from './schema.ts'

export function cardQueries(db: Kysely<Tables>): Store['cards'] {
  const standingAs = (patientId: PatientId, standing: CodeCardRow['standing']) =>
    db.selectFrom('codeCard').selectAll().where('patientId', '=', patientId).where('standing', '=', standing)
  return {
    async add(row, lines) {
      await db.insertInto('codeCard').values(row).execute()
      await db
        .insertInto('codeCardLine')
        .values(lines.map((line) => ({ ...line, cardId: row.id })))
        .execute()
    },
    async ofPatient(patientId) {
      return (await standingAs(patientId, 'current').executeTakeFirst()) ?? null
    },
    async pendingOf(patientId) {
      return (await standingAs(patientId, 'pending').executeTakeFirst()) ?? null
    },
    async replace(patientId, tip) {
      const next = await standingAs(patientId, 'pending').where('tip', '=', tip).executeTakeFirst()
      if (!next) return
      const cards = db.updateTable('codeCard')
      await cards
        .set({ standing: 'replaced' })
        .where('patientId', '=', patientId)
        .where('standing', '=', 'current')
        .execute()
      await cards.set({ standing: 'current' }).where('id', '=', next.id).execute()
    },
    async dropPending(patientId) {
      await db
        .updateTable('codeCard')
        .set({ standing: 'dropped' })
        .where('patientId', '=', patientId)
        .where('standing', '=', 'pending')
        .execute()
    },
    async lockOfPatient(patientId) {
      return (await standingAs(patientId, 'current').forUpdate().executeTakeFirst()) ?? null
    },
    lines: (cardId) =>
      db
        .selectFrom('codeCardLine')
        .select(['line', 'lineHash', 'nextLink'])
        .where('cardId', '=', cardId)
        .orderBy('line')
        .execute(),
    async setNextLine(cardId, nextLine) {
      await db.updateTable('codeCard').set({ nextLine }).where('id', '=', cardId).execute()
    },
    async waiting(cardId) {
      const rows = await db
        .selectFrom('consentRequest')
        .select(['id', 'cardLine'])
        .where('cardId', '=', cardId)
        .where('state', '=', 'asking')
        .unionAll(
          db
            .selectFrom('safeguardChange')
            .select(['id', 'cardLine'])
            .where('cardId', '=', cardId)
            .where('state', '=', 'asking') as never,
        )
        .orderBy('cardLine')
        .execute()
      return rows.flatMap(({ id, cardLine }) => (cardLine === null ? [] : [{ id, cardLine }]))
    },
    async addMiss(row) {
      await db
        .insertInto('codeMiss')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },
    async countMisses(patientId) {
      const { count } = await db
        .selectFrom('codeMiss')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('patientId', '=', patientId)
        .executeTakeFirstOrThrow()
      return Number(count)
    },
    async clearMisses(patientId) {
      await db.deleteFrom('codeMiss').where('patientId', '=', patientId).execute()
    },
    async addPause(row) {
      await db.insertInto('sharingPause').values(row).execute()
    },
    async pausedUntil(patientId, now) {
      const { until } = await db
        .selectFrom('sharingPause')
        .select(({ fn }) => fn.max('pausedUntil').as('until'))
        .where('patientId', '=', patientId)
        .where('pausedUntil', '>', now)
        .executeTakeFirstOrThrow()
      return until
    },
  }
}
