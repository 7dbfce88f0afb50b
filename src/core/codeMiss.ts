import type { Effect, Phrase } from './effects.ts'
import { day, type EpochMs } from './people.ts'

/** Wrong codes before sharing is paused. Three tries at 14 digits succeed once in 3 × 10^13. */
const missesBeforePause = 3
const pauseMs = day

/**
 * What a code that does not fit leads to: it is counted, and the third pauses sharing for a day.
 *
 * @param facts.misses codes before this one that did not fit, since the last that did
 */
export function missCode(facts: { now: EpochMs; misses: number }, missed: Effect, tryAgain: Phrase): Effect[] {
  if (facts.misses + 1 < missesBeforePause) return [missed, { kind: 'say', phrase: tryAgain }]
  const until = (facts.now + pauseMs) as EpochMs
  return [missed, { kind: 'pauseSharing', until }, { kind: 'say', phrase: { name: 'sharingPaused', until } }]
}
