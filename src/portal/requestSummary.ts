import type { EpochMs } from '../core/people.ts'
import type { RequestWithPeople } from '../core/store.ts'
import type { EmergencySummary, RequestState, RequestSummary } from './actions.ts'
import { reviewByOf } from './openEmergency.ts'

/** A request as the doctor sees it. What the clock has ended reads as ended, whether or not the job has run. */
export function summarise(
  request: RequestWithPeople,
  now: EpochMs,
  unreachable: boolean,
  paused = false,
): RequestSummary {
  const { id, healthId, preset, purpose, days, oneTime, askedAt, answerBy, grantedUntil } = request
  return {
    id,
    healthId,
    preset,
    purpose,
    days,
    oneTime,
    askedAt,
    answerBy,
    grantedUntil,
    // Of an emergency that was not opened nothing may be told but that.
    unreachable: unreachable && (purpose !== 'emergency' || grantedUntil !== null),
    paused,
    state: stateAt(request, now),
    signing: request.signing,
    emergency: emergencyOf(request, now),
  }
}

/** What the page shows: a grant that gives no access now is paused, so that an open record closes. */
export function shownState({ state, paused }: RequestSummary): RequestState | 'paused' {
  return paused && (state === 'granted' || state === 'usedUp') ? 'paused' : state
}

function emergencyOf(request: RequestWithPeople, now: EpochMs): EmergencySummary | null {
  if (request.purpose !== 'emergency') return null
  const { reviewedAt } = request
  const reviewBy = reviewByOf(request)
  const isOverdue = reviewedAt === null && reviewBy !== null && reviewBy < now
  return { reason: null, reviewBy, reviewedAt, isOverdue, isRefusedForReview: false }
}

function stateAt({ state, purpose, answerBy, grantedUntil }: RequestWithPeople, now: EpochMs) {
  if (state === 'granted' && grantedUntil !== null && grantedUntil <= now) return 'expired'
  if ((state === 'asked' || state === 'asking') && answerBy <= now) return purpose === 'emergency' ? 'failed' : 'lapsed'
  return state
}
