import { statSync } from 'node:fs'
import parsePhoneNumber from 'libphonenumber-js/max'
import { describe, expect, test } from 'vitest'
import { doctors, hospital, patients, readRecentRecord, readRecord } from '../../../local/people/people.ts'
import { endDaysAgo, newestDay, shiftDates } from '../../../local/people/shiftDates.ts'
import type { EpochMs } from '../../../src/core/people.ts'
import { splitBundle } from '../../../src/records/splitBundle.ts'

const now = Date.parse('2026-11-22T12:00:00Z') as EpochMs

describe('the villagers', () => {
  test('have names that fit a text message', () => {
    expect(hospital.shortName.length).toBeLessThanOrEqual(18)
    for (const doctor of doctors) expect(doctor.shortName.length).toBeLessThanOrEqual(19)
  })

  test('have Kenyan mobile numbers, older than 30 days, on as many phones as the simulator shows', () => {
    for (const { phone, phoneAgeDays } of patients) {
      const parsed = parsePhoneNumber(phone)
      expect(parsed?.country).toBe('KE')
      expect(parsed?.getType()).toBe('MOBILE')
      expect(phoneAgeDays).toBeGreaterThan(30)
    }
    expect(new Set(patients.map(({ phone }) => phone)).size).toBeLessThanOrEqual(4)
  })

  test('read English and Swahili', () => {
    expect(new Set(patients.map(({ language }) => language))).toEqual(new Set(['en', 'sw']))
  })

  test.each(patients)('$name has lab results in the last twelve months, and none in the future', (patient) => {
    const bundle = readRecentRecord(patient, now)
    expect(newestDay(bundle)).toBe('2026-11-20')
    const { documents } = splitBundle(bundle)
    const labs = documents.filter(({ class: recordClass, date }) => recordClass === 'labs' && date > '2025-11-22')
    expect(labs.length).toBeGreaterThan(0)
  })

  test.each(patients)('$name has a small fixture that names nobody else', (patient) => {
    const bundle = readRecord(patient)
    expect(statSync(new URL(`../../../local/people/${patient.key}.json`, import.meta.url)).size).toBeLessThan(150_000)
    const names = (bundle.entry ?? []).flatMap(({ resource }) =>
      resource?.resourceType === 'Patient' ? resource.name : [],
    )
    expect(names.map((name) => `${name?.given?.[0]} ${name?.family}`)).toEqual([patient.name])
    expect(JSON.stringify(bundle)).not.toMatch(/Massachusetts|"US"|\bMA\b|identifier|telecom/)
  })
})

describe('moving dates', () => {
  const bundle = {
    resourceType: 'Bundle' as const,
    type: 'collection' as const,
    timestamp: '2021-03-18T22:30:00.604+03:00',
    entry: [
      { resource: { resourceType: 'Patient' as const, birthDate: '1981-07-23' } },
      {
        resource: {
          resourceType: 'Goal' as const,
          startDate: '2020-02-28',
          id: '2020',
          description: { text: 'on 2020-02-28' },
        },
      },
    ],
  }

  test('keeps distances, times of day, zones and birthdays, and leaves the original alone', () => {
    expect(shiftDates(bundle as never, 366)).toEqual({
      ...bundle,
      timestamp: '2022-03-19T22:30:00.604+03:00',
      entry: [
        bundle.entry[0],
        {
          resource: {
            resourceType: 'Goal',
            startDate: '2021-02-28',
            id: '2020',
            description: { text: 'on 2020-02-28' },
          },
        },
      ],
    })
    expect(bundle.timestamp).toBe('2021-03-18T22:30:00.604+03:00')
  })

  test('and moving back gives the same bundle', () => {
    expect(shiftDates(shiftDates(bundle as never, 2_345), -2_345)).toEqual(bundle)
  })

  test('puts the newest day where it was asked for', () => {
    expect(newestDay(bundle as never)).toBe('2021-03-18')
    expect(newestDay(endDaysAgo(bundle as never, now, 2))).toBe('2026-11-20')
    const empty = { resourceType: 'Bundle' as const, type: 'collection' as const }
    expect(endDaysAgo(empty, now, 2)).toBe(empty)
  })
})
