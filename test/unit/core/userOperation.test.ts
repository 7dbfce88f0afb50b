import { expect, test } from 'vitest'
import {
  isRefusedForGood,
  isRevertedForGood,
  mostTogether,
  retryAfterMs,
  revertedAgainAfterMs,
  revertsAfter,
} from '../../../src/core/userOperation.ts'

test('what is told "not now" is looked at after a second, then later each time, at most every half minute', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 40].map(retryAfterMs)).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ])
})

test('another’s bundler is asked for ten minutes; a removal is never given up', () => {
  let [refusals, waitedMs] = [1, 0]
  while (refusals < 100 && !isRefusedForGood(refusals, 'openGrant')) {
    waitedMs += retryAfterMs(refusals)
    refusals += 1
  }
  expect(waitedMs).toBeGreaterThan(9 * 60_000)
  expect(waitedMs).toBeLessThan(11 * 60_000)
  expect(isRefusedForGood(1_000, 'revokeGrant')).toBe(false)
})

test('an operation whose bundles revert goes with few, then alone, and after two reverts alone no more', () => {
  const inCompany = [revertsAfter(0, 80), revertsAfter(1, 8), revertsAfter(2, 3)]
  expect(inCompany).toEqual([1, 2, 2])
  expect(inCompany.map(mostTogether)).toEqual([8, 1, 1])
  const alone = [revertsAfter(0, 1), revertsAfter(2, 1), revertsAfter(3, 1), revertsAfter(4, 1)]
  expect(alone).toEqual([3, 3, 4, 5])
  expect(alone.map((reverts) => isRevertedForGood(reverts, 'openGrant'))).toEqual([false, false, true, true])
  expect(isRevertedForGood(9, 'revokeGrant')).toBe(false)
  expect([0, 1, 2, 3, 4].map(revertedAgainAfterMs)).toEqual([0, 0, 0, 1_000, 2_000])
})
