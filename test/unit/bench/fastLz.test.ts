import { expect, test } from 'vitest'
import { fastLzBytes, fjordBytes } from '../../../bench/fastLz.ts'

/** A contract call on OP Mainnet: 0x8eb9dd4eb6d33f4dc25fb015919e4b1e9f7542f9b0322bf6622e268cd116b594 */
const contractCall = Buffer.from(
  [
    '02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8e41e',
    'f24f3f000000000000000000000000000000000000000000000000000000000000006e000000000000000000000000af88d0',
    '65e77c8cc2239327c5edb3a432268e5831000000000000000000000000000000000000000000000000000000000003c1e500',
    '0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000a000000000000000000000000000000000000000000000000000000000000000148c89ed219d',
    '02f1a5be012c689b4f5b731827bebe000000000000000000000000c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a36',
    '75a7f5f493ebd5ad77c497f8a07cdf65680e238392693019b4092f610222e71b7cec06449cb922b93b6a12744e',
  ].join(''),
  'hex',
)

test("a transaction is compressed to as many bytes as the rollup's node counts", () => {
  expect(contractCall.length).toBe(345)
  expect(fastLzBytes(contractCall)).toBe(202)
})

test('a thousand equal bytes are four matches behind three literals, and nothing is nothing', () => {
  expect(fastLzBytes(new Uint8Array(1_000))).toBe(21)
  expect(fastLzBytes(new Uint8Array(1_000).fill(1))).toBe(21)
  expect(fastLzBytes(new Uint8Array(0))).toBe(0)
})

test('bytes that never repeat cost one more for each 32', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
  expect(fastLzBytes(bytes)).toBe(256 + 256 / 32)
})

test('a transaction is charged for a hundred bytes at least, and by the regression above that', () => {
  expect(fjordBytes(new Uint8Array(0))).toBe(100)
  expect(fjordBytes(contractCall)).toBeCloseTo(202 * 0.8365 - 42.5856, 6)
})
