import { describe, expect, test } from 'vitest'
import { mayHoldCode, parseCommand, safeguardWords, words } from '../../../src/core/commands.ts'

/** What carriers and Twilio answer themselves, and YES, which they answer after a STOP. */
const carriersWords = 'STOP UNSUBSCRIBE END QUIT STOPALL REVOKE OPTOUT CANCEL START YES UNSTOP HELP INFO'.split(' ')

const allow47 = { kind: 'answer', number: 47, answer: 'allow' }

describe('an answer names its request and nothing else', () => {
  test.each([
    ['47 1', 'allow'],
    ['47 2', 'refuse'],
    ['47 9', 'notMe'],
    ['47 0', 'undo'],
  ])('%j means %s', (text, answer) => {
    expect(parseCommand(text, 'en')).toEqual({ kind: 'answer', number: 47, answer })
  })

  test.each([
    '  47   1 ',
    '47-1',
    '47.1',
    '47,1',
    '47 1.',
    '47 1!',
    '#47*1',
    '47:1',
    '47/1',
    '47_1',
    '47\n1',
    '47\r\n1\r\n',
  ])('spaces and marks around the numbers do not matter: %j', (text) => {
    expect(parseCommand(text, 'en')).toEqual(allow47)
  })

  test.each([
    ['Arabic-Indic', '٤٧ ١'],
    ['Persian', '۴۷ ۱'],
    ['Devanagari', '४७ १'],
    ['Bengali', '৪৭ ১'],
    ['full-width', '４７　１'],
    ['mixed scripts', '4７ १'],
    ['mathematical', '𝟒𝟕 𝟏'],
    ['a no-break space', '47\u00a01'],
    ['a narrow no-break space', '47\u202f1'],
  ])('digits and spaces of every keyboard count: %s', (_name, text) => {
    expect(parseCommand(text, 'sw')).toEqual(allow47)
  })

  test('numbers of three and four digits are numbers too', () => {
    expect(parseCommand('100 1', 'en')).toEqual({ kind: 'answer', number: 100, answer: 'allow' })
    expect(parseCommand('1234 2', 'en')).toEqual({ kind: 'answer', number: 1234, answer: 'refuse' })
  })

  test.each([
    ['1', 'allow'],
    ['2', 'refuse'],
    ['9', 'notMe'],
    ['0', 'undo'],
    [' १ ', 'allow'],
    ['1.', 'allow'],
  ])('a bare %j is a bare answer', (text, answer) => {
    expect(parseCommand(text, 'en')).toEqual({ kind: 'bareAnswer', answer })
  })
})

describe('a code of the card', () => {
  const code47 = { kind: 'code', number: 47, code: '83920175520934' }

  test.each([
    '47 83920175520934',
    '47 8392 0175 5209 34',
    '47-8392-0175-5209-34',
    '47, 8392.0175.5209.34.',
    '#47* 8392 01755 20934!',
    '47\n8392 0175\n5209 34',
    '٤٧ ٨٣٩٢ ٠١٧٥ ٥٢٠٩ ٣٤',
    '४७ ८३९२०१७५५२०९३४',
    '４７　８３９２０１７５５２０９３４',
  ])('is understood in the groups and digits of every keyboard: %j', (text) => {
    expect(parseCommand(text, 'sw')).toEqual(code47)
  })

  test('may begin with zeros', () => {
    expect(parseCommand('47 0000 0000 0000 01', 'en')).toEqual({ ...code47, code: '00000000000001' })
  })

  test.each([
    '47 8392017552093',
    '47 839201755209345',
    '47 83920175520934?',
    '47 7 83920175520934',
    '47 83920175520934 please',
    '47 code 83920175520934',
  ])('with a digit too many or too few, a question or a word is none, and she is helped with 47: %j', (text) => {
    expect(parseCommand(text, 'en')).toEqual({ kind: 'about', number: 47 })
  })

  test.each([
    '83920175520934',
    '8392 0175 5209 34',
    '4783920175520934',
    '047 83920175520934',
    'remove 47 83920175520934',
  ])('without the number of a request is none: %j', (text) => expect(parseCommand(text, 'en').kind).not.toBe('code'))

  test('a text that may hold one is known, however it is typed, and an answer or a word is not', () => {
    for (const text of [
      '47 83920175520934',
      'my code: 8392-0175-5209-34',
      '٨٣٩٢٠١٧٥٥٢٠٩٣٤',
      '47 839201755209',
      '１２３４ 5678 9012',
    ])
      expect(mayHoldCode(text)).toBe(true)
    for (const text of ['47 1', 'REMOVE 1234', 'my pin is 4821', '', 'yes', 'call 0712 345 678'])
      expect(mayHoldCode(text)).toBe(false)
  })
})

