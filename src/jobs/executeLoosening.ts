import { TryAgainError } from '../core/errors.ts'
import type { EpochMs } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'
import type { SafeguardKind } from '../core/safeguards.ts'
import type { Store } from '../core/store.ts'
import { executionDelayMs } from './safeguardOutcomes.ts'
import { isUnreachable } from './submitUserOperations.ts'

const operatorDelayMs = 5_000

export type ExecuteParts = {
  store: Store
  clock: () => EpochMs
  execute(loosening: {
    changeId: string
    patientAccount: Hex
    safeguard: SafeguardKind
  }): Promise<'sent' | 'notWaiting' | 'noOperator'>
}

/** Puts a loosening into force whose 72 hours are over. What it changed is told once the chain's event says so. */
export async function executeLoosening({ store, clock, execute }: ExecuteParts, changeId: string): Promise<void> {
  const change = await store.safeguards.change(changeId)
  if (change?.state !== 'waiting' || change.readyAt === null || change.transactionId !== null) return
  const patient = await store.people.patient(change.patientId)
  if (!patient) return
  // A reorganisation may have scheduled it a little later than this job knew.
  const earlyMs = change.readyAt + executionDelayMs - clock()
  if (earlyMs > 0) throw new TryAgainError('tooEarly', earlyMs)
  const { safeguard } = change
  const done = await execute({ changeId, patientAccount: patient.account, safeguard }).catch((error: unknown) => {
    if (isUnreachable(error)) throw new TryAgainError('chainUnavailable', 2_000, { cause: error })
    throw error
  })
  if (done === 'noOperator') throw new TryAgainError('noOperator', operatorDelayMs)
}
