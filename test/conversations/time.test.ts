import { expect, test } from 'vitest'
import { hour, type Language, minute } from '../../src/core/people.ts'
import { beginStory, type Story, storyVillage } from './story.ts'

/** Stories in which the clock matters: each played in both languages, and written down. */
const stories: Readonly<Record<string, (story: Story) => Promise<void>>> = {
  'undo within ten minutes': async (story) => {
    const asked = await story.asks()
    await story.texts('47 1')
    await story.passes(9 * minute)
    await story.texts('47 0')
    await story.looks(asked)
    await story.shows(asked)
  },

  'undo after ten minutes': async (story) => {
    const asked = await story.asks()
    await story.texts('47 1')
    await story.passes(11 * minute)
    await story.texts('47 0')
    await story.looks(asked)
    await story.texts(story.language === 'en' ? 'REMOVE 47' : 'ONDOA 47')
    await story.shows(asked)
  },

  'late reply': async (story) => {
    const asked = await story.asks()
    await story.passes(48 * hour)
    await story.texts('47 1')
    await story.texts('47 2')
    await story.texts('1')
    await story.looks(asked)
    await story.shows(asked)
  },

  'a reply in the last hour': async (story) => {
    const asked = await story.asks()
    await story.passes(23 * hour)
    await story.texts('47 1')
    await story.shows(asked)
  },

  'reminder after four hours': async (story) => {
    const asked = await story.asks()
    await story.passes(3 * hour)
    await story.passes(hour + minute)
    await story.texts('1')
    await story.passes(5 * hour)
    await story.shows(asked)
  },

  'reminder after a quiet night': async (story) => {
    await story.untilHour(17)
    const asked = await story.asks()
    await story.untilHour(21)
    await story.passes(10 * hour)
    await story.untilHour(8)
    await story.texts('47 2')
    await story.shows(asked)
  },

  'research waits for the morning': async (story) => {
    await story.untilHour(22)
    const asked = await story.asks({ purpose: 'research' })
    await story.texts('1')
    await story.texts('47 1')
    await story.shows(asked)
    await story.untilHour(8)
    await story.passes(5 * hour)
    await story.texts('47 1')
    await story.shows(asked)
  },

  'treatment does not wait for the morning': async (story) => {
    await story.untilHour(22)
    const asked = await story.asks()
    await story.texts('1')
    await story.shows(asked)
  },

  'a grant ends by itself': async (story) => {
    const asked = await story.asks({ days: 1 })
    await story.texts('47 1')
    await story.passes(48 * hour)
    await story.texts('WHO')
    await story.texts('REMOVE 47')
    await story.looks(asked)
    await story.shows(asked)
  },

  'stop and start': async (story) => {
    await story.texts('STOP')
    const asked = await story.asks()
    await story.shows(asked)
    await story.passes(5 * hour)
    await story.texts('START')
    await story.shows(asked)
    await story.texts('1')
    await story.texts('47 1')
    await story.asks({ by: 1, preset: 'VACCINES' })
    await story.texts('52 1')
    await story.shows(asked)
  },

  'stop keeps a grant': async (story) => {
    const asked = await story.asks()
    await story.texts('47 1')
    await story.texts('stop')
    await story.looks(asked)
    await story.texts('REMOVE 47')
    await story.looks(asked)
    await story.texts('Start')
    await story.texts('WHO')
    await story.shows(asked)
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

test('a stranger is told once a day that we do not know her', async () => {
  await using village = await storyVillage()
  const { phones } = village.world
  const stranger = '+254700000099'
  phones.register({ address: stranger, name: 'Stranger' })
  const received = () =>
    phones.messages(stranger).flatMap(({ direction, text }) => (direction === 'received' ? [text] : []))
  for (const text of ['hello', '47 1', '1', 'LOG', 'REMOVE 47']) {
    phones.text(stranger, text)
    await village.settle()
  }
  const answer = 'This number is not known to us. If you are a patient, please ask at your hospital.'
  expect(received()).toEqual([answer])
  await village.advance(25 * hour)
  phones.text(stranger, 'hello')
  await village.settle()
  expect(received()).toEqual([answer, answer])
})
