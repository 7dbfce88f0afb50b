import { SegmentedMessage } from 'sms-segments-calculator'

/** A text that cannot be sent as it is. */
export class TextTooLongError extends Error {
  override readonly name = 'TextTooLongError'
  constructor(parts: number) {
    super(`The text needs ${parts} SMS parts; 6 is the most a carrier joins again. Do: shorten the phrase.`)
  }
}

/**
 * Counts the SMS parts a text costs.
 *
 * GSM-7 fits 160 septets in one part, 153 per part when split; one character outside it turns the whole text to UCS-2: 70, then 67.
 * Source: 3GPP TS 23.038, TS 23.040.
 *
 * @param text final text, names filled in
 * @returns parts, at least 1; each part is billed
 * @throws {TextTooLongError} above 6 parts
 */
export function countSmsParts(text: string): number {
  const parts = Math.max(1, new SegmentedMessage(text, 'auto').segmentsCount)
  if (parts > 6) throw new TextTooLongError(parts)
  return parts
}

/** True where a text travels as GSM-7, so that 160 septets fit one part. */
export function isGsm7(text: string): boolean {
  return new SegmentedMessage(text, 'auto').encodingName === 'GSM-7'
}
