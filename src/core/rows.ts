import type { Preset, Purpose, RecordClass } from './classes.ts'
import type { RequestState } from './consent.ts'
import type { JobName } from './jobs.ts'
import type {
  AccessEntryId,
  Channel,
  ConsentRequestId,
  DoctorId,
  EpochMs,
  HospitalId,
  Language,
  PatientId,
  RecordId,
} from './people.ts'
import type { ChangeState, SafeguardKind, SafeguardNews } from './safeguards.ts'
import type { PasskeyOperationKind, UserOperationKind, UserOperationStatus } from './userOperation.ts'

export type Hex = `0x${string}`

/** Rows as the rooms see them. Columns that end in `Sealed` are encrypted under the vault; those in `Index` are keyed hashes to find them by. */
export type HospitalRow = {
  id: HospitalId
  name: string
  shortName: string
  timeZone: string
  account: Hex
}

export type DoctorRow = {
  id: DoctorId
  hospitalId: HospitalId
  nameSealed: Uint8Array
  shortName: string
  login: string
  passwordHash: string
  keyId: string
  account: Hex
  owner: Hex
  affiliationId: number
  /** The hospital's word for the affiliation, a verifiable credential as a JWT; null before it was issued. */
  credential: string | null
}

/** The account that a doctor's own passkeys sign for, beside the one that the server signs for. */
export type PasskeyAccountRow = {
  doctorId: DoctorId
  account: Hex
  /** The first passkey, which the clone is made for. */
  qx: Hex
  qy: Hex
  /** Null until the hospital has added the account on chain and signed a credential for it. */
  affiliationId: number | null
  credential: string | null
  createdAt: EpochMs
}

export type PasskeyRow = {
  credentialId: string
  doctorId: DoctorId
  qx: Hex
  qy: Hex
  signCount: number
  createdAt: EpochMs
}

/** A session key and the passkey's word for it; kept for ever, since entries on chain open to it. */
export type SessionGrantRow = {
  /** SHA-256 of the statement. */
  id: Hex
  doctorId: DoctorId
  credentialId: string
  statement: string
  /** What the authenticator answered, JSON. */
  assertion: string
  publicKey: Hex
  expiresAt: EpochMs
  createdAt: EpochMs
}

/** What a doctor was asked to sign and has not signed yet. */
export type UnsignedOperationRow = {
  id: string
  doctorId: DoctorId
  kind: 'openRequest' | 'withdrawRequest' | 'openEmergency' | PasskeyOperationKind
  /** The request to be withdrawn. */
  consentRequestId: ConsentRequestId | null
  /** The request to be opened, JSON of a row that is stored with the signature. */
  request: string | null
  /** Null where it is about no patient. */
  patientAccount: Hex | null
  /** The passkey that is to sign too; null for what is about none, and to let no second one sign. */
  credentialId: string | null
  operation: string
  hash: Hex
  createdAt: EpochMs
}

export type PatientRow = {
  id: PatientId
  healthId: string
  nameSealed: Uint8Array
  language: Language
  hospitalId: HospitalId
  keyId: string
  owner: Hex
  account: Hex
  dataKeyId: string
  createdAt: EpochMs
}

export type PhoneAddressRow = {
  id: string
  patientId: PatientId | null
  channel: Channel
  addressSealed: Uint8Array
  addressIndex: string
  since: EpochMs
  unreachableSince: EpochMs | null
}

export type SessionRow = {
  tokenHash: string
  doctorId: DoctorId
  /** The session key that a passkey authorised; null where the doctor signed in by password. */
  sessionGrantId: Hex | null
  expiresAt: EpochMs
}

export type InboundMessageRow = {
  id: string
  sequence: number
  providerId: string
  addressId: string
  textSealed: Uint8Array
  receivedAt: EpochMs
  handledAt: EpochMs | null
}

export type OutboundMessageRow = {
  id: string
  sequence: number
  addressId: string
  phrase: string
  textSealed: Uint8Array
  textIndex: string
  consentRequestId: ConsentRequestId | null
  parts: number
  state: OutboundState
  providerId: string | null
  errorCode: string | null
  createdAt: EpochMs
  sentAt: EpochMs | null
}

