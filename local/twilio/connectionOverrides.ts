/** Why a webhook may be posted again: connection, read time-out, or a kind of HTTP status. */
type RetryReason = 'ct' | 'rt' | '4xx' | '5xx'

/** How a webhook is posted, times in milliseconds. */
type ConnectionOverrides = {
  readonly retries: number
  readonly retryOn: ReadonlySet<RetryReason>
  readonly connectTimeoutMs: number
  readonly readTimeoutMs: number
  readonly totalTimeMs: number
}

const allReasons: readonly RetryReason[] = ['ct', 'rt', '4xx', '5xx']

/**
 * Reads the connection overrides in a webhook URL's fragment, for example `#rc=3&rp=ct,rt,5xx`.
 *
 * Without them the provider tries once more, after a failed connection only: never after a 5xx. Values outside the
 * documented ranges fall back to the default. Source: Twilio, "Webhooks: Connection Overrides".
 *
 * @returns the URL that is called and signed, which never has the fragment, and the overrides
 * @throws {TypeError} when the URL cannot be parsed
 */
export function readConnectionOverrides(url: string): { url: string; overrides: ConnectionOverrides } {
  const [bare = '', fragment = ''] = url.split('#', 2)
  // Parsed only to refuse nonsense: the text itself is what gets signed.
  new URL(bare)
  const pairs = new URLSearchParams(fragment)
  const number = (key: string, min: number, max: number, standard: number) => {
    const value = Number(pairs.get(key) ?? standard)
    return Number.isInteger(value) && value >= min && value <= max ? value : standard
  }
  const asked = (pairs.get('rp') ?? 'ct').split(',').map((reason) => reason.trim())
  return {
    url: bare,
    overrides: {
      retries: number('rc', 0, 5, 1),
      retryOn: new Set(asked.includes('all') ? allReasons : allReasons.filter((reason) => asked.includes(reason))),
      connectTimeoutMs: number('ct', 100, 10_000, 5_000),
      readTimeoutMs: number('rt', 100, 15_000, 15_000),
      totalTimeMs: number('tt', 100, 15_000, 15_000),
    },
  }
}
