import type { EpochMs, PhoneNumber } from '../core/people.ts'
import type { Store } from '../core/store.ts'
import type { ColumnVault } from '../core/vault.ts'
import type { Messenger } from './messenger.ts'

/** Clocks of provider and server may differ; a text is looked for from this long before we tried to send it. */
const clockSkewMs = 120_000

export type SendMessageParts = { store: Store; columns: ColumnVault; messenger: Messenger; clock: () => EpochMs }

/**
 * Sends one stored text. A try that broke off is looked up at the provider first, so that no phone gets a text twice.
 *
 * @throws {TryAgainError} while the provider cannot be reached
 */
export async function sendMessage({ store, columns, messenger, clock }: SendMessageParts, id: string): Promise<void> {
  const message = await store.messages.outbound(id)
  if (!message || (message.state !== 'queued' && message.state !== 'sending')) return
  const address = await store.people.address(message.addressId)
  if (!address) return
  const to = columns.open(address.addressSealed, 'phone_address.address') as PhoneNumber
  const text = columns.open(message.textSealed, 'outbound_message.text')

  if (message.state === 'sending') {
    const found = await messenger.findSent(to, text, new Date(message.createdAt - clockSkewMs))
    if (found && (await store.messages.outboundByProviderId(found.providerId)) === null) {
      await store.messages.updateOutbound(id, { state: 'sent', providerId: found.providerId, sentAt: clock() })
      return
    }
  }
  await store.messages.updateOutbound(id, { state: 'sending' })
  const result = await messenger.send(to, text)
  if (result.sent) {
    await store.messages.updateOutbound(id, { state: 'sent', providerId: result.providerId, sentAt: clock() })
    return
  }
  await store.transaction(async (inside) => {
    await inside.messages.updateOutbound(id, { state: 'failed', errorCode: result.errorCode })
    if (result.reason === 'unreachable') await inside.people.setUnreachable(address.id, clock())
  })
}
