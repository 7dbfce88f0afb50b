import { randomUUID } from 'node:crypto'
import formbody from '@fastify/formbody'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { EpochMs, PhoneNumber } from '../core/people.ts'
import type { PhoneAddressRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import type { ColumnVault } from '../core/vault.ts'
import { readTwilioInbound, readTwilioStatus, type TwilioSettings } from './twilio.ts'

/** A text is at most 1,600 characters; with Twilio's other fields a form stays far below this. */
const bodyLimitBytes = 32_768

export type WebhookParts = {
  store: Store
  columns: ColumnVault
  twilio: TwilioSettings
  /** Our own address as Twilio was given it, without a path. */
  publicUrl: string
  clock: () => EpochMs
}

/**
 * Where Twilio posts. A text is stored once, durably, together with the job that will read it; only then the answer is 200.
 * Everything slower happens after.
 */
export function webhookScope({ store, columns, twilio, publicUrl, clock }: WebhookParts): FastifyPluginAsync {
  const urlOf = (request: FastifyRequest) => publicUrl + request.raw.url
  const signatureOf = (request: FastifyRequest) => String(request.headers['x-twilio-signature'] ?? '')

  return async (scope) => {
    await scope.register(formbody, { bodyLimit: bodyLimitBytes })

    scope.post('/twilio/inbound', async (request, reply) => {
      const form = toForm(request.body)
      const read = readTwilioInbound(twilio, urlOf(request), signatureOf(request), form)
      if (!read.ok) return reply.code(403).type('text/plain').send('This message is not from the provider.')
      const { message } = read
      const address = await addressOf(store, columns, message.from, clock())
      await store.transaction(async (inside) => {
        const id = randomUUID()
        const isNew = await inside.messages.receive({
          id,
          providerId: message.providerId,
          addressId: address.id,
          textSealed: columns.seal(message.text, 'inbound_message.text'),
          receivedAt: clock(),
          handledAt: null,
        })
        if (!isNew) return
        if (message.opted !== null)
          await inside.people.setUnreachable(address.id, message.opted === 'out' ? clock() : null)
        await inside.outbox.add('handleMessage', id, clock())
      })
      return reply.type('text/xml').send('<Response/>')
    })

    scope.post('/twilio/status', async (request, reply) => {
      const read = readTwilioStatus(twilio, urlOf(request), signatureOf(request), toForm(request.body))
      if (!read.ok) return reply.code(403).type('text/plain').send('This report is not from the provider.')
      const { status } = read
      // A report may overtake the answer that names the text: the provider is asked to come again.
      const isKnown = !status || (await recordDelivery(store, status))
      return reply.code(isKnown ? 204 : 503).send()
    })
  }
}

/**
 * Reports come late and out of order: nothing goes back from delivered or failed.
 *
 * @returns false where no text has this provider's id yet
 */
async function recordDelivery(
  store: Store,
  status: { providerId: string; state: 'sent' | 'delivered' | 'failed'; errorCode: string | null },
): Promise<boolean> {
  const message = await store.messages.outboundByProviderId(status.providerId)
  if (!message) return false
  const isOver = message.state === 'delivered' || message.state === 'failed' || message.state === status.state
  if (!isOver) await store.messages.updateOutbound(message.id, { state: status.state, errorCode: status.errorCode })
  return true
}

/** The row of a phone address; a sender nobody knows gets one as well, so that answers to it can be capped. */
async function addressOf(
  store: Store,
  columns: ColumnVault,
  phone: PhoneNumber,
  now: EpochMs,
): Promise<PhoneAddressRow> {
  return store.people.findOrAddAddress(newAddress(columns, phone, now))
}

/** A row for a phone address that no patient is known under yet. */
export function newAddress(columns: ColumnVault, phone: PhoneNumber, since: EpochMs): PhoneAddressRow {
  return {
    id: randomUUID(),
    patientId: null,
    channel: 'sms',
    addressSealed: columns.seal(phone, 'phone_address.address'),
    addressIndex: columns.index(phone, 'phone_address.address'),
    since,
    unreachableSince: null,
  }
}

function toForm(body: unknown): Record<string, string> {
  if (typeof body !== 'object' || body === null) return {}
  const entries = Object.entries(body).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return entries.length === Object.keys(body).length ? Object.fromEntries(entries) : {}
}
