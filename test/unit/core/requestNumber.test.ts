import { expect, test } from 'vitest'
import { pickRequestNumber } from '../../../src/core/requestNumber.ts'

const upTo = (last: number) => Array.from({ length: last - 9 }, (_, index) => index + 10)

test('numbers run from 10 to 99 while one is free', () => {
  expect(pickRequestNumber(new Set(), 0)).toBe(10)
  expect(pickRequestNumber(new Set(), 1 - Number.EPSILON)).toBe(99)
  const all = new Set(upTo(99).map((_, index) => pickRequestNumber(new Set(), (index + 0.5) / 90)))
  expect(all.size).toBe(90)
})

test('a taken number is never given again', () => {
  for (let random = 0; random < 1; random += 0.01) expect(pickRequestNumber(new Set(upTo(98)), random)).toBe(99)
})

test('when all of them are taken, 100 follows, then the next free one', () => {
  expect(pickRequestNumber(new Set(upTo(99)), 0.5)).toBe(100)
  expect(pickRequestNumber(new Set([...upTo(99), 100, 101, 103]), 0.5)).toBe(102)
})

test('a number is never a single digit, which would be an answer', () => {
  for (let taken = 9; taken < 130; taken += 1)
    expect(pickRequestNumber(new Set(upTo(taken)), 0)).toBeGreaterThanOrEqual(10)
})