describe('anything left over is no answer', () => {
  test.each([
    '47 1 please',
    'please 47 1',
    "don't allow 47",
    'allow 47',
    '47',
    '47 yes',
    '47 1?',
    '47 1？',
    '47 3',
    '047 1',
    '47 1 47 1',
    '47 👍',
    '47 1️⃣',
    '47 1 👍',
    '47 1\u200b',
    '47 1 (47)',
    '"47 1"',
    '47=1',
    '47 1a',
    '47 one',
    '47 moja',
  ])('%j is about request 47 and opens nothing', (text) => {
    expect(parseCommand(text, 'en')).toEqual({ kind: 'about', number: 47 })
  })

  test.each([
    ['471', 471],
    ['4711', 4711],
  ])('%j without a space is request %i, which was not asked', (text, number) => {
    expect(parseCommand(text, 'en')).toEqual({ kind: 'about', number })
  })

  test.each([
    '4 7 1',
    '47 01',
    '47 1 48 1',
    '47 48',
    '1 1',
    '1 47',
    '1?',
    '11111',
    '12345 1',
    '0 1',
    '1a',
    '👍',
    '',
    '   ',
    'ok',
    '½',
    '1 2',
  ])('%j opens nothing', (text) => {
    expect(['unclear', 'about']).toContain(parseCommand(text, 'en').kind)
  })

  test('two different numbers in one text are no answer and no help with either', () => {
    expect(parseCommand('47 1 48 1', 'en')).toEqual({ kind: 'unclear' })
  })

  test('words that mean yes are no answer in any language', () => {
    for (const word of ['yes', 'YES', 'ndiyo', 'ndio', 'ok', 'sawa', 'allow', 'ruhusu', 'y'])
      expect(parseCommand(word, 'sw')).toEqual({ kind: 'unclear' })
  })
})

