import { expect, test } from 'vitest'
import type { EpochMs } from '../../../src/core/people.ts'
import { datesIn } from '../../../src/portal/dates.ts'

const nairobi = datesIn('Africa/Nairobi')

test('times are those of the hospital', () => {
  const late = Date.UTC(2026, 8, 30, 22, 5) as EpochMs
  expect([nairobi.moment(late), nairobi.day(late), nairobi.time(late)]).toEqual([
    '1 Oct 2026, 01:05',
    '1 Oct 2026',
    '01:05',
  ])
})

test("a record's date does not move with the time zone, and an incomplete one stays as it is", () => {
  expect([nairobi.recordDate('2026-03-14'), nairobi.recordDate('2026-03-14T23:30:00Z')]).toEqual([
    '14 Mar 2026',
    '14 Mar 2026',
  ])
  expect([nairobi.recordDate('2026'), nairobi.recordDate('2026-13-01')]).toEqual(['2026', '2026-13-01'])
})
