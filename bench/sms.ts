import { SegmentedMessage } from 'sms-segments-calculator'
import { renderPhrase } from '../src/bot/phrases/phrases.ts'
import { type Preset, presets, purposes } from '../src/core/classes.ts'
import { cardLines } from '../src/core/codeCard.ts'
import type { Phrase } from '../src/core/effects.ts'
import type { EpochMs, Language } from '../src/core/people.ts'
import { countSmsParts } from '../src/core/sms.ts'
import { type Row, toRow } from './row.ts'

/** The longest names that a verification approves, and the longest number. */
const doctor = 'Dr Abcdefgh Ijklmno'
const hospital = 'Abcdefgh Ijkl Hosp'
const number = 999
/** Asked for by a bare reply: at most seven days, never PRIVATE. */
const durations = [
  { days: 7, oneTime: false },
  { days: 1, oneTime: true },
]
/** GSM-7 septets in one part. Source: 3GPP TS 23.040. */
const septetsPerPart = 160
const zone = 'Africa/Nairobi'
/** Two digits in the date. */
const until = Date.UTC(2026, 10, 29) as EpochMs
const reply = `${number} 1`

/** What one consent costs in text messages: the prompt, her answer and the confirmation. */
export async function measure(): Promise<Row[]> {
  return (['en', 'sw'] as const).flatMap((language) => {
    const prompt = longest(prompts(), language)
    const confirmation = longest(confirmations(), language)
    const texts = [prompt, reply, confirmation]
    const parts = texts.map(countSmsParts)
    return [
      toRow({
        metric: `SMS parts of one consent: prompt, answer, confirmation (${language})`,
        unit: 'parts',
        ours: parts.reduce((sum, part) => sum + part, 0),
        peer: texts.length,
        peerName: 'limit, one for each message',
        atMost: texts.length,
      }),
      toRow({
        metric: `Longest text of a consent (${language})`,
        unit: 'septets',
        ours: Math.max(...texts.map(septetsOf)),
        peer: septetsPerPart,
        peerName: 'limit of one part',
        atMost: septetsPerPart,
      }),
    ]
  })
}

function asked(): Preset[] {
  return presets.filter((preset) => preset !== 'PRIVATE')
}

function prompts(): Phrase[] {
  return asked().flatMap((preset) =>
    purposes.flatMap((purpose) =>
      durations.flatMap((duration) =>
        [null, cardLines].map(
          (line): Phrase => ({ name: 'prompt', number, doctor, hospital, preset, purpose, line, ...duration }),
        ),
      ),
    ),
  )
}

function confirmations(): Phrase[] {
  return asked().map((preset) => ({ name: 'granted', number, doctor, preset, until }))
}

function longest(phrases: readonly Phrase[], language: Language): string {
  const texts = phrases.map((phrase) => renderPhrase(phrase, language, zone))
  return texts.reduce((long, text) => (septetsOf(text) > septetsOf(long) ? text : long))
}

/** Septets of a text that is GSM-7; a text that is not fills its parts much sooner, and shows in the parts. */
function septetsOf(text: string): number {
  return Math.ceil(new SegmentedMessage(text, 'auto').messageSize / 7)
}
