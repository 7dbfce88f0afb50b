import { expect, test } from 'vitest'
import { type AskFacts, mayAsk, mayOpenEmergency, reasonLength } from '../../../src/core/askRules.ts'
import { presets } from '../../../src/core/classes.ts'
import { type ConsentRequestId, day, type EpochMs } from '../../../src/core/people.ts'

const now = Date.UTC(2026, 10, 24, 9) as EpochMs
const facts: AskFacts = {
  now,
  preset: 'LAB_RESULTS',
  days: 7,
  open: 0,
  refusedAt: null,
  patientsToday: 0,
  askedToday: false,
}
const ask = (change: Partial<AskFacts>) => mayAsk({ ...facts, ...change })

test('a doctor may ask for every preset but PRIVATE, which needs a card', () => {
  for (const preset of presets)
    expect(ask({ preset })).toEqual(preset === 'PRIVATE' ? { code: 'presetNeedsCard' } : null)
})

test('from one to seven whole days', () => {
  for (const days of [1, 2, 7]) expect(ask({ days })).toBeNull()
  for (const days of [0, -1, 8, 365, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    expect(ask({ days })).toEqual({ code: 'daysOutOfRange', min: 1, max: 7 })
})

test('a patient has at most three open requests of one doctor', () => {
  expect(ask({ open: 2 })).toBeNull()
  expect(ask({ open: 3 })).toEqual({ code: 'tooManyOpenRequests', limit: 3 })
})

test('a refusal rests for seven days, to the millisecond', () => {
  const refusedAt = (now - 7 * day) as EpochMs
  expect(ask({ refusedAt })).toBeNull()
  const later = (refusedAt + 1) as EpochMs
  expect(ask({ refusedAt: later })).toEqual({ code: 'refusedRecently', until: later + 7 * day })
})

test('twenty new patients a day, and those asked today already do not count again', () => {
  expect(ask({ patientsToday: 19 })).toBeNull()
  expect(ask({ patientsToday: 20 })).toEqual({ code: 'tooManyPatientsToday', limit: 20 })
  expect(ask({ patientsToday: 20, askedToday: true })).toBeNull()
})

test('an emergency needs a reason, the review of the last one, and is one of the twenty new patients of a day', () => {
  const emergency = { reason: 'x'.repeat(reasonLength.min), unreviewed: null, patientsToday: 0, askedToday: false }
  expect(mayOpenEmergency(emergency)).toBeNull()
  expect(mayOpenEmergency({ ...emergency, reason: '🚑'.repeat(reasonLength.max) })).toBeNull()
  for (const length of [0, reasonLength.min - 1, reasonLength.max + 1])
    expect(mayOpenEmergency({ ...emergency, reason: 'x'.repeat(length) })).toEqual({
      code: 'reasonMissing',
      ...reasonLength,
    })
  const unreviewed = { requestId: 'last' as ConsentRequestId, reviewBy: now }
  expect(mayOpenEmergency({ ...emergency, unreviewed })).toEqual({ code: 'emergencyUnreviewed', ...unreviewed })
  expect(mayOpenEmergency({ ...emergency, patientsToday: 20 })).toEqual({ code: 'tooManyPatientsToday', limit: 20 })
  expect(mayOpenEmergency({ ...emergency, patientsToday: 20, askedToday: true })).toBeNull()
})
