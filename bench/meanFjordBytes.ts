import { concatHex, type Hex, hexToBytes, keccak256, size, slice, toHex } from 'viem'
import { fjordBytes } from './fastLz.ts'

/** With them a figure moves by less than a third of a hundredth from one set of hashes to another; with one, by two hundredths. */
const samples = 8

/**
 * Fjord bytes of a transaction, the mean over several that differ from it in nothing but hashes, keys and signatures.
 *
 * Which of them happens to repeat three bytes of another, or to push a place that would match out of FastLZ's table, is luck.
 *
 * @param random parts of the transaction that are as good as random, 16 bytes at least
 */
export function meanFjordBytes(transaction: Hex, random: readonly Hex[]): number {
  let sum = fjordBytes(hexToBytes(transaction))
  for (let sample = 1; sample < samples; sample += 1) {
    const other = random.reduce(
      (text, value) => text.replaceAll(value.slice(2).toLowerCase(), anotherFor(value, sample).slice(2)),
      transaction as string,
    )
    sum += fjordBytes(hexToBytes(other as Hex))
  }
  return sum / samples
}

function anotherFor(value: Hex, sample: number): Hex {
  const count = Math.ceil(size(value) / 32)
  const parts = Array.from({ length: count }, (_, part) => keccak256(concatHex([value, toHex(sample * count + part)])))
  return slice(concatHex(parts), 0, size(value))
}
