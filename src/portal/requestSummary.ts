import type { EpochMs } from '../core/people.ts'
import type { RequestWithPeople } from '../core/store.ts'
import type { RequestState, RequestSummary } from './actions.ts'

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
    unreachable,
    paused,
    state: stateAt(request, now),
    signing: request.signing,
  }
}

/** What the page shows: a grant that gives no access now is paused, so that an open record closes. */
export function shownState({ state, paused }: RequestSummary): RequestState | 'paused' {
  return paused && (state === 'granted' || state === 'usedUp') ? 'paused' : state
}

function stateAt({ state, answerBy, grantedUntil }: RequestWithPeople, now: EpochMs) {
  if (state === 'granted' && grantedUntil !== null && grantedUntil <= now) return 'expired'
  if ((state === 'asked' || state === 'asking') && answerBy <= now) return 'lapsed'
  return state
}
