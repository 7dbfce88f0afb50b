import { describe, expect, test } from 'vitest'
import { en } from '../../../src/bot/phrases/en.ts'
import { renderPhrase } from '../../../src/bot/phrases/phrases.ts'
import { sw } from '../../../src/bot/phrases/sw.ts'
import { presets, purposes } from '../../../src/core/classes.ts'
import { parseCommand, words } from '../../../src/core/commands.ts'
import type { Phrase, PhraseName } from '../../../src/core/effects.ts'
import type { EpochMs, Language } from '../../../src/core/people.ts'
import { safeguardKinds } from '../../../src/core/safeguards.ts'
import { countSmsParts, isGsm7 } from '../../../src/core/sms.ts'

/** As long as verification lets them be: 19 and 18 characters. */
const doctor = 'Dr Wanjiku Kamau-Ng'
const hospital = 'Kisumu County Hosp'
const number = 999
const zone = 'Africa/Nairobi'
/** A two-digit day in the month with the longest name there is, and a time of four digits. */
const at = Date.UTC(2026, 11, 29, 20, 59) as EpochMs
const until = Date.UTC(2026, 11, 30) as EpochMs

const asks = presets.flatMap((preset) =>
  purposes.flatMap((purpose) =>
    [1, 2, 7, 90, 365].flatMap((days) =>
      [false, true].flatMap((oneTime) =>
        [null, 20].map((line) => ({ number, doctor, hospital, preset, purpose, days, oneTime, line })),
      ),
    ),
  ),
)
const looks = [1, 2, 3].map(() => ({ number, doctor, at }))
const grants = [1, 2, 3, 4].map(() => ({ number, doctor, until }))

/** Every phrase, filled in with the longest there is, in all its forms. */
const longest: { readonly [Name in PhraseName]: readonly Extract<Phrase, { name: Name }>[] } = {
  prompt: asks.map((ask) => ({ name: 'prompt', ...ask })),
  reminder: asks.map((ask) => ({ name: 'reminder', ...ask })),
  granted: presets.map((preset) => ({ name: 'granted', number, doctor, preset, until })),
  grantFailed: [{ name: 'grantFailed', number }],
  refused: [{ name: 'refused', number }],
  notMe: [{ name: 'notMe', number }],
  removed: [{ name: 'removed', number, doctor }],
  emergency: [{ name: 'emergency', number, doctor, hospital }],
  howToDispute: [{ name: 'howToDispute', number, doctor, until }],
  disputed: [{ name: 'disputed', number, doctor }],
  alreadyAllowed: [{ name: 'alreadyAllowed', number, doctor, until }],
  alreadyOnItsWay: [{ name: 'alreadyOnItsWay', number }],
  ended: [{ name: 'ended', number }],
  undoTooLate: [{ name: 'undoTooLate', number }],
  undoRefusal: [{ name: 'undoRefusal', number }],
  howToAnswer: [{ name: 'howToAnswer', number }],
  codeNeeded: [{ name: 'codeNeeded', number, line: 20 }],
  codeWrong: [{ name: 'codeWrong', number, line: 20 }],
  sharingPaused: [{ name: 'sharingPaused', until }],
  howToRemove: [{ name: 'howToRemove', number, doctor }],
  whichOne: [2, 3, 5, 30].flatMap((count) =>
    [false, true].map((code) => ({
      name: 'whichOne' as const,
      numbers: Array.from({ length: count }, (_, index) => number - index),
      code,
    })),
  ),
  noSuchNumber: [{ name: 'noSuchNumber' }],
  nothingOpen: [{ name: 'nothingOpen' }],
  tooSoon: [{ name: 'tooSoon', number }],
  log: [0, 1, 3].map((count) => ({ name: 'log', looks: looks.slice(0, count) })),
  who: [0, 1, 3, 4].map((count) => ({ name: 'who', grants: grants.slice(0, count) })),
  menu: [{ name: 'menu' }],
  unknownSender: [{ name: 'unknownSender' }],
  frozen: [true, false].map((hasCard) => ({ name: 'frozen', hasCard })),
  emergencyOff: [{ name: 'emergencyOff' }],
  emergencyElsewhere: [{ name: 'emergencyElsewhere' }],
  codeOn: [{ name: 'codeOn' }],
  loosened: safeguardKinds.map((safeguard) => ({ name: 'loosened', safeguard })),
  looseningCode: safeguardKinds.map((safeguard) => ({ name: 'looseningCode', safeguard, line: 20 })),
  looseningCodeWrong: safeguardKinds.map((safeguard) => ({ name: 'looseningCodeWrong', safeguard, line: 20 })),
  looseningWaits: safeguardKinds.map((safeguard) => ({ name: 'looseningWaits', safeguard, at })),
  changeOnItsWay: [{ name: 'changeOnItsWay' }],
  changeFailed: [{ name: 'changeFailed' }],
  kept: [{ name: 'kept' }],
  nothingToKeep: [{ name: 'nothingToKeep' }],
  soAlready: [{ name: 'soAlready' }],
  needsCard: [{ name: 'needsCard' }],
  needsNewCard: [{ name: 'needsNewCard' }],
  safety: [{ name: 'safety' }],
  whoPaused: [0, 1, 5, 6].map((count) => ({
    name: 'whoPaused',
    numbers: Array.from({ length: count }, (_, index) => number - index),
  })),
}
const all: readonly Phrase[] = Object.values(longest).flat()
const languages: readonly Language[] = ['en', 'sw']
const phrases = { en, sw }

