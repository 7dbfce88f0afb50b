import { codeDigits } from './codeCard.ts'
import type { Language } from './people.ts'
import type { SafeguardKind } from './safeguards.ts'
import { normaliseDigits, normaliseReply } from './text.ts'

/** What a patient's message says. Only `code`, `answer` with `allow`, and a bare `1`, can ever open a grant. */
export type Command =
  | { kind: 'answer'; number: number; answer: Answer }
  | { kind: 'bareAnswer'; answer: Answer }
  /** A request's number and a code of a card, in whatever groups and digits she typed it: 14 ASCII digits here. */
  | { kind: 'code'; number: number; code: string }
  | { kind: 'remove'; number: number }
  /** A request's number alone, or with words that are no answer: she is helped with that request, nothing happens. */
  | { kind: 'about'; number: number }
  /** At once, and exactly: with anything left over it does nothing. */
  | { kind: 'tighten'; safeguard: SafeguardKind }
  | { kind: 'loosen'; safeguard: SafeguardKind }
  | { kind: 'loosenWithCode'; safeguard: SafeguardKind; code: string }
  /** The word of a loosening and something that is no code: she is helped, nothing happens. */
  | { kind: 'aboutLoosening'; safeguard: SafeguardKind }
  /** Cancels each loosening that is under way. */
  | { kind: 'keep' }
  | { kind: 'safety' }
  | { kind: 'log' }
  | { kind: 'who' }
  | { kind: 'menu' }
  | { kind: 'providerWord' }
  | { kind: 'unclear' }

export type Answer = 'allow' | 'refuse' | 'notMe' | 'undo'

const answers: Readonly<Record<string, Answer>> = { '1': 'allow', '2': 'refuse', '9': 'notMe', '0': 'undo' }

/**
 * Words that carriers and Twilio own and answer themselves: none of them is a command of ours, and we say nothing to them.
 * YES belongs to them as well, but Twilio answers it only after a STOP; otherwise she means us and gets a helpful line.
 * Source: Twilio, "Twilio support for opt-out keywords"; US carriers' REVOKE and OPTOUT since 2025.
 */
const providerWords = new Set(
  'stop unsubscribe end quit stopall revoke optout cancel start unstop help info'.split(' '),
)

/** Each language's own words; the English ones work for everyone. None may be a provider's word. */
export const words: Readonly<Record<Language, Readonly<Record<'remove' | 'log' | 'who' | 'menu', readonly string[]>>>> =
  {
    en: { remove: ['remove'], log: ['log'], who: ['who'], menu: ['menu'] },
    sw: { remove: ['ondoa'], log: ['historia'], who: ['nani'], menu: ['menyu'] },
  }

type SafeguardWord =
  | 'freeze'
  | 'unfreeze'
  | 'emergencyOn'
  | 'emergencyOff'
  | 'codeOn'
  | 'codeOff'
  | 'card'
  | 'keep'
  | 'safety'

/** The words for what protects her, each language's own beside the English ones. None may be a provider's word. */
export const safeguardWords: Readonly<Record<Language, Readonly<Record<SafeguardWord, string>>>> = {
  en: {
    freeze: 'freeze',
    unfreeze: 'unfreeze',
    emergencyOn: 'emergency on',
    emergencyOff: 'emergency off',
    codeOn: 'code on',
    codeOff: 'code off',
    card: 'card',
    keep: 'keep',
    safety: 'safety',
  },
  sw: {
    // Not FUNGA and FUNGUA: one letter must not lie between the two.
    freeze: 'sitisha',
    unfreeze: 'endeleza',
    emergencyOn: 'dharura ndiyo',
    emergencyOff: 'dharura hapana',
    codeOn: 'msimbo ndiyo',
    codeOff: 'msimbo hapana',
    card: 'kadi',
    keep: 'bakisha',
    safety: 'usalama',
  },
}

