import type { ConsentRequestId, EpochMs } from './people.ts'
import type { Hex, UserOperationRow } from './rows.ts'

/** What a user operation does on the ledger. */
export type UserOperationKind = 'openRequest' | 'withdrawRequest' | 'openGrant' | 'refuseRequest' | 'revokeGrant'

/**
 * prepared: row stored, not signed or not sent. submitted: in a bundle that was sent. included: its event stands in a
 * block. succeeded or reverted: what the account's call did. refused: validation said no, it never went. dropped: gone
 * from the chain's view and not to be sent again.
 */
export type UserOperationStatus = 'prepared' | 'submitted' | 'succeeded' | 'reverted' | 'refused' | 'dropped'

/**
 * The fixed nonce lanes of an account: a removal never waits behind a grant. Exactly once comes from the ledger's one
 * final state per request, not from nonces.
 */
export const nonceLanes = { consent: 1, removal: 2 } as const

export function laneOf(kind: UserOperationKind): number {
  return kind === 'revokeGrant' || kind === 'withdrawRequest' ? nonceLanes.removal : nonceLanes.consent
}

/** Whose account signs: a patient's or a doctor's row. */
export type AccountHolder = { account: Hex; owner: Hex; keyId: string }

/** The row of an operation that a decision asks for; signing and sending follow after the commit. */
export function newUserOperation(
  id: string,
  kind: UserOperationKind,
  consentRequestId: ConsentRequestId,
  holder: AccountHolder,
  now: EpochMs,
): Omit<UserOperationRow, 'sequence'> {
  return {
    id,
    kind,
    consentRequestId,
    sender: holder.account,
    owner: holder.owner,
    keyId: holder.keyId,
    nonceKey: laneOf(kind),
    status: 'prepared',
    signed: null,
    hash: null,
    bundleId: null,
    blockNumber: null,
    transactionHash: null,
    failure: null,
    attempts: 0,
    createdAt: now,
    updatedAt: now,
  }
}
