import { describe, expect, test } from 'vitest'
import { purposes } from '../../../src/core/classes.ts'
import {
  answerTimeMs,
  grantEnd,
  isLive,
  isOpen,
  nextState,
  type RequestEvent,
  type RequestState,
  requestStates,
} from '../../../src/core/consent.ts'
import { day, type EpochMs, hour } from '../../../src/core/people.ts'

const events = [
  'openedOnChain',
  'rejectedByChain',
  'allow',
  'refuse',
  'notMe',
  'lapse',
  'withdraw',
  'grantedOnChain',
  'emergencyOnChain',
  'remove',
  'dispute',
  'expire',
  'useUp',
] as const satisfies readonly RequestEvent[]

/** Everything that may happen; what is not here does not. */
const lawful: readonly `${RequestState} ${RequestEvent} ${RequestState}`[] = [
  'asking openedOnChain asked',
  'asking emergencyOnChain granted',
  'asking rejectedByChain failed',
  'asking withdraw withdrawn',
  'asking lapse lapsed',
  'asked allow granting',
  'asked refuse refused',
  'asked notMe notMe',
  'asked lapse lapsed',
  'asked withdraw withdrawn',
  'granting grantedOnChain granted',
  'granting rejectedByChain failed',
  'granting remove removed',
  'granted rejectedByChain failed',
  'granted remove removed',
  'granted dispute disputed',
  'granted expire expired',
  'granted useUp usedUp',
  'expired dispute disputed',
  'failed emergencyOnChain granted',
]

test('what may follow what is exactly this list', () => {
  const found = requestStates.flatMap((state) =>
    events.flatMap((event) => {
      const next = nextState(state, event)
      return next === null ? [] : [`${state} ${event} ${next}`]
    }),
  )
  expect(found.sort()).toEqual([...lawful].sort())
})

test.each(['removed', 'disputed'] as const)('%s is final, whatever the chain says later', (state) => {
  for (const event of events) expect(nextState(state, event)).toBeNull()
})

test('access comes from a yes and the chain, in this order, or from an emergency on chain, and from nothing else', () => {
  const into = (state: RequestState) => lawful.filter((way) => way.endsWith(` ${state}`))
  expect(into('granted')).toEqual([
    'asking emergencyOnChain granted',
    'granting grantedOnChain granted',
    'failed emergencyOnChain granted',
  ])
  expect(into('granting')).toEqual(['asked allow granting'])
})

test('hearing an event twice changes nothing the second time', () => {
  for (const state of requestStates)
    for (const event of events) {
      const next = nextState(state, event)
      if (next !== null) expect(nextState(next, event)).toBeNull()
    }
})

test('a request is open, live or over, never two of these', () => {
  expect(requestStates.filter(isOpen)).toEqual(['asking', 'asked'])
  expect(requestStates.filter(isLive)).toEqual(['granting', 'granted'])
})

describe('times', () => {
  test('a patient has 24 hours for treatment, 72 hours for everything else', () => {
    expect(purposes.map((purpose) => [purpose, answerTimeMs(purpose) / hour])).toEqual([
      ['treatment', 24],
      ['payment', 72],
      ['research', 72],
      ['patientRequest', 72],
    ])
  })

  test.each([
    ['a morning', Date.UTC(2026, 10, 24, 9), 7, Date.UTC(2026, 11, 2)],
    ['midnight itself', Date.UTC(2026, 10, 24), 7, Date.UTC(2026, 11, 1)],
    ['a millisecond after midnight', Date.UTC(2026, 10, 24) + 1, 7, Date.UTC(2026, 11, 2)],
    ['one day over the end of the year', Date.UTC(2026, 11, 31, 12), 1, Date.UTC(2027, 0, 2)],
    ['a leap day', Date.UTC(2028, 1, 28, 12), 1, Date.UTC(2028, 2, 1)],
  ])('a grant ends at a whole day, rounded up: from %s', (_name, from, days, end) => {
    expect(grantEnd(from as EpochMs, days) * 1000).toBe(end)
  })

  test('a grant never lasts a whole day longer than asked', () => {
    for (let start = 0; start < day; start += 1_234_567) {
      const from = (Date.UTC(2026, 10, 24) + start) as EpochMs
      const lasts = grantEnd(from, 7) * 1000 - from
      expect(lasts).toBeGreaterThanOrEqual(7 * day)
      expect(lasts).toBeLessThan(8 * day)
    }
  })
})
