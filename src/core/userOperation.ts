import type { ConsentRequestId, EpochMs } from './people.ts'
import type { Hex, UserOperationRow } from './rows.ts'

/** What a user operation does on the ledger. */
export type UserOperationKind = RequestOperationKind | SafeguardOperationKind | PasskeyOperationKind

/** About one request. */
export type RequestOperationKind =
  | 'openRequest'
  | 'withdrawRequest'
  | 'openGrant'
  | 'openGrantWithCode'
  | 'refuseRequest'
  | 'revokeGrant'
  | 'openEmergency'
  | 'disputeEmergency'

/** What a patient tightens: it can only take access away. */
const tighteningKinds = ['freeze', 'requireCode', 'forbidEmergency', 'cancelLoosening'] as const

/** About what protects a patient; about no request. */
export type SafeguardOperationKind = (typeof tighteningKinds)[number] | 'askLoosening' | 'confirmLoosening'

const passkeyKinds = ['setSecondPasskey', 'vetoRotation'] as const

/** What a doctor changes of the passkeys that own her account: functions of the account, about no request and no patient. */
export type PasskeyOperationKind = (typeof passkeyKinds)[number]

export function changesPasskeys(kind: UserOperationKind): kind is PasskeyOperationKind {
  return (passkeyKinds as readonly UserOperationKind[]).includes(kind)
}

/** The ways in which a request becomes a grant; it has one of them at most. All but the last are a patient's yes. */
export const grantKinds = [
  'openGrant',
  'openGrantWithCode',
  'openEmergency',
] as const satisfies readonly UserOperationKind[]

/** What the ledger says of an emergency while the account's last one with this patient is unreviewed: the doctor knows of that one. */
export const openedBefore = 'EmergencyUnreviewed'

/** The ways in which the ledger comes to know a request: nothing else about it can go before. */
export const openingKinds = ['openRequest', 'openEmergency'] as const satisfies readonly UserOperationKind[]

export function opensGrant(kind: UserOperationKind): boolean {
  return (grantKinds as readonly UserOperationKind[]).includes(kind)
}

/**
 * prepared: a row, not sent. submitted: in a bundle that was sent. included: its success stands in a block; the patient is
 * told. safe: that block is safe. succeeded: it is final. reverted: it stands in a block and the account's call failed.
 * refused: the ledger or the entry point said no, so it never went. dropped: it went, and what it asked for can no longer
 * happen.
 */
export type UserOperationStatus =
  | 'prepared'
  | 'submitted'
  | 'included'
  | 'safe'
  | 'succeeded'
  | 'reverted'
  | 'refused'
  | 'dropped'

/** True once a block says what became of an operation; a reorganised chain may still take it back until it is final. */
export function isIncluded(status: UserOperationStatus): boolean {
  return status === 'included' || status === 'safe' || status === 'succeeded' || status === 'reverted'
}

/**
 * The fixed nonce lanes of an account: a removal never waits behind a grant. Exactly once comes from the ledger's one
 * final state per request, not from nonces.
 */
export const nonceLanes = { consent: 1, removal: 2 } as const // a higher lane goes first

export function laneOf(kind: UserOperationKind): number {
  return tightens(kind) ? nonceLanes.removal : nonceLanes.consent
}

/** True for what only takes access away, and so waits for nothing. */
function tightens(kind: UserOperationKind): boolean {
  if (kind === 'revokeGrant' || kind === 'disputeEmergency') return true
  return (tighteningKinds as readonly UserOperationKind[]).includes(kind)
}

/** A quarter of Lisk's two seconds: under load, what is prepared within it shares a transaction. */
const gatherMs = 500

/** How long an operation still waits for company. Alone, it goes at once. */
export function gatheringMs(preparedAt: EpochMs, now: EpochMs, isInFlight: boolean): number {
  return isInFlight ? Math.min(gatherMs, Math.max(0, preparedAt + gatherMs - now)) : 0
}

