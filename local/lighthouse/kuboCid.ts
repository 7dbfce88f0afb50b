import { createReadStream } from 'node:fs'
import { importByteStream } from 'ipfs-unixfs-importer'

/**
 * Names a file as the vendor's kubo does, for `cid-version` 0 or 1. On purpose not the code under test in src/records.
 *
 * @returns the CID, and the size that kubo reports: of all blocks together
 */
export async function kuboCid(file: string, cidVersion: 0 | 1): Promise<{ cid: string; sizeBytes: bigint }> {
  const forgetful = { put: async <Cid>(cid: Cid) => cid }
  const { cid, size } = await importByteStream(createReadStream(file), forgetful, {
    profile: 'unixfs-v0-2015',
    cidVersion,
    rawLeaves: cidVersion === 1,
  })
  return { cid: cid.toString(), sizeBytes: size }
}
