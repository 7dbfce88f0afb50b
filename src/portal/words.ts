import type { AffiliationRefusal } from '../core/affiliation.ts'
import { type Preset, type Purpose, presets, purposes, type RecordClass } from '../core/classes.ts'
import { bareReplyMaxDays } from '../core/consent.ts'
import { day, type EpochMs } from '../core/people.ts'
import type {
  AskRefusal,
  EmergencyRefusal,
  EmergencySummary,
  LookRefusal,
  OpenedLook,
  RequestSummary,
} from './actions.ts'
import type { Dates } from './dates.ts'
import { shownState } from './requestSummary.ts'
import { unreachable } from './unreachable.ts'

/** Each preset as the patient's text message names it, and what it opens. */
export const presetWords: Readonly<Record<Preset, { name: string; opens: string }>> = {
  BASIC: { name: 'BASIC', opens: 'Who the patient is, problems, allergies, medicines and vaccines.' },
  LAB_RESULTS: { name: 'LAB RESULTS', opens: 'Results of laboratory tests. Nothing else.' },
  MEDICINES: { name: 'MEDICINES', opens: 'Medicines taken now and before.' },
  VACCINES: { name: 'VACCINES', opens: 'Vaccines given, with their dates.' },
  VISITS: { name: 'VISITS', opens: 'Visits, procedures, notes and vital signs.' },
  ALL: { name: 'ALL', opens: 'Everything above, images and maternal care. Never what is PRIVATE.' },
  PRIVATE: { name: 'PRIVATE', opens: 'HIV and STI, mental health and substance use, sexual health and violence.' },
}

/** What a request opens, on a page that does not list the others. */
export function opensWords({ preset }: Pick<RequestSummary, 'preset'>): string {
  return preset === 'ALL' ? 'Everything but what is PRIVATE.' : presetWords[preset].opens
}

export const purposeWords: Readonly<Record<Purpose, string>> = {
  treatment: 'Treatment',
  payment: 'Payment',
  research: 'Research',
  patientRequest: "The patient's own request",
  emergency: 'Emergency',
}

/** Column heads that fit what a record is about. */
export function columnWords(recordClass: RecordClass): { name: string; value: string } {
  switch (recordClass) {
    case 'labs':
      return { name: 'Test', value: 'Result' }
    case 'vitals':
      return { name: 'Measurement', value: 'Result' }
    case 'medications':
      return { name: 'Medicine', value: 'Details' }
    case 'immunizations':
      return { name: 'Vaccine', value: 'Details' }
    default:
      return { name: 'Item', value: 'Details' }
  }
}

export const classWords: Readonly<Record<RecordClass, string>> = {
  demographics: 'Personal details',
  encounters: 'Visit',
  problems: 'Problems',
  allergies: 'Allergies',
  medications: 'Medicines',
  immunizations: 'Vaccines',
  labs: 'Laboratory result',
  vitals: 'Vital signs',
  imaging: 'Image',
  procedures: 'Procedure',
  notes: 'Note',
  maternal: 'Maternal care',
  social: 'Social history',
  hiv: 'HIV and STI',
  mental: 'Mental health and substance use',
  sexual: 'Sexual health and violence',
}

/** What a state looks like: `wait` is open, `good` gives access, `no` is the patient's no, `past` is over. */
export type Tone = 'wait' | 'good' | 'no' | 'past'

type StateWords = {
  tone: Tone
  /** For a badge and a page title. */
  label: string
  /** What it means and what to do. */
  sentence: string
}

const careStays = "A refusal must not change the patient's care."

