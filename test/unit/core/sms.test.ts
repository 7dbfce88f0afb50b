import { expect, test } from 'vitest'
import { countSmsParts, isGsm7, TextTooLongError } from '../../../src/core/sms.ts'

test.each([
  ['nothing', '', 1],
  ['160 letters', 'a'.repeat(160), 1],
  ['161 letters', 'a'.repeat(161), 2],
  ['306 letters', 'a'.repeat(306), 2],
  ['307 letters', 'a'.repeat(307), 3],
  ['918 letters', 'a'.repeat(918), 6],
  ['80 euro signs, two septets each', '€'.repeat(80), 1],
  ['81 euro signs', '€'.repeat(81), 2],
  ['70 letters with one outside GSM-7', `ā${'a'.repeat(69)}`, 1],
  ['71 letters with one outside GSM-7', `ā${'a'.repeat(70)}`, 2],
  ['135 letters with one outside GSM-7', `ā${'a'.repeat(134)}`, 3],
  ['35 emoji', '👍'.repeat(35), 1],
  ['36 emoji', '👍'.repeat(36), 2],
])('%s', (_name, text, parts) => {
  expect(countSmsParts(text)).toBe(parts)
})

test('a text above six parts is refused, and the error does not repeat it', () => {
  expect(() => countSmsParts('a'.repeat(919))).toThrow(TextTooLongError)
  expect(() => countSmsParts('a'.repeat(919))).toThrow(/^The text needs 7 SMS parts/)
})

test('one character outside GSM-7 is noticed', () => {
  for (const text of ['Hello 123', 'é è à ñ', '@£$¥', '{}[]~\\^|€', 'line\nline']) expect(isGsm7(text)).toBe(true)
  for (const text of ['á', 'ç', '’', '–', '\u00a0', '\u202f', '👍', '١']) expect(isGsm7(text)).toBe(false)
})
