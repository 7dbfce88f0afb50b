import type { AffiliationRefusal } from '../core/affiliation.ts'
import type { Preset, Purpose } from '../core/classes.ts'
import type { PasskeyPoint, RequestKindToSign } from '../core/passkey.ts'
import type { AccessEntryId, ConsentRequestId, DoctorId, EpochMs } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'
import type { AccessAsk, AskRefusal, EmergencyOpening, EmergencyRefusal, LookRefusal } from './actions.ts'

/** What a doctor does with her passkeys. The server prepares and checks; it can sign nothing of it. */
export type PasskeyActions = {
  standing(doctor: DoctorId, sessionGrantId: Hex | null): Promise<PasskeyStanding>
  /** From when on another passkey can be put in place of hers; null where none is proposed, or the chain does not say. */
  proposedFrom(doctor: DoctorId): Promise<EpochMs | null>
  /** What the browser makes a passkey from. */
  newPasskey(doctor: DoctorId): Promise<NewPasskeyTask>
  /** Keeps a doctor's passkey. The account that her first one owns is hers from then on; whether it obeys another, the chain says. */
  addPasskey(doctor: DoctorId, challenge: string, answer: string): Promise<PasskeyRefusal | null>
  /** The hospital's word that the account of her passkey works there, checked on chain. */
  confirmAccount(doctor: DoctorId, credential: string): Promise<AffiliationRefusal | 'noAccount' | null>

  /** What the browser's session key is added to, and her passkey signs; see `core/lookStatement`. */
  signInTask(): { template: string; rpId: string }
  signIn(
    statement: string,
    answer: string,
  ): Promise<{ token: string; expiresAt: EpochMs } | { refused: PasskeySignInRefusal }>

  prepareAsk(doctor: DoctorId, ask: AccessAsk): Promise<{ signingId: string } | { refused: AskRefusal | NotReady }>
  prepareEmergency(
    doctor: DoctorId,
    opening: EmergencyOpening,
  ): Promise<{ signingId: string } | { refused: EmergencyRefusal | NotReady }>
  prepareWithdrawal(doctor: DoctorId, id: ConsentRequestId): Promise<{ signingId: string } | null>
  /** To let a passkey of hers sign too, or no second one any more. @returns null where nothing is left to do */
  prepareSecondPasskey(doctor: DoctorId, credentialId: string | null): Promise<{ signingId: string } | null>
  /** Her no to the passkey that her hospital proposes. @returns null where it proposes none */
  prepareVeto(doctor: DoctorId): Promise<{ signingId: string } | null>
  /** What waits for a signature, in words and as the 32 bytes to sign. Prepared anew where it is no longer current. */
  signing(doctor: DoctorId, signingId: string): Promise<SigningTask | null>
  /** Takes the signature. `outdated`: what was signed can no longer go; the doctor has to be asked again. */
  sign(
    doctor: DoctorId,
    signingId: string,
    answer: string,
  ): Promise<
    | { requestId: ConsentRequestId }
    | { changed: 'passkeys' }
    | { refused: AskRefusal | EmergencyRefusal | PasskeyRefusal | 'outdated' }
  >

  /** Begins a look that the session key must sign for before anything is written. */
  prepareLook(
    doctor: DoctorId,
    id: ConsentRequestId,
    sessionGrantId: Hex,
  ): Promise<{ lookId: AccessEntryId } | { refused: LookRefusal }>
  lookTask(doctor: DoctorId, lookId: AccessEntryId): Promise<LookTask | null>
  signLook(doctor: DoctorId, lookId: AccessEntryId, signature: string): Promise<boolean>
}

/** The signature, or the passkey, is not one that we asked for. */
export type PasskeyRefusal = 'notVerified'
/** `notHeld`: the passkey is hers, and her account does not obey it. */
export type PasskeySignInRefusal = PasskeyRefusal | AffiliationRefusal | 'notHeld'
/** The hospital has not added the account of her passkey. */
export type NotReady = { code: 'accountNotConfirmed' }

export type PasskeyStanding =
  | { status: 'none' }
  | { status: 'waitsForHospital'; account: Hex }
  | {
      status: 'ready'
      account: Hex
      affiliationId: number
      /** Oldest first. */
      passkeys: KeptPasskey[]
      /** Her account obeys a second one, made here or not. */
      hasSecond: boolean
      /** What her hospital proposes in place of them; a passkey of hers, or one that she did not make here. */
      proposed: { readyAt: EpochMs; credentialId: string | null } | null
      /** A change that she signed is on its way to the chain. */
      isChanging: boolean
    }

/** A passkey that she made here. */
export type KeptPasskey = {
  credentialId: string
  point: PasskeyPoint
  madeAt: EpochMs
  /** Whether her account obeys it now, as its first or its second; null where it does not. */
  signs: 'first' | 'second' | null
  /** She came in with it. */
  isOfThisSession: boolean
}

export type NewPasskeyTask = {
  challenge: string
  bytes: Hex
  rpId: string
  userId: string
  userName: string
  /** Passkeys that she has: an authenticator makes no second one beside its own. */
  known: string[]
}

export type SigningSubject =
  | {
      kind: RequestKindToSign
      healthId: string
      preset: Preset
      purpose: Purpose
      days: number
      oneTime: boolean
      hospital: string
      answerBy: EpochMs
    }
  /** @property madeAt when the passkey was made that is to sign too; null where none shall */
  | { kind: 'setSecondPasskey'; madeAt: EpochMs | null }
  | { kind: 'vetoRotation' }

export type SigningTask = SigningSubject & {
  id: string
  account: Hex
  /** The user operation's hash: the challenge. */
  hash: Hex
  rpId: string
  /** Passkeys that may sign. */
  known: string[]
}

export type LookTask = {
  lookId: AccessEntryId
  statement: string
  sessionGrantId: Hex
  preset: Preset
  healthId: string
}
