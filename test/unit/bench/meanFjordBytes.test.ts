import { concatHex, type Hex, keccak256, toHex } from 'viem'
import { expect, test } from 'vitest'
import { fjordBytes } from '../../../bench/fastLz.ts'
import { meanFjordBytes } from '../../../bench/meanFjordBytes.ts'

const hashes = (set: string) => Array.from({ length: 50 }, (_, index) => keccak256(toHex(`${set} ${index}`)))
const transactionOf = (parts: readonly Hex[]) =>
  concatHex(parts.flatMap((part): Hex[] => [part, `0x${'00'.repeat(28)}01020304`]))

test('a transaction with nothing random in it has the bytes that it has', () => {
  const transaction = transactionOf(hashes('one'))
  expect(meanFjordBytes(transaction, [])).toBe(fjordBytes(Buffer.from(transaction.slice(2), 'hex')))
})

test('two sets of hashes in the same places give the same figure, within a hundredth', () => {
  const [one, other] = [hashes('one'), hashes('other')]
  const mean = meanFjordBytes(transactionOf(one), one)
  expect(Math.abs(meanFjordBytes(transactionOf(other), other) / mean - 1)).toBeLessThan(0.01)
})
