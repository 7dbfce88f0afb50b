import { TryAgainError } from '../core/errors.ts'
import type { EpochMs } from '../core/people.ts'
import type { Store } from '../core/store.ts'
import { gatheringMs, isUrgent, waitsForItsTurn } from '../core/userOperation.ts'
import type { Outcomes } from './outcomes.ts'

/** How long an operation waits before it asks again whether its turn has come. */
const turnDelayMs = 500
/** In a rush: fees fall by an eighth a block at most, and every look at them costs a call. */
const rushDelayMs = 5_000

export type SubmitParts = {
  store: Store
  clock: () => EpochMs
  outcomes: Outcomes
  pause(ms: number): Promise<unknown>
  submitPrepared(): Promise<{ refused: { operationId: string; reason: string }[]; isRush: boolean }>
}

/**
 * One round at a time: what arrives while one is being made, or while a bundle of ours waits for its block and this one
 * gathers, goes along.
 */
export function submitUserOperations(parts: SubmitParts): (operationId: string) => Promise<void> {
  let running: Promise<void> = Promise.resolve()
  return async (operationId) => {
    const turn = running.then(() => submit(parts, operationId))
    running = turn.catch(() => {})
    await turn
  }
}

async function submit(parts: SubmitParts, operationId: string): Promise<void> {
  const { store, clock, submitPrepared, outcomes } = parts
  const operation = await store.operations.get(operationId)
  if (operation?.status !== 'prepared') return
  if (operation.notBefore > clock()) throw new TryAgainError('postponed', operation.notBefore - clock())
  const isInFlight = (await store.transactions.sent()).some(({ kind }) => kind === 'handleOps')
  const waitMs = gatheringMs(operation.createdAt, clock(), isInFlight)
  if (waitMs > 0) await parts.pause(waitMs)
  const { refused, isRush } = await submitPrepared().catch((error: unknown) => {
    if (isUnreachable(error)) throw new TryAgainError('chainUnavailable', 2_000, { cause: error })
    throw error
  })
  for (const refusal of refused) await outcomes.refused(refusal.operationId, refusal.reason)
  const left = await store.operations.get(operationId)
  if (left?.status !== 'prepared') return
  if (left.notBefore > clock()) throw new TryAgainError('postponed', left.notBefore - clock())
  if (isRush && !isUrgent(left.kind)) throw new TryAgainError('feesAreHigh', rushDelayMs)
  throw new TryAgainError(waitsForItsTurn, turnDelayMs)
}

/** The chain's node did not answer, or answered no JSON-RPC. */
export function isUnreachable(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (cause.name === 'HttpRequestError' || cause.name === 'TimeoutError') return true
  return false
}
