import type { Preset } from './classes.ts'
import { bareReplyMaxDays } from './consent.ts'
import { type ConsentRequestId, day, type EpochMs } from './people.ts'

/** Limits on asking, from the consent rules: they keep one doctor from wearing a patient down. */
export const askLimits = { openPerPatient: 3, refusalRestsMs: 7 * day, newPatientsPerDay: 20 } as const

export type AskFacts = {
  now: EpochMs
  preset: Preset
  days: number
  /** This doctor's open requests to this patient. */
  open: number
  /** Her last refusal of this doctor within the last week. */
  refusedAt: EpochMs | null
  patientsToday: number
  askedToday: boolean
}

export type AskRuleRefusal =
  | { code: 'daysOutOfRange'; min: number; max: number }
  | { code: 'presetNeedsCard' }
  | { code: 'tooManyOpenRequests'; limit: number }
  | { code: 'refusedRecently'; until: EpochMs }
  | { code: 'tooManyPatientsToday'; limit: number }

/** Whether a doctor may ask, and if not, by which rule. The facts are the same whether or not the health ID is anybody's. */
export function mayAsk(facts: AskFacts): AskRuleRefusal | null {
  if (facts.preset === 'PRIVATE') return { code: 'presetNeedsCard' }
  if (!Number.isInteger(facts.days) || facts.days < 1 || facts.days > bareReplyMaxDays)
    return { code: 'daysOutOfRange', min: 1, max: bareReplyMaxDays }
  if (facts.refusedAt !== null && facts.now - facts.refusedAt < askLimits.refusalRestsMs)
    return { code: 'refusedRecently', until: (facts.refusedAt + askLimits.refusalRestsMs) as EpochMs }
  if (facts.open >= askLimits.openPerPatient) return { code: 'tooManyOpenRequests', limit: askLimits.openPerPatient }
  if (!facts.askedToday && facts.patientsToday >= askLimits.newPatientsPerDay)
    return { code: 'tooManyPatientsToday', limit: askLimits.newPatientsPerDay }
  return null
}

/** Of an emergency's reason: enough for a reviewer to understand, and no medical history. Characters. */
export const reasonLength = { min: 10, max: 500 } as const

export type EmergencyFacts = Pick<AskFacts, 'patientsToday' | 'askedToday'> & {
  reason: string
  /** This account's last emergency with this patient that stood on chain and was not reviewed. */
  unreviewed: { requestId: ConsentRequestId; reviewBy: EpochMs } | null
}

export type EmergencyRuleRefusal =
  | { code: 'reasonMissing'; min: number; max: number }
  | { code: 'emergencyUnreviewed'; requestId: ConsentRequestId; reviewBy: EpochMs }
  | Extract<AskRuleRefusal, { code: 'tooManyPatientsToday' }>

/**
 * Whether a doctor may open an emergency; whether the patient allows any is the ledger's to say. A refusal of hers is no
 * reason against it: she allowed emergencies for herself.
 */
export function mayOpenEmergency(facts: EmergencyFacts): EmergencyRuleRefusal | null {
  const { length } = [...facts.reason]
  if (length < reasonLength.min || length > reasonLength.max) return { code: 'reasonMissing', ...reasonLength }
  if (facts.unreviewed) return { code: 'emergencyUnreviewed', ...facts.unreviewed }
  if (!facts.askedToday && facts.patientsToday >= askLimits.newPatientsPerDay)
    return { code: 'tooManyPatientsToday', limit: askLimits.newPatientsPerDay }
  return null
}
