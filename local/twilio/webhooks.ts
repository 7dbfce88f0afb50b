import { randomUUID } from 'node:crypto'
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js'
import { readConnectionOverrides } from './connectionOverrides.ts'
import { postForm } from './postForm.ts'
import type { Schedule } from './schedule.ts'
import type { Work } from './work.ts'

/** What a webhook tells: a text came in, or a message changed its status. */
type WebhookKind = 'inbound' | 'status'

/** A webhook that is still to be posted; kept in the state file, so that a restart loses none. */
export type PendingWebhook = {
  readonly id: string
  readonly kind: WebhookKind
  readonly messageSid: string
  /** As configured, with its fragment. Null for a text: the inbound URL of the moment counts. */
  readonly url: string | null
  readonly fields: Readonly<Record<string, string>>
  readonly idempotencyToken: string
  /** Posts made so far. */
  attempts: number
  /** Why the first URL was given up, once the fallback URL is tried. */
  fallbackCode: string | null
}

/** One post that was really made. */
export type WebhookLogEntry = {
  readonly id: string
  readonly kind: WebhookKind
  /** Milliseconds since 1970, when the post began. */
  readonly at: number
  readonly method: 'POST'
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
  readonly signature: string
  /** HTTP status, or null when there was no answer. */
  readonly status: number | null
  /** Why there was no answer, for example ECONNREFUSED. */
  readonly error: string | null
  /** 1 for the first post. */
  readonly attempt: number
  readonly durationMs: number
  readonly messageSid: string
}

/** Posts kept in the log; older ones fall out. */
const maxLogEntries = 200
const firstRetryMs = 500
const maxRetryMs = 4_000

/** Error codes that a fallback URL is told: no connection, time-out, HTTP status. Source: Twilio's error dictionary. */
const fallbackCodes = { ct: '11205', rt: '11200', answer: '11200' } as const

export type Webhooks = {
  /**
   * Posts a webhook, again when the URL's overrides ask for it. Webhooks of kind `status` for one message keep their
   * order.
   */
  post(webhook: Pick<PendingWebhook, 'kind' | 'messageSid' | 'url' | 'fields'>, copies?: number): void
  /** Posts again what was pending when the state was written. */
  resume(): void
  onWebhook(listener: (entry: WebhookLogEntry) => void): () => void
  stop(): void
}

/**
 * Signs, posts, retries and logs webhooks.
 *
 * @param options pending and log are changed in place; `changed` is called after each change;
 *   `answered` gets the answer to an inbound webhook that ended well
 */