/** A request's state in words, with the rule named where one applies. */
export function stateWords(request: RequestSummary, dates: Dates): StateWords {
  const what = presetWords[request.preset].name
  const shown = shownState(request)
  const ofEmergency = shown !== 'paused' && request.emergency && emergencyWords(request, request.emergency, dates)
  if (ofEmergency) return ofEmergency
  switch (shown) {
    case 'paused':
      return {
        tone: 'wait',
        label: 'Sharing is paused',
        sentence: `Nobody opens this patient's record now. Access that was given stays, and can be used when sharing goes on. ${careStays}`,
      }
    case 'asking':
      return {
        tone: 'wait',
        label: 'Being sent',
        sentence:
          'Your request is being written to the chain. The patient gets the message as soon as it stands there.',
      }
    case 'asked':
      return {
        tone: 'wait',
        label: 'Waiting for the patient',
        sentence: request.unreachable
          ? `The message does not reach the patient's phone. If that changes, the answer can come until ${dates.moment(request.answerBy)}.`
          : `A text message with your name, your hospital and what you ask for has gone to the patient. The answer can come until ${dates.moment(request.answerBy)}.`,
      }
    case 'granting':
      return {
        tone: 'wait',
        label: 'The patient said yes',
        sentence:
          'The yes is being written to the chain. You can open the record when it stands there, in a few seconds.',
      }
    case 'granted':
      return {
        tone: 'good',
        label: request.grantedUntil === null ? 'Allowed' : `Allowed until ${dates.moment(request.grantedUntil)}`,
        sentence: request.oneTime
          ? `You may open ${what} once. The look is written to the chain before the page shows.`
          : `You may open ${what}. Each look is written to the chain before the page shows.`,
      }
    case 'refused':
      return {
        tone: 'no',
        label: 'Refused',
        sentence: `The patient said no. The same request can't be repeated for 7 days. ${careStays}`,
      }
    case 'notMe':
      return {
        tone: 'no',
        label: 'Not me',
        sentence:
          'The answer was “not me”: the person with this phone is not your patient, or did not expect you. Compare the health ID with the card before you ask again.',
      }
    case 'lapsed':
      return {
        tone: 'past',
        label: 'No answer',
        sentence: 'The time to answer is over and nothing was granted: silence is never a yes. You can ask again.',
      }
    case 'withdrawn':
      return {
        tone: 'past',
        label: 'Withdrawn',
        sentence: 'You took this request back. A late answer grants nothing.',
      }
    case 'removed':
      return {
        tone: 'no',
        label: 'Access removed',
        sentence: `The patient took the access back. It ended at once. ${careStays}`,
      }
    case 'disputed':
      return {
        tone: 'no',
        label: 'Disputed',
        sentence: `The patient disputed this. It ended at once. ${careStays}`,
      }
    case 'expired':
      return {
        tone: 'past',
        label: 'Ended',
        sentence: 'The time that the patient allowed is over. Ask again if you still need to see the record.',
      }
    case 'usedUp':
      return {
        tone: 'past',
        label: 'Used',
        sentence: 'This was for one look, and it has been used. Ask again if you need another.',
      }
    case 'failed':
      return {
        tone: 'past',
        label: 'Not recorded',
        sentence:
          'The chain did not accept this request, so it gives no access. Ask again; if that fails too, tell the person who runs this system.',
      }
    default:
      return unreachable(shown)
  }
}

/** What an emergency's states mean where they mean something else than those of a question. */
function emergencyWords(request: RequestSummary, emergency: EmergencySummary, dates: Dates): StateWords | null {
  switch (request.state) {
    case 'asking':
      return {
        tone: 'wait',
        label: 'Being opened',
        sentence:
          'The emergency is being written to the chain. You can open the record when it stands there, in a few seconds. What does not stand there after half a minute is not opened.',
      }
    case 'granted':
      return {
        tone: 'good',
        label: request.grantedUntil === null ? 'Open' : `Open until ${dates.moment(request.grantedUntil)}`,
        sentence: `You may open ALL of the record, never what is PRIVATE. Each look is written to the chain before the page shows. ${
          request.unreachable
            ? "The patient's phone takes no messages now."
            : 'The patient was told by text message, and can end it.'
        }`,
      }
    case 'removed':
      return { tone: 'no', label: 'Ended by the patient', sentence: `The patient ended this emergency. ${careStays}` }
    case 'disputed':
      return {
        tone: 'no',
        label: 'Disputed by the patient',
        sentence: `The patient says that this was no emergency, and it ended at once. Your hospital sees the dispute when it reviews. ${careStays}`,
      }
    case 'expired':
      return {
        tone: 'past',
        label: 'Ended',
        sentence: 'The 24 hours of this emergency are over. Ask the patient if you still need to see the record.',
      }
    case 'failed':
      return {
        tone: 'no',
        label: 'Not opened',
        sentence: emergency.isRefusedForReview
          ? `Nothing was opened. ${unreviewedBefore}`
          : 'Nothing was opened. This patient has not allowed emergency access or has stopped all sharing, nobody has this health ID, or the chain did not take it in time: the page says the same in each case. Ask for access instead, or try again.',
      }
    default:
      return null
  }
}

