import type { EpochMs } from '../core/people.ts'
import type { Hex, OperatorTransactionRow, UserOperationRow } from '../core/rows.ts'
import type { OperationWithSubject, Store } from '../core/store.ts'
import { isRefusedForGood, retryAfterMs } from '../core/userOperation.ts'
import { type SignedUserOperation, writeUserOperation } from './userOperation.ts'

/** An operation's row with what is signed. */
export type SignedRow = { row: OperationWithSubject; operation: SignedUserOperation; hash: Hex }

/** Why an operation will never go: what the ledger or the entry point said, without the caller's data. */
export type Refusal = { operationId: string; reason: string }

/**
 * How signed operations reach the entry point: in `handleOps` of our own, or by another's bundler. The configuration
 * chooses; what became of them is read from the chain either way.
 */
export type Bundler = {
  /** Fills in what this bundler asks for beyond what we would, before the operation is signed. */
  complete(operation: SignedUserOperation): Promise<SignedUserOperation>
  /**
   * Stores the operations as submitted, and only then sends them; leaves out what would fail validation.
   *
   * @returns what was refused for good, and what was told "not now". What is in none of these is still prepared.
   */
  submit(signed: readonly SignedRow[]): Promise<{ sent: number; refused: Refusal[]; postponed: Refusal[] }>
  /**
   * Looks after operations that were sent in no transaction of ours and stand in no block: sends them again, or gives
   * them back to be prepared anew.
   *
   * @param headBlock the last block whose events are read
   * @returns what will never be in a block
   */
  chase(headBlock: number): Promise<Refusal[]>
}

/**
 * Verdicts that pass: the paymaster's empty deposit or spent budget; and what a new signature mends, where we may give one:
 * a clone that somebody else has made meanwhile, a nonce that another bundle is using, a day that is over. What another's
 * bundler refuses for reasons of its own, by a number and without the entry point's code, is tried again for ten minutes.
 * Source: ERC-4337, EntryPoint v0.7 error codes.
 */
export function mayPassLater(reason: string, { signedBy }: Pick<UserOperationRow, 'signedBy'>): boolean {
  if (/^AA(31|33|9[0-9])/.test(reason) || isBundlersOwn(reason)) return true
  return signedBy === 'vault' && /^AA(10|25|32)/.test(reason)
}

/** The reason that a bundler's own number makes. Its words are left out: they may repeat what it was handed. */
export function bundlersOwnReason(code: number): string {
  return `bundler ${code}`
}

function isBundlersOwn(reason: string): boolean {
  return reason.startsWith('bundler ')
}

/**
 * Notes a verdict that may pass: the operation waits longer each time.
 *
 * @returns the refusal, where another's bundler has said no for its own reasons so often that it is one
 */
export async function postpone(
  store: Store,
  row: UserOperationRow,
  reason: string,
  now: EpochMs,
): Promise<Refusal | null> {
  const isOfTheSameKind = row.failure === null || isBundlersOwn(row.failure) === isBundlersOwn(reason)
  const refusals = isOfTheSameKind ? row.refusals + 1 : 1
  const notBefore = (now + retryAfterMs(refusals)) as EpochMs
  await store.operations.update(row.id, { refusals, notBefore, failure: reason, updatedAt: now })
  return isBundlersOwn(reason) && isRefusedForGood(refusals, row.kind) ? { operationId: row.id, reason } : null
}

/** Marks operations as submitted, with what was signed. @returns false where another process has taken some of them */
export async function claimSigned(
  store: Store,
  signed: readonly SignedRow[],
  bundleId: OperatorTransactionRow['id'] | null,
  now: EpochMs,
): Promise<boolean> {
  for (const { row, operation, hash } of signed)
    if (!(await store.operations.claim({ id: row.id, signed: writeUserOperation(operation), hash }, bundleId, now)))
      return false
  return true
}
