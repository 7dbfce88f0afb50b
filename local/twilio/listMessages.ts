import { type MessageResource, type StoredMessage, toResource } from './message.ts'

/** A page of messages as the API answers it. */
type MessagePage = {
  end: number
  first_page_uri: string
  messages: MessageResource[]
  next_page_uri: string | null
  page: number
  page_size: number
  previous_page_uri: string | null
  start: number
  uri: string
}

const dayMs = 86_400_000

/** A bare date names a whole day in GMT, anything else a moment. Undefined when it is neither. */
function readPeriod(text: string): { from: number; to: number } | undefined {
  const from = Date.parse(text)
  if (Number.isNaN(from)) return undefined
  return { from, to: /^\d{4}-\d\d-\d\d$/.test(text) ? from + dayMs - 1 : from }
}

function matches(message: StoredMessage, query: URLSearchParams): boolean {
  const to = query.get('To')
  const from = query.get('From')
  if (to !== null && message.to !== to) return false
  if (from !== null && message.from !== from) return false
  // The SDK cuts times to whole seconds, so the comparison does too.
  const at = Math.floor((message.sentAt ?? message.createdAt) / 1_000) * 1_000
  const on = readPeriod(query.get('DateSent') ?? '')
  const before = readPeriod(query.get('DateSent<') ?? '')
  const after = readPeriod(query.get('DateSent>') ?? '')
  if (on && (at < on.from || at > on.to)) return false
  if (before && at > before.from) return false
  return !(after && at < after.from)
}

const readInteger = (text: string | null, min: number, max: number, standard: number): number => {
  const value = text === null ? standard : Number.parseInt(text, 10)
  return Number.isNaN(value) ? standard : Math.min(max, Math.max(min, value))
}

/**
 * Lists messages, newest first, filtered by To, From, DateSent, `DateSent<` and `DateSent>` (both bounds inclusive).
 *
 * A page token names the last message of the page before, so texts that arrive meanwhile shift nothing.
 *
 * @param messages in the order they were created
 */
export function listMessages(
  accountSid: string,
  messages: readonly StoredMessage[],
  query: URLSearchParams,
): MessagePage {
  const path = `/2010-04-01/Accounts/${accountSid}/Messages.json`
  const pageSize = readInteger(query.get('PageSize'), 1, 1_000, 50)
  const page = readInteger(query.get('Page'), 0, Number.MAX_SAFE_INTEGER, 0)
  const found = messages.filter((message) => matches(message, query)).reverse()
  const token = query.get('PageToken')
  const tokenAt = token === null ? -1 : found.findIndex((message) => `PA${message.sid}` === token)
  const start = tokenAt >= 0 ? tokenAt + 1 : page * pageSize
  const shown = found.slice(start, start + pageSize)

  const uri = (number: number, pageToken?: string) => {
    const params = new URLSearchParams(query)
    params.delete('PageToken')
    params.set('PageSize', String(pageSize))
    params.set('Page', String(number))
    if (pageToken !== undefined) params.set('PageToken', pageToken)
    return `${path}?${params}`
  }
  const last = shown.at(-1)
  const hasMore = last !== undefined && start + shown.length < found.length
  return {
    end: page * pageSize + Math.max(0, shown.length - 1),
    first_page_uri: uri(0),
    messages: shown.map((message) => toResource(accountSid, message)),
    next_page_uri: hasMore ? uri(page + 1, `PA${last.sid}`) : null,
    page,
    page_size: pageSize,
    previous_page_uri: page === 0 ? null : uri(page - 1),
    start: page * pageSize,
    uri: query.size === 0 ? path : `${path}?${query}`,
  }
}
