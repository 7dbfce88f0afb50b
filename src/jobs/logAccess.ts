import { TryAgainError } from '../core/errors.ts'
import type { AccessEntryId } from '../core/people.ts'
import type { Store } from '../core/store.ts'
import { isUnreachable } from './submitUserOperations.ts'

export type LogAccessParts = { store: Store; submitLooks(): Promise<unknown> }

/** Writes every waiting look to the chain in one transaction; looks that arrive meanwhile go into the next. */
export function logAccess({ store, submitLooks }: LogAccessParts): (lookId: string) => Promise<void> {
  let running: Promise<void> = Promise.resolve()
  return async (lookId) => {
    const turn = running.then(async () => {
      const look = await store.looks.get(lookId as AccessEntryId)
      if (look?.state !== 'waiting' || look.transactionId !== null) return
      await submitLooks().catch((error: unknown) => {
        if (isUnreachable(error)) throw new TryAgainError('chainUnavailable', 1_000, { cause: error })
        throw error
      })
    })
    running = turn.catch(() => {})
    await turn
  }
}
