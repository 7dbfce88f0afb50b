import { createCipheriv, randomBytes } from 'node:crypto'
import { seal, sealChunkBytes, unseal } from '../src/records/seal.ts'
import { median, type Row, toRow } from './row.ts'

const totalBytes = 64 * 1_048_576
/** What a file stream hands over at a time. */
const pieceBytes = 65_536
/** Odd, so that the median is a round that was measured. */
const rounds = 5
const binding = { patientId: 'patient', recordId: 'record', version: 1 }

/** How fast a record is sealed and opened, beside AES-256-GCM of node:crypto with nothing around it. */
export async function measure(): Promise<Row[]> {
  const key = randomBytes(32)
  const record = randomBytes(totalBytes)
  const plain = piecesOf(record, pieceBytes)
  const chunks = piecesOf(record, sealChunkBytes)
  const sealed = await collect(seal({ ...binding, key, source: stream(plain) }))
  const sealing: number[] = []
  const unsealing: number[] = []
  const raw: number[] = []
  // Turn by turn, so that a busy moment of the machine falls on all of them.
  for (let round = 0; round < rounds; round += 1) {
    raw.push(await megabytesPerSecond(async () => encryptRaw(key, chunks)))
    sealing.push(await megabytesPerSecond(() => drain(seal({ ...binding, key, source: stream(plain) }))))
    unsealing.push(await megabytesPerSecond(() => drain(unseal({ ...binding, key, source: stream(sealed) }))))
  }
  const beside = { unit: 'MB/s', peer: median(raw), peerName: 'AES-256-GCM of node:crypto' }
  return [
    toRow({ metric: 'Seal 64 MiB', ours: median(sealing), ...beside }),
    toRow({ metric: 'Unseal 64 MiB', ours: median(unsealing), ...beside }),
  ]
}

/** Chunks as large as ours are, in memory already. */
function encryptRaw(key: Uint8Array, pieces: readonly Uint8Array[]): void {
  const cipher = createCipheriv('aes-256-gcm', key, randomBytes(12))
  for (const piece of pieces) cipher.update(piece)
  cipher.final()
}

async function megabytesPerSecond(work: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await work()
  return totalBytes / 1e6 / ((performance.now() - began) / 1000)
}

function piecesOf(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}

async function* stream(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  for await (const piece of source) found.push(piece)
  return found
}

async function drain(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of source) {
    // Only the time it takes is of interest.
  }
}