/** Why the job of an operation that follows another of its sender is tried again. */
export const waitsForItsTurn = 'waitsForItsTurn'

/** Taking access away waits for no cheaper hour; an emergency does not, nor a doctor's no to a passkey that is not hers. */
export function isUrgent(kind: UserOperationKind): boolean {
  return tightens(kind) || kind === 'openEmergency' || kind === 'vetoRotation'
}

/** The longest that an operation waits before it is looked at again. */
const longestRetryMs = 30_000
/** Another's bundler that says no for reasons of its own is asked this often: for ten minutes. What tightens is never given up. */
const maxRefusals = 24

/** How long an operation waits that was told "not now" so often. */
export function retryAfterMs(refusals: number): number {
  return Math.min(longestRetryMs, 500 * 2 ** refusals)
}

export function isRefusedForGood(refusals: number, kind: UserOperationKind): boolean {
  return refusals >= maxRefusals && !tightens(kind)
}

/** Reverts of a transaction after which an operation of it goes alone, and those after which it goes no more. */
const [aloneAfter, maxReverts] = [2, 4]
/** How many go together that were in one reverted transaction. */
const fewTogether = 8

/** How many may share a transaction with an operation that was in so many that reverted. */
export function mostTogether(reverts: number): number {
  if (reverts === 0) return Number.POSITIVE_INFINITY
  return reverts < aloneAfter ? fewTogether : 1
}

/** The count after another transaction reverted: any of those in it may be why, until it was alone. */
export function revertsAfter(reverts: number, together: number): number {
  return together === 1 ? Math.max(reverts, aloneAfter) + 1 : Math.min(reverts + 1, aloneAfter)
}

/** One that reverted alone goes again later each time. */
export function revertedAgainAfterMs(reverts: number): number {
  return reverts > aloneAfter ? retryAfterMs(reverts - aloneAfter) : 0
}

/** Twice alone is no accident. */
export function isRevertedForGood(reverts: number, kind: UserOperationKind): boolean {
  return reverts >= maxReverts && !tightens(kind)
}

/** Whose account signs: a patient's or a doctor's row. */
export type AccountHolder = { account: Hex; owner: Hex | null; keyId: string | null }

type NewOperation = Omit<UserOperationRow, 'sequence'>

/** The row of an operation that a decision asks for; signing and sending follow after the commit. */
export function newUserOperation(
  id: string,
  kind: RequestOperationKind,
  consentRequestId: ConsentRequestId,
  holder: AccountHolder,
  now: EpochMs,
): NewOperation {
  return { ...newOperation(id, kind, holder, now), consentRequestId }
}

/** The same for what a patient changes of what protects her. */
export function newSafeguardOperation(
  id: string,
  kind: SafeguardOperationKind,
  safeguardChangeId: string,
  holder: AccountHolder,
  now: EpochMs,
): NewOperation {
  return { ...newOperation(id, kind, holder, now), safeguardChangeId }
}

/** The same for what a doctor changes of her own passkeys. */
export function newPasskeyOperation(
  id: string,
  kind: PasskeyOperationKind,
  holder: AccountHolder,
  now: EpochMs,
): NewOperation {
  return newOperation(id, kind, holder, now)
}

function newOperation(id: string, kind: UserOperationKind, holder: AccountHolder, now: EpochMs): NewOperation {
  return {
    id,
    kind,
    consentRequestId: null,
    safeguardChangeId: null,
    sender: holder.account,
    owner: holder.owner,
    keyId: holder.keyId,
    nonceKey: laneOf(kind),
    status: 'prepared',
    signedBy: 'vault',
    signed: null,
    hash: null,
    earlierHashes: '',
    bundleId: null,
    blockNumber: null,
    transactionHash: null,
    failure: null,
    attempts: 0,
    refusals: 0,
    notBefore: now,
    reverts: 0,
    codeSealed: null,
    createdAt: now,
    updatedAt: now,
  }
}
