import { expect, test } from 'vitest'
import { parsePhone } from '../../../src/core/phone.ts'

test.each([
  ['+254700000011'],
  ['00254700000011'],
  [' +254 700 000 011 '],
  ['+254-700-000-011'],
  ['+٢٥٤٧٠٠٠٠٠٠١١'],
  ['+２５４７００００００１１'],
])('%s is one mobile number, however it is written', (text) => {
  expect(parsePhone(text)).toBe('+254700000011')
})

test('numbers that may be mobile or fixed count', () => {
  expect(parsePhone('+12025550123')).toBe('+12025550123')
})

test.each([
  '',
  '254700000011',
  '0700000011',
  '+254',
  '+254202222222',
  'call +254700000011',
  '+254700000011 and more',
  'whatsapp:+254700000011',
  'KE.1349',
  '+0',
  '++254700000011',
])('%j is no number that a text could reach', (text) => {
  expect(parsePhone(text)).toBeNull()
})