export function createWebhooks(options: {
  authToken: string
  inboundUrl: () => string
  fallbackUrl: string | undefined
  clock: () => number
  schedule: Schedule
  work: Work
  pending: PendingWebhook[]
  log: WebhookLogEntry[]
  changed: () => void
  answered: (webhook: PendingWebhook, answer: { contentType: string; body: string }) => void
  warn: (fields: object, message: string) => void
}): Webhooks {
  const { clock, schedule, work, pending, log, changed } = options
  const listeners = new Set<(entry: WebhookLogEntry) => void>()
  const abort = new AbortController()
  /** By webhook id: tells that its work has ended. */
  const ends = new Map<string, () => void>()

  function urlOf(webhook: PendingWebhook): string {
    if (webhook.fallbackCode !== null) return options.fallbackUrl ?? ''
    return webhook.url ?? options.inboundUrl()
  }

  function fieldsOf(webhook: PendingWebhook): Record<string, string> {
    if (webhook.fallbackCode === null) return webhook.fields
    return { ...webhook.fields, ErrorCode: webhook.fallbackCode, ErrorUrl: bareUrl(options.inboundUrl()) }
  }

  function remember(entry: WebhookLogEntry): void {
    log.push(entry)
    if (log.length > maxLogEntries) log.splice(0, log.length - maxLogEntries)
    for (const listener of listeners) listener(entry)
  }

  async function attempt(webhook: PendingWebhook, waitedMs: number): Promise<void> {
    const configured = urlOf(webhook)
    if (!URL.canParse(configured)) {
      options.warn({ messageSid: webhook.messageSid, kind: webhook.kind }, 'No webhook URL is configured.')
      finish(webhook)
      return
    }
    const { url, overrides } = readConnectionOverrides(configured)
    const fields = fieldsOf(webhook)
    const signature = getExpectedTwilioSignature(options.authToken, url, fields)
    webhook.attempts += 1
    const at = clock()
    const startedAt = performance.now()
    const outcome = await postForm(url, new URLSearchParams(fields).toString(), {
      headers: {
        'User-Agent': 'TwilioProxy/1.1',
        Accept: '*/*',
        'I-Twilio-Idempotency-Token': webhook.idempotencyToken,
        'X-Twilio-Signature': signature,
      },
      connectTimeoutMs: overrides.connectTimeoutMs,
      readTimeoutMs: overrides.readTimeoutMs,
      signal: abort.signal,
    })
    // Stopped meanwhile: the webhook stays pending and is posted again after the next start.
    if (abort.signal.aborted) return
    const durationMs = Math.round(performance.now() - startedAt)
    remember({
      id: randomUUID(),
      kind: webhook.kind,
      at,
      method: 'POST',
      url,
      fields,
      signature,
      status: outcome.kind === 'answer' ? outcome.status : null,
      error: outcome.kind === 'answer' ? null : outcome.error,
      attempt: webhook.attempts,
      durationMs,
      messageSid: webhook.messageSid,
    })

    if (outcome.kind === 'answer' && outcome.status < 400) {
      if (webhook.kind === 'inbound') options.answered(webhook, outcome)
      finish(webhook)
      return
    }
    const pauseMs = Math.min(maxRetryMs, firstRetryMs * 2 ** (webhook.attempts - 1))
    const spentMs = waitedMs + durationMs + pauseMs
    const reason = outcome.kind !== 'answer' ? outcome.kind : outcome.status < 500 ? ('4xx' as const) : ('5xx' as const)
    const mayRetry = webhook.attempts <= overrides.retries && overrides.retryOn.has(reason)
    if (mayRetry && spentMs <= overrides.totalTimeMs) {
      schedule.at(clock() + pauseMs, () => void attempt(webhook, spentMs))
      changed()
    } else if (webhook.kind === 'inbound' && webhook.fallbackCode === null && options.fallbackUrl !== undefined) {
      webhook.fallbackCode = fallbackCodes[outcome.kind]
      webhook.attempts = 0
      changed()
      await attempt(webhook, 0)
    } else {
      options.warn({ messageSid: webhook.messageSid, kind: webhook.kind, reason }, 'A webhook was given up.')
      finish(webhook)
    }
  }

  function begin(webhook: PendingWebhook): void {
    if (!pending.includes(webhook)) return
    const end = work.begin()
    ends.set(webhook.id, end)
    // A status waits for the one before it, so that a message is never "sent" after it was "delivered".
    const isFirst =
      webhook.kind === 'inbound' ||
      pending.find((other) => other.kind === 'status' && other.messageSid === webhook.messageSid) === webhook
    if (isFirst) void attempt(webhook, 0)
  }

  function finish(webhook: PendingWebhook): void {
    const index = pending.indexOf(webhook)
    if (index < 0) return
    pending.splice(index, 1)
    changed()
    if (webhook.kind === 'status') {
      const next = pending.find((other) => other.kind === 'status' && other.messageSid === webhook.messageSid)
      if (next) void attempt(next, 0)
    }
    ends.get(webhook.id)?.()
    ends.delete(webhook.id)
  }

  return {
    post(webhook, copies = 1) {
      const idempotencyToken = randomUUID()
      for (let copy = 0; copy < copies; copy += 1) {
        const job = { ...webhook, id: randomUUID(), idempotencyToken, attempts: 0, fallbackCode: null }
        pending.push(job)
        begin(job)
      }
      changed()
    },
    resume() {
      for (const webhook of [...pending]) begin(webhook)
    },
    onWebhook(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    stop() {
      abort.abort()
      for (const end of ends.values()) end()
      ends.clear()
    },
  }
}

function bareUrl(url: string): string {
  return url.split('#', 1)[0] ?? url
}
