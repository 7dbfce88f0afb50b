import type { AffiliationRefusal } from '../core/affiliation.ts'
import type { EmergencyRuleRefusal } from '../core/askRules.ts'
import type { AskedPurpose, Preset, Purpose, RecordClass } from '../core/classes.ts'
import type { RequestState } from '../core/consent.ts'
import type { AccessEntryId, ConsentRequestId, DoctorId, EpochMs } from '../core/people.ts'
import type { RecordView } from '../core/recordView.ts'
import type { Hex } from '../core/rows.ts'
import type { PasskeyActions } from './passkeyActions.ts'

/** What the doctor's screen can do. `app.ts` hands in one implementation; a JSON API would stand on the same functions. */
export type PortalActions = {
  /**
   * Checks a login name and password, then the hospital's credential for the doctor, on chain too. A wrong password and an
   * unknown name take the same time and give the same answer; of the credential only the right password hears.
   */
  signIn(
    login: string,
    password: string,
  ): Promise<{ token: string; expiresAt: EpochMs } | { refused: 'wrongPassword' | AffiliationRefusal }>
  signOut(token: string): Promise<void>
  /** The signed-in doctor behind a session cookie, or null. */
  session(token: string): Promise<SignedInDoctor | null>

  /** Asks a patient for access. The answer never tells whether the health ID exists. */
  askForAccess(doctor: DoctorId, ask: AccessAsk): Promise<{ requestId: ConsentRequestId } | { refused: AskRefusal }>
  /** Opens a record in an emergency. The answer never tells whether the health ID exists, or whether its patient allows that. */
  openEmergency(
    doctor: DoctorId,
    opening: EmergencyOpening,
  ): Promise<{ requestId: ConsentRequestId } | { refused: EmergencyRefusal }>
  requests(doctor: DoctorId): Promise<RequestSummary[]>
  /** One of this doctor's own requests, or null: a request of another doctor does not exist for this one. */
  request(doctor: DoctorId, id: ConsentRequestId): Promise<RequestSummary | null>
  withdraw(doctor: DoctorId, id: ConsentRequestId): Promise<void>

  /** Starts a look: the entry goes on chain first. `open` waits for it. */
  startLook(doctor: DoctorId, id: ConsentRequestId): Promise<{ lookId: AccessEntryId } | { refused: LookRefusal }>
  /** Waits up to `waitMs` for the look's entry to stand on chain, asks the chain again, and only then unseals. */
  open(doctor: DoctorId, lookId: AccessEntryId, waitMs: number): Promise<OpenedLook>

  /** The same for doctors who sign with their own passkey. */
  passkeys: PasskeyActions

  /** This doctor's own looks, newest first. */
  looks(doctor: DoctorId): Promise<LookSummary[]>

  /** Calls `onChange` whenever one of this doctor's requests may have changed. Returns the function that stops it. */
  watch(doctor: DoctorId, onChange: (id: ConsentRequestId) => void): () => void
}

export type SignedInDoctor = {
  doctorId: DoctorId
  name: string
  hospital: string
  /** Whether she came by passkey and signs herself, or by password, and the server signs for her; every page says which. */
  signing: 'serverSigned' | 'passkey'
  /** The session key that her passkey authorised, which signs for her looks; null where she came by password. */
  sessionGrantId: Hex | null
}

export type AccessAsk = {
  /** As typed: HC-XXXX-XXXX, spaces and case do not matter. */
  healthId: string
  preset: Preset
  purpose: AskedPurpose
  days: number
  /** A look may happen once only. */
  oneTime: boolean
}

/** As typed. */
export type EmergencyOpening = { healthId: string; reason: string }

export type EmergencyRefusal = { code: 'healthIdMistyped' } | EmergencyRuleRefusal

export type AskRefusal =
  | { code: 'healthIdMistyped' }
  | { code: 'daysOutOfRange'; min: number; max: number }
  /** PRIVATE and answers by card need a later assurance level than a bare reply. */
  | { code: 'presetNeedsCard' }
  | { code: 'tooManyOpenRequests'; limit: number }
  | { code: 'refusedRecently'; until: EpochMs }
  | { code: 'tooManyPatientsToday'; limit: number }

export type { RequestState }

export type RequestSummary = {
  id: ConsentRequestId
  healthId: string
  preset: Preset
  purpose: Purpose
  days: number
  oneTime: boolean
  state: RequestState
  askedAt: EpochMs
  /** End of the time to answer. */
  answerBy: EpochMs
  /** End of the grant, once there is one. */
  grantedUntil: EpochMs | null
  /** The patient's phone cannot be reached (she sent STOP, or the provider says so). */
  unreachable: boolean
  /** Nobody looks now, whatever was granted; why is hers. */
  paused: boolean
  /** By whose signature it stands on chain. */
  signing: SignedInDoctor['signing']
  /** Null for what was asked for. */
  emergency: EmergencySummary | null
}

export type EmergencySummary = {
  /** As the doctor wrote it; null in a list, which needs none. */
  reason: string | null
  /** Until when the hospital reviews it; null before it stands on chain. */
  reviewBy: EpochMs | null
  reviewedAt: EpochMs | null
  isOverdue: boolean
  /** The ledger refused it, since this account's last one with this patient is not reviewed. */
  isRefusedForReview: boolean
}

export type LookRefusal =
  /** No grant of this doctor, or not one that stands now. */
  | { code: 'noGrant'; state: RequestState }
  /** Until a time, or until she says so. */
  | { code: 'sharingPaused'; until: EpochMs | null }
  | { code: 'chainUnavailable' }
  /** Her passkey signed the request, and she came by password: nothing here could sign for the look. */
  | { code: 'needsPasskey' }
  /** She came by a passkey that her account does not obey any more. */
  | { code: 'passkeyNotHeld' }

export type OpenedLook =
  | { status: 'waiting' }
  /** The doctor's browser has not signed for it yet. */
  | { status: 'unsigned' }
  | {
      status: 'refused'
      /** `lookEnded`: the entry is older than a reading session lasts; the grant may still stand. */
      reason:
        | 'removed'
        | 'disputed'
        | 'expired'
        | 'usedUp'
        | 'lookEnded'
        | 'sharingPaused'
        | 'refusedOnChain'
        | 'chainUnavailable'
        | 'notFound'
    }
  | {
      status: 'open'
      request: RequestSummary
      entry: { id: string; blockNumber: number; transactionHash: string; at: EpochMs }
      records: OpenedRecord[]
    }

export type OpenedRecord =
  | { status: 'unsealed'; cid: string; class: RecordClass; view: RecordView }
  /** Sealed and safe with us, but its file has not been confirmed at the store yet. */
  | { status: 'notStoredYet'; class: RecordClass; date: string }
  /** No gateway gave a file that matches its address. */
  | { status: 'unavailable'; class: RecordClass; date: string }

export type LookSummary = {
  id: AccessEntryId
  healthId: string
  preset: Preset
  at: EpochMs
  state: 'waiting' | 'logged' | 'refused'
  /** Whose word the entry opens to: the doctor's session key's, or nobody's. */
  signing: SignedInDoctor['signing']
  blockNumber: number | null
  transactionHash: string | null
}
