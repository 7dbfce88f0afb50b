import { type Algorithm, hashRawSync } from '@node-rs/argon2'
import { concatHex, keccak256, padHex, toHex } from 'viem/utils'
import { describe, expect, test } from 'vitest'
import {
  type CodeCard,
  cardLines,
  chainLines,
  codeStretch,
  groupCode,
  lineAtLink,
  lineHashOf,
  linkOf,
  readCodeCard,
  saltOf,
  writeCodeCard,
} from '../../../src/core/codeCard.ts'
import type { Hex } from '../../../src/core/rows.ts'

const place = { chainId: 31337, ledger: '0x00000000000000000000000000000000000000aa' } as const
const cardId: Hex = '0x000102030405060708090a0b0c0d0e0f'
const end: Hex = `0x${'ee'.repeat(32)}`
const hashes = Array.from({ length: cardLines }, (_, index) => keccak256(toHex(index)))
const card = chainLines(place, cardId, hashes, end)
const file = writeCodeCard(place, card)

/** The file with a part of it changed. */
function changed(change: (file: Record<string, unknown> & { lines: Record<string, unknown>[] }) => void): string {
  const copy = JSON.parse(file)
  change(copy)
  return JSON.stringify(copy)
}

describe('the vector that the page tests itself with', () => {
  const stretched = hashRawSync('83920175520934', {
    algorithm: 2 satisfies Algorithm.Argon2id,
    memoryCost: codeStretch.memoryKib,
    timeCost: codeStretch.passes,
    parallelism: codeStretch.parallelism,
    outputLen: codeStretch.bytes,
    salt: saltOf(cardId, 7),
  })
    .toString('hex')
    .padEnd(64, '0')
  const lineHash = lineHashOf(`0x${stretched}`)

  test('a code, its stretched form, its hash and its link', () => {
    expect(stretched).toBe('ec7809652c2f2e0c36c027084d66000000000000000000000000000000000000')
    expect(lineHash).toBe('0xa917ba5310ba08068bc66a923a11b9fda296dcf95770e60aa0e02ee40bf03866')
    expect(linkOf(place, lineHash, `0x${'11'.repeat(32)}`)).toBe(
      '0x400f2b9478f365da5fb5907fbd70d4e0d7bec153cf266b952beb017c15bfb3fc',
    )
  })
})

describe('a card', () => {
  test('is chained from its random end to its tip, each link over chain, ledger, hash and next link', () => {
    expect(card.lines).toHaveLength(20)
    let link: Hex = end
    for (const { lineHash, nextLink } of card.lines.toReversed()) {
      expect(nextLink).toBe(link)
      link = keccak256(concatHex([padHex(toHex(31337)), padHex(place.ledger), lineHash, link]))
    }
    expect(card.tip).toBe(link)
  })

  test('tells which line is next from the link that the ledger keeps', () => {
    expect(lineAtLink(card, card.tip)).toBe(1)
    for (const { line, nextLink } of card.lines) expect(lineAtLink(card, nextLink)).toBe(line + 1)
    expect(lineAtLink(card, end)).toBe(21)
    expect(lineAtLink(card, `0x${'00'.repeat(32)}`)).toBeNull()
  })

  test('salts each line with the card and the line, so that two lines never share a hash', () => {
    expect(Buffer.from(saltOf(cardId, 20)).toString('hex')).toBe('000102030405060708090a0b0c0d0e0f14')
  })

  test('shows a code as a voucher does', () => {
    expect(groupCode('83920175520934')).toBe('8392 0175 5209 34')
  })
})

describe('the file of a card', () => {
  test('is read back as it was written, whatever the case of its letters', () => {
    expect(readCodeCard(file, place)).toEqual(card)
    expect(
      readCodeCard(
        file.replace(/[a-f]/g, (c) => (c === 'a' ? 'A' : c)),
        place,
      ),
    ).not.toEqual(card)
    expect(
      readCodeCard(
        changed((one) => (one['tip'] = upper(card.tip))),
        place,
      ),
    ).toEqual(card)
  })

  test('of another chain or another ledger is refused', () => {
    expect(readCodeCard(file, { ...place, chainId: 1135 })).toEqual({ refused: 'otherLedger' })
    expect(readCodeCard(file, { ...place, ledger: `0x${'11'.repeat(20)}` })).toEqual({ refused: 'otherLedger' })
  })

  test('whose codes were stretched less is refused', () => {
    for (const part of ['memoryKib', 'passes', 'parallelism', 'bytes'])
      expect(
        readCodeCard(
          changed((one) => Reflect.set(one['argon2id'] as object, part, 1.5)),
          place,
        ),
      ).toEqual({
        refused: 'otherStretch',
      })
  })

  test('with any one word changed is refused', () => {
    const other = `0x${'77'.repeat(32)}`
    for (let line = 0; line < cardLines; line += 1)
      for (const part of ['lineHash', 'link'])
        expect(
          readCodeCard(
            changed(({ lines }) => Reflect.set(lines[line] ?? {}, part, other)),
            place,
          ),
        ).toEqual({
          refused: 'brokenChain',
        })
    for (const part of ['tip', 'end'])
      expect(
        readCodeCard(
          changed((one) => (one[part] = other)),
          place,
        ),
      ).toEqual({ refused: 'brokenChain' })
  })

  test('in which two lines have one hash is refused: a code would work twice', () => {
    const doubled = chainLines(place, cardId, [...hashes.slice(0, 19), ...hashes.slice(0, 1)], end)
    expect(readCodeCard(writeCodeCard(place, doubled), place)).toEqual({ refused: 'linesRepeat' })
  })

  test('that is no card is refused', () => {
    const texts = [
      '',
      '[]',
      'null',
      '{"format":"healthchain code card 1"}',
      changed((one) => one.lines.pop()),
      changed((one) => one.lines.push({ ...one.lines[0] })),
      changed((one) => (one['format'] = 'healthchain code card 2')),
      changed((one) => (one['cardId'] = '0x00')),
      changed((one) => (one['chainId'] = '31337')),
      changed((one) => (one['ledger'] = 7)),
      changed((one) => (one['end'] = `0x${'zz'.repeat(32)}`)),
      changed((one) => (one['argon2id'] = null)),
      changed(({ lines }) => (lines[4] = { lineHash: end })),
    ]
    for (const text of texts) expect(readCodeCard(text, place)).toEqual({ refused: 'notACard' })
  })

  test('holds no code and nothing that a code is stretched to: only hashes', () => {
    const members: (keyof CodeCard | string)[] = Object.keys(JSON.parse(file))
    expect(members).toEqual(['format', 'cardId', 'argon2id', 'chainId', 'ledger', 'tip', 'lines', 'end'])
  })
})

function upper(hex: Hex): string {
  return `0x${hex.slice(2).toUpperCase()}`
}
