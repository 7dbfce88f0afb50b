import type { Hex, SafeguardEventRow } from './rows.ts'

/** What a patient can loosen, and tighten again, in the ledger's order. Source: IPatientSafeguards.LooseningKind. */
export const safeguardKinds = ['lowerAssurance', 'allowEmergency', 'replaceCard', 'unfreeze'] as const
export type SafeguardKind = (typeof safeguardKinds)[number]

/** The ledger's number of a kind. */
export function safeguardNumberOf(kind: SafeguardKind): number {
  return safeguardKinds.indexOf(kind)
}

/** @throws {RangeError} for a number that the ledger does not know either */
export function safeguardKindOf(number: number): SafeguardKind {
  const kind = safeguardKinds[number]
  if (!kind) throw new RangeError(`The ledger has no loosening ${number}.`)
  return kind
}

/** What a block says about a patient's safeguards. */
export type SafeguardNews =
  | { news: 'frozen' | 'emergencyForbidden' | 'codeRequired' }
  /** By a hospital, of her account. */
  | { news: 'suspended' | 'added' }
  | { news: 'looseningAsked'; safeguard: SafeguardKind; lineHash: Hex }
  | {
      news: 'looseningScheduled'
      safeguard: SafeguardKind
      newCardTip: Hex | null
      readyAtSeconds: number
      byRecovery: boolean
    }
  | { news: 'looseningCancelled'; safeguard: SafeguardKind }
  | { news: 'looseningExecuted'; safeguard: SafeguardKind }

/**
 * Where a change of hers stands. A loosening: `asking` for a line of her card, `asked` for that line's code, `confirming` with
 * it, `waiting` its 72 hours. A tightening: `standing` from her word on, whatever the chain does, until it is `loosened`. What
 * was `kept` is a cancelled loosening's other half.
 */
export const changeStates = [
  'asking',
  'asked',
  'confirming',
  'waiting',
  'executed',
  'cancelled',
  'failed',
  'standing',
  'loosened',
  'kept',
] as const
export type ChangeState = (typeof changeStates)[number]

/** What moves a change on. Names that end in OnChain come from the ledger's events only. */
export type ChangeEvent =
  | 'askedOnChain'
  | 'showCode'
  | 'scheduledOnChain'
  | 'executedOnChain'
  | 'cancel'
  | 'rejectedByChain'
  | 'loosenedOnChain'

/** The one table of what may follow what, as `core/consent` has one for requests. */
const transitions: Readonly<Record<ChangeState, Partial<Readonly<Record<ChangeEvent, ChangeState>>>>> = {
  asking: { askedOnChain: 'asked', scheduledOnChain: 'waiting', cancel: 'cancelled', rejectedByChain: 'failed' },
  // After an old backup was restored, the ledger may be further than we know.
  asked: { showCode: 'confirming', scheduledOnChain: 'waiting', cancel: 'cancelled' },
  confirming: { scheduledOnChain: 'waiting', cancel: 'cancelled', rejectedByChain: 'failed' },
  // Scheduled again by a reorganisation: a little later.
  waiting: { scheduledOnChain: 'waiting', executedOnChain: 'executed', cancel: 'cancelled' },
  executed: {},
  cancelled: {},
  failed: {},
  standing: { loosenedOnChain: 'loosened' },
  loosened: {},
  kept: {},
}

/** The state after an event, or null when the event changes nothing. */
export function nextChangeState(state: ChangeState, event: ChangeEvent): ChangeState | null {
  return transitions[state][event] ?? null
}

/** States in which a loosening is under way, and a tightening stands. */
export const openChangeStates = [
  'asking',
  'asked',
  'confirming',
  'waiting',
  'standing',
] as const satisfies ChangeState[]

/** What protects a patient now. */
export type Standing = {
  /** Nobody asks, grants or looks. */
  frozen: boolean
  /** The same, by her hospital's word: it has suspended her account. */
  suspended: boolean
  emergencyAllowed: boolean
  /** Each request takes a line of her card. */
  codeRequired: boolean
}

/** Nobody asks, opens or looks, whoever decided it. */
export function sharesNothing({ frozen, suspended }: Standing): boolean {
  return frozen || suspended
}

/**
 * What protects her: what the chain said, in its order, and what she tightened since, which counts from her word on.
 *
 * @param hasCard a card's codes are required from its registration on, whether or not the chain was read that far
 */
export function standingOf(
  said: readonly Pick<SafeguardEventRow, 'news' | 'safeguard'>[],
  tightened: readonly SafeguardKind[],
  hasCard: boolean,
): Standing {
  const standing = { frozen: false, suspended: false, emergencyAllowed: false, codeRequired: hasCard }
  for (const { news, safeguard } of said) {
    if (news === 'frozen') standing.frozen = true
    else if (news === 'suspended' || news === 'added') standing.suspended = news === 'suspended'
    else if (news === 'emergencyForbidden') standing.emergencyAllowed = false
    else if (news === 'codeRequired') standing.codeRequired = true
    else if (news !== 'looseningExecuted') continue
    else if (safeguard === 'unfreeze') standing.frozen = false
    else if (safeguard === 'allowEmergency') standing.emergencyAllowed = true
    else if (safeguard === 'lowerAssurance') standing.codeRequired = false
  }
  if (tightened.includes('unfreeze')) standing.frozen = true
  if (tightened.includes('allowEmergency')) standing.emergencyAllowed = false
  if (tightened.includes('lowerAssurance')) standing.codeRequired = hasCard
  return standing
}
