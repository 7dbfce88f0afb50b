import { readdirSync, readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { extname } from 'node:path'
import Fastify from 'fastify'
import type { WebhookLogEntry } from '../twilio/webhooks.ts'
import type { Phones } from './createPhones.ts'
import { PhoneError, type PhoneSummary, type Switches } from './phoneTypes.ts'

const assetsUrl = new URL('./assets/', import.meta.url)
const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Proxies close a silent stream after a minute or so. */
const heartbeatMs = 25_000

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

export type PhonePageOptions = {
  /** 0 for any free port of 127.0.0.1. */
  port: number
  phones: Phones
  /** The provider whose webhooks the page shows; the handsets must be its carrier. */
  twilio: {
    readonly phoneNumber: string
    webhooks(): readonly WebhookLogEntry[]
    onWebhook(listener: (entry: WebhookLogEntry) => void): () => void
  }
  /** Heading of the page. */
  title?: string
}

export type PhonePage = { readonly url: string; stop(): Promise<void> }

const addressParams = {
  type: 'object',
  required: ['address'],
  properties: { address: { type: 'string', maxLength: 20 } },
} as const

/**
 * Starts the phone simulator: a page with the handsets and the JSON API behind it, on 127.0.0.1.
 *
 * @throws when the port is taken
 */
export async function startPhonePage(options: PhonePageOptions): Promise<PhonePage> {
  const { phones, twilio, title = 'HealthChain phones' } = options
  const assets = readAssets({ title, number: twilio.phoneNumber })
  const streams = new Set<ServerResponse>()
  const app = Fastify({ logger: false, forceCloseConnections: true, routerOptions: { maxParamLength: 40 } })

  // Only JSON: a form on another site can't make a handset speak.
  app.removeContentTypeParser('text/plain')
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    // A name that someone points at 127.0.0.1 must not read the messages.
    const host = request.headers.host?.replace(/:\d+$/, '') ?? ''
    if (!['127.0.0.1', 'localhost', '[::1]'].includes(host)) {
      throw new PhoneError(400, 'This page answers to 127.0.0.1 and localhost only.')
    }
  })
  app.setErrorHandler((error, _request, reply) => {
    const status =
      error instanceof PhoneError
        ? error.status
        : error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
          ? error.statusCode
          : 500
    const message = status < 500 && error instanceof Error ? error.message : 'Something went wrong in the simulator.'
    return reply.status(status).send({ error: message })
  })

  for (const [path, asset] of assets) {
    app.get(path, async (_request, reply) => reply.type(asset.type).send(asset.body))
  }

  app.get('/api/phones', async () => phones.list())
  app.post<{ Body: { address: string; name: string } }>(
    '/api/phones',
    {
      schema: {
        body: {
          type: 'object',
          required: ['address', 'name'],
          additionalProperties: false,
          properties: { address: { type: 'string' }, name: { type: 'string', minLength: 1, maxLength: 40 } },
        },
      },
    },
    async (request, reply) => reply.status(201).send(phones.register(request.body)),
  )
  app.get<{ Params: { address: string } }>(
    '/api/phones/:address/messages',
    { schema: { params: addressParams } },
    async (request) => phones.messages(request.params.address),
  )
  app.post<{ Params: { address: string }; Body: { text: string } }>(
    '/api/phones/:address/messages',
    {
      schema: {
        params: addressParams,
        body: {
          type: 'object',
          required: ['text'],
          additionalProperties: false,
          properties: { text: { type: 'string' } },
        },
      },
    },
    async (request, reply) => reply.status(201).send(phones.text(request.params.address, request.body.text)),
  )
  app.post<{ Params: { address: string }; Body: Partial<Switches> }>(
    '/api/phones/:address/switches',
    {
      schema: {
        params: addressParams,
        body: {
          type: 'object',
          additionalProperties: false,
          properties: {
            signal: { type: 'boolean' },
            delayMs: { type: 'integer' },
            duplicate: { type: 'boolean' },
            channel: { enum: ['sms'] },
          },
        },
      },
    },
    async (request) => phones.setSwitches(request.params.address, request.body),
  )
  app.get('/api/webhooks', async () => twilio.webhooks())

  app.get('/api/events', async (_request, reply) => {
    reply.hijack()
    const stream = reply.raw
    stream.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    // The browser waits this long before it comes back.
    stream.write('retry: 1000\n\n')
    streams.add(stream)
    stream.on('close', () => streams.delete(stream))
  })
  const tell = (event: string, data: unknown) => {
    for (const stream of streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  const stopListening = [
    phones.onChange((address) => {
      if (streams.size === 0) return
      const phone = phones.list().find((other) => other.address === address)
      if (phone) tell('phone', { phone, messages: phones.messages(address) } satisfies PhoneEvent)
    }),
    twilio.onWebhook((entry) => tell('webhook', entry)),
  ]
  const heartbeat = setInterval(() => {
    for (const stream of streams) stream.write(': still here\n\n')
  }, heartbeatMs)
  heartbeat.unref()

  const url = await app.listen({ host: '127.0.0.1', port: options.port })
  return {
    url,
    async stop() {
      clearInterval(heartbeat)
      for (const stop of stopListening) stop()
      for (const stream of streams) stream.end()
      await app.close()
    },
  }
}

/** What the event `phone` carries: the handset as a whole, so that a missed event costs nothing. */
type PhoneEvent = { phone: PhoneSummary; messages: ReturnType<Phones['messages']> }

/** Reads the page's files once; `{{title}}` and `{{number}}` in the HTML are filled in, escaped. */
function readAssets(values: Readonly<Record<string, string>>): Map<string, { type: string; body: string }> {
  const assets = new Map<string, { type: string; body: string }>()
  for (const name of readdirSync(assetsUrl)) {
    const type = contentTypes[extname(name)]
    if (type === undefined) continue
    const text = readFileSync(new URL(name, assetsUrl), 'utf8')
    const body = !name.endsWith('.html')
      ? text
      : text.replace(/\{\{(\w+)\}\}/g, (_whole, key: string) => escapeHtml(values[key] ?? ''))
    assets.set(name === 'index.html' ? '/' : `/assets/${name}`, { type, body })
  }
  return assets
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
