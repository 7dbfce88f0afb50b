import twilio from 'twilio'
import { TryAgainError } from '../core/errors.ts'
import { parsePhone } from '../core/phone.ts'
import type { DeliveryStatus, InboundText, Messenger } from './messenger.ts'

const { RequestClient, RestException, validateRequest } = twilio

const requestTimeoutMs = 9_000
const waitForProviderMs = 5_000

/** Twilio's error for a recipient who sent STOP. Source: Twilio error dictionary, 21610. */
const optedOutCode = 21610
const realApi = 'https://api.twilio.com'

export type TwilioSettings = {
  accountSid: string
  authToken: string
  /** Our number, in international form. */
  from: string
  /** Where Twilio's API is; a stand-in is an address away. */
  apiUrl: string
  /** Where Twilio reports what became of a text. */
  statusUrl: string
}

/** An HTTP client that sends what is meant for Twilio's API to the configured address; the same code speaks to both. */
function httpClientFor(apiUrl: string) {
  const httpClient = new RequestClient({ timeout: requestTimeoutMs })
  const request = httpClient.request.bind(httpClient)
  httpClient.request = (options) => request({ ...options, uri: options.uri.replace(realApi, apiUrl) })
  return httpClient
}

/** Twilio's Programmable Messaging as a messenger. */
export function twilioMessenger(settings: TwilioSettings): Messenger {
  const client = twilio(settings.accountSid, settings.authToken, {
    httpClient: httpClientFor(settings.apiUrl),
  })
  return {
    async send(to, text) {
      try {
        const message = await client.messages.create({
          to,
          from: settings.from,
          body: text,
          statusCallback: settings.statusUrl,
        })
        return { sent: true, providerId: message.sid }
      } catch (error) {
        if (!(error instanceof RestException) || error.status === 429 || error.status >= 500)
          throw new TryAgainError('messengerUnavailable', waitForProviderMs)
        const errorCode = String(error.code ?? error.status)
        // A wrong token or a closed account is ours to mend: the text must wait, not be lost.
        if (error.status === 401 || error.status === 403)
          throw new TryAgainError('messengerRefusesUs', waitForProviderMs)
        return { sent: false, reason: error.code === optedOutCode ? 'unreachable' : 'refused', errorCode }
      }
    },
    async redact(providerId) {
      try {
        await client.messages(providerId).update({ body: '' })
      } catch (error) {
        // Deleted at the provider already: nothing is left to forget.
        if (error instanceof RestException && error.status === 404) return
        throw new TryAgainError('messengerUnavailable', waitForProviderMs)
      }
    },
    async findSent(to, text, since) {
      try {
        const messages = await client.messages.list({ to, from: settings.from, dateSentAfter: since, limit: 50 })
        const found = messages.find((message) => message.body === text && message.dateCreated >= since)
        return found ? { providerId: found.sid } : null
      } catch {
        throw new TryAgainError('messengerUnavailable', waitForProviderMs)
      }
    },
  }
}

/** What a Twilio webhook turned out to be. `forged`: not signed by our account's token, or not of our account. */
export type TwilioInbound = { ok: true; message: InboundText } | { ok: false; reason: 'forged' | 'malformed' }
export type TwilioStatus = { ok: true; status: DeliveryStatus | null } | { ok: false; reason: 'forged' | 'malformed' }

type Form = Readonly<Record<string, string>>

/**
 * Proves and reads an inbound text.
 *
 * The signature covers the public URL and the form, joined without separators, and carries no time; so account, our own
 * number and the shape of each field are checked as well, and the caller stores each MessageSid once.
 *
 * @param url the address Twilio was given, never built from the Host header
 */
export function readTwilioInbound(settings: TwilioSettings, url: string, signature: string, form: Form): TwilioInbound {
  if (!isSigned(settings, url, signature, form) || form['AccountSid'] !== settings.accountSid)
    return { ok: false, reason: 'forged' }
  const { MessageSid: providerId, From, To, Body } = form
  if (providerId === undefined || !/^(SM|MM)[0-9a-f]{32}$/i.test(providerId) || Body === undefined)
    return { ok: false, reason: 'malformed' }
  if (To !== settings.from) return { ok: false, reason: 'forged' }
  const from = From?.startsWith('+') ? parsePhone(From) : null
  if (!from) return { ok: false, reason: 'malformed' }
  const { OptOutType } = form
  const opted = OptOutType === 'STOP' ? 'out' : OptOutType === 'START' ? 'in' : null
  return { ok: true, message: { providerId, from, text: Body, opted } }
}

/** Proves and reads a status callback; statuses on the way to `sent` are of no interest. */
export function readTwilioStatus(settings: TwilioSettings, url: string, signature: string, form: Form): TwilioStatus {
  if (!isSigned(settings, url, signature, form) || form['AccountSid'] !== settings.accountSid)
    return { ok: false, reason: 'forged' }
  const providerId = form['MessageSid']
  if (!providerId || !form['MessageStatus']) return { ok: false, reason: 'malformed' }
  const errorCode = form['ErrorCode'] || null
  switch (form['MessageStatus']) {
    case 'sent':
      return { ok: true, status: { providerId, state: 'sent', errorCode: null } }
    case 'delivered':
      return { ok: true, status: { providerId, state: 'delivered', errorCode: null } }
    case 'undelivered':
    case 'failed':
      return { ok: true, status: { providerId, state: 'failed', errorCode } }
    default:
      return { ok: true, status: null }
  }
}

function isSigned(settings: TwilioSettings, url: string, signature: string, form: Form): boolean {
  // An empty form would pass for any body that is not a form.
  if (signature === '' || Object.keys(form).length === 0) return false
  try {
    return validateRequest(settings.authToken, signature, url, form)
  } catch {
    return false
  }
}