const tightenings: Partial<Readonly<Record<SafeguardWord, SafeguardKind>>> = {
  freeze: 'unfreeze',
  emergencyOff: 'allowEmergency',
  codeOn: 'lowerAssurance',
}
const loosenings: Partial<Readonly<Record<SafeguardWord, SafeguardKind>>> = {
  unfreeze: 'unfreeze',
  emergencyOn: 'allowEmergency',
  codeOff: 'lowerAssurance',
  card: 'replaceCard',
}

/**
 * Reads a reply. Exact or nothing: a message with anything left over never answers a request.
 *
 * @param text as it came from the provider
 * @param language the patient's own; English words count beside it
 */
export function parseCommand(text: string, language: Language): Command {
  const reply = normaliseReply(text)
  if (providerWords.has(reply)) return { kind: 'providerWord' }

  // "47 1?" asks; nothing is allowed or refused by a question.
  const isQuestion = text.normalize('NFKC').includes('?')
  const pair = /^([1-9]\d{1,3}) (\d)$/.exec(reply)
  if (pair && !isQuestion) {
    const answer = answers[pair[2] ?? '']
    const number = Number(pair[1])
    return answer ? { kind: 'answer', number, answer } : { kind: 'about', number }
  }
  const numbered = /^([1-9]\d{1,3}) (\d[\d ]*)$/.exec(reply)
  if (numbered) {
    const number = Number(numbered[1])
    const code = (numbered[2] ?? '').replaceAll(' ', '')
    if (code.length === codeDigits && !isQuestion) return { kind: 'code', number, code }
    // Nearly a code: one digit too many or too few. She is told how, and it is no guess.
    if (code.length > codeDigits / 2) return { kind: 'about', number }
  }
  const bare = answers[reply]
  if (bare && !isQuestion) return { kind: 'bareAnswer', answer: bare }

  const is = (word: 'remove' | 'log' | 'who' | 'menu', candidate: string) =>
    words.en[word].includes(candidate) || words[language][word].includes(candidate)
  if (is('log', reply)) return { kind: 'log' }
  if (is('who', reply)) return { kind: 'who' }
  if (is('menu', reply)) return { kind: 'menu' }
  const safeguard = readSafeguardWord(reply, language, isQuestion)
  if (safeguard) return safeguard
  const removal = /^(\p{L}+) (\d{2,4})$/u.exec(reply)
  if (removal && is('remove', removal[1] ?? '')) return { kind: 'remove', number: Number(removal[2]) }

  const numbers = reply.match(/(?<![\d\p{L}])\d{2,4}(?![\d\p{L}])/gu) ?? []
  const only = new Set(numbers)
  return only.size === 1 ? { kind: 'about', number: Number([...only][0]) } : { kind: 'unclear' }
}

function readSafeguardWord(reply: string, language: Language, isQuestion: boolean): Command | null {
  const [, said = '', rest = ''] = /^(\p{L}+(?: \p{L}+)?)((?: \d+)*)$/u.exec(reply) ?? []
  const names = Object.keys(safeguardWords.en) as SafeguardWord[]
  const name = names.find((word) => safeguardWords.en[word] === said || safeguardWords[language][word] === said)
  if (!name) return null
  const digits = rest.replaceAll(' ', '')
  const loosening = loosenings[name]
  if (loosening && digits !== '')
    return digits.length === codeDigits && !isQuestion
      ? { kind: 'loosenWithCode', safeguard: loosening, code: digits }
      : { kind: 'aboutLoosening', safeguard: loosening }
  if (digits !== '') return null
  // "FREEZE?" asks what it does.
  if (isQuestion || name === 'safety') return { kind: 'safety' }
  if (name === 'keep') return { kind: 'keep' }
  if (loosening) return { kind: 'loosen', safeguard: loosening }
  const tightening = tightenings[name]
  return tightening ? { kind: 'tighten', safeguard: tightening } : null
}

/** True for a text that may hold a code, well typed or not: what it says is wiped once it was read. */
export function mayHoldCode(text: string): boolean {
  return normaliseDigits(text.normalize('NFKC')).replace(/\D+/g, '').length >= codeDigits - 2
}