const unreviewedBefore =
  'Your last emergency with this patient has not been reviewed yet, and the chain takes no other one before. Ask your hospital to review it; after 72 hours only the governor can.'

/** How an emergency's review stands. */
export function reviewWords({ reviewBy, reviewedAt, isOverdue }: EmergencySummary, dates: Dates): string | null {
  if (reviewBy === null) return null
  if (reviewedAt !== null) return `Reviewed on ${dates.day(reviewedAt)}`
  return isOverdue
    ? `Overdue: it was to be reviewed until ${dates.moment(reviewBy)}`
    : `To be reviewed until ${dates.moment(reviewBy)}`
}

/** Why an emergency was not opened, before anything was tried. */
export function emergencyRefusalWords(
  refusal: EmergencyRefusal,
  dates: Dates,
): { field: 'healthId' | 'reason' | null; sentence: string } {
  switch (refusal.code) {
    case 'healthIdMistyped':
    case 'tooManyPatientsToday': {
      const { field, sentence } = askRefusalWords(refusal, dates)
      return { field: field === 'healthId' ? field : null, sentence }
    }
    case 'reasonMissing':
      return {
        field: 'reason',
        sentence: `Say why you cannot wait for an answer, in ${refusal.min} to ${refusal.max} characters.`,
      }
    case 'emergencyUnreviewed':
      return { field: null, sentence: unreviewedBefore }
    default:
      return unreachable(refusal)
  }
}

/** Said when no message reaches the patient; grants that stand are not touched by it. */
export const unreachableWords = {
  label: 'Not reachable',
  sentence:
    "The patient's phone takes no messages from us now, so an answer can't be expected. Access already given stays. Ask a community health worker to check the number.",
}

/** How long a request is for. */
export function lengthWords({ purpose, days, oneTime }: Pick<RequestSummary, 'purpose' | 'days' | 'oneTime'>): string {
  return purpose === 'emergency' ? '24 hours' : daysWords(days, oneTime)
}

function daysWords(days: number, oneTime: boolean): string {
  if (oneTime) return 'One look within 24 hours'
  return days === 1 ? '1 day' : `${days} days`
}

export type FormField = 'healthId' | 'preset' | 'purpose' | 'days'

/** Why a request was not sent: which field it belongs to (or none), what happened, what to do. */
export function askRefusalWords(refusal: AskRefusal, dates: Dates): { field: FormField | null; sentence: string } {
  switch (refusal.code) {
    case 'healthIdMistyped':
      return {
        field: 'healthId',
        sentence: 'This health ID was mistyped: its last character does not fit the others. Compare it with the card.',
      }
    case 'daysOutOfRange':
      return {
        field: 'days',
        sentence: `Choose from ${refusal.min} to ${refusal.max} days. A reply by text message allows at most ${bareReplyMaxDays} days.`,
      }
    case 'presetNeedsCard':
      return {
        field: 'preset',
        sentence:
          "PRIVATE needs the patient's code card and a witness. Choose something else, or ask the patient in person.",
      }
    case 'tooManyOpenRequests':
      return {
        field: null,
        sentence: `You have ${refusal.limit} requests open for this patient, and that is the limit. Wait for an answer, or withdraw one of them below.`,
      }
    case 'refusedRecently': {
      const refusedAt = (refusal.until - 7 * day) as EpochMs
      return {
        field: null,
        sentence: `The patient refused on ${dates.day(refusedAt)}, and a refused request can't be repeated for 7 days. You can ask again after ${dates.day(refusal.until)}. ${careStays}`,
      }
    }
    case 'tooManyPatientsToday':
      return {
        field: null,
        sentence: `You have asked ${refusal.limit} new patients today, and that is the limit for one day. You can ask new patients tomorrow; patients you have asked before are not counted.`,
      }
    default:
      return unreachable(refusal)
  }
}

