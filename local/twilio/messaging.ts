import { randomBytes } from 'node:crypto'
import { parsePhoneNumberFromString } from 'libphonenumber-js'
import { apiErrors } from './apiError.ts'
import type { Carrier, DeliveryOutcome, Provider } from './carrier.ts'
import { isFinished, type MessageStatus, type StoredMessage } from './message.ts'
import { optOutReplies, readOptOut } from './optOut.ts'
import { measureSms } from './smsSize.ts'
import type { Webhooks } from './webhooks.ts'
import type { Work } from './work.ts'

/** The longest a carrier keeps trying. */
const maxValidityMs = 4 * 60 * 60 * 1_000

/** Parameters of a create call whose effect is modelled. */
const knownParameters = new Set(['To', 'From', 'MessagingServiceSid', 'Body', 'StatusCallback', 'ValidityPeriod'])
/** Parameters that change nothing for a plain text. */
const ignoredParameters = new Set(['Attempt', 'ForceDelivery', 'MaxPrice', 'ProvideFeedback', 'RiskCheck'])

export type Messaging = {
  /** @throws {TwilioApiError} as the REST API refuses */
  create(params: URLSearchParams): StoredMessage
  inbound: Provider['inbound']
  report: Provider['report']
  /** Sends the texts of a webhook's answer back to where the message came from. */
  reply(messageSid: string, texts: readonly string[]): void
  find(sid: string): StoredMessage | undefined
  /** @throws {TwilioApiError} when the message is not finished or the update is not allowed */
  update(message: StoredMessage, params: URLSearchParams): void
  /** @throws {TwilioApiError} when the message is not finished */
  remove(message: StoredMessage): void
  /** Carries on with what was under way when the state was written. */
  resume(): void
}

/**
 * What happens to messages between the API, the carrier and the webhooks.
 *
 * @param options messages and optOuts are changed in place; `changed` is called after each change
 */
