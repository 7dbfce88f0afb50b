import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import type { PhoneNumber } from './people.ts'
import { normaliseDigits } from './text.ts'

/**
 * Reads a mobile number in international form.
 *
 * @param text as a form or a provider gives it; a leading 00 counts as +
 * @returns +digits, or null when it is no possible mobile number
 */
export function parsePhone(text: string): PhoneNumber | null {
  const digits = normaliseDigits(text.trim()).replace(/^00/, '+')
  const parsed = parsePhoneNumberFromString(digits, { extract: false })
  if (!parsed?.isPossible()) return null
  const type = parsed.getType()
  if (type !== undefined && type !== 'MOBILE' && type !== 'FIXED_LINE_OR_MOBILE') return null
  return parsed.number as string as PhoneNumber
}
