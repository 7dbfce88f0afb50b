/**
 * Work that cannot be done yet through no fault of its own: a vendor is down, an operation waits for its turn. The job is
 * tried again after `delayMs` and never counts as poison.
 */
export class TryAgainError extends Error {
  override readonly name = 'TryAgainError'
  readonly code: string
  readonly delayMs: number
  /** @param code stable word for logs, e.g. `chainUnavailable` */
  constructor(code: string, delayMs: number, options?: ErrorOptions) {
    super(`${code}: will be tried again in ${delayMs} ms.`, options)
    this.code = code
    this.delayMs = delayMs
  }
}