export function createMessaging(options: {
  accountSid: string
  phoneNumber: string
  messagingServiceSid: string | undefined
  clock: () => number
  work: Work
  carrier: Carrier
  webhooks: Webhooks
  messages: StoredMessage[]
  /** Numbers of people who texted STOP. */
  optOuts: Set<string>
  changed: () => void
}): Messaging {
  const { accountSid, phoneNumber, clock, work, carrier, webhooks, messages, optOuts, changed } = options
  const serviceSid = options.messagingServiceSid ?? null
  const bySid = new Map(messages.map((message) => [message.sid, message]))

  function store(
    fields: Pick<StoredMessage, 'to' | 'from' | 'body' | 'status' | 'direction'> & Partial<StoredMessage>,
  ) {
    const now = clock()
    const message: StoredMessage = {
      sid: `SM${randomBytes(16).toString('hex')}`,
      createdAt: now,
      updatedAt: now,
      sentAt: null,
      parts: measureSms(fields.body).parts,
      errorCode: null,
      messagingServiceSid: null,
      statusCallback: null,
      validityMs: maxValidityMs,
      ...fields,
    }
    messages.push(message)
    bySid.set(message.sid, message)
    changed()
    return message
  }

  /** Moves a message on and tells its status callback. */
  function advance(message: StoredMessage, status: MessageStatus, errorCode: number | null = null): void {
    message.status = status
    message.errorCode = errorCode
    message.updatedAt = clock()
    if (status === 'sent') message.sentAt = message.updatedAt
    announce(message)
    changed()
  }

  function announce(message: StoredMessage): void {
    if (message.statusCallback === null) return
    const hasReceipt = message.status === 'delivered' || message.status === 'undelivered'
    webhooks.post({
      kind: 'status',
      messageSid: message.sid,
      url: message.statusCallback,
      fields: {
        ...(message.errorCode !== null && { ErrorCode: String(message.errorCode) }),
        SmsSid: message.sid,
        SmsStatus: message.status,
        MessageStatus: message.status,
        ...(hasReceipt && { RawDlrDoneDate: receiptDate(message.updatedAt) }),
        To: message.to,
        ...(message.messagingServiceSid !== null && { MessagingServiceSid: message.messagingServiceSid }),
        MessageSid: message.sid,
        AccountSid: accountSid,
        From: message.from ?? phoneNumber,
        ApiVersion: '2010-04-01',
      },
    })
  }

  /** Hands a message to the carrier, after the API has answered. */
  function transmit(message: StoredMessage): void {
    const end = work.begin()
    setImmediate(async () => {
      try {
        if (message.from === null) {
          message.from = phoneNumber
          advance(message, 'queued')
        }
        if (message.status === 'queued') advance(message, 'sent')
        const outcome = await carrier.deliver({
          id: message.sid,
          from: phoneNumber,
          to: message.to,
          text: message.body,
          validityMs: message.validityMs,
        })
        report(message.sid, outcome)
      } finally {
        end()
      }
    })
  }

  function report(sid: string, outcome: DeliveryOutcome): void {
    const message = bySid.get(sid)
    if (!message || isFinished(message.status) || outcome.state === 'waiting') return
    if (outcome.state === 'delivered') advance(message, 'delivered')
    else advance(message, 'undelivered', outcome.errorCode)
  }

  function create(params: URLSearchParams): StoredMessage {
    for (const [name, value] of params) {
      const isPlain = knownParameters.has(name) || ignoredParameters.has(name) || value === ''
      if (!isPlain) throw apiErrors.unsupportedParameter(name)
    }
    const to = params.get('To') ?? ''
    const from = params.get('From') ?? ''
    const body = params.get('Body') ?? ''
    const service = params.get('MessagingServiceSid') ?? ''
    const statusCallback = params.get('StatusCallback') || null
    if (to === '') throw apiErrors.toRequired()
    if (from === '' && service === '') throw apiErrors.fromRequired()
    if (body === '') throw apiErrors.bodyRequired()
    if (body.length > 1_600) throw apiErrors.bodyTooLong()
    if (!to.startsWith('+') || !parsePhoneNumberFromString(to)?.isPossible()) throw apiErrors.invalidTo(to)
    if (from !== '' && from !== phoneNumber) throw apiErrors.foreignFrom(from)
    if (service !== '' && service !== serviceSid) throw apiErrors.foreignService()
    if (to === phoneNumber) throw apiErrors.sameNumbers()
    if (statusCallback !== null && !isWebUrl(statusCallback)) throw apiErrors.invalidCallback()
    if (optOuts.has(to)) throw apiErrors.optedOut()
    const validityMs = Number(params.get('ValidityPeriod') ?? '') * 1_000
    const message = store({
      to,
      from: from === '' ? null : from,
      body,
      status: from === '' ? 'accepted' : 'queued',
      direction: 'outbound-api',
      messagingServiceSid: service === '' ? null : service,
      statusCallback,
      validityMs: validityMs > 0 ? Math.min(validityMs, maxValidityMs) : maxValidityMs,
    })
    announce(message)
    transmit(message)
    return message
  }

  /** Sends a text of the provider's own, or one that a webhook's answer holds. */
  function answer(to: string, body: string): void {
    transmit(store({ to, from: phoneNumber, body, status: 'queued', direction: 'outbound-reply' }))
  }

  function inbound(from: string, body: string, { duplicate = false }: { readonly duplicate?: boolean } = {}): string {
    const wasOptedOut = optOuts.has(from)
    const optOutType = readOptOut(body, wasOptedOut)
    const now = clock()
    const message = store({
      to: phoneNumber,
      from,
      body,
      status: 'received',
      direction: 'inbound',
      sentAt: now,
      messagingServiceSid: serviceSid,
    })
    const { sid } = message
    webhooks.post(
      {
        kind: 'inbound',
        messageSid: sid,
        url: null,
        // Names and order as captured from the provider. Places are known for North American numbers only.
        fields: {
          ToCountry: countryOf(phoneNumber),
          ToState: '',
          SmsMessageSid: sid,
          NumMedia: '0',
          ToCity: '',
          FromZip: '',
          SmsSid: sid,
          FromState: '',
          SmsStatus: 'received',
          FromCity: '',
          Body: body,
          FromCountry: countryOf(from),
          To: phoneNumber,
          ...(serviceSid !== null && { MessagingServiceSid: serviceSid }),
          ...(optOutType !== undefined && { OptOutType: optOutType }),
          ToZip: '',
          NumSegments: String(message.parts),
          MessageSid: sid,
          AccountSid: accountSid,
          From: from,
          ApiVersion: '2010-04-01',
        },
      },
      duplicate ? 2 : 1,
    )

    if (optOutType === 'STOP' && !wasOptedOut) {
      optOuts.add(from)
      answer(from, optOutReplies.STOP)
    } else if (optOutType === 'START' && wasOptedOut) {
      optOuts.delete(from)
      answer(from, optOutReplies.START)
    } else if (optOutType === 'HELP' && !wasOptedOut) {
      answer(from, optOutReplies.HELP)
    }
    changed()
    return sid
  }

  function assertFinished(message: StoredMessage): void {
    if (!isFinished(message.status)) throw apiErrors.notFinished()
  }

  return {
    create,
    inbound,
    report,
    find: (sid) => bySid.get(sid),
    reply(messageSid, texts) {
      const to = bySid.get(messageSid)?.from
      if (to === undefined || to === null) return
      for (const text of texts) {
        if (!optOuts.has(to)) answer(to, text)
        else {
          const base = { to, from: phoneNumber, body: text, direction: 'outbound-reply' as const }
          store({ ...base, status: 'failed', errorCode: 21610 })
        }
      }
    },
    update(message, params) {
      const body = params.get('Body')
      const status = params.get('Status')
      if (status === 'canceled') throw apiErrors.notCancelable()
      if (status !== null || (body !== null && body !== '')) throw apiErrors.invalidUpdate()
      if (body === null) return
      assertFinished(message)
      message.body = ''
      message.updatedAt = clock()
      changed()
    },
    remove(message) {
      assertFinished(message)
      messages.splice(messages.indexOf(message), 1)
      bySid.delete(message.sid)
      changed()
    },
    resume() {
      for (const message of messages) {
        if (message.direction !== 'inbound' && !isFinished(message.status)) transmit(message)
      }
    },
  }
}

function isWebUrl(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text)
}

/** The time of a delivery receipt, as YYMMDDhhmm in GMT. */
function receiptDate(at: number): string {
  return new Date(at).toISOString().replace(/\D/g, '').slice(2, 12)
}

/** The two letters of a number's country, empty when the number alone does not tell. */
function countryOf(address: string): string {
  return parsePhoneNumberFromString(address)?.country ?? ''
}