describe.each(languages)('in %s', (language) => {
  const render = (phrase: Phrase) => renderPhrase(phrase, language, zone)
  const texts = all.map((phrase) => ({ name: phrase.name, phrase, text: render(phrase) }))

  test('there are words for every phrase', () => {
    expect(Object.keys(phrases[language]).sort()).toEqual(Object.keys(longest).sort())
  })

  test('every text is one part of at most 160 GSM-7 characters, with the longest names', () => {
    expect([doctor.length, hospital.length]).toEqual([19, 18])
    const different = [...new Set(texts.map(({ text }) => text))]
    expect(different.filter((text) => countSmsParts(text) !== 1 || !isGsm7(text) || text.length > 160)).toEqual([])
  })

  test('no text holds a link, an accent, a gap or a word left out', () => {
    for (const { text } of texts) {
      expect(text).not.toMatch(/https?:|www\.|:\/\/|\w\.(com|org|net|ke|io)\b/i)
      expect(text).toMatch(/^[\x20-\x7e]+$/)
      expect(text).not.toMatch(/undefined|null|NaN|\[object| {2}|^\s|\s$|,,|\.\./)
    }
  })

  test('no text names a diagnosis or a sensitive class', () => {
    const diagnoses =
      /\b(hiv|aids|sti|cancer|tb|malaria|diabet\w*|depress\w*|pregnan\w*|sexual|mental|ukimwi|vvu|saratani|kifua kikuu|mimba|kisukari)\b/i
    for (const { text } of texts) expect(text).not.toMatch(diagnoses)
  })

  test('no text asks for a PIN or a password, and one that asks for a code of the card says who never may', () => {
    const never = language === 'en' ? /Staff must never ask for your code/ : /wahudumu wasi(uombe|ombe msimbo wako)/i
    const aboutCodes = [
      ...['prompt', 'reminder', 'codeNeeded', 'codeWrong', 'sharingPaused', 'whichOne', 'looseningCode'],
      ...['looseningCodeWrong', 'looseningWaits', 'loosened', 'frozen', 'codeOn', 'needsCard', 'safety'],
    ]
    for (const { name, text } of texts) {
      expect(text).not.toMatch(/\b(pin|password|nywila|neno la siri)\b/i)
      if (!/\b(codes?|msimbo)\b/i.test(text)) continue
      expect(aboutCodes).toContain(name)
      if (['prompt', 'reminder', 'codeNeeded', 'looseningCode'].includes(name)) expect(text).toMatch(never)
    }
  })

  test('a prompt for the code of a line names the line, and no 1 that would not do', () => {
    for (const phrase of [...longest.prompt, ...longest.reminder]) {
      const text = render(phrase)
      expect(text.includes(language === 'en' ? 'code on line 20' : 'msimbo wa mstari 20')).toBe(phrase.line !== null)
      expect(text.includes('999 1')).toBe(phrase.line === null)
    }
  })

  test('a prompt tells who, which hospital, what, how long, its number, and how to allow and refuse', () => {
    for (const ask of longest.prompt) {
      const text = render(ask)
      const ways = ask.line === null ? ['999 1', '999 2', '999 9'] : ['999 2', '20']
      for (const part of [doctor, hospital, ...ways]) expect(text).toContain(part)
      expect(text.startsWith('999: ')).toBe(true)
      if (!ask.oneTime) expect(text).toContain(String(ask.days))
    }
  })

  test('an emergency tells who, which hospital, for how long, and how to dispute and to end it', () => {
    for (const phrase of longest.emergency)
      for (const part of [doctor, hospital, '24', '999 9']) expect(render(phrase)).toContain(part)
    for (const phrase of [...longest.emergency, ...longest.howToDispute])
      expect(parseCommand(/[A-Z]+ 999$/.exec(render(phrase))?.[0] ?? '', language)).toEqual({ kind: 'remove', number })
  })

  test('a prompt says why, when it is not treatment', () => {
    const of = (purpose: (typeof purposes)[number]) =>
      render({ name: 'prompt', number, doctor, hospital, preset: 'ALL', purpose, days: 7, oneTime: false, line: null })
    expect(new Set(purposes.map(of)).size).toBe(purposes.length)
    expect(of('treatment').length).toBeLessThan(of('payment').length)
  })

  test('no two asks that differ read alike', () => {
    const asked = longest.prompt.filter(({ days, oneTime }) => !oneTime || days === 1)
    expect(new Set(asked.map(render)).size).toBe(asked.length)
  })

  test('a refusal and a removal say that care must not change', () => {
    const care = language === 'en' ? /Your care must not change/ : /Matibabu yako hayapaswi kubadilika/
    expect(render({ name: 'refused', number })).toMatch(care)
    expect(render({ name: 'removed', number, doctor })).toMatch(care)
    expect(render({ name: 'disputed', number, doctor })).toMatch(care)
  })

  test('every word that a text tells her to send is one we understand', () => {
    // "EMERGENCY ON or OFF" is short for two of them.
    const spelledOut = (text: string) => text.replace(/\b([A-Z]+) ([A-Z]+) (?:or|au) ([A-Z]+)\b/g, '$1 $2, $1 $3')
    const inCapitals = (text: string) => spelledOut(text).match(/\b[A-Z]{2,}(?: [A-Z]{2,})*\b/g) ?? []
    const told = new Set(texts.flatMap(({ text }) => inCapitals(text)))
    const ours = [...Object.values(words[language]).flat(), ...Object.values(words.en).flat()].map((w) =>
      w.toUpperCase(),
    )
    const presetWords = new Set(
      longest.granted.flatMap((phrase) => inCapitals(render(phrase))).filter((w) => !ours.includes(w)),
    )
    const commands = [...told].filter((word) => !presetWords.has(word))
    expect(commands.length).toBe(13)
    const understood = ['remove', 'log', 'who', 'menu', 'tighten', 'loosen', 'keep', 'safety']
    for (const command of commands) {
      const text = words[language].remove.includes(command.toLowerCase()) ? `${command} 999` : command
      expect({ text, kind: parseCommand(text, language).kind }).toEqual({
        text,
        kind: expect.toBeOneOf(understood),
      })
    }
  })

  test('an end is the moment at which access ends, on the clock of the hospital', () => {
    const end = (zoneName: string) =>
      /\d+ De[cs] \d\d:\d\d/.exec(
        renderPhrase({ name: 'who', grants: [{ number, doctor, until }] }, language, zoneName),
      )?.[0]
    expect(end('UTC')).toMatch(/^30 De[cs] 00:00$/)
    expect(end('Africa/Nairobi')).toMatch(/^30 De[cs] 03:00$/)
  })

  test('a list that is too long for one text says how many it leaves out', () => {
    const numbers = render({ name: 'whichOne', numbers: [10, 11, 12, 13, 14, 15, 16], code: false })
    expect(numbers).toMatch(/10, 11, 12, 13, 14,? (and 2 more|na 2 zaidi)\./)
    expect(render({ name: 'whichOne', numbers: [10, 11, 12, 13, 14], code: false })).toContain('10, 11, 12, 13, 14.')
    expect(render({ name: 'who', grants })).toMatch(/; (and 1 more|na 1 zaidi)$/)
    expect(render({ name: 'who', grants: grants.slice(0, 3) })).not.toMatch(/more|zaidi/)
  })

  test('the words as they are sent', async () => {
    const lines = texts
      .filter(isOneOfItsKind)
      .map(({ name, text }) => `${String(text.length).padStart(3)} ${name}: ${text}`)
    await expect(`${[...new Set(lines)].join('\n')}\n`).toMatchFileSnapshot(`./phrases.${language}.txt`)
  })
})

/** Of the asks, one for each preset, purpose and time: enough to see every word. */
function isOneOfItsKind({ phrase }: { phrase: Phrase }): boolean {
  if (phrase.name !== 'prompt' && phrase.name !== 'reminder') return true
  const isSevenDays = phrase.days === 7 && !phrase.oneTime
  const usual = [phrase.preset === 'LAB_RESULTS', phrase.purpose === 'treatment', isSevenDays, phrase.line === null]
  return usual.filter((is) => !is).length <= 1
}

test('a phrase that a language lacks is an error, not an empty text', () => {
  expect(() => renderPhrase({ name: 'unheard' } as unknown as Phrase, 'en', zone)).toThrow(RangeError)
})
