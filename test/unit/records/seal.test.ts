import { createCipheriv } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  SealBrokenError,
  seal,
  sealChunkBytes,
  sealHeaderBytes,
  sealTagBytes,
  unseal,
} from '../../../src/records/seal.ts'

const key = Uint8Array.from({ length: 32 }, (_, index) => index)
const binding = { patientId: 'pat_1', recordId: 'rec_1', version: 1 }
const fixedPrefix = (byteCount: number) => new Uint8Array(byteCount).fill(0xa5)

describe('a sealed record', () => {
  // Computed once; these bytes must never change for format version 1.
  const known = [
    {
      what: 'nothing',
      plain: '',
      sealed: '484352530100000010a5a5a5a5a5a5a5fc7150abab7ce61ad40a55ec40ae9e89',
    },
    {
      what: 'one short chunk',
      plain: '48656c6c6f',
      sealed: '484352530100000010a5a5a5a5a5a5a500046288b91d4e9576f147b7207ba4c62579237bce',
    },
    {
      what: 'two chunks',
      plain: '000102030405060708090a0b0c0d0e0f10',
      sealed:
        '484352530100000010a5a5a5a5a5a5a5526728d6dabc4bd534297604f8f05e011565d5bbf9fda5197bf56b7e531ee0e4b17b4f0d2b9bc4ff16e6eb3cd37b49a59b',
    },
  ]

  test.each(known)('of $what has the bytes it always had', async ({ plain, sealed }) => {
    const source = inOne(Buffer.from(plain, 'hex'))
    const made = await gather(seal({ ...binding, key, chunkBytes: 16, source, randomBytes: fixedPrefix }))
    expect(made.toString('hex')).toBe(sealed)
    expect((await opened(Buffer.from(sealed, 'hex'))).toString('hex')).toBe(plain)
  })

  test('opens by hand with another AES-GCM, from the written description alone', async () => {
    const sealed = Buffer.from(known[2]?.sealed ?? '', 'hex')
    const header = sealed.subarray(0, 16)
    const webKey = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt'])
    const open = async (chunk: Uint8Array<ArrayBuffer>, index: number, final: number) =>
      Buffer.from(
        await crypto.subtle.decrypt(
          {
            name: 'AES-GCM',
            iv: Buffer.concat([header.subarray(9), Buffer.of(0, 0, 0, index, final)]),
            additionalData: Buffer.concat([
              Buffer.from('healthchain/sealed-record/1\0'),
              header,
              Buffer.from('\0\0\0\x05pat_1\0\0\0\x05rec_1\0\0\0\x01'),
              Buffer.of(0, 0, 0, index, final),
            ]),
          },
          webKey,
          chunk,
        ),
      ).toString('hex')
    expect(await open(sealed.subarray(16, 48), 0, 0)).toBe('000102030405060708090a0b0c0d0e0f')
    expect(await open(sealed.subarray(48), 1, 1)).toBe('10')
  })

  test.each([0, 1, 63, 64, 65, 128, 129, 192])(
    'of %i bytes in 64-byte chunks opens to the same bytes',
    async (size) => {
      const plain = bytesOf(size)
      const sealed = await gather(seal({ ...binding, key, chunkBytes: 64, source: inOne(plain) }))
      expect(sealed.length).toBe(sealHeaderBytes + size + Math.max(1, Math.ceil(size / 64)) * sealTagBytes)
      expect(await gather(unseal({ ...binding, key, source: inOne(sealed) }))).toEqual(plain)
    },
  )

  test.each([sealChunkBytes - 1, sealChunkBytes, sealChunkBytes + 1, 3 * sealChunkBytes])(
    'of %i bytes in whole chunks opens to the same bytes',
    async (size) => {
      const plain = bytesOf(size)
      const sealed = await gather(seal({ ...binding, key, source: inPieces(plain, 65_537) }))
      expect((await gather(unseal({ ...binding, key, source: inPieces(sealed, 70_001) }))).equals(plain)).toBe(true)
    },
  )

  test('is the same however the plaintext is cut on its way in', async () => {
    const plain = bytesOf(200)
    const options = { ...binding, key, chunkBytes: 64, randomBytes: fixedPrefix }
    const whole = await gather(seal({ ...options, source: inOne(plain) }))
    for (const size of [1, 7, 63, 64, 65, 199]) {
      expect(await gather(seal({ ...options, source: inPieces(plain, size) }))).toEqual(whole)
      expect(await gather(unseal({ ...binding, key, source: inPieces(whole, size) }))).toEqual(plain)
    }
  })

  test('differs each time, because its nonce prefix is random', async () => {
    const plain = bytesOf(10)
    const first = await gather(seal({ ...binding, key, source: inOne(plain) }))
    expect(await gather(seal({ ...binding, key, source: inOne(plain) }))).not.toEqual(first)
  })

  test('is refused after the change of any single bit', async () => {
    const sealed = await sealedInChunks(40)
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await expect(opened(changed), `bit ${bit}`).rejects.toThrow(SealBrokenError)
    }
  })

  test('is refused when cut at any byte', async () => {
    const sealed = await sealedInChunks(40)
    for (let length = 0; length < sealed.length; length += 1) {
      await expect(opened(sealed.subarray(0, length)), `${length} bytes`).rejects.toThrow(SealBrokenError)
    }
  })

  test('is refused with anything after its end', async () => {
    const sealed = await sealedInChunks(40)
    for (const extra of [1, sealTagBytes, 16 + sealTagBytes, 100]) {
      await expect(opened(Buffer.concat([sealed, Buffer.alloc(extra)]))).rejects.toThrow(SealBrokenError)
    }
  })

  test('is refused when two chunks change places, one is dropped or one is repeated', async () => {
    const sealed = await sealedInChunks(64)
    const header = sealed.subarray(0, sealHeaderBytes)
    const chunks = [0, 1, 2, 3].map((index) =>
      sealed.subarray(sealHeaderBytes + index * 32, sealHeaderBytes + index * 32 + 32),
    )
    const order = (...indexes: number[]) => Buffer.concat([header, ...indexes.map((index) => chunks[index] ?? header)])
    await expect(opened(order(0, 1, 2, 3))).resolves.toHaveLength(64)
    for (const wrong of [
      order(1, 0, 2, 3),
      order(0, 2, 3),
      order(0, 1, 2),
      order(0, 1, 1, 2, 3),
      order(3),
      order(0, 1, 3, 2),
    ]) {
      await expect(opened(wrong)).rejects.toThrow(SealBrokenError)
    }
  })

  test.each([
    ['patient', { patientId: 'pat_2' }],
    ['record', { recordId: 'rec_2' }],
    ['version', { version: 2 }],
    ['key', { key: new Uint8Array(32) }],
    ['patient and record moved against each other', { patientId: 'pat_1r', recordId: 'ec_1' }],
  ])('is refused for another %s', async (_what, other) => {
    const sealed = await sealedInChunks(40)
    await expect(gather(unseal({ ...binding, key, ...other, source: inOne(sealed) }))).rejects.toThrow(SealBrokenError)
  })

  test('hands out no byte of a chunk that was changed, and none after it', async () => {
    const sealed = await sealedInChunks(48)
    sealed[sealHeaderBytes + 32 + 3] = (sealed[sealHeaderBytes + 32 + 3] ?? 0) ^ 1
    const seen: Uint8Array[] = []
    await expect(async () => {
      for await (const piece of unseal({ ...binding, key, source: inOne(sealed) })) seen.push(piece)
    }).rejects.toThrow(SealBrokenError)
    expect(Buffer.concat(seen)).toEqual(bytesOf(48).subarray(0, 16))
  })

  test('has one form only: a last chunk of nothing is refused, even from one who holds the key', async () => {
    const sealed = await sealedInChunks(16)
    const header = sealed.subarray(0, sealHeaderBytes)
    const chunk = (index: number, final: number, plain: Uint8Array) => {
      const nonce = Buffer.concat([header.subarray(9), Buffer.of(0, 0, 0, index, final)])
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const bound = Buffer.from('\0\0\0\x05pat_1\0\0\0\x05rec_1\0\0\0\x01')
      const domain = Buffer.from('healthchain/sealed-record/1\0')
      cipher.setAAD(Buffer.concat([domain, header, bound, Buffer.of(0, 0, 0, index, final)]))
      return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    }
    const plain = bytesOf(16)
    expect(await opened(Buffer.concat([header, chunk(0, 1, plain)]))).toEqual(plain)
    const twoForms = Buffer.concat([header, chunk(0, 0, plain), chunk(1, 1, Buffer.alloc(0))])
    await expect(opened(twoForms)).rejects.toMatchObject({ reason: 'emptyLastChunk' })
  })

  test('does not let a forged header choose how much memory is taken', async () => {
    const sealed = await sealedInChunks(40)
    sealed.writeUInt32BE(0xffff_ffff, 5)
    await expect(opened(sealed)).rejects.toMatchObject({ reason: 'chunkSizeOutOfRange' })
  })

  test('closes its source when the reader stops early', async () => {
    let closed = false
    async function* endless() {
      try {
        for (;;) yield bytesOf(64)
      } finally {
        closed = true
      }
    }
    for await (const piece of seal({ ...binding, key, chunkBytes: 16, source: endless() })) if (piece.length > 16) break
    expect(closed).toBe(true)
  })

  test('refuses a key of the wrong length before it reads anything', async () => {
    const short = { ...binding, key: new Uint8Array(16), source: inOne(bytesOf(1)) }
    await expect(gather(seal(short))).rejects.toThrow(RangeError)
    await expect(gather(unseal(short))).rejects.toThrow(RangeError)
  })

  test('says what to do when it does not open, and nothing of key or patient', async () => {
    const error = await opened(Buffer.from('not ours at all')).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'sealBroken', reason: 'notASealedFile', retryHelps: false })
    expect(String(error)).toContain('Do: ')
    expect(String(error)).not.toContain('pat_1')
  })
})

async function sealedInChunks(size: number): Promise<Buffer> {
  return await gather(seal({ ...binding, key, chunkBytes: 16, source: inOne(bytesOf(size)), randomBytes: fixedPrefix }))
}

async function opened(sealed: Uint8Array): Promise<Buffer> {
  return await gather(unseal({ ...binding, key, source: inOne(sealed) }))
}

function bytesOf(size: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff))
}

async function* inOne(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of source) pieces.push(piece)
  return Buffer.concat(pieces)
}
