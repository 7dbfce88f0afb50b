import type { Kysely } from 'kysely'
import type { RequestWithPeople, Store } from '../core/store.ts'
import type { Tables } from './schema.ts'

/** Requests with the doctor and the hospital in them. */
export function requestsWithPeople(db: Kysely<Tables>) {
  return db
    .selectFrom('consentRequest')
    .innerJoin('doctor', 'doctor.id', 'consentRequest.doctorId')
    .innerJoin('hospital', 'hospital.id', 'doctor.hospitalId')
    .selectAll('consentRequest')
    .select(['doctor.shortName as doctorShortName', 'hospital.shortName as hospitalShortName', 'hospital.timeZone'])
}

export function requestQueries(db: Kysely<Tables>): Store['requests'] {
  const withPeople = () => requestsWithPeople(db)

  return {
    async add(row) {
      await db.insertInto('consentRequest').values(row).execute()
    },
    async get(id) {
      return (await withPeople().where('consentRequest.id', '=', id).executeTakeFirst()) ?? null
    },
    async lock(id) {
      const row = await withPeople().where('consentRequest.id', '=', id).forUpdate('consentRequest').executeTakeFirst()
      return row ?? null
    },
    async byLedgerId(ledgerRequestId) {
      const row = await withPeople().where('ledgerRequestId', '=', ledgerRequestId).executeTakeFirst()
      return row ?? null
    },
    async update(id, change) {
      await db.updateTable('consentRequest').set(change).where('id', '=', id).execute()
    },
    ofDoctor: (doctorId, limit): Promise<RequestWithPeople[]> =>
      withPeople().where('consentRequest.doctorId', '=', doctorId).orderBy('askedAt', 'desc').limit(limit).execute(),
    ofPatient: (patientId, endedSince): Promise<RequestWithPeople[]> =>
      withPeople()
        .where('patientId', '=', patientId)
        .where(({ or, eb }) => or([eb('endedAt', 'is', null), eb('endedAt', '>=', endedSince)]))
        .orderBy('askedAt')
        .execute(),
    async grantedTo(providers) {
      const granted = withPeople().where('consentRequest.state', '=', 'granted')
      const found =
        'hospital' in providers
          ? granted.where('hospital.account', '=', providers.hospital)
          : granted.where('consentRequest.affiliationId', '=', providers.affiliationId)
      return (await found.execute()).map(({ id }) => id)
    },
    async lastEmergency(doctorAccount, healthId) {
      const last = db
        .selectFrom('consentRequest')
        .selectAll()
        .where('doctorAccount', '=', doctorAccount)
        .where('healthId', '=', healthId)
        .where('purpose', '=', 'emergency')
        .where('state', '!=', 'failed')
        .where('grantedUntil', 'is not', null)
        .orderBy('grantedUntil', 'desc')
      return (await last.executeTakeFirst()) ?? null
    },
    async askFacts(doctorId, healthId, { dayAgo, weekAgo }) {
      const toThisPatient = db
        .selectFrom('consentRequest')
        .where('doctorId', '=', doctorId)
        .where('healthId', '=', healthId)
      const { open } = await toThisPatient
        .select(({ fn }) => fn.countAll<number>().as('open'))
        .where('state', 'in', ['asking', 'asked'])
        .executeTakeFirstOrThrow()
      const { refusedAt } = await toThisPatient
        .select(({ fn }) => fn.max('answeredAt').as('refusedAt'))
        .where('state', 'in', ['refused', 'notMe'])
        .where('answeredAt', '>=', weekAgo)
        .executeTakeFirstOrThrow()
      const { patientsToday } = await db
        .selectFrom('consentRequest')
        .select(({ fn }) => fn.count<number>('healthId').distinct().as('patientsToday'))
        .where('doctorId', '=', doctorId)
        .where('askedAt', '>=', dayAgo)
        .executeTakeFirstOrThrow()
      const { askedToday } = await toThisPatient
        .select(({ fn }) => fn.countAll<number>().as('askedToday'))
        .where('askedAt', '>=', dayAgo)
        .executeTakeFirstOrThrow()
      return {
        open: Number(open),
        refusedAt,
        patientsToday: Number(patientsToday),
        askedToday: Number(askedToday) > 0,
      }
    },
  }
}
