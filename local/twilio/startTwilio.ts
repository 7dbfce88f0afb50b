import Fastify from 'fastify'
import type { Carrier } from './carrier.ts'
import { createJsonFile, readJson } from './jsonFile.ts'
import type { StoredMessage } from './message.ts'
import { createMessaging } from './messaging.ts'
import { addRestApi } from './restApi.ts'
import { createSchedule, type Schedule } from './schedule.ts'
import { readTwiml } from './twiml.ts'
import { createWebhooks, type PendingWebhook, type WebhookLogEntry } from './webhooks.ts'
import { createWork } from './work.ts'

/** Where the stand-in tells what happens; never texts or numbers. */
export type StandInLog = {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export type TwilioOptions = {
  /** 0 for any free port of 127.0.0.1. */
  port: number
  /** Messages, opt-outs and pending webhooks are kept here; nothing is kept without it. */
  stateFile?: string
  accountSid: string
  authToken: string
  /** The service's number. */
  phoneNumber: string
  /** When set, messages may be sent through this service, and inbound webhooks name it. */
  messagingServiceSid?: string
  /** Where texts are posted, with connection overrides as fragment: `https://host/path#rc=3&rp=ct,rt,5xx`. */
  inboundUrl: string | (() => string)
  /** Where a text is posted once the inbound URL was given up. */
  fallbackUrl?: string
  carrier: Carrier
  /** Milliseconds since 1970. */
  clock?: () => number
  /** When retries happen; by the clock unless given. */
  schedule?: Schedule
  log?: StandInLog
}

export type TwilioStandIn = {
  /** What takes the place of https://api.twilio.com. */
  readonly url: string
  readonly phoneNumber: string
  /**
   * A text reaches the service's number.
   *
   * @param options duplicate: post the webhook twice, with one MessageSid
   * @returns the MessageSid
   */
  inbound(from: string, body: string, options?: { readonly duplicate?: boolean }): string
  /** The last 200 webhooks really posted, oldest first. */
  webhooks(): readonly WebhookLogEntry[]
  /** @returns a function that stops listening */
  onWebhook(listener: (entry: WebhookLogEntry) => void): () => void
  /** Resolves when no webhook and no delivery is under way; texts waiting for a handset's signal do not count. */
  settle(): Promise<void>
  /** Stops, and writes the state. What was under way goes on after the next start. */
  stop(): Promise<void>
}

type State = {
  messages: StoredMessage[]
  optOuts: string[]
  pending: PendingWebhook[]
  log: WebhookLogEntry[]
}

/**
 * Starts a stand-in for Twilio's Programmable Messaging on 127.0.0.1.
 *
 * It speaks the REST API's Messages resource, posts signed webhooks as Twilio does, and keeps Twilio's opt-out list. Not
 * modelled: media, templates, WhatsApp, scheduling, prices.
 *
 * @throws when the port is taken, or the state file is not JSON
 */
export async function startTwilio(options: TwilioOptions): Promise<TwilioStandIn> {
  const { accountSid, authToken, phoneNumber, inboundUrl, carrier, clock = Date.now, stateFile } = options
  const schedule = options.schedule ?? createSchedule({ clock })
  const log = options.log ?? { info: () => {}, warn: () => {} }
  const state = readJson<State>(stateFile, { messages: [], optOuts: [], pending: [], log: [] })
  const optOuts = new Set(state.optOuts)
  const file = createJsonFile(stateFile, () => ({ ...state, optOuts: [...optOuts] }))
  const work = createWork()

  const webhooks = createWebhooks({
    authToken,
    inboundUrl: typeof inboundUrl === 'string' ? () => inboundUrl : inboundUrl,
    fallbackUrl: options.fallbackUrl,
    clock,
    schedule,
    work,
    pending: state.pending,
    log: state.log,
    changed: file.save,
    warn: log.warn,
    answered(webhook, answer) {
      const texts = readTwiml(answer.contentType, answer.body)
      if (texts === null) log.warn({ messageSid: webhook.messageSid, code: 12100 }, 'The answer is not TwiML.')
      else messaging.reply(webhook.messageSid, texts)
    },
  })
  const messaging = createMessaging({
    accountSid,
    phoneNumber,
    messagingServiceSid: options.messagingServiceSid,
    clock,
    work,
    carrier,
    webhooks,
    messages: state.messages,
    optOuts,
    changed: file.save,
  })

  const app = Fastify({ logger: false, forceCloseConnections: true })
  addRestApi(app, { accountSid, authToken, messaging, messages: state.messages })
  const url = await app.listen({ host: '127.0.0.1', port: options.port })
  carrier.connect({ phoneNumber, inbound: messaging.inbound, report: messaging.report })
  webhooks.resume()
  messaging.resume()
  log.info({ url, messages: state.messages.length, pending: state.pending.length }, 'The Twilio stand-in is ready.')

  return {
    url,
    phoneNumber,
    inbound: messaging.inbound,
    webhooks: () => [...state.log],
    onWebhook: webhooks.onWebhook,
    async settle() {
      while (work.isBusy() || carrier.isBusy()) {
        await work.idle()
        await carrier.settle()
      }
    },
    async stop() {
      await app.close()
      if (options.schedule === undefined) schedule.stop()
      webhooks.stop()
      file.flush()
    },
  }
}
