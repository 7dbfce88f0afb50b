/** A text on its way from the provider to a handset. */
export type CarrierMessage = {
  /** The provider's message id. A carrier that sees it twice answers again and delivers once. */
  readonly id: string
  readonly from: string
  readonly to: string
  readonly text: string
  /** How long the carrier may keep trying, in milliseconds from now. */
  readonly validityMs: number
}

/**
 * What became of a text.
 *
 * `waiting` means that a later report says how it ended. Codes are Twilio's: 30003 unreachable handset, 30005 unknown
 * handset.
 */
export type DeliveryOutcome =
  | { readonly state: 'delivered' }
  | { readonly state: 'waiting' }
  | { readonly state: 'failed'; readonly errorCode: 30003 | 30005 }

/** What a carrier may say to the provider it is connected to. */
export type Provider = {
  /** The number that people text. */
  readonly phoneNumber: string
  /**
   * A text from a handset has arrived.
   *
   * @param options duplicate: hand the same message over twice, as networks sometimes do
   * @returns the provider's message id
   */
  inbound(from: string, text: string, options?: { readonly duplicate?: boolean }): string
  /** A text that was `waiting` has ended. */
  report(id: string, outcome: DeliveryOutcome): void
}

/** The mobile network between a provider and the handsets. */
export type Carrier = {
  connect(provider: Provider): void
  deliver(message: CarrierMessage): Promise<DeliveryOutcome>
  /** Resolves when nothing moves any more; texts that wait for a signal do not count. */
  settle(): Promise<void>
  /** True while a text is moving; texts that wait for a signal do not count. */
  isBusy(): boolean
}
