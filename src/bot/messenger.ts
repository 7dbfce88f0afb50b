import type { PhoneNumber } from '../core/people.ts'

/** Sends texts through one provider. `twilio.ts` is one; another provider is another file. */
export type Messenger = {
  /**
   * Hands a text to the provider.
   *
   * @throws {TryAgainError} when the provider is down, slow or asks to wait; look with `findSent` before sending again
   */
  send(to: PhoneNumber, text: string): Promise<SendResult>
  /** A text that the provider took although we never saw its answer. Providers have no idempotent send. */
  findSent(to: PhoneNumber, text: string, since: Date): Promise<{ providerId: string } | null>
  /**
   * Has the provider forget what a text from a phone said; that it came, it may keep. Done twice it does nothing.
   *
   * @throws {TryAgainError} when the provider is down, slow or asks to wait
   */
  redact(providerId: string): Promise<void>
}

export type SendResult =
  | { sent: true; providerId: string }
  /** She sent STOP: the provider refuses for good until she sends START. */
  | { sent: false; reason: 'unreachable'; errorCode: string }
  /** The provider will never take this text. */
  | { sent: false; reason: 'refused'; errorCode: string }

/** What a provider tells of a text after it took it. */
export type DeliveryStatus = { providerId: string; state: 'sent' | 'delivered' | 'failed'; errorCode: string | null }

/** A text from a phone, parsed and proven to come from the provider. */
export type InboundText = {
  providerId: string
  from: PhoneNumber
  text: string
  /** The provider acted on a STOP or START in it. */
  opted: 'out' | 'in' | null
}
