/** FastLZ level 1: hash table of three-byte sequences, how far back a match may lie, and how long one may be. */
const tableBits = 13
const maxDistance = 0x1fff
const longestMatch = 262
const shortMatch = 6
const longestLiteralRun = 32
/** No match begins in the last bytes; one that began before may reach into the first of them. */
const tailBytes = 14
const matchableTailBytes = 9

/** The regression by which the rollup estimates compressed bytes, scaled by a million. Source: OP stack specification, Fjord. */
const fjord = { intercept: -42_585_600, perFastLzByte: 836_500, minimum: 100_000_000, scale: 1_000_000 } as const

/**
 * Bytes that a transaction is charged for on an OP stack chain since Fjord.
 *
 * @param transaction the signed transaction as it is sent
 */
export function fjordBytes(transaction: Uint8Array): number {
  const scaled = fjord.intercept + fjord.perFastLzByte * fastLzBytes(transaction)
  return Math.max(fjord.minimum, scaled) / fjord.scale
}

/**
 * Counts the bytes that FastLZ level 1 would compress `data` to, as the rollup's node counts them.
 *
 * Source: the FastLZ block format; OP stack specification, Fjord, "L1 cost fees".
 */
export function fastLzBytes(data: Uint8Array): number {
  const lastSeen = new Uint32Array(1 << tableBits)
  const searchEnd = Math.max(0, data.length - tailBytes)
  const matchEnd = searchEnd + matchableTailBytes
  const wordAt = (at: number) => (data[at] ?? 0) | ((data[at + 1] ?? 0) << 8) | ((data[at + 2] ?? 0) << 16)
  const slotOf = (word: number) => Math.imul(word, 0x9e3779b1) >>> (32 - tableBits)
  let compressed = 0
  let written = 0
  let at = 2
  while (at < searchEnd) {
    const word = wordAt(at)
    const slot = slotOf(word)
    const before = lastSeen[slot] ?? 0
    lastSeen[slot] = at
    if (at - before > maxDistance || wordAt(before) !== word) {
      at += 1
      continue
    }
    compressed += literalBytes(at - written)
    const beyond = equalBytes(data, before + 3, at + 3, matchEnd)
    compressed += matchBytes(beyond)
    written = at + 3 + beyond
    // Of the places inside a match only the last two are remembered.
    for (const place of [written - 2, written - 1]) lastSeen[slotOf(wordAt(place))] = place
    at = written
  }
  return compressed + literalBytes(data.length - written)
}

/** How many bytes from `q` on, before `end`, are the same as from `p` on. */
function equalBytes(data: Uint8Array, p: number, q: number, end: number): number {
  let length = 0
  while (q + length < end && data[p + length] === data[q + length]) length += 1
  return length
}

/** Each run of up to 32 bytes follows a byte that says how many. */
function literalBytes(length: number): number {
  return length + Math.ceil(length / longestLiteralRun)
}

/** A match is two bytes, three when it is long, and cut into pieces of 262. */
function matchBytes(beyondThree: number): number {
  const pieces = Math.floor(beyondThree / longestMatch)
  return 3 * pieces + (beyondThree % longestMatch >= shortMatch ? 3 : 2)
}
