import { expect, test } from 'vitest'
import { normaliseDigits, normaliseReply } from '../../../src/core/text.ts'

test('every decimal digit of Unicode becomes the digit it is', () => {
  let count = 0
  const inRun: number[] = []
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += 1) {
    const character = String.fromCodePoint(codePoint)
    if (!/^\p{Nd}$/u.test(character)) continue
    // Digits come in whole runs of ten, so the position in the run is the value.
    const value = inRun.length % 10
    inRun.push(codePoint)
    expect({ codePoint: codePoint.toString(16), digit: normaliseDigits(character) }).toEqual({
      codePoint: codePoint.toString(16),
      digit: String(value),
    })
    count += 1
  }
  expect(count).toBeGreaterThan(600)
  expect(count % 10).toBe(0)
})

test('other characters stay as they are', () => {
  for (const text of ['abc', '½ ⅔ Ⅳ', '👍', '一二三', 'é']) expect(normaliseDigits(text)).toBe(text)
})

test('a reply is lower case with single spaces', () => {
  expect(normaliseReply('  REMOVE\t 47 \r\n')).toBe('remove 47')
  expect(normaliseReply('ＷＨＯ')).toBe('who')
})

test('separators between numbers count as spaces, an end mark goes', () => {
  expect(normaliseReply('47-1.')).toBe('47 1')
  expect(normaliseReply('*47#1#')).toBe('47 1')
  expect(normaliseReply('WHO?!')).toBe('who')
})

test('what joins or colours characters stays, so that the text is not exact', () => {
  for (const text of ['47 1\u200d', '47 1\u200b', '47 1\ufe0f', '(47) 1', "47 '1'"])
    expect(normaliseReply(text)).not.toBe('47 1')
})
