import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import path from 'node:path'
import { computeCid } from './cid.ts'

/**
 * Writes a stream to a fresh file (mode 0600) and names its bytes while they pass.
 *
 * On any error the file is gone again.
 *
 * @param folder made when missing, mode 0700
 * @param maxBytes more than this is an error
 * @returns the file's path and CID; the caller removes or renames the file
 */
export async function copyAndName(
  source: AsyncIterable<Uint8Array>,
  folder: string,
  maxBytes: number,
): Promise<{ file: string; cid: string }> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = path.join(folder, `${randomUUID()}.part`)
  const handle = await open(file, 'wx', 0o600)
  try {
    const cid = await computeCid(passThrough())
    await handle.sync()
    await handle.close()
    return { file, cid }
  } catch (error) {
    await handle.close()
    await rm(file, { force: true })
    throw error
  }

  async function* passThrough(): AsyncGenerator<Uint8Array> {
    let total = 0
    for await (const piece of source) {
      total += piece.length
      if (total > maxBytes) throw new RangeError(`More than ${maxBytes} bytes came.`)
      // `write` may write less than asked, e.g. on a disk that fills up; `writeFile` on a handle does not.
      await handle.writeFile(piece)
      yield piece
    }
  }
}

/** Yields a file and removes it, also when the reader stops early. */
export async function* readAndRemove(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file)
  } finally {
    await rm(file, { force: true })
  }
}