describe('the words for what protects her', () => {
  const tighten = (safeguard: string) => ({ kind: 'tighten', safeguard })
  const loosen = (safeguard: string) => ({ kind: 'loosen', safeguard })

  test.each([
    ['FREEZE', 'SITISHA', tighten('unfreeze')],
    ['UNFREEZE', 'ENDELEZA', loosen('unfreeze')],
    ['EMERGENCY ON', 'DHARURA NDIYO', loosen('allowEmergency')],
    ['EMERGENCY OFF', 'DHARURA HAPANA', tighten('allowEmergency')],
    ['CODE ON', 'MSIMBO NDIYO', tighten('lowerAssurance')],
    ['CODE OFF', 'MSIMBO HAPANA', loosen('lowerAssurance')],
    ['CARD', 'KADI', loosen('replaceCard')],
    ['KEEP', 'BAKISHA', { kind: 'keep' }],
    ['SAFETY', 'USALAMA', { kind: 'safety' }],
  ])('%s and %s', (english, swahili, command) => {
    for (const text of [english, english.toLowerCase(), ` ${english}. `, english.replace(' ', '  ')])
      for (const language of ['en', 'sw'] as const) expect(parseCommand(text, language)).toEqual(command)
    expect(parseCommand(swahili, 'sw')).toEqual(command)
    expect(parseCommand(swahili, 'en')).toEqual({ kind: 'unclear' })
  })

  test('none of them is a provider’s word, or begins like one', () => {
    for (const word of Object.values(safeguardWords).flatMap((known) => Object.values(known)))
      for (const part of word.split(' ')) expect(carriersWords).not.toContain(part.toUpperCase())
  })

  test.each([
    'freeze please',
    'dont freeze',
    'freeze 47',
    'freeze all',
    'unfreeze me',
    'emergency',
    'emergency on please',
    'code',
    'on',
    'off',
    'keep it',
    'code on off',
    'dharura on',
    'freez',
  ])('anything left over, or less, changes nothing: %j', (text) =>
    expect(['unclear', 'about']).toContain(parseCommand(text, 'sw').kind),
  )

  test.each(['freeze?', 'UNFREEZE ?', 'emergency on？', 'keep?'])(
    'a question is answered, and changes nothing: %j',
    (text) => expect(parseCommand(text, 'en')).toEqual({ kind: 'safety' }),
  )

  test.each([
    ['UNFREEZE 83920175520934', 'unfreeze'],
    ['unfreeze 8392-0175-5209-34.', 'unfreeze'],
    ['Endeleza ٨٣٩٢ ٠١٧٥ ٥٢٠٩ ٣٤', 'unfreeze'],
    ['EMERGENCY ON 8392 0175 5209 34', 'allowEmergency'],
    ['code off 83920175520934', 'lowerAssurance'],
    ['MSIMBO HAPANA 83920175520934', 'lowerAssurance'],
  ])('a loosening takes a code: %j', (text, safeguard) => {
    expect(parseCommand(text, 'sw')).toEqual({ kind: 'loosenWithCode', safeguard, code: '83920175520934' })
    expect(mayHoldCode(text)).toBe(true)
  })

  test.each(['UNFREEZE 8392017552093', 'UNFREEZE 839201755209345', 'UNFREEZE 83920175520934?', 'UNFREEZE 47'])(
    'with another number than a code nothing is begun: %j',
    (text) => expect(parseCommand(text, 'en')).toEqual({ kind: 'aboutLoosening', safeguard: 'unfreeze' }),
  )

  test('a tightening takes none', () => {
    for (const text of ['FREEZE 83920175520934', 'CODE ON 83920175520934', 'KEEP 83920175520934'])
      expect(parseCommand(text, 'en').kind).toBe('unclear')
  })
})

describe('words', () => {
  test.each([
    ['LOG', 'en', 'log'],
    ['log', 'sw', 'log'],
    ['Historia', 'sw', 'log'],
    ['WHO?', 'en', 'who'],
    ['nani?', 'sw', 'who'],
    ['Menu', 'en', 'menu'],
    ['MENYU', 'sw', 'menu'],
    ['menu.', 'sw', 'menu'],
  ] as const)('%j from a patient who reads %s is %s', (text, language, kind) => {
    expect(parseCommand(text, language)).toEqual({ kind })
  })

  test('REMOVE takes the number with it, in English and in her own language', () => {
    expect(parseCommand('REMOVE 47', 'en')).toEqual({ kind: 'remove', number: 47 })
    expect(parseCommand('remove 47!', 'sw')).toEqual({ kind: 'remove', number: 47 })
    expect(parseCommand('Ondoa ٤٧', 'sw')).toEqual({ kind: 'remove', number: 47 })
  })

  test('a word of another language than hers is not a command', () => {
    expect(parseCommand('nani', 'en')).toEqual({ kind: 'unclear' })
    expect(parseCommand('ondoa 47', 'en')).toEqual({ kind: 'about', number: 47 })
  })

  test('a word with anything beside it is not a command', () => {
    expect(parseCommand('who are you', 'en')).toEqual({ kind: 'unclear' })
    expect(parseCommand('log in', 'en')).toEqual({ kind: 'unclear' })
    expect(parseCommand('do not remove 47', 'en')).toEqual({ kind: 'about', number: 47 })
    expect(parseCommand('REMOVE', 'en')).toEqual({ kind: 'unclear' })
  })

  test.each(carriersWords.filter((word) => word !== 'YES'))('%s belongs to the carrier; we keep silent', (word) => {
    for (const text of [word, word.toLowerCase(), ` ${word} `, `${word}.`])
      expect(parseCommand(text, 'sw')).toEqual({ kind: 'providerWord' })
  })

  test('no word of ours is a word of the carriers', () => {
    const ours = Object.values(words).flatMap((language) => Object.values(language).flat())
    expect(ours.length).toBeGreaterThan(0)
    expect(ours.filter((word) => carriersWords.includes(word.toUpperCase()))).toEqual([])
  })

  test('no word means two things to one reader', () => {
    for (const language of [words.en, { ...words.sw, english: Object.values(words.en).flat() }]) {
      const all = Object.values(language).flat()
      expect(new Set(all).size).toBe(all.length)
    }
  })
})

