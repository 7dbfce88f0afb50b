import { createReadStream } from 'node:fs'
import { importByteStream } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'

/** Bytes in a block, and links in a node, as `ipfs add` of kubo makes them (profile unixfs-v0-2015, IPIP-499). */
const blockBytes = 262_144
const linksPerNode = 174

/** Blocks are hashed and forgotten: only the root's name is wanted. */
const forgetful = { put: async (cid: CID) => cid }

/**
 * Names bytes as kubo's `ipfs add --cid-version=1` does, without keeping them: CIDv1, raw leaves, 256 KiB blocks, balanced.
 *
 * Constant memory but for 40 bytes a block.
 *
 * @param source the bytes, or the path of a file
 * @returns base32, `bafkrei…` for one block, `bafybei…` for more
 */
export async function computeCid(source: AsyncIterable<Uint8Array> | string): Promise<string> {
  const bytes = typeof source === 'string' ? createReadStream(source, { highWaterMark: blockBytes }) : source
  const { cid } = await importByteStream(bytes, forgetful, {
    cidVersion: 1,
    rawLeaves: true,
    reduceSingleLeafToSelf: true,
    chunker: fixedSize({ chunkSize: blockBytes }),
    layout: balanced({ maxChildrenPerNode: linksPerNode }),
  })
  return cid.toString()
}

/** Whether bytes, or a file, are what the CID names. A CID made with other settings than ours is answered false. */
export async function verifyCid(source: AsyncIterable<Uint8Array> | string, cid: string): Promise<boolean> {
  return (await computeCid(source)) === normaliseCid(cid)
}

/** A CID as version 1 in base32, or null when the text is not a CID. */
export function normaliseCid(text: string): string | null {
  try {
    return CID.parse(text).toV1().toString()
  } catch {
    return null
  }
}
