import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A key file that others can read, or that holds no key. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
}

/**
 * Reads a 32-byte secret from a file of mode 0600, and makes it at the first start.
 *
 * @throws {KeyFileError} where group or others may read it, or where it holds anything but 64 hexadecimal digits
 */
export async function readOrMakeKeyFile(file: string): Promise<Uint8Array> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(`${randomBytes(32).toString('hex')}\n`)
    await handle.sync()
    await handle.close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readKeyFile(file)
}

/**
 * Reads a 32-byte secret from a file of mode 0600.
 *
 * @throws {KeyFileError} as {@link readOrMakeKeyFile} does
 */
export async function readKeyFile(file: string): Promise<Uint8Array> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new KeyFileError(`There is no key file ${file}. Do: name the file that holds the key.`)
  })
  if (found.isDirectory()) throw new KeyFileError(`${file} is a folder. Do: name the file that holds the key.`)
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    throw new KeyFileError(
      `The key file ${file} can be read by others. Do: chmod 600 ${file}, and consider the key seen.`,
    )
  const text = (await readFile(file, 'utf8')).trim()
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new KeyFileError(
      `The key file ${file} does not hold 64 hexadecimal digits. Do: compare the path, then restore it from backup.`,
    )
  return Buffer.from(text, 'hex')
}
