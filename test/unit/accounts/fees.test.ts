import { parseGwei } from 'viem'
import { expect, test } from 'vitest'
import { judgeFees, raiseFees } from '../../../src/accounts/fees.ts'

const usual = Array.from({ length: 300 }, () => parseGwei('1'))
const isHighAt = (past: readonly bigint[], next: string) =>
  judgeFees({ baseFeePerGas: [...past, parseGwei(next)] }).isHigh

test('ten times the usual base fee is a rush, four times is not', () => {
  expect(isHighAt(usual, '10')).toBe(true)
  expect(isHighAt(usual, '4')).toBe(false)
})

test('a rush that lasts five minutes is the usual price', () => {
  const blocks = 150
  expect(isHighAt([...usual.slice(blocks), ...usual.slice(0, blocks - 1).map((fee) => fee * 10n)], '10')).toBe(true)
  expect(isHighAt([...usual.slice(blocks), ...usual.slice(0, blocks + 1).map((fee) => fee * 10n)], '10')).toBe(false)
})

test('where gas costs next to nothing no fee is high', () => {
  const cheap = usual.map(() => parseGwei('0.001'))
  expect(isHighAt(cheap, '0.1')).toBe(false)
  expect(isHighAt(cheap, '0.11')).toBe(true)
})

test('a transaction offers twice the base fee, so that it outlasts five full blocks', () => {
  expect(judgeFees({ baseFeePerGas: [...usual, parseGwei('3')] })).toMatchObject({
    maxFeePerGas: parseGwei('6.001'),
    maxPriorityFeePerGas: parseGwei('0.001'),
  })
})

test('each replacement offers at least a tenth more of both, up to one gwei of tip', () => {
  const now = { maxFeePerGas: parseGwei('2'), maxPriorityFeePerGas: parseGwei('0.001') }
  let fees = { maxFeePerGas: parseGwei('40'), maxPriorityFeePerGas: parseGwei('0.001') }
  for (let times = 0; times < 10; times += 1) {
    const raised = raiseFees(fees, now)
    if (!raised) throw new Error('Nothing more is offered.')
    expect(raised.maxFeePerGas * 10n).toBeGreaterThanOrEqual(fees.maxFeePerGas * 11n)
    expect(raised.maxPriorityFeePerGas * 10n >= fees.maxPriorityFeePerGas * 11n).toBe(true)
    fees = raised
  }
  expect(fees.maxPriorityFeePerGas).toBe(parseGwei('1'))
  expect(raiseFees(fees, now)).toBeNull()
})

test('a replacement follows the base fee', () => {
  const before = { maxFeePerGas: parseGwei('2'), maxPriorityFeePerGas: parseGwei('0.001') }
  const raised = raiseFees(before, { maxFeePerGas: parseGwei('20'), maxPriorityFeePerGas: parseGwei('0.001') })
  expect(raised?.maxFeePerGas).toBe(parseGwei('20.002'))
})
