import type { DoctorRow } from './rows.ts'

/** Why a doctor does not come in although the password is right: nothing shows that the hospital still stands by her. */
export type AffiliationRefusal =
  | 'credentialMissing'
  /** Not signed by the hospital that the ledger names, changed since, or in a form we do not read. */
  | 'credentialInvalid'
  /** Of another doctor or another affiliation. */
  | 'credentialOfAnother'
  | 'credentialNotYetValid'
  | 'credentialExpired'
  /** The ledger says that the affiliation, or its hospital, is suspended. */
  | 'affiliationEnded'
  | 'chainUnavailable'

/** Asked at every sign-in. @returns null where the hospital's word stands, on paper and on chain */
export type CheckAffiliation = (
  doctor: Pick<DoctorRow, 'account' | 'affiliationId' | 'credential'>,
) => Promise<AffiliationRefusal | null>
