import { createReadStream } from 'node:fs'
import { access, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { normaliseCid, verifyCid } from './cid.ts'
import { defaultMaxFileBytes, type Storage, StorageMismatchError, StorageUnavailableError } from './storage.ts'
import { copyAndName } from './verifiedCopy.ts'

export type LocalStoreSettings = {
  /** Made when missing, mode 0700. Files are named by their CID; `incoming/` holds what is being written. */
  folder: string
  maxBytes?: number
}

const store = 'local'
const leftoverAgeMs = 86_400_000

/**
 * Keeps sealed records in a folder of this machine, for countries that forbid their export.
 *
 * A file appears under its name only when it is whole and on disk: an interrupted `put` leaves at most a piece in
 * `incoming/`, never half a record; pieces older than a day are removed by the next `put`.
 */
export function createLocalStore(settings: LocalStoreSettings): Required<Storage> {
  const { folder, maxBytes = defaultMaxFileBytes } = settings
  const incoming = path.join(folder, 'incoming')

  return {
    async put(file, cid) {
      const target = fileOf(cid)
      await removeLeftovers()
      const copy = await copyAndName(createReadStream(file), incoming, maxBytes).catch((error: unknown) => {
        throw new StorageUnavailableError(store, 'failing', { cause: error })
      })
      if (copy.cid !== normaliseCid(cid)) {
        await rm(copy.file, { force: true })
        throw new StorageMismatchError(store, cid)
      }
      await rename(copy.file, target)
      return { cid: copy.cid }
    },

    async *get(cid) {
      const file = fileOf(cid)
      await access(file).catch((error: unknown) => {
        throw new StorageUnavailableError(store, 'notFound', { cause: error })
      })
      if (!(await verifyCid(file, cid))) throw new StorageMismatchError(store, cid)
      yield* createReadStream(file)
    },

    async remove(cid) {
      await rm(fileOf(cid), { force: true })
    },
  }

  /** A CID comes from outside: only a parsed one becomes part of a path. */
  function fileOf(cid: string): string {
    const name = normaliseCid(cid)
    if (name === null) throw new StorageMismatchError(store, cid)
    return path.join(folder, name)
  }

  /** What a killed process was writing. Another process may be writing now, so only old pieces go. */
  async function removeLeftovers(): Promise<void> {
    for (const name of await readdir(incoming).catch(() => [])) {
      const piece = path.join(incoming, name)
      const age = await stat(piece).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      )
      if (age > leftoverAgeMs) await rm(piece, { force: true })
    }
  }
}
