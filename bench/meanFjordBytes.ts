import { concatHex, type Hex, hexToBytes, keccak256, size, toHex } from 'viem'
import { fjordBytes } from './fastLz.ts'

/** With them a figure moves by less than a third of a hundredth from one set of hashes to another; with one, by two hundredths. */
const samples = 8

/**
 * Fjord bytes of a transaction, the mean over several that differ from it in nothing but hashes, keys and signatures.
 *
 * Which of them happens to repeat three bytes of another, or to push a place that would match out of FastLZ's table, is luck.
 *
 * @param random parts of the transaction that are as good as random, 14 bytes at least
 */
export function meanFjordBytes(transaction: Hex, random: readonly Hex[]): number {
  const bytes = Buffer.from(hexToBytes(transaction))
  const places = random.flatMap((value) => placesOf(bytes, Buffer.from(hexToBytes(value))).map((at) => ({ value, at })))
  let sum = fjordBytes(bytes)
  for (let sample = 1; sample < samples; sample += 1) {
    const other = Buffer.from(bytes)
    for (const { value, at } of places) other.set(anotherFor(value, sample), at)
    sum += fjordBytes(other)
  }
  return sum / samples
}

function placesOf(bytes: Buffer, part: Buffer): number[] {
  const places: number[] = []
  for (let at = bytes.indexOf(part); at !== -1; at = bytes.indexOf(part, at + part.length)) places.push(at)
  return places
}

function anotherFor(value: Hex, sample: number): Uint8Array {
  const count = Math.ceil(size(value) / 32)
  const parts = Array.from({ length: count }, (_, part) => keccak256(concatHex([value, toHex(sample * count + part)])))
  return hexToBytes(concatHex(parts)).subarray(0, size(value))
}
