import type { Kysely } from 'kysely'
import type { PatientId } from '../core/people.ts'
import { openChangeStates, standingOf } from '../core/safeguards.ts'
import type { Store } from '../core/store.ts'
import type { Tables } from './schema.ts'

export function safeguardQueries(db: Kysely<Tables>): Store['safeguards'] {
  const changes = () => db.selectFrom('safeguardChange').selectAll()
  const openChanges = (patientId: PatientId) =>
    changes().where('patientId', '=', patientId).where('state', 'in', openChangeStates).orderBy('sequence').execute()
  return {
    async standing(patientId) {
      const said = await db
        .selectFrom('safeguardEvent')
        .innerJoin('patient', 'patient.account', 'safeguardEvent.account')
        .select(['news', 'safeguard'])
        .where('patient.id', '=', patientId)
        .orderBy('blockNumber')
        .orderBy('logIndex')
        .execute()
      const card = await db
        .selectFrom('codeCard')
        .select('id')
        .where('patientId', '=', patientId)
        .where('standing', '=', 'current')
        .executeTakeFirst()
      const open = await openChanges(patientId)
      const tightened = open.flatMap(({ step, safeguard }) => (step === 'tighten' ? [safeguard] : []))
      return standingOf(said, tightened, card !== undefined)
    },
    openChanges,
    async addChange(row) {
      await db.insertInto('safeguardChange').values(row).execute()
    },
    async change(id) {
      return (await changes().where('id', '=', id).executeTakeFirst()) ?? null
    },
    async lockChange(id) {
      return (await changes().where('id', '=', id).forUpdate().executeTakeFirst()) ?? null
    },
    async updateChange(id, change) {
      await db.updateTable('safeguardChange').set(change).where('id', '=', id).execute()
    },
    async executedIn(transactionId) {
      return (await changes().where('transactionId', '=', transactionId).executeTakeFirst()) ?? null
    },
    async claimExecution(id, transactionId) {
      const { numUpdatedRows } = await db
        .updateTable('safeguardChange')
        .set({ transactionId })
        .where('id', '=', id)
        .where('state', '=', 'waiting')
        .where('transactionId', 'is', null)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    async addEvent(row) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('safeguardEvent')
        .values(row)
        .onConflict((conflict) => conflict.columns(['transactionHash', 'logIndex']).doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    },
    async takeBackAfter(blockNumber) {
      // That she was told of an emergency stays: what says so is no standing of hers.
      await db
        .deleteFrom('safeguardEvent')
        .where('blockNumber', '>', blockNumber)
        .where('news', '<>', 'emergencyElsewhere')
        .execute()
    },
  }
}