test('of 20,000 texts made of what people type, only exact forms ever mean allow', () => {
  const next = randomFrom(20_000_001)
  const typed = [
    ...'0123456789',
    ...'11447 ',
    ' ',
    '.',
    ',',
    '-',
    '#',
    '*',
    '!',
    '?',
    '\n',
    '\u00a0',
    '٤',
    '١',
    '１',
    '७',
    '१',
  ]
  const rare = [...'aynoZ', '(', "'", '+', '👍', '️', '\u200b', '½', '¹', '=', 'é']
  const pick = (from: readonly string[]) => from[Math.floor(next() * from.length)] ?? ''
  let allowed = 0
  for (let round = 0; round < 20_000; round += 1) {
    const length = 1 + Math.floor(next() * 7)
    const text = Array.from({ length }, () => pick(next() < 0.08 ? rare : typed)).join('')
    const command = parseCommand(text, next() < 0.5 ? 'en' : 'sw')
    const exact = exactAllow(text)
    const understood =
      command.kind === 'answer' && command.answer === 'allow'
        ? command.number
        : command.kind === 'bareAnswer' && command.answer === 'allow'
          ? 'bare'
          : null
    // An exclamation mark may be understood or not; everything else is understood exactly when it is exact.
    if (understood !== null || !text.includes('!')) expect({ text, understood }).toEqual({ text, understood: exact })
    if (understood !== null) allowed += 1
  }
  expect(allowed).toBeGreaterThan(100)
})

const digitsOfKeyboards = new Map(
  [0x30, 0x660, 0x966, 0xff10].flatMap((zero) =>
    Array.from({ length: 10 }, (_, value) => [String.fromCodePoint(zero + value), String(value)] as const),
  ),
)
// As compatibility forms: they are the digits that they show.
digitsOfKeyboards.set('¹', '1')

/** A second reading of the rule, character by character: groups of digits with spaces or marks between, and nothing else. */
function exactAllow(text: string): number | 'bare' | null {
  const groups: string[] = []
  let inGroup = false
  let isOver = false
  for (const character of text) {
    const digit = digitsOfKeyboards.get(character)
    if (digit !== undefined) {
      if (isOver) return null
      groups.push(inGroup ? `${groups.pop()}${digit}` : digit)
    } else if (character === '!') isOver = true
    else if (!/[\s.,\-#*]/.test(character)) return null
    inGroup = digit !== undefined
  }
  if (groups.length === 1 && groups[0] === '1') return 'bare'
  const [number, answer] = groups
  return groups.length === 2 && answer === '1' && /^[1-9]\d{1,3}$/.test(number ?? '') ? Number(number) : null
}

/** Mulberry32: the same texts in every run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
