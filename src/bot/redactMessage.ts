import type { Store } from '../core/store.ts'
import type { Messenger } from './messenger.ts'

export type RedactMessageParts = { store: Store; messenger: Messenger }

/**
 * Has the provider forget what a text of hers said, because it may hold a code. Our own copy was wiped before.
 *
 * @throws {TryAgainError} while the provider cannot be reached
 */
export async function redactMessage({ store, messenger }: RedactMessageParts, id: string): Promise<void> {
  const message = await store.messages.inbound(id)
  if (message) await messenger.redact(message.providerId)
}
