import { describe, expect, test } from 'vitest'
import type { EpochMs } from '../../../src/core/people.ts'
import { afterQuietHours } from '../../../src/core/quietHours.ts'

const goesAt = (iso: string, zone: string) => new Date(afterQuietHours(Date.parse(iso) as EpochMs, zone)).toISOString()

describe('in Nairobi, three hours ahead of UTC all year', () => {
  test.each([
    ['at 08:00 on the dot at once', '2026-11-24T05:00:00.000Z', '2026-11-24T05:00:00.000Z'],
    ['at 19:59 at once', '2026-11-24T16:59:59.999Z', '2026-11-24T16:59:59.999Z'],
    ['at 20:00 the next morning', '2026-11-24T17:00:00.000Z', '2026-11-25T05:00:00.000Z'],
    ['at midnight the same morning', '2026-11-24T21:00:00.000Z', '2026-11-25T05:00:00.000Z'],
    ['at 07:59 a minute later', '2026-11-25T04:59:59.999Z', '2026-11-25T05:00:00.000Z'],
    ['in the last night of the year in the new one', '2026-12-31T20:07:13.001Z', '2027-01-01T05:00:00.000Z'],
  ])('what can wait goes %s', (_when, now, expected) => {
    expect(goesAt(now, 'Africa/Nairobi')).toBe(expected)
  })
})

describe('in London, where clocks change', () => {
  test('in the short night of spring, 08:00 is seven hours after midnight UTC', () => {
    expect(goesAt('2027-03-27T22:00:00.000Z', 'Europe/London')).toBe('2027-03-28T07:00:00.000Z')
  })

  test('in the long night of autumn, 08:00 is eight hours after midnight UTC', () => {
    expect(goesAt('2026-10-24T19:30:00.000Z', 'Europe/London')).toBe('2026-10-25T08:00:00.000Z')
  })

  test('the hour that happens twice is quiet both times', () => {
    for (const now of ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z'])
      expect(goesAt(now, 'Europe/London')).toBe('2026-10-25T08:00:00.000Z')
  })
})

test('zones that are off by a quarter or half of an hour have their own 08:00', () => {
  expect(goesAt('2026-11-24T18:00:00.000Z', 'Asia/Kathmandu')).toBe('2026-11-25T02:15:00.000Z')
  expect(goesAt('2026-11-24T18:00:00.000Z', 'Asia/Kolkata')).toBe('2026-11-25T02:30:00.000Z')
})

test('at every minute of two days, a text goes at once by day and at 08:00 by night', () => {
  const start = Date.UTC(2026, 10, 24)
  for (let minute = 0; minute < 2 * 1440; minute += 7) {
    const now = (start + minute * 60_000) as EpochMs
    const hour = new Date(now + 3 * 3_600_000).getUTCHours()
    const goes = afterQuietHours(now, 'Africa/Nairobi')
    if (hour >= 8 && hour < 20) expect(goes).toBe(now)
    else {
      expect(new Date(goes).toISOString()).toMatch(/T05:00:00\.000Z$/)
      expect(goes - now).toBeLessThanOrEqual(12 * 3_600_000)
      expect(goes).toBeGreaterThan(now)
    }
  }
})
