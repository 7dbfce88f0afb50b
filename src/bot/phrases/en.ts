import type { Preset, Purpose } from '../../core/classes.ts'
import type { SafeguardKind } from '../../core/safeguards.ts'
import { dayAndTime } from './dates.ts'
import type { Phrases } from './phrases.ts'

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

const presetWords: Readonly<Record<Preset, string>> = {
  BASIC: 'BASIC',
  LAB_RESULTS: 'LAB RESULTS',
  MEDICINES: 'MEDICINES',
  VACCINES: 'VACCINES',
  VISITS: 'VISITS',
  ALL: 'ALL',
  PRIVATE: 'PRIVATE',
}

/** What she sends to loosen, and what comes of it. */
const looseningWords: Readonly<Record<SafeguardKind, { send: string; means: string }>> = {
  unfreeze: { send: 'UNFREEZE', means: 'those you allowed can see your record again' },
  allowEmergency: { send: 'EMERGENCY ON', means: 'doctors may open your record in an emergency' },
  lowerAssurance: { send: 'CODE OFF', means: 'a reply without a code allows' },
  replaceCard: { send: 'CARD', means: 'your new card counts' },
}

/** While another one waits for her word, she has two. */
const cardFor = (safeguard: SafeguardKind) => (safeguard === 'replaceCard' ? 'your old card' : 'your card')

const purposeWords: Readonly<Record<Purpose, string>> = {
  treatment: '',
  payment: ' for payment',
  research: ' for research',
  patientRequest: ' as you asked',
  emergency: ' in an emergency',
}

const time = (days: number, oneTime: boolean) => (oneTime ? 'once' : days === 1 ? '1 day' : `${days} days`)

/** What a list leaves out to stay one text is counted, so that nobody takes it for the whole. */
const more = (count: number) => `and ${count} more`

/** How a request is answered that took a line of her card, with the one thing that staff must never do. */
const withCode = (number: number, line: number) =>
  `Allow: ${number} and code on line ${line}. No: ${number} 2. Staff must never ask for your code.`

