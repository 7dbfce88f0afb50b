import { SegmentedMessage } from 'sms-segments-calculator'

/** What a text takes on the air. */
export type SmsSize = {
  readonly encoding: 'GSM-7' | 'UCS-2'
  /** Parts sent and billed, at least 1. */
  readonly parts: number
  /** Septets (GSM-7) or 16-bit units (UCS-2) used. */
  readonly units: number
  /** Units that fit into this many parts. */
  readonly limit: number
}

/**
 * Measures a text as an SMS.
 *
 * GSM-7: 160 septets in one part, 153 per part when split, two septets for ^ { } [ ] ~ \ | and the euro sign. UCS-2: 70
 * units, then 67. Source: 3GPP TS 23.038, TS 23.040.
 */
export function measureSms(text: string): SmsSize {
  const message = new SegmentedMessage(text, 'auto')
  const encoding = message.encodingName
  const parts = Math.max(1, message.segmentsCount)
  const units = message.encodedChars.reduce((sum, char) => sum + char.codeUnits.length, 0)
  const [whole, split] = encoding === 'GSM-7' ? [160, 153] : [70, 67]
  return { encoding, parts, units, limit: parts === 1 ? whole : parts * split }
}
