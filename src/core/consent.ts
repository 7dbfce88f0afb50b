import { type Brand, day, type EpochMs } from './people.ts'

/** Where a consent request and its grant stand. The words before `granted` are about the question, those after about the grant. */
export const requestStates = [
  'asking',
  'asked',
  'granting',
  'granted',
  'refused',
  'notMe',
  'lapsed',
  'withdrawn',
  'removed',
  'disputed',
  'expired',
  'usedUp',
  'failed',
] as const
export type RequestState = (typeof requestStates)[number]

/** What moves a request on. Names that end in OnChain come from the ledger's events only. */
export type RequestEvent =
  | 'openedOnChain'
  | 'rejectedByChain'
  | 'allow'
  | 'refuse'
  | 'notMe'
  | 'lapse'
  | 'withdraw'
  | 'grantedOnChain'
  | 'emergencyOnChain'
  | 'remove'
  | 'dispute'
  | 'expire'
  | 'useUp'

/**
 * The one table of what may follow what. Anything not in it does not happen: a late or doubled event changes nothing.
 * `removed` is final whatever the chain says later: a grant in flight can't win.
 */
const transitions: Readonly<Record<RequestState, Partial<Readonly<Record<RequestEvent, RequestState>>>>> = {
  asking: {
    openedOnChain: 'asked',
    emergencyOnChain: 'granted',
    rejectedByChain: 'failed',
    withdraw: 'withdrawn',
    lapse: 'lapsed',
  },
  asked: { allow: 'granting', refuse: 'refused', notMe: 'notMe', lapse: 'lapsed', withdraw: 'withdrawn' },
  granting: { grantedOnChain: 'granted', rejectedByChain: 'failed', remove: 'removed' },
  // Rejected after it was granted: a reorganisation took the grant, and it can't be given anew.
  granted: { remove: 'removed', dispute: 'disputed', expire: 'expired', useUp: 'usedUp', rejectedByChain: 'failed' },
  refused: {},
  notMe: {},
  lapsed: {},
  withdrawn: {},
  removed: {},
  disputed: {},
  // Who reads of an emergency a day late disputes it all the same.
  expired: { dispute: 'disputed' },
  usedUp: {},
  // Given up for lost, and the chain took it after all: what stands there is told.
  failed: { emergencyOnChain: 'granted' },
}

/** The state after an event, or null when the event changes nothing. */
export function nextState(state: RequestState, event: RequestEvent): RequestState | null {
  return transitions[state][event] ?? null
}

/** States a patient can still answer in. */
export function isOpen(state: RequestState): boolean {
  return state === 'asking' || state === 'asked'
}

/** States in which access stands or is on its way. */
export function isLive(state: RequestState): boolean {
  return state === 'granting' || state === 'granted'
}

/** Time to answer: 24 h, 72 h when it is not for treatment. */
export function answerTimeMs(purpose: string): number {
  return purpose === 'treatment' ? day : 3 * day
}

/** An emergency lasts this long, and its hospital reviews it within this time of its beginning, as the ledger has it. */
export const emergencyLastsMs = day
export const reviewTimeMs = 3 * day

/**
 * An emergency that does not stand on chain after this time is given up: 15 blocks. A refusal waits for it too, so that a health
 * ID that is nobody's, a patient who allowed no emergencies and one who froze all sharing are answered alike.
 */
export const emergencyWaitMs = 30_000

/** `47 0` undoes within ten minutes; after that REMOVE does the same. */
export const undoTimeMs = 10 * 60_000

/** A bare reply (assurance A0) opens ordinary classes for at most this long, from a number unchanged this long. */
export const bareReplyMaxDays = 7
export const bareReplyAddressAgeMs = 30 * day

/** Unix seconds. */
export type UnixSeconds = Brand<number, 'UnixSeconds'>

/**
 * The end of a grant: so many days from now, rounded up to a whole UTC day, as the ledger demands; a rounded end tells a
 * stranger less about the hour of the consent.
 */
export function grantEnd(now: EpochMs, days: number): UnixSeconds {
  return (Math.ceil((now + days * day) / day) * 86_400) as UnixSeconds
}
