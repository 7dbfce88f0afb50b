import { expect, test } from 'vitest'
import { median, percentile, toRow } from '../../../bench/row.ts'

const figure = { metric: 'Grant', unit: 'gas', ours: 61_000.4, peer: 40_000, peerName: 'plain key' }

test('a target is met by what reaches it exactly, and missed by the least above it', () => {
  expect(toRow({ ...figure, ours: 61_000, atMost: 61_000 }).met).toBe(true)
  expect(toRow({ ...figure, atMost: 61_000 }).met).toBe(false)
  expect(toRow({ ...figure, ours: 10, atLeast: 11 }).met).toBe(false)
  expect(toRow({ ...figure, ours: 11, atLeast: 11 }).met).toBe(true)
})

test('without a target nothing is met or missed, and the peer still stands beside it', () => {
  expect(toRow(figure)).toEqual({
    metric: 'Grant',
    unit: 'gas',
    ours: 61_000,
    peer: 40_000,
    peerName: 'plain key',
    ratio: 1.53,
    target: null,
    met: null,
  })
})

test('the median of an even count lies between the middle two; p99 of two hundred is the third largest', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([3, 1, 2])).toBe(2)
  expect(percentile(Array.from({ length: 200 }, (_, index) => index + 1).reverse(), 0.99)).toBe(198)
})