/** A page that says no: what happened, why, what to do. */
export type MessageWords = { title: string; why: string; whatToDo: string }

const chainUnavailable: MessageWords = {
  title: "The chain can't be asked now",
  why: 'Only the chain says who may read. While it does not answer, the answer is no, and nothing was opened.',
  whatToDo: 'Try again in a minute. If it lasts, tell the person who runs this system.',
}

const sharingPaused: MessageWords = {
  title: 'Sharing is paused for this patient',
  why: 'Nobody opens this patient’s record now. Access that was given stays, and can be used when sharing goes on.',
  whatToDo: 'Speak with the patient, or with a community health worker who knows the patient.',
}

/** Why a doctor with the right password does not come in. */
export function affiliationRefusalWords(refusal: AffiliationRefusal): MessageWords {
  const title = 'You are not signed in'
  const whatToDo =
    "Ask your hospital's administrator to issue your confirmation anew. Your password is right and stays."
  switch (refusal) {
    case 'credentialMissing':
      return { title, why: 'Your hospital has not signed a confirmation that you work there.', whatToDo }
    case 'credentialInvalid':
      return {
        title,
        why: "The confirmation that you work at your hospital does not bear your hospital's signature, or was changed after it was signed.",
        whatToDo,
      }
    case 'credentialOfAnother':
      return { title, why: 'The confirmation that is kept for you is about another doctor or another post.', whatToDo }
    case 'credentialNotYetValid':
      return {
        title,
        why: "Your hospital's confirmation that you work there begins later.",
        whatToDo: "Try again when it has begun, or ask your hospital's administrator.",
      }
    case 'credentialExpired':
      return {
        title,
        why: "Your hospital's confirmation that you work there has ended: it is for a year at a time.",
        whatToDo: "Ask your hospital's administrator to renew it. Your password is right and stays.",
      }
    case 'affiliationEnded':
      return {
        title,
        why: 'On the chain your post at this hospital has ended, or the hospital itself is suspended. Access that patients gave you under it has ended with it.',
        whatToDo:
          "Talk with your hospital's administrator. If the post was ended by mistake, the hospital adds you anew.",
      }
    case 'chainUnavailable':
      return {
        title,
        why: "The chain says whether your hospital stands by you, and it can't be asked now. While it does not answer, the answer is no.",
        whatToDo: 'Try again in a minute. If it lasts, tell the person who runs this system.',
      }
    default:
      return unreachable(refusal)
  }
}

/** Why a look did not start. */
export function lookRefusalWords(refusal: LookRefusal, request: RequestSummary, dates: Dates): MessageWords {
  switch (refusal.code) {
    case 'noGrant':
      return {
        title: 'You may not open this record now',
        why: `${stateWords({ ...request, state: refusal.state }, dates).sentence}`,
        whatToDo: 'Nothing was opened and no look was used. Go back to the request, or ask again.',
      }
    case 'sharingPaused':
      return refusal.until === null
        ? sharingPaused
        : { ...sharingPaused, whatToDo: `Try again after ${dates.moment(refusal.until)}. ${sharingPaused.whatToDo}` }
    case 'chainUnavailable':
      return chainUnavailable
    case 'needsPasskey':
      return {
        title: 'Sign in with your passkey for this',
        why: 'Your passkey signed this request, and a look under it needs a signature of yours too. You signed in with a password now, so nothing here can sign for you.',
        whatToDo: 'Sign out, and sign in again with your passkey. Nothing was opened and no look was used.',
      }
    case 'passkeyNotHeld':
      return notHeldWords
    default:
      return unreachable(refusal)
  }
}

/** Why something that a passkey should have signed was not taken. */
export const notVerifiedWords: MessageWords = {
  title: 'Your passkey was not accepted',
  why: 'The signature is not by a passkey of yours, the page was open for too long, or it was used before. Nothing was done.',
  whatToDo: 'Go back, reload the page and try again. If you have lost your passkey, talk with your hospital.',
}

