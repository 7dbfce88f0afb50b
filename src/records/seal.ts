import { createCipheriv, createDecipheriv, randomBytes as nodeRandomBytes } from 'node:crypto'

/** What a sealed file is bound to. Opened with any other of these, it is refused. */
export type SealBinding = {
  patientId: string
  recordId: string
  /** The record's version, from 1; a corrected record is a new version under a new key. */
  version: number
}

export type SealOptions = SealBinding & {
  /** 32 bytes, random, used for this one record version and nothing else. */
  key: Uint8Array
  source: AsyncIterable<Uint8Array>
  /** Plaintext bytes in one chunk: 1 MiB unless a test says otherwise. */
  chunkBytes?: number
  randomBytes?: (byteCount: number) => Uint8Array
}

export type UnsealOptions = SealBinding & {
  key: Uint8Array
  source: AsyncIterable<Uint8Array>
}

export type SealBrokenReason =
  | 'notASealedFile'
  | 'unknownVersion'
  | 'chunkSizeOutOfRange'
  | 'chunkRefused'
  | 'truncated'
  | 'emptyLastChunk'

/** Bytes that a seal adds: the header once, the tag to each chunk. */
export const sealHeaderBytes = 16
export const sealTagBytes = 16
/** Plaintext bytes in a chunk. 1 MiB: large enough for 1 GB/s, small enough to hold while its tag is checked. */
export const sealChunkBytes = 1_048_576

const magic = Buffer.from('HCRS', 'latin1')
const formatVersion = 1
const noncePrefixBytes = 7
const keyBytes = 32
const maxChunkCount = 2 ** 32
const domain = Buffer.from('healthchain/sealed-record/1\0', 'latin1')

/**
 * Seals a record, chunk by chunk, in constant memory.
 *
 * AES-256-GCM in the STREAM construction: each chunk's nonce is prefix (7 bytes) ‖ chunk index (4) ‖ final flag (1), so a
 * chunk can't be moved, dropped, repeated or made the last. Each tag also covers patient, record, version and the header.
 * Layout: `HCRS` ‖ format version (1) ‖ chunk size (4, big-endian) ‖ nonce prefix (7), then the chunks, each with its tag.
 * Source: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (2015).
 *
 * @returns the header, then one piece per chunk
 * @throws {RangeError} when the key is not 32 bytes, or the version or chunk size is out of range
 */
export async function* seal(options: SealOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { key, source, chunkBytes = sealChunkBytes, randomBytes = nodeRandomBytes } = options
  checkKey(key)
  if (!Number.isInteger(chunkBytes) || chunkBytes < 1 || chunkBytes > sealChunkBytes) {
    throw new RangeError(`A chunk holds 1 to ${sealChunkBytes} bytes, not ${chunkBytes}.`)
  }
  const noncePrefix = randomBytes(noncePrefixBytes)
  if (noncePrefix.length !== noncePrefixBytes) throw new RangeError('The nonce prefix must be 7 bytes.')
  const header = Buffer.alloc(sealHeaderBytes)
  magic.copy(header, 0)
  header.writeUInt8(formatVersion, 4)
  header.writeUInt32BE(chunkBytes, 5)
  header.set(noncePrefix, 9)
  const associated = associatedPrefix(options, header)
  yield header

  let index = 0
  for await (const { piece, final } of inPieces(source, chunkBytes)) {
    checkIndex(index)
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(header, index, final))
    cipher.setAAD(associatedData(associated, index, final))
    const body = cipher.update(piece)
    cipher.final()
    yield Buffer.concat([body, cipher.getAuthTag()])
    index += 1
  }
}

/**
 * Opens a sealed record, chunk by chunk, in constant memory.
 *
 * A chunk is yielded only after its own tag was verified; that the file is whole is known only once the iteration ends
 * without an error, so nothing may be shown or stored for good before that.
 *
 * @throws {SealBrokenError} for a changed, cut, reordered or lengthened file, and for another patient, record, version or key
 */
export async function* unseal(options: UnsealOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { key, source } = options
  checkKey(key)
  const reader = new ByteReader(source)
  try {
    const header = await reader.take(sealHeaderBytes)
    if (header.length < sealHeaderBytes || !header.subarray(0, 4).equals(magic)) {
      throw new SealBrokenError('notASealedFile', options)
    }
    if (header.readUInt8(4) !== formatVersion) throw new SealBrokenError('unknownVersion', options)
    const chunkBytes = header.readUInt32BE(5)
    // Checked before anything is read: a forged size must not decide how much memory we take.
    if (chunkBytes < 1 || chunkBytes > sealChunkBytes) throw new SealBrokenError('chunkSizeOutOfRange', options)
    const associated = associatedPrefix(options, header)

    for (let index = 0, final = false; !final; index += 1) {
      checkIndex(index)
      const sealed = await reader.take(chunkBytes + sealTagBytes)
      final = await reader.ended()
      if (sealed.length < sealTagBytes) throw new SealBrokenError('truncated', options)
      // One plaintext has one sealed form: an empty last chunk is written only for an empty record.
      if (final && index > 0 && sealed.length === sealTagBytes) throw new SealBrokenError('emptyLastChunk', options)
      const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(header, index, final), {
        authTagLength: sealTagBytes,
      })
      decipher.setAAD(associatedData(associated, index, final))
      decipher.setAuthTag(sealed.subarray(sealed.length - sealTagBytes))
      const plain = decipher.update(sealed.subarray(0, sealed.length - sealTagBytes))
      try {
        decipher.final()
      } catch {
        plain.fill(0)
        throw new SealBrokenError('chunkRefused', options)
      }
      if (plain.length > 0) yield plain
    }
  } finally {
    await reader.close()
  }
}

