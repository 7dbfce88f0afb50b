/** States a message can be in here; the provider knows more. */
export type MessageStatus = 'accepted' | 'queued' | 'sent' | 'delivered' | 'undelivered' | 'failed' | 'received'

/** A message as the stand-in keeps it; times in milliseconds since 1970. */
export type StoredMessage = {
  readonly sid: string
  readonly to: string
  /** Null until a sender of the messaging service is chosen. */
  from: string | null
  body: string
  status: MessageStatus
  readonly direction: 'inbound' | 'outbound-api' | 'outbound-reply'
  readonly createdAt: number
  updatedAt: number
  sentAt: number | null
  readonly parts: number
  errorCode: number | null
  readonly messagingServiceSid: string | null
  readonly statusCallback: string | null
  readonly validityMs: number
}

/** The Message resource of API version 2010-04-01. Source: Twilio's OpenAPI description. */
export type MessageResource = {
  account_sid: string
  api_version: '2010-04-01'
  body: string
  date_created: string
  date_sent: string | null
  date_updated: string
  direction: StoredMessage['direction']
  error_code: number | null
  error_message: string | null
  from: string | null
  messaging_service_sid: string | null
  num_media: string
  num_segments: string
  price: null
  price_unit: 'USD'
  sid: string
  status: MessageStatus
  subresource_uris: { media: string }
  to: string
  uri: string
}

const errorMessages: Readonly<Record<number, string>> = {
  21610: 'Attempt to send to unsubscribed recipient',
  30003: 'Unreachable destination handset',
  30005: 'Unknown destination handset',
}

/** True once nothing more happens to a message; only then may it be redacted or deleted. */
export function isFinished(status: MessageStatus): boolean {
  return status === 'delivered' || status === 'undelivered' || status === 'failed' || status === 'received'
}

/** Writes a time as RFC 2822 in GMT, with the numeric zone that the API uses. */
export function rfc2822(at: number): string {
  return new Date(at).toUTCString().replace('GMT', '+0000')
}

/** Turns a stored message into the API's resource. */
export function toResource(accountSid: string, message: StoredMessage): MessageResource {
  const uri = `/2010-04-01/Accounts/${accountSid}/Messages/${message.sid}`
  return {
    account_sid: accountSid,
    api_version: '2010-04-01',
    body: message.body,
    date_created: rfc2822(message.createdAt),
    date_sent: message.sentAt === null ? null : rfc2822(message.sentAt),
    date_updated: rfc2822(message.updatedAt),
    direction: message.direction,
    error_code: message.errorCode,
    error_message: message.errorCode === null ? null : (errorMessages[message.errorCode] ?? null),
    from: message.from,
    messaging_service_sid: message.messagingServiceSid,
    num_media: '0',
    // A service has not chosen its sender yet, so the provider has not counted either.
    num_segments: message.from === null ? '0' : String(message.parts),
    price: null,
    price_unit: 'USD',
    sid: message.sid,
    status: message.status,
    subresource_uris: { media: `${uri}/Media.json` },
    to: message.to,
    uri: `${uri}.json`,
  }
}
