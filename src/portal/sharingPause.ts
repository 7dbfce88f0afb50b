import type { EpochMs, PatientId } from '../core/people.ts'
import { sharesNothing } from '../core/safeguards.ts'
import type { Store } from '../core/store.ts'

/**
 * That nobody looks now: codes did not fit, until a time; or she stopped all sharing, or her hospital did, without one. Doctors
 * are not told which.
 *
 * @returns null where sharing goes on
 */
export async function sharingPause(
  { cards, safeguards }: Pick<Store, 'cards' | 'safeguards'>,
  patientId: PatientId | null,
  now: EpochMs,
): Promise<{ until: EpochMs | null } | null> {
  if (patientId === null) return null
  if (sharesNothing(await safeguards.standing(patientId))) return { until: null }
  const until = await cards.pausedUntil(patientId, now)
  return until === null ? null : { until }
}