/** A sealed file did not open. A retry with the same bytes never helps; a copy from another source may. */
export class SealBrokenError extends Error {
  override readonly name = 'SealBrokenError'
  readonly code = 'sealBroken'
  readonly reason: SealBrokenReason
  readonly recordId: string
  readonly retryHelps = false

  constructor(reason: SealBrokenReason, binding: SealBinding) {
    super(
      [
        'A sealed record did not open, and nothing unverified was handed out.',
        '',
        `Record: ${binding.recordId}, version: ${binding.version}, reason: ${reason}`,
        reasons[reason],
        'Do: fetch it again from another source; if that fails too, restore the file from a backup.',
        'Docs: docs/errors.md#seal-broken',
      ].join('\n'),
    )
    this.reason = reason
    this.recordId = binding.recordId
  }
}

const reasons: Readonly<Record<SealBrokenReason, string>> = {
  notASealedFile: 'This happens when the file is not one of ours, or its first bytes were lost.',
  unknownVersion: 'This happens when a newer release sealed it.',
  chunkSizeOutOfRange: 'This happens when its header was changed.',
  chunkRefused: 'This happens when bytes were changed, moved or cut, or it belongs to another record, version or key.',
  truncated: 'This happens when the end of the file is missing.',
  emptyLastChunk: 'This happens when the file was not written by this software.',
}

function checkKey(key: Uint8Array): void {
  if (key.length !== keyBytes) throw new RangeError(`A record key is ${keyBytes} bytes, not ${key.length}.`)
}

function checkIndex(index: number): void {
  if (index >= maxChunkCount) throw new RangeError('A sealed file holds at most 2^32 chunks.')
}

function nonceOf(header: Buffer, index: number, final: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  header.copy(nonce, 0, 9, sealHeaderBytes)
  nonce.writeUInt32BE(index, 7)
  nonce.writeUInt8(final ? 1 : 0, 11)
  return nonce
}

/** Everything bound that does not change from chunk to chunk; lengths come first, so no two bindings read alike. */
function associatedPrefix(binding: SealBinding, header: Buffer): Buffer {
  if (!Number.isInteger(binding.version) || binding.version < 0 || binding.version > 0xffff_ffff) {
    throw new RangeError('A record version is a whole number of at most 32 bits.')
  }
  const version = Buffer.alloc(4)
  version.writeUInt32BE(binding.version)
  return Buffer.concat([domain, header, withLength(binding.patientId), withLength(binding.recordId), version])
}

function associatedData(prefix: Buffer, index: number, final: boolean): Buffer {
  const tail = Buffer.alloc(5)
  tail.writeUInt32BE(index)
  tail.writeUInt8(final ? 1 : 0, 4)
  return Buffer.concat([prefix, tail])
}

function withLength(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** Cuts a stream into pieces of one size and tells which is the last; an empty stream is one empty last piece. */
async function* inPieces(
  source: AsyncIterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<{ piece: Buffer; final: boolean }> {
  const reader = new ByteReader(source)
  try {
    for (let final = false; !final; ) {
      const piece = await reader.take(pieceBytes)
      final = await reader.ended()
      yield { piece, final }
    }
  } finally {
    await reader.close()
  }
}

/** Reads exact amounts from a stream of arbitrary pieces, holding at most one piece beyond what was asked for. */
class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)
  #done = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]()
  }

  /** Up to `byteCount` bytes, fewer only at the end of the stream. */
  async take(byteCount: number): Promise<Buffer> {
    const parts: Uint8Array[] = []
    let missing = byteCount
    while (missing > 0 && !(await this.ended())) {
      const part = this.#rest.subarray(0, missing)
      this.#rest = this.#rest.subarray(part.length)
      parts.push(part)
      missing -= part.length
    }
    return Buffer.concat(parts)
  }

  async ended(): Promise<boolean> {
    while (this.#rest.length === 0 && !this.#done) {
      const next = await this.#iterator.next()
      if (next.done) this.#done = true
      else this.#rest = next.value
    }
    return this.#rest.length === 0
  }

  /** Lets the source close its file or socket when we stop early. */
  async close(): Promise<void> {
    if (!this.#done) await this.#iterator.return?.()
  }
}