/** The passkey is hers, and the chain says that her account does not obey it. */
export const notHeldWords: MessageWords = {
  title: 'This passkey does not sign for you',
  why: 'Your account does not obey it: it was replaced, or neither another passkey of yours nor your hospital has put it in place yet.',
  whatToDo:
    'Sign in with another passkey of yours, or with your password: the page of your passkeys says how things stand.',
}

export const outdatedWords: MessageWords = {
  title: 'Please sign again',
  why: 'What you signed could no longer be sent: another request of yours went first, the day has changed, or the fees have risen. Nobody but you can sign it anew, so nothing was sent.',
  whatToDo: 'Ask again.',
}

export const notConfirmedWords: MessageWords = {
  title: 'Your hospital has not added your passkey yet',
  why: 'Your passkey owns an account of its own on the chain, and your hospital has to say that it works there.',
  whatToDo: 'Open the page of your passkey: it says what your hospital needs.',
}

/** What stands on the record of this doctor's requests and looks, as a mark and a sentence. */
export const signingWords = {
  serverSigned: {
    label: 'server-signed',
    sentence:
      'You signed in with a password, so the server signs your requests and looks for you. They are marked “server-signed” in the audit.',
  },
  passkey: {
    label: 'signed by you',
    sentence:
      'You signed in with your passkey. It signs your requests, and a key of this browser, which your passkey authorised, signs your looks. The server holds neither key.',
  },
} as const

/** Why a look shows nothing. */
export function openRefusalWords(reason: Extract<OpenedLook, { status: 'refused' }>['reason']): MessageWords {
  switch (reason) {
    case 'removed':
      return {
        title: 'Access was removed by the patient',
        why: 'The patient took the access back, and that counts from the moment the message arrived.',
        whatToDo: `Talk with the patient if you need to see the record again. ${careStays}`,
      }
    case 'disputed':
      return {
        title: 'The patient disputed this emergency',
        why: 'The patient says that it was none, and that counts from the moment the message arrived.',
        whatToDo: `Your hospital sees the dispute when it reviews. Ask for access if you need to see the record again. ${careStays}`,
      }
    case 'expired':
      return {
        title: 'The access has ended',
        why: 'The time that the patient allowed is over.',
        whatToDo: 'Ask again if you still need to see the record.',
      }
    case 'usedUp':
      return {
        title: 'This access was for one look',
        why: 'The one look that the patient allowed has been used.',
        whatToDo: 'Ask again if you need another.',
      }
    case 'lookEnded':
      return {
        title: 'This look has ended',
        why: 'A look is one reading, and its record stays on the screen for a short time only.',
        whatToDo: 'Open the record again from the request. That is a new look, written to the chain like every other.',
      }
    case 'sharingPaused':
      return sharingPaused
    case 'refusedOnChain':
      return {
        title: 'The chain refused this look',
        why: 'When the look was to be written, the chain found no access that stands. It may have ended or been removed in that moment.',
        whatToDo: 'Go back to the request: it shows how things stand now.',
      }
    case 'chainUnavailable':
      return chainUnavailable
    case 'notFound':
      return {
        title: 'There is no such look',
        why: 'The address is wrong, or the look is not one of yours.',
        whatToDo: 'Open your access log: it lists all your looks.',
      }
    default:
      return unreachable(reason)
  }
}

/** The presets in the order of the form; PRIVATE can't be asked for by a bare reply. */
export const presetChoices = presets.map((preset) => ({
  preset,
  ...presetWords[preset],
  needsCard: preset === 'PRIVATE',
}))
export const purposeChoices = purposes.map((purpose) => ({ purpose, name: purposeWords[purpose] }))

/** How long, as the form offers it; `once` is one look within 24 hours. */
export const daysChoices = [
  { value: 'once', name: daysWords(1, true) },
  { value: '1', name: daysWords(1, false) },
  { value: '3', name: daysWords(3, false) },
  { value: String(bareReplyMaxDays), name: daysWords(bareReplyMaxDays, false) },
] as const
