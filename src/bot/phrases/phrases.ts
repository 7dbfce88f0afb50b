import type { Phrase, PhraseName } from '../../core/effects.ts'
import type { Language } from '../../core/people.ts'
import { en } from './en.ts'
import { sw } from './sw.ts'

/** One language's words: a function for each phrase, from what is filled in to the text. */
export type Phrases = {
  readonly [Name in PhraseName]: (phrase: Extract<Phrase, { name: Name }>, zone: string) => string
}

const languages: Readonly<Record<Language, Phrases>> = { en, sw }

/**
 * The text of a phrase in a language.
 *
 * @param zone IANA time zone of the hospital; dates are read there
 * @returns at most 160 GSM-7 septets; a test renders every phrase with the longest names
 */
export function renderPhrase(phrase: Phrase, language: Language, zone: string): string {
  const phrases = languages[language] as { readonly [name: string]: (phrase: Phrase, zone: string) => string }
  const render = phrases[phrase.name]
  if (!render) throw new RangeError(`No words for the phrase ${phrase.name} in ${language}.`)
  return render(phrase, zone)
}
