import { expect, test } from 'vitest'
import type { Language } from '../../src/core/people.ts'
import { beginStory, type Story, storyVillage } from './story.ts'

/** Each story is played in both languages, and written down as a transcript of its own. */
const stories: Readonly<Record<string, (story: Story) => Promise<void>>> = {
  async allow(story) {
    const asked = await story.asks()
    await story.texts('47 1')
    await story.looks(asked)
    await story.texts('47 1')
    await story.shows(asked)
  },

  'allow with a bare 1': async (story) => {
    const asked = await story.asks({ oneTime: true })
    await story.texts('1')
    await story.looks(asked)
    await story.looks(asked)
    await story.shows(asked)
  },

  async refuse(story) {
    const asked = await story.asks({ preset: 'MEDICINES' })
    await story.texts('47 2')
    await story.looks(asked)
    await story.texts('47 1')
    await story.texts('47 0')
    await story.triesToAsk()
    await story.passes(7 * 24 * 3_600_000)
    await story.asks({ preset: 'MEDICINES' })
  },

  'not me': async (story) => {
    const asked = await story.asks()
    await story.texts('47 9')
    await story.shows(asked)
    await story.triesToAsk()
  },

  async remove(story) {
    const asked = await story.asks()
    await story.texts('47 1')
    await story.looks(asked)
    await story.texts(story.language === 'en' ? 'REMOVE 47' : 'ondoa 47')
    await story.looks(asked)
    await story.texts('REMOVE 47')
    await story.texts('47 1')
    await story.shows(asked)
  },

  'remove before the answer': async (story) => {
    const asked = await story.asks()
    await story.texts('REMOVE 47')
    await story.shows(asked)
  },

  log: async (story) => {
    const word = story.language === 'en' ? 'LOG' : 'HISTORIA'
    await story.texts(word)
    const asked = await story.asks()
    await story.texts('47 1')
    await story.texts(word)
    await story.looks(asked)
    await story.texts('LOG')
  },

  who: async (story) => {
    const word = story.language === 'en' ? 'Who?' : 'nani?'
    await story.texts(word)
    const first = await story.asks()
    await story.texts('47 1')
    await story.asks({ by: 1, days: 2 })
    await story.texts('52 1')
    await story.texts(word)
    await story.texts('47 2')
    await story.texts('WHO')
    await story.shows(first)
  },

  menu: async (story) => {
    await story.texts('MENU')
    await story.texts(story.language === 'en' ? 'hello' : 'habari')
    await story.texts('1')
    await story.texts('👍')
  },

  'two open requests': async (story) => {
    const first = await story.asks()
    const second = await story.asks({ by: 1, preset: 'BASIC' })
    await story.texts('1')
    await story.texts('yes')
    await story.texts(story.language === 'en' ? 'allow both' : 'ruhusu zote')
    await story.texts('52 1')
    await story.shows(first)
    await story.shows(second)
    await story.texts('1')
    await story.texts('47 2')
    await story.shows(first)
  },

  'unknown number': async (story) => {
    const asked = await story.asks()
    await story.texts('48 1')
    await story.texts('48')
    await story.texts('REMOVE 48')
    await story.texts('471')
    await story.shows(asked)
  },

  about: async (story) => {
    const asked = await story.asks({ purpose: 'payment' })
    await story.texts('47')
    await story.texts('47 1 please')
    await story.texts("don't allow 47")
    await story.texts('47 1?')
    await story.shows(asked)
    await story.texts('٤٧ ١')
    await story.texts('47')
    await story.shows(asked)
  },

  'delivered twice': async (story) => {
    story.village.world.phones.setSwitches(story.phone, { duplicate: true })
    const asked = await story.asks()
    await story.texts('47 1')
    await story.texts('MENU')
    story.village.world.phones.setSwitches(story.phone, { duplicate: false })
    await story.shows(asked)
  },

  'the same six times': async (story) => {
    for (let times = 0; times < 6; times += 1) await story.texts('MENU')
    await story.passes(31 * 60_000)
    await story.texts('MENU')
  },
}

const languages: readonly Language[] = ['en', 'sw']

test.each(Object.entries(stories))('%s', async (name, play) => {
  await using village = await storyVillage()
  for (const language of languages) {
    const story = await beginStory(village, language)
    await play(story)
    await expect(story.written()).toMatchFileSnapshot(`./transcripts/${name.replaceAll(' ', '-')}.${language}.txt`)
  }
})