export const en: Phrases = {
  prompt: (p) =>
    p.line === null
      ? `${p.number}: ${p.doctor}, ${p.hospital}, asks to see ${presetWords[p.preset]}${purposeWords[p.purpose]}, ${time(p.days, p.oneTime)}. Reply ${p.number} 1 to allow, ${p.number} 2 to refuse, ${p.number} 9 not me.`
      : `${p.number}: ${p.doctor}, ${p.hospital}: ${presetWords[p.preset]}${purposeWords[p.purpose]}, ${time(p.days, p.oneTime)}. ${withCode(p.number, p.line)}`,
  reminder: (p) =>
    p.line === null
      ? `Still open: ${p.number}: ${p.doctor}, ${p.hospital}: ${presetWords[p.preset]}${purposeWords[p.purpose]}, ${time(p.days, p.oneTime)}. ${p.number} 1 allow, ${p.number} 2 refuse, ${p.number} 9 not me.`
      : `Still open: ${p.number}: ${p.doctor}: ${presetWords[p.preset]}${purposeWords[p.purpose]}, ${time(p.days, p.oneTime)}. ${withCode(p.number, p.line)}`,
  granted: (p, zone) =>
    `${p.number}: ${p.doctor} is allowed to see ${presetWords[p.preset]} until ${dayAndTime(p.until, zone, months)}. To take it back: REMOVE ${p.number}`,
  grantFailed: (p) => `${p.number}: this could not be allowed. Nothing was opened. The doctor can ask again.`,
  refused: (p) => `${p.number}: refused. Nobody can see this. Your care must not change because of it.`,
  notMe: (p) => `${p.number}: refused as not yours. Thank you, the hospital will look into it.`,
  removed: (p) => `${p.number}: ${p.doctor} can no longer see your record. Your care must not change because of it.`,
  emergency: (p) =>
    `${p.number}: Emergency: ${p.doctor}, ${p.hospital}, opened your record for 24 hours. Reply ${p.number} 9 if this is wrong. To end it: REMOVE ${p.number}`,
  howToDispute: (p, zone) =>
    `${p.number}: ${p.doctor} opened your record in an emergency, until ${dayAndTime(p.until, zone, months)}. Reply ${p.number} 9 if this is wrong. To end it: REMOVE ${p.number}`,
  disputed: (p) =>
    `${p.number}: closed. ${p.doctor} can no longer see your record, and the hospital must look into it. Your care must not change because of it.`,
  alreadyAllowed: (p, zone) =>
    `${p.number}: ${p.doctor} is already allowed until ${dayAndTime(p.until, zone, months)}. To take it back: REMOVE ${p.number}`,
  alreadyOnItsWay: (p) => `${p.number}: we have your yes and are writing it down. We will tell you when it is done.`,
  ended: (p) => `${p.number}: this request has ended. Nothing was changed.`,
  undoTooLate: (p) => `${p.number}: more than 10 minutes have passed. To take access away: REMOVE ${p.number}`,
  undoRefusal: (p) => `${p.number}: a refusal stays. If you want to allow it, ask the doctor to send a new request.`,
  howToAnswer: (p) =>
    `To answer ${p.number}: ${p.number} 1 to allow, ${p.number} 2 to refuse, ${p.number} 9 not me. Nothing was allowed.`,
  codeNeeded: (p) =>
    `To allow ${p.number}: send ${p.number} and the code on line ${p.line} of your card. To refuse: ${p.number} 2. Nothing was allowed. Staff must never ask for your code.`,
  codeWrong: (p) =>
    `${p.number}: that did not fit. Nothing was allowed. Look at line ${p.line} of your card and send ${p.number} and its code again.`,
  sharingPaused: (p, zone) =>
    `Sharing is paused until ${dayAndTime(p.until, zone, months)}: codes did not fit 3 times. Nobody can open your record. Was it not you? Tell your health worker.`,
  howToRemove: (p) => `${p.number}: ${p.doctor} may see your record. To take it back: REMOVE ${p.number}`,
  whichOne: (p) =>
    `Open requests: ${p.numbers.slice(0, 5).join(', ')}${p.numbers.length > 5 ? ` ${more(p.numbers.length - 5)}` : ''}. Nothing was allowed. Answer each with its number first, like ${p.numbers[0]} ${p.code ? 'and its code' : '1'} to allow or ${p.numbers[0]} 2 to refuse.`,
  noSuchNumber: () => 'There is no request with that number. Nothing was changed. Send MENU for what you can do.',
  nothingOpen: () =>
    'No request is waiting for you. Send WHO to see who is allowed, LOG to see who looked, MENU for more.',
  tooSoon: (p) => `${p.number}: not ready yet. Please answer again in a minute. Nothing was changed.`,
  log: (p, zone) =>
    p.looks.length === 0
      ? 'Nobody has looked at your record.'
      : `Looked: ${p.looks.map((look) => `${look.doctor} (${look.number}) ${dayAndTime(look.at, zone, months)}`).join('; ')}`,
  who: (p, zone) =>
    p.grants.length === 0
      ? 'Nobody is allowed to see your record.'
      : `Allowed: ${p.grants
          .slice(0, 3)
          .map((grant) => `${grant.doctor} (${grant.number}) until ${dayAndTime(grant.until, zone, months)}`)
          .join('; ')}${p.grants.length > 3 ? `; ${more(p.grants.length - 3)}` : ''}`,
  menu: () =>
    'LOG: who looked. WHO: who is allowed. REMOVE and the number: take access away. FREEZE: stop all. SAFETY: more. To answer a request: its number, then 1 or 2.',
  frozen: (p) =>
    `Sharing is stopped. Nobody can see your record or ask to. Your care must not change because of it. To share again${p.hasCard ? ', with your code card: UNFREEZE' : ': see a health worker.'}`,
  emergencyElsewhere: () =>
    'A doctor has declared an emergency for you, but not through us: we opened nothing. If this is wrong, tell your hospital. To forbid it: EMERGENCY OFF',
  emergencyOff: () =>
    'Doctors can not open your record in an emergency. Your care must not change because of it. To allow it: EMERGENCY ON',
  codeOn: () => 'From now on a request needs a code of your card to be allowed. To end that: CODE OFF',
  loosened: (p) =>
    `It is done: ${looseningWords[p.safeguard].means}. Was it not you? Send FREEZE and tell your health worker.`,
  looseningCode: (p) =>
    `Nothing is changed yet. Send ${looseningWords[p.safeguard].send} and the code on line ${p.line} of ${cardFor(p.safeguard)}. Staff must never ask for your code.`,
  looseningCodeWrong: (p) =>
    `That did not fit. Nothing was changed. Look at line ${p.line} of ${cardFor(p.safeguard)} and send ${looseningWords[p.safeguard].send} and its code again.`,
  looseningWaits: (p, zone) =>
    `From ${dayAndTime(p.at, zone, months)} ${looseningWords[p.safeguard].means}. To stop this, or if it was not you, reply KEEP before.`,
  changeOnItsWay: () => 'We are writing this down. We will tell you when it is done.',
  changeFailed: () => 'This could not be done. Nothing was changed. Please try again, or ask your health worker.',
  kept: () => 'Stopped: everything stays as it is.',
  nothingToKeep: () => 'No change is under way. Nothing was changed. Send SAFETY for what you can do.',
  soAlready: () => 'It is so already. Nothing was changed. Send SAFETY for what you can do.',
  needsCard: () =>
    'This needs a code card with a line left. Nothing was changed. Please ask a health worker to help you.',
  needsNewCard: () =>
    'No new card is waiting for you. Nothing was changed. A new card comes from your hospital. Lost yours? Send FREEZE.',
  safety: () =>
    'FREEZE: nobody sees your record, UNFREEZE ends it. EMERGENCY ON or OFF: doctors in an emergency. CODE ON or OFF: allow by card code. KEEP: stop a change.',
  whoPaused: (p) =>
    `Paused: nobody can see your record now.${p.numbers.length === 0 ? '' : ` Allowed once it goes on: ${p.numbers.slice(0, 5).join(', ')}${p.numbers.length > 5 ? ` ${more(p.numbers.length - 5)}` : ''}.`} Send SAFETY for what you can do.`,
  unknownSender: () => 'This number is not known to us. If you are a patient, please ask at your hospital.',
}
