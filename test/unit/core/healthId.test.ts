import { expect, test } from 'vitest'
import { makeHealthId, parseHealthId } from '../../../src/core/healthId.ts'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const id = makeHealthId([1, 8, 15, 22, 29, 4, 11])
const places = [3, 4, 5, 6, 8, 9, 10, 11]

test('a health ID is printed as HC-XXXX-XXXX', () => {
  expect(id).toMatch(/^HC-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/)
  expect(id.slice(3, 7) + id.slice(8, 11)).toBe([1, 8, 15, 22, 29, 4, 11].map((v) => alphabet[v]).join(''))
})

test('every ID that is made is read back', () => {
  for (let round = 0; round < 2_000; round += 1) {
    const made = makeHealthId(Array.from({ length: 7 }, (_, place) => (round * 7 + place * (round + 13)) % 32))
    expect(parseHealthId(made)).toBe(made)
  }
})

test('every single wrong character is noticed, whichever and wherever', () => {
  let tried = 0
  for (const place of places)
    for (const wrong of alphabet) {
      if (wrong === id[place]) continue
      tried += 1
      expect(parseHealthId(id.slice(0, place) + wrong + id.slice(place + 1))).toBeNull()
    }
  expect(tried).toBe(8 * 31)
})

test('two neighbours that changed places are noticed', () => {
  const characters = id.slice(3).replace('-', '')
  for (let place = 0; place < 7; place += 1) {
    const [a = '', b = ''] = [characters[place], characters[place + 1]]
    expect(a).not.toBe(b)
    expect(parseHealthId(characters.slice(0, place) + b + a + characters.slice(place + 2))).toBeNull()
  }
})

test('a character that is missing or too many is noticed', () => {
  const characters = id.slice(3).replace('-', '')
  expect(parseHealthId(characters.slice(1))).toBeNull()
  expect(parseHealthId(characters.slice(0, 7))).toBeNull()
  expect(parseHealthId(`${characters}0`)).toBeNull()
})

test('it is read as people type it', () => {
  const characters = id.slice(3).replace('-', '')
  const typed = [
    ...[characters, characters.toLowerCase(), id.toLowerCase(), `  ${id}  `, id.replaceAll('-', ' ')],
    ...[`hc${characters}`, [...characters].join(' '), `HC - ${characters}`],
  ]
  for (const text of typed) expect(parseHealthId(text)).toBe(id)
})

test('O counts as 0, I and L as 1, full-width letters as themselves', () => {
  const withZeroAndOne = makeHealthId([0, 1, 0, 1, 7, 7, 7])
  const typed = withZeroAndOne.slice(3).replaceAll('0', 'o').replace('1', 'I').replace('1', 'l')
  expect(typed).not.toBe(withZeroAndOne.slice(3))
  expect(parseHealthId(typed)).toBe(withZeroAndOne)
  const wide = [...id.slice(3).replace('-', '')].map((c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0)).join('')
  expect(parseHealthId(wide)).toBe(id)
})

test('an ID that begins with HC itself is not cut short', () => {
  const hc = makeHealthId([17, 12, 1, 2, 3, 4, 5])
  expect(hc.slice(3, 5)).toBe('HC')
  expect(parseHealthId(hc)).toBe(hc)
  expect(parseHealthId(hc.slice(3).replace('-', ''))).toBe(hc)
})

test('what is no health ID is none', () => {
  for (const text of ['', 'HC-', 'HC-0000-000U', '+254700000011', 'HC-ÄÖÜß-1234', `${id}${id}`])
    expect(parseHealthId(text)).toBeNull()
})

test('seven values make an ID, not six or eight', () => {
  expect(() => makeHealthId([1, 2, 3, 4, 5, 6])).toThrow(RangeError)
  expect(() => makeHealthId([1, 2, 3, 4, 5, 6, 7, 8])).toThrow(RangeError)
})
