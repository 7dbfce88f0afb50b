/** How a handset and its network behave. */
export type Switches = {
  /** False: nothing arrives and nothing leaves until it is true again. */
  readonly signal: boolean
  /** How long a text takes, either way, in milliseconds. */
  readonly delayMs: number
  /** True: the provider posts each text from this handset twice, with one message id. */
  readonly duplicate: boolean
  readonly channel: 'sms'
}

/** A text on the handset: one that arrived, or one that was typed there. */
export type PhoneMessage = {
  readonly id: string
  readonly direction: 'received' | 'sent'
  readonly text: string
  /** ISO 8601: when it arrived, or when it was typed. */
  readonly at: string
  /** SMS parts, each of them billed. */
  readonly parts: number
  readonly encoding: 'GSM-7' | 'UCS-2'
  /** Septets or 16-bit units, and how many fit into these parts. */
  readonly units: number
  readonly limit: number
  /** A received text is `delivered`; a typed one is `queued` until the provider has it, then `sent`. */
  readonly state: 'queued' | 'sent' | 'delivered'
}

/** A handset as the page and the API show it. */
export type PhoneSummary = {
  /** A + and digits. */
  readonly address: string
  readonly name: string
  readonly switches: Switches
  /** Texts at the carrier, waiting for a signal or under way. */
  readonly waiting: number
  /** Texts that the carrier gave up: no signal for too long. */
  readonly lost: number
}

/** A question about a handset that nobody registered, or a value that makes no sense. */
export class PhoneError extends Error {
  override readonly name = 'PhoneError'
  readonly status: 400 | 404
  constructor(status: 400 | 404, message: string) {
    super(message)
    this.status = status
  }
}
