import { type Algorithm, hashRaw } from '@node-rs/argon2'
import { codeStretch, saltOf } from '../core/codeCard.ts'
import type { Hex } from '../core/rows.ts'

/** The library's names of its algorithms are an enum, which Node's own TypeScript leaves out. */
const argon2id: Algorithm.Argon2id = 2

/** x: a code as the ledger is shown it, a word of 14 bytes and zeros. Takes some 15 ms on a thread of its own; nothing else waits for it. */
export async function stretchCode(cardId: Hex, line: number, code: string): Promise<Hex> {
  const stretched = await hashRaw(code, {
    algorithm: argon2id,
    memoryCost: codeStretch.memoryKib,
    timeCost: codeStretch.passes,
    parallelism: codeStretch.parallelism,
    outputLen: codeStretch.bytes,
    salt: saltOf(cardId, line),
  })
  return `0x${stretched.toString('hex').padEnd(64, '0')}`
}
