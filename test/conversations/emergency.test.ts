import { expect, test } from 'vitest'
import type { Language } from '../../src/core/people.ts'
import { allowEmergencies } from '../support/allowEmergencies.ts'
import { beginStory, type Story, storyVillage } from './story.ts'

const hourMs = 3_600_000

/** Stories of a patient who has allowed emergency access, each in both languages. */
const stories: Readonly<Record<string, (story: Story) => Promise<void>>> = {
  'disputed by night': async (story) => {
    await story.untilHour(2)
    const opened = await story.opens()
    await story.looks(opened)
    await story.texts('WHO')
    await story.texts('LOG')
    await story.texts('47 1')
    await story.texts('47 0')
    await story.texts('47')
    await story.texts('47 9')
    await story.looks(opened)
    await story.shows(opened)
    await story.texts('47 9')
    await story.opens()
    // What she forbids counts from her word on.
    await story.texts(story.language === 'en' ? 'EMERGENCY OFF' : 'dharura hapana')
    const forbidden = await story.opens(1)
    await story.passes(60_000)
    await story.shows(forbidden)
  },

  'ended by the patient, or by itself': async (story) => {
    const first = await story.opens()
    await story.texts('1')
    await story.texts(story.language === 'en' ? 'REMOVE 47' : 'ondoa 47')
    await story.looks(first)
    await story.texts('47 9')
    const second = await story.opens(1)
    await story.looks(second)
    await story.passes(24 * hourMs)
    await story.looks(second)
    await story.shows(second)
    await story.texts('WHO')
    // She reads it a day late.
    await story.texts('52 9')
    await story.shows(second)
  },
}

const languages: readonly Language[] = ['en', 'sw']

test.each(Object.entries(stories))('%s', async (name, play) => {
  await using village = await storyVillage()
  for (const language of languages) {
    const patient = village.people.patients.find((one) => one.language === language)
    if (patient) await allowEmergencies(village, patient)
    const story = await beginStory(village, language)
    await play(story)
    await expect(story.written()).toMatchFileSnapshot(
      `./transcripts/emergency-${name.replaceAll(/[ ,]+/g, '-')}.${language}.txt`,
    )
  }
})
