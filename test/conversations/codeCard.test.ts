import { expect, test } from 'vitest'
import { printCard } from '../../local/printCard.ts'
import { safeguardWords } from '../../src/core/commands.ts'
import { hour, type Language, minute } from '../../src/core/people.ts'
import { beginStory, type Story, storyVillage } from './story.ts'

/** What she reads from her card: the code of a line, and one that stands nowhere on it. */
type Card = {
  code(line: number): string
  stranger: string
  /** Her hospital hands her another card. @returns its codes */
  printAnother(): Promise<(line: number) => string>
}

/** Stories of a patient with a code card, each in both languages. In the transcripts a code reads as the line it is on. */
const stories: Readonly<Record<string, (story: Story, card: Card) => Promise<void>>> = {
  'allow with the code of the line': async (story, { code }) => {
    const asked = await story.asks()
    await story.texts('47 1')
    await story.looks(asked)
    await story.texts(`47 ${code(1)}`)
    await story.looks(asked)
    await story.shows(asked)
    await story.texts('REMOVE 47')
    await story.looks(asked)
  },

  'each request takes a line of its own': async (story, { code }) => {
    const first = await story.asks()
    const second = await story.asks({ by: 1, preset: 'MEDICINES' })
    await story.texts('1')
    await story.texts(`52 ${code(1)}`)
    await story.texts(`52 ${code(2)}`)
    await story.looks(second)
    await story.texts('47 2')
    const third = await story.asks({ by: 1, preset: 'VACCINES' })
    await story.texts(`63 ${code(1)}`)
    await story.texts(`63 ${code(3)}`)
    await story.looks(third)
    await story.shows(first)
  },

  'three codes that do not fit': async (story, { code, stranger }) => {
    const standing = await story.asks({ by: 1, preset: 'MEDICINES' })
    await story.texts(`47 ${code(1)}`)
    await story.looks(standing)
    const asked = await story.asks()
    await story.texts('52 8392017552')
    await story.texts(`99 ${stranger}`)
    for (let miss = 0; miss < 3; miss += 1) await story.texts(`52 ${stranger}`)
    await story.texts(`52 ${code(2)}`)
    await story.looks(standing)
    await story.shows(asked)
    await story.passes(24 * 3_600_000)
    await story.looks(standing)
  },

  'stop all sharing and begin again': async (story, { code, stranger }) => {
    const say = wordsOf(story)
    const standing = await story.asks()
    await story.texts(`47 ${code(1)}`)
    const open = await story.asks({ by: 1, preset: 'MEDICINES' })
    await story.texts(say.freeze)
    await story.looks(standing)
    await story.shows(standing)
    await story.shows(open)
    await story.triesToAsk(1)
    await story.texts(`52 ${code(2)}`)
    await story.texts('WHO')
    await story.texts(say.freeze)
    await story.texts('START')
    await story.texts(`${say.unfreeze} ${code(3)}`)
    await story.texts(`${say.unfreeze} ${stranger}`)
    await story.texts(`${say.unfreeze} ${code(3)}`)
    await story.texts(say.unfreeze)
    await story.passes(71 * hour)
    await story.looks(standing)
    await story.passes(hour + 2 * minute)
    await story.looks(standing)
    await story.shows(standing)
    const next = await story.asks({ by: 1, preset: 'VACCINES' })
    await story.texts(`63 ${code(4)}`)
    await story.looks(next)
  },

  'emergencies are allowed, and a change is stopped': async (story, { code }) => {
    const say = wordsOf(story)
    await story.texts(say.emergencyOff)
    await story.texts(say.emergencyOn)
    await story.texts(`${say.emergencyOn} ${code(1)}`)
    await story.texts(say.keep)
    await story.passes(73 * hour)
    await story.protection()
    await story.texts(say.keep)
    await story.texts(say.emergencyOn)
    await story.texts(`${say.emergencyOn} ${code(2)}`)
    await story.passes(73 * hour)
    await story.protection()
    await story.texts(say.emergencyOn)
    await story.texts(say.emergencyOff)
    await story.protection()
    await story.texts(say.safety)
  },

  'without a code, and with one again': async (story, { code }) => {
    const say = wordsOf(story)
    await story.texts(say.codeOff)
    const first = await story.asks()
    await story.texts(`${say.codeOff} ${code(2)}`)
    await story.texts(`${say.codeOff} ${code(1)}`)
    await story.texts(`47 ${code(2)}`)
    await story.passes(73 * hour)
    await story.looks(first)
    const bare = await story.asks({ by: 1, preset: 'MEDICINES' })
    await story.texts('52 1')
    await story.looks(bare)
    await story.texts(say.codeOn)
    await story.asks({ by: 1, preset: 'VACCINES' })
    await story.texts('63 1')
    await story.texts(`63 ${code(3)}`)
    await story.protection()
  },

  'a new card takes the place of the old one': async (story, { code, printAnother }) => {
    const say = wordsOf(story)
    await story.texts(say.card)
    const fresh = await printAnother()
    const open = await story.asks()
    await story.texts(say.card)
    await expect(printAnother()).rejects.toThrow('replacing')
    await story.texts(`${say.card} ${fresh(1)}`)
    await story.texts(`${say.card} ${code(2)}`)
    await story.texts(`47 ${code(1)}`)
    await story.passes(73 * hour)
    await story.looks(open)
    const next = await story.asks({ by: 1, preset: 'MEDICINES' })
    await story.texts(`52 ${code(3)}`)
    await story.texts(`52 ${fresh(1)}`)
    await story.looks(next)
  },

  'a reminder names the line': async (story) => {
    await story.asks()
    await story.passes(4 * 3_600_000)
  },
}

function wordsOf({ language }: Story): Record<keyof typeof safeguardWords.en, string> {
  const words = Object.entries(safeguardWords[language])
  return Object.fromEntries(words.map(([name, word]) => [name, word.toUpperCase()])) as never
}

const languages: readonly Language[] = ['en', 'sw']

test.each(Object.entries(stories))('%s', async (name, play) => {
  await using village = await storyVillage()
  for (const language of languages) {
    const story = await beginStory(village, language)
    const patient = village.people.patients.find(({ phone }) => phone === story.phone)
    const codes = await printCard(village.app, village.world, patient?.healthId ?? '')
    const others: string[] = []
    const printAnother = async () => {
      others.push(...(await printCard(village.app, village.world, patient?.healthId ?? '')))
      return (line: number) => others[line - 1] ?? ''
    }
    const stranger = String(10 ** 13 + Number(codes[0]?.slice(1, 12)))
    await play(story, { code: (line) => codes[line - 1] ?? '', stranger, printAnother })
    expect(story.written()).not.toMatch(new RegExp(`^< .*(${[...codes, ...others, stranger].join('|')})`, 'm'))
    const named = codes.reduce((text, code, index) => text.replaceAll(code, `[code ${index + 1}]`), story.written())
    const told = others.reduce((text, code, index) => text.replaceAll(code, `[new code ${index + 1}]`), named)
    await expect(told.replaceAll(stranger, '[no code of hers]')).toMatchFileSnapshot(
      `./transcripts/card-${name.replaceAll(' ', '-')}.${language}.txt`,
    )
  }
})
