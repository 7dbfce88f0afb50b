import { type Logger, pino } from 'pino'

/**
 * Our own ids and hashes, which may stay, or digits as phones and codes have them: seven and more in a row, with the
 * separators people put between.
 */
const idOrLongNumber =
  /(0x[0-9a-f]+|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)|\+?\d(?:[\s().-]{0,2}\d){6,}/gi

/** How deep a line's facts are read; no fact of ours lies deeper. */
const maxDepth = 6

/** Takes what could be a phone number or a code out of a text. Hashes and UUIDs stay as they are. */
export function scrub(text: string): string {
  return text.replace(idOrLongNumber, (_found, id?: string) => id ?? '[number]')
}

/** The same for everything a line is given: texts anywhere inside. Errors are left to their serializer. */
function scrubAll(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrub(value)
  if (Array.isArray(value)) return depth > maxDepth ? '[deep]' : value.map((inner) => scrubAll(inner, depth + 1))
  if (!isPlain(value)) return value
  if (depth > maxDepth) return '[deep]'
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, scrubAll(inner, depth + 1)]))
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The text pino would give a line that has none: the error's message. */
function textOf(value: unknown): string | undefined {
  const error: unknown = isPlain(value) && 'err' in value ? value.err : value
  return error instanceof Error ? scrub(error.message) : undefined
}

/**
 * The server's log: JSON lines. Error messages and texts are scrubbed of long numbers by value, since redaction by path
 * can't see into a message; requests are logged without their bodies.
 */
export function openLog(level: string, destination?: { write(line: string): void }): Logger {
  const options = {
    level,
    base: null,
    serializers: {
      err: (error: Error & { code?: unknown }) => ({
        type: error.name,
        code: typeof error.code === 'string' ? error.code : undefined,
        message: scrub(error.message),
        stack: scrub(error.stack ?? ''),
      }),
    },
    hooks: {
      logMethod(args: Parameters<Logger['info']>, method: (...args: Parameters<Logger['info']>) => void) {
        const scrubbed = args.map((arg: unknown) => scrubAll(arg))
        // Without a text of its own a line would repeat the error's message, which nobody has scrubbed.
        const text = args.length === 1 ? textOf(args[0]) : undefined
        if (text !== undefined) scrubbed.push(text)
        method.apply(this as never, scrubbed as Parameters<Logger['info']>)
      },
    },
  }
  return destination ? pino(options, destination) : pino(options)
}
