import { createCipheriv, createHash } from 'node:crypto'
import { base32 } from 'multiformats/bases/base32'
import { base58btc } from 'multiformats/bases/base58'
import { describe, expect, test } from 'vitest'
import { computeCid, normaliseCid, verifyCid } from '../../../src/records/cid.ts'

const block = 262_144

describe('the CID of a file', () => {
  test.each([
    ['', 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'],
    // kubo, test/cli/add_test.go: shortStringCidV1.
    ['hello world', 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'],
  ])('of one block is the one kubo gives: "%s"', async (text, cid) => {
    expect(await computeCid(inPieces(Buffer.from(text), 4))).toBe(cid)
  })

  // The reference below is written by hand and proved on kubo's own published vectors (test/cli/cid_profiles_test.go and
  // the importer's IPIP-499 tests), which exist for CIDv0; kubo's CIDv1 differs from them in nothing but the leaves.
  test.each([
    [block, 'chunk-v0-seed', 'QmWmRj3dFDZdb6ABvbmKhEL6TmPbAfBZ1t5BxsEyJrcZhE'],
    [block + 1, 'chunk-v0-seed', 'QmYyLxtzZyW22zpoVAtKANLRHpDjZtNeDjQdJrcQNWoRkJ'],
    [174 * block, 'v0-seed', 'QmUbBALi174SnogsUzLpYbD4xPiBSFANF4iztWCsHbMKh2'],
    [175 * block, 'v0-seed', 'QmepeWtdmS1hHXx1oZXsPUv6bMrfRRKfZcoPPU4eEfjnbf'],
  ])('of %i bytes is what a reference, proved on the vectors of kubo, gives', async (size, seed, cidV0) => {
    const bytes = randomBytes(size, seed)
    expect(referenceCid(bytes, 0)).toBe(cidV0)
    expect(await computeCid(inPieces(bytes, 1_000_003))).toBe(referenceCid(bytes, 1))
  })

  test('is verified for the same bytes only', async () => {
    const bytes = randomBytes(block + 1, 'verify')
    const cid = await computeCid(inPieces(bytes, block))
    expect(await verifyCid(inPieces(bytes, 999), cid)).toBe(true)
    bytes[block] = (bytes[block] ?? 0) ^ 1
    expect(await verifyCid(inPieces(bytes, 999), cid)).toBe(false)
    expect(await verifyCid(inPieces(bytes, 999), 'not a CID')).toBe(false)
  })

  test('is not read from text that could be a path', () => {
    for (const text of ['', '../etc/passwd', 'bafy/..', 'Qm']) expect(normaliseCid(text)).toBeNull()
  })
})

/** The generator of kubo's tests: the ChaCha20 key stream of sha256(seed), with a nonce of zeros. */
function randomBytes(size: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('chacha20', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}

type Node = { name: Buffer; contentBytes: number; totalBytes: number }

/** UnixFS over DAG-PB, balanced, 174 links, written from the specification (https://specs.ipfs.tech/unixfs/). */
function referenceCid(bytes: Buffer, version: 0 | 1): string {
  let level: Node[] = []
  for (let start = 0; start < bytes.length; start += block) {
    const piece = bytes.subarray(start, start + block)
    level.push(version === 1 ? node(0x55, piece, piece.length, piece.length) : pbNode([], piece))
  }
  while (level.length > 1) {
    const parents: Node[] = []
    for (let start = 0; start < level.length; start += 174) parents.push(pbNode(level.slice(start, start + 174), null))
    level = parents
  }
  const root = level[0]
  if (!root) throw new Error('no bytes')
  return version === 1 ? base32.encode(root.name) : base58btc.encode(root.name.subarray(2)).slice(1)

  function node(codec: number, encoded: Buffer, contentBytes: number, totalBytes: number): Node {
    const digest = createHash('sha256').update(encoded).digest()
    return { name: Buffer.concat([Buffer.of(1, codec, 0x12, 0x20), digest]), contentBytes, totalBytes }
  }

  function pbNode(children: Node[], data: Buffer | null): Node {
    const contentBytes = data ? data.length : children.reduce((sum, child) => sum + child.contentBytes, 0)
    const unixfs = Buffer.concat([
      varintField(1, 2),
      ...(data ? [bytesField(2, data)] : []),
      varintField(3, contentBytes),
      ...children.map((child) => varintField(4, child.contentBytes)),
    ])
    const links = children.map((child) =>
      bytesField(
        2,
        Buffer.concat([
          bytesField(1, version === 1 ? child.name : child.name.subarray(2)),
          bytesField(2, Buffer.alloc(0)),
          varintField(3, child.totalBytes),
        ]),
      ),
    )
    const encoded = Buffer.concat([...links, bytesField(1, unixfs)])
    const below = children.reduce((sum, child) => sum + child.totalBytes, 0)
    return node(0x70, encoded, contentBytes, encoded.length + below)
  }
}

function varint(value: number): Buffer {
  const out: number[] = []
  let rest = value
  while (rest > 127) {
    out.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...out, rest])
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)])
}

function bytesField(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(value.length), value])
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}