export type ConsentRequestRow = {
  id: ConsentRequestId
  number: number
  doctorId: DoctorId
  /** The account that asked, and its affiliation: a doctor may have one that the server signs for, and one of her passkeys. */
  doctorAccount: Hex
  affiliationId: number
  /** By whose signature it stands on chain: the server's for the doctor, or that of her own passkey. */
  signing: 'serverSigned' | 'passkey'
  /** Null where the health ID is nobody's: the doctor sees the same page either way. */
  patientId: PatientId | null
  healthId: string
  preset: Preset
  purpose: Purpose
  days: number
  oneTime: boolean
  rights: number
  recordsFrom: EpochMs
  recordsUntil: EpochMs
  scopeSalt: Hex
  /** Of an emergency it commits to the reason as well; see `core/scope`. */
  scopeCommitment: Hex
  ledgerRequestId: Hex
  /** The line of the patient's code card that this request takes; null where she has no card. */
  cardId: Hex | null
  cardLine: number | null
  lineHash: Hex | null
  nextLink: Hex | null
  state: RequestState
  askedAt: EpochMs
  answerBy: EpochMs
  answeredAt: EpochMs | null
  endedAt: EpochMs | null
  grantedUntil: EpochMs | null
  /** Why a doctor opened an emergency; null for everything that is asked for. */
  reasonSealed: Uint8Array | null
  /** When we heard from the chain that an emergency was reviewed. */
  reviewedAt: EpochMs | null
  artefactSealed: Uint8Array | null
  artefactSalt: Hex | null
  artefactCommitment: Hex | null
}

export type UserOperationRow = {
  id: string
  sequence: number
  kind: UserOperationKind
  /** What it is about: a request, or what a patient changes of her safeguards. One of them, or a doctor's own passkeys. */
  consentRequestId: ConsentRequestId | null
  safeguardChangeId: string | null
  sender: Hex
  /** The account's key; null where passkeys own it: then the row is written with its signature. */
  owner: Hex | null
  keyId: string | null
  nonceKey: number
  status: UserOperationStatus
  /** Who signs: the vault, while bundling and anew whenever need be; or the account's owner, before the row was written. */
  signedBy: 'vault' | 'owner'
  signed: string | null
  hash: Hex | null
  /** Hashes under which it was sent before, with spaces between: one of them may still be the one that a block takes. */
  earlierHashes: string
  bundleId: string | null
  blockNumber: number | null
  transactionHash: Hex | null
  failure: string | null
  attempts: number
  /** Verdicts that may pass, one after the other; it is not looked at again before `notBefore`. */
  refusals: number
  notBefore: EpochMs
  /** Transactions of ours that carried it and reverted; in company it counts up to two, see `core/userOperation`. */
  reverts: number
  /** The stretched code that a grant shows; wiped once the chain has it, or never will. */
  codeSealed: Uint8Array | null
  createdAt: EpochMs
  updatedAt: EpochMs
}

export type OperatorTransactionRow = {
  id: string
  sequence: number
  kind: 'handleOps' | 'logAccess' | 'executeLoosening'
  operator: Hex
  nonce: number
  raw: Hex
  hash: Hex
  status: 'sent' | 'included' | 'replaced' | 'abandoned'
  maxFeePerGasWei: string
  /** Hashes of the same nonce and call at lower fees, with spaces between: any of them may be the one that a block takes. */
  earlierHashes: string
  /** The newest block when it was last offered at this fee; null: the chain took its block back, to be offered at once. */
  sentBlock: number | null
  /** Goes at any fee: a removal, or a look that a page waits for. */
  urgent: boolean
  blockNumber: number | null
  createdAt: EpochMs
  updatedAt: EpochMs
}

