import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Gathers the changes of one burst into one write. A kill -9 loses at most this much, or what a write takes. */
const gatherMs = 20
/** At most a tenth of the time goes into writing, however large the state has grown. */
const pausePerWrite = 9

/** A value kept in a file as JSON. */
type JsonFile = {
  /** Writes the value soon. */
  save(): void
  /** Writes now what is not written yet. */
  flush(): void
}

/**
 * Reads a value from a JSON file.
 *
 * @param path undefined when nothing is kept
 * @returns the value, or `fallback` when there is no file yet
 * @throws when the file is there and is not JSON: a silent fresh start would hide a loss
 */
export function readJson<Value>(path: string | undefined, fallback: Value): Value {
  if (path === undefined) return fallback
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return fallback
    throw error
  }
  try {
    return JSON.parse(text) as Value
  } catch {
    throw new Error(`The state file ${path} is not JSON. Do: move it away to begin with an empty state.`)
  }
}

/**
 * Keeps a value in a JSON file, replaced as a whole so that a crash leaves the old or the new one, never half.
 *
 * @param path undefined: nothing is written
 * @param read returns the value to write, with mode 0600 because it holds messages
 */
export function createJsonFile(path: string | undefined, read: () => unknown): JsonFile {
  if (path === undefined) return { save: () => {}, flush: () => {} }
  mkdirSync(dirname(path), { recursive: true })
  let lastWriteMs = 0
  let timer: NodeJS.Timeout | undefined

  // Synchronous: under load an asynchronous write waits for many turns, and a kill -9 would then lose a second.
  function flush(): void {
    if (timer === undefined || path === undefined) return
    clearTimeout(timer)
    timer = undefined
    const startedAt = performance.now()
    writeFileSync(`${path}.new`, JSON.stringify(read()), { mode: 0o600 })
    renameSync(`${path}.new`, path)
    lastWriteMs = performance.now() - startedAt
  }

  return {
    save() {
      timer ??= setTimeout(flush, Math.max(gatherMs, lastWriteMs * pausePerWrite))
    },
    flush,
  }
}