export type AccessEntryRow = {
  id: AccessEntryId
  sequence: number
  consentRequestId: ConsentRequestId
  doctorId: DoctorId
  entryId: Hex
  /** unsigned: the doctor's browser has not signed for it, so nothing is sent. */
  state: 'unsigned' | 'waiting' | 'logged' | 'refused'
  transactionId: string | null
  blockNumber: number | null
  transactionHash: Hex | null
  createdAt: EpochMs
  loggedAt: EpochMs | null
  /** The session key that signed for this look; null where the server signs for the doctor. */
  sessionGrantId: Hex | null
  /** What the session key signs, see `core/lookStatement`. */
  statement: string | null
  signature: Hex | null
  /** The versions that the statement commits to, and the salt. */
  recordsSealed: Uint8Array | null
}

export type RecordRow = {
  id: RecordId
  patientId: PatientId
  class: RecordClass
  date: EpochMs
  createdAt: EpochMs
}

export type RecordVersionRow = {
  recordId: RecordId
  version: number
  keyWrapped: Uint8Array | null
  cid: string
  bytes: number
  state: 'sealed' | 'stored'
  createdAt: EpochMs
  storedAt: EpochMs | null
}

export type VaultKeyRow = {
  id: string
  kind: 'account' | 'patient' | 'column'
  sealed: Uint8Array | null
  createdAt: EpochMs
}

export type OutboxRow = {
  id: string
  sequence: number
  job: JobName
  subjectId: string
  createdAt: EpochMs
  notBefore: EpochMs
  relayedAt: EpochMs | null
  doneAt: EpochMs | null
  failedAt: EpochMs | null
  attempts: number
  lastError: string | null
}

export type ChainCursorRow = {
  name: string
  blockNumber: number
  blockHash: Hex
}

export type CodeCardRow = {
  /** The card's own id: 16 random bytes, the salt of its codes. */
  id: Hex
  patientId: PatientId
  tip: Hex
  /** The line that the next request takes; 21 when all are taken. */
  nextLine: number
  /** pending: her hospital has handed it over, and her code of the card before has not made it hers yet. */
  standing: 'current' | 'pending' | 'replaced' | 'dropped'
  registeredAt: EpochMs
}

export type CodeCardLineRow = { cardId: Hex; line: number; lineHash: Hex; nextLink: Hex }

/** A code that was not that of the line asked for. */
export type CodeMissRow = {
  inboundMessageId: string
  patientId: PatientId
  /** What the code was for: a request, or a loosening. One of them. */
  consentRequestId: ConsentRequestId | null
  safeguardChangeId: string | null
  missedAt: EpochMs
}

/** What a patient changes of what protects her; see `core/safeguards`. */
export type SafeguardChangeRow = {
  id: string
  sequence: number
  patientId: PatientId
  step: 'tighten' | 'loosen' | 'keep'
  safeguard: SafeguardKind
  state: ChangeState
  /** The line of her card that a loosening takes; null for the others, and for one that her guardians began. */
  cardId: Hex | null
  cardLine: number | null
  lineHash: Hex | null
  nextLink: Hex | null
  /** The card to come, for its replacement. */
  newCardTip: Hex | null
  /** When it comes into force, as the ledger said. */
  readyAt: EpochMs | null
  /** The transaction of ours that puts it into force. */
  transactionId: string | null
  createdAt: EpochMs
}

/** What the chain said of an account's safeguards. Only grows, but for what a reorganisation takes back. */
export type SafeguardEventRow = {
  transactionHash: Hex
  logIndex: number
  blockNumber: number
  account: Hex
  /** `emergencyElsewhere`: a doctor opened one past this server; kept so that she is told once. */
  news: SafeguardNews['news'] | 'emergencyElsewhere'
  safeguard: SafeguardKind | null
}

/** A time in which nobody looks and nothing is granted. */
export type SharingPauseRow = {
  id: string
  patientId: PatientId
  reason: 'codesMissed'
  pausedAt: EpochMs
  pausedUntil: EpochMs
  /** Null until somebody told her health worker. */
  healthWorkerToldAt: EpochMs | null
}

export type OutboundState = 'queued' | 'sending' | 'sent' | 'delivered' | 'failed' | 'suppressed'

/** What a look was at, as the access log shows it. */
export type LookedAt = { number: number; healthId: string; preset: Preset; doctorShortName: string }
