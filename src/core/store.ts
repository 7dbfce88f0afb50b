import type { RecordClass } from './classes.ts'
import type { CardLine } from './codeCard.ts'
import type { JobName } from './jobs.ts'
import type { EndedProviders } from './ledger.ts'
import type { LookEvidence } from './lookStatement.ts'
import type { AccessEntryId, ConsentRequestId, DoctorId, EpochMs, HospitalId, PatientId, RecordId } from './people.ts'
import type * as rows from './rows.ts'
import type { Standing } from './safeguards.ts'
import type {
  PasskeyOperationKind,
  RequestOperationKind,
  SafeguardOperationKind,
  UserOperationKind,
} from './userOperation.ts'

type Unnumbered<Row> = Omit<Row, 'sequence'>

/** A request with the people in it, as most decisions need it. */
export type RequestWithPeople = rows.ConsentRequestRow & {
  doctorShortName: string
  hospitalShortName: string
  timeZone: string
}

/** A user operation with what it is about, as signing needs it. */
export type OperationWithSubject = rows.UserOperationRow &
  (
    | { kind: RequestOperationKind; request: RequestWithPeople; change: null; patientAccount: rows.Hex }
    | { kind: SafeguardOperationKind; request: null; change: rows.SafeguardChangeRow; patientAccount: rows.Hex }
    | { kind: PasskeyOperationKind; request: null; change: null; patientAccount: null }
  )

/**
 * What the rooms ask of the database. `db/` answers; nobody else knows SQL.
 *
 * Everything inside `transaction` commits together or not at all. Inside it, use the store handed to `work` and nothing
 * else that reaches the database: the embedded engine has one session.
 */
export type Store = {
  transaction<Result>(work: (store: Store) => Promise<Result>): Promise<Result>

  people: {
    addHospital(row: rows.HospitalRow): Promise<void>
    addDoctor(row: rows.DoctorRow): Promise<void>
    addPatient(row: rows.PatientRow): Promise<void>
    addAddress(row: rows.PhoneAddressRow): Promise<void>
    hospital(id: HospitalId): Promise<rows.HospitalRow | null>
    doctor(id: DoctorId): Promise<(rows.DoctorRow & { hospitalName: string; timeZone: string }) | null>
    /** Locks a doctor until the transaction ends, so that limits hold against two windows at once. */
    lockDoctor(id: DoctorId): Promise<rows.DoctorRow | null>
    /** Replaces the credential of a doctor's affiliation: issued anew, or renewed. */
    setCredential(id: DoctorId, credential: string): Promise<void>
    doctorByLogin(login: string): Promise<rows.DoctorRow | null>
    patient(id: PatientId): Promise<(rows.PatientRow & { timeZone: string }) | null>
    patientByHealthId(healthId: string): Promise<rows.PatientRow | null>
    patientByAccount(account: rows.Hex): Promise<rows.PatientRow | null>
    addressOf(patientId: PatientId): Promise<rows.PhoneAddressRow | null>
    address(id: string): Promise<rows.PhoneAddressRow | null>
    /** The address behind a blind index; stored now where it was not known. */
    findOrAddAddress(row: rows.PhoneAddressRow): Promise<rows.PhoneAddressRow>
    /** Locks an address until the transaction ends: one person's messages are handled one after another. */
    lockAddress(id: string): Promise<rows.PhoneAddressRow | null>
    setUnreachable(id: string, since: EpochMs | null): Promise<void>
    addPasskeyAccount(row: rows.PasskeyAccountRow): Promise<void>
    passkeyAccount(id: DoctorId): Promise<rows.PasskeyAccountRow | null>
    /** The hospital's word for the account of a doctor's passkeys. */
    confirmPasskeyAccount(id: DoctorId, affiliationId: number, credential: string): Promise<void>
    addPasskey(row: rows.PasskeyRow): Promise<void>
    passkey(credentialId: string): Promise<rows.PasskeyRow | null>
    passkeysOf(id: DoctorId): Promise<rows.PasskeyRow[]>
    /** @returns false where it has signed with a higher count meanwhile */
    countSignature(credentialId: string, signCount: number): Promise<boolean>
    /** @returns false where a session was started with this statement before */
    addSessionGrant(row: rows.SessionGrantRow): Promise<boolean>
    sessionGrant(id: rows.Hex): Promise<rows.SessionGrantRow | null>
    addSession(row: rows.SessionRow): Promise<void>
    session(tokenHash: string, now: EpochMs): Promise<rows.SessionRow | null>
    dropSession(tokenHash: string): Promise<void>
  }

  messages: {
    /** @returns false where this provider's id was stored before */
    receive(row: Unnumbered<rows.InboundMessageRow>): Promise<boolean>
    inbound(id: string): Promise<rows.InboundMessageRow | null>
    /** Messages of an address that no transaction has handled yet, oldest first. */
    waiting(addressId: string): Promise<rows.InboundMessageRow[]>
    markHandled(id: string, at: EpochMs): Promise<void>
    /** Puts another text in the place of one that held a code. */
    wipe(id: string, textSealed: Uint8Array): Promise<void>
    addOutbound(row: Unnumbered<rows.OutboundMessageRow>): Promise<void>
    outbound(id: string): Promise<rows.OutboundMessageRow | null>
    updateOutbound(id: string, change: Partial<Unnumbered<rows.OutboundMessageRow>>): Promise<void>
    outboundByProviderId(providerId: string): Promise<rows.OutboundMessageRow | null>
    lastOutbound(addressId: string): Promise<rows.OutboundMessageRow | null>
    /** The prompt of a request as it was sent. */
    promptOf(requestId: ConsentRequestId): Promise<rows.OutboundMessageRow | null>
    countIdentical(addressId: string, textIndex: string, since: EpochMs): Promise<number>
    countPhrase(addressId: string, phrase: string, since: EpochMs): Promise<number>
  }

  requests: {
    add(row: rows.ConsentRequestRow): Promise<void>
    get(id: ConsentRequestId): Promise<RequestWithPeople | null>
    /** Locks a request until the transaction ends. */
    lock(id: ConsentRequestId): Promise<RequestWithPeople | null>
    byLedgerId(ledgerRequestId: rows.Hex): Promise<RequestWithPeople | null>
    update(id: ConsentRequestId, change: Partial<rows.ConsentRequestRow>): Promise<void>
    ofDoctor(doctorId: DoctorId, limit: number): Promise<RequestWithPeople[]>
    /** Requests of the patients behind an address: open, live, or ended since a time. */
    ofPatient(patientId: PatientId, endedSince: EpochMs): Promise<RequestWithPeople[]>
    /** Those that our rows call granted. */
    grantedTo(providers: EndedProviders): Promise<ConsentRequestId[]>
    /** The last emergency of a doctor's account with a patient that stood on chain. */
    lastEmergency(doctorAccount: rows.Hex, healthId: string): Promise<rows.ConsentRequestRow | null>
    /** What the limits on asking are judged by. */
    askFacts(
      doctorId: DoctorId,
      healthId: string,
      since: { dayAgo: EpochMs; weekAgo: EpochMs },
    ): Promise<{ open: number; refusedAt: EpochMs | null; patientsToday: number; askedToday: boolean }>
  }

  operations: {
    /** @returns false where this request, or change, already has an operation of this kind */
    add(row: Unnumbered<rows.UserOperationRow>): Promise<boolean>
    get(id: string): Promise<rows.UserOperationRow | null>
    /** What may go now, removals first: of each account and lane nothing while an operation of it is in flight. */
    prepared(limit: number, now: EpochMs): Promise<OperationWithSubject[]>
    /** By the hash it has now, or one that it had. */
    byHash(hash: rows.Hex): Promise<rows.UserOperationRow | null>
    /** Operations of a sender that were sent and are not in a block yet. */
    inFlight(sender: rows.Hex): Promise<rows.UserOperationRow[]>
    /** The operation of a kind that a request has, if it has one. */
    ofRequest(requestId: ConsentRequestId, kind: UserOperationKind): Promise<rows.UserOperationRow | null>
    ofChange(changeId: string): Promise<rows.UserOperationRow[]>
    /** Operations that were sent in no transaction of ours, and are not in a block yet. */
    alone(): Promise<rows.UserOperationRow[]>
    inBundle(bundleId: string): Promise<rows.UserOperationRow[]>
    update(id: string, change: Partial<Unnumbered<rows.UserOperationRow>>): Promise<void>
    /** Moves what stands in safe and in final blocks on. */
    settleUpTo(blocks: { safe: number; final: number }): Promise<void>
    /** Takes back what stood in blocks after this one: the chain no longer has them. */
    takeBackAfter(blockNumber: number): Promise<void>
    /** Notes what is about to be sent, and in which bundle. @returns false where it is no longer `prepared`: another process was faster */
    claim(
      operation: { id: string; signed: string; hash: rows.Hex },
      bundleId: string | null,
      now: EpochMs,
    ): Promise<boolean>
    /**
     * What was sent under this hash will be in no block: it is `prepared` again.
     *
     * @returns false where it has gone under another hash meanwhile, or is in a block after all
     */
    giveBack(
      id: string,
      hash: rows.Hex,
      change: Partial<Pick<rows.UserOperationRow, 'attempts' | 'updatedAt'>>,
    ): Promise<boolean>
    /** Operations of a sender that are not in a block yet, sent or not. */
    open(sender: rows.Hex): Promise<rows.UserOperationRow[]>
    /** Keeps what a doctor is asked to sign; forgets what nobody signed since a time. */
    addUnsigned(row: rows.UnsignedOperationRow, forgetBefore: EpochMs): Promise<void>
    unsigned(id: string): Promise<rows.UnsignedOperationRow | null>
    /** Takes it out: it is signed once. */
    takeUnsigned(id: string): Promise<rows.UnsignedOperationRow | null>
  }

  transactions: {
    /** @throws where another process took this nonce */
    add(row: Unnumbered<rows.OperatorTransactionRow>): Promise<void>
    sent(): Promise<rows.OperatorTransactionRow[]>
    update(id: string, change: Partial<Unnumbered<rows.OperatorTransactionRow>>): Promise<void>
    /** @returns false where it no longer has that hash, or is in a block: another process was faster */
    replace(
      id: string,
      hash: rows.Hex,
      change: Pick<rows.OperatorTransactionRow, 'raw' | 'hash' | 'maxFeePerGasWei' | 'sentBlock' | 'updatedAt'>,
    ): Promise<boolean>
    /** Takes back what stood in blocks after this one: the chain no longer has them. */
    takeBackAfter(blockNumber: number): Promise<void>
    highestNonce(operator: rows.Hex): Promise<number | null>
  }

  looks: {
    add(row: Unnumbered<rows.AccessEntryRow>): Promise<void>
    get(id: AccessEntryId): Promise<rows.AccessEntryRow | null>
    byEntryId(entryId: rows.Hex): Promise<rows.AccessEntryRow | null>
    unsent(limit: number): Promise<(rows.AccessEntryRow & { ledgerRequestId: rows.Hex })[]>
    inTransaction(transactionId: string): Promise<rows.AccessEntryRow[]>
    update(id: AccessEntryId, change: Partial<Unnumbered<rows.AccessEntryRow>>): Promise<void>
    /** Looks in blocks after this one wait again: the chain no longer has them. */
    takeBackAfter(blockNumber: number): Promise<void>
    /** @returns how many of these no transaction carried yet and this one does now */
    claim(ids: AccessEntryId[], transactionId: string): Promise<number>
    /** Everything that opens entries on chain to what doctors' session keys signed. */
    evidence(): Promise<LookEvidence>
    ofDoctor(doctorId: DoctorId, limit: number): Promise<(rows.AccessEntryRow & rows.LookedAt)[]>
    ofPatient(patientId: PatientId, limit: number): Promise<(rows.AccessEntryRow & rows.LookedAt)[]>
  }

  records: {
    add(record: rows.RecordRow, version: rows.RecordVersionRow): Promise<void>
    version(recordId: RecordId, version: number): Promise<(rows.RecordVersionRow & { patientId: PatientId }) | null>
    markStored(recordId: RecordId, version: number, at: EpochMs): Promise<void>
    /** Latest versions of a patient's records of some classes, dated within a window, newest first. */
    ofPatient(
      patientId: PatientId,
      classes: readonly RecordClass[],
      from: EpochMs,
      until: EpochMs,
    ): Promise<(rows.RecordVersionRow & { class: RecordClass; date: EpochMs })[]>
  }

  keys: {
    add(row: rows.VaultKeyRow): Promise<void>
    get(id: string): Promise<rows.VaultKeyRow | null>
  }

  outbox: {
    add(job: JobName, subjectId: string, now: EpochMs, notBefore?: EpochMs): Promise<void>
    get(id: string): Promise<rows.OutboxRow | null>
    /** Rows whose time has come and which the queue does not hold, or has held for too long. */
    due(now: EpochMs, staleSince: EpochMs, limit: number): Promise<rows.OutboxRow[]>
    update(id: string, change: Partial<Unnumbered<rows.OutboxRow>>): Promise<void>
    markRelayed(ids: readonly string[], at: EpochMs | null): Promise<void>
    /** What these subjects wait for has happened: their jobs that failed for this reason are due now. */
    hasten(subjectIds: readonly string[], reason: string, now: EpochMs): Promise<void>
    /** Forgets that the queue was handed anything: it lost it, or was emptied. */
    relayAnew(): Promise<void>
    countDue(now: EpochMs): Promise<number>
  }

  cards: {
    /** @throws where she has a card of that standing already, or the card is another patient's */
    add(row: rows.CodeCardRow, lines: readonly CardLine[]): Promise<void>
    /** The card that counts. */
    ofPatient(patientId: PatientId): Promise<rows.CodeCardRow | null>
    /** The card that waits for her word. */
    pendingOf(patientId: PatientId): Promise<rows.CodeCardRow | null>
    /** Puts the card with this tip in the place of the one that counts; nothing where there is none, or it counts already. */
    replace(patientId: PatientId, tip: rows.Hex): Promise<void>
    /** The hospital has handed over another one. */
    dropPending(patientId: PatientId): Promise<void>
    /** Locks a patient's card until the transaction ends: a line is taken once. */
    lockOfPatient(patientId: PatientId): Promise<rows.CodeCardRow | null>
    lines(cardId: rows.Hex): Promise<CardLine[]>
    setNextLine(cardId: rows.Hex, nextLine: number): Promise<void>
    /** Requests and loosenings that took a line of this card and are not on chain yet, by line. */
    waiting(cardId: rows.Hex): Promise<{ id: string; cardLine: number }[]>
    addMiss(row: rows.CodeMissRow): Promise<void>
    /** Misses since the last right code or pause. */
    countMisses(patientId: PatientId): Promise<number>
    clearMisses(patientId: PatientId): Promise<void>
    addPause(row: rows.SharingPauseRow): Promise<void>
    /** Until when sharing is paused, or null where it is not. */
    pausedUntil(patientId: PatientId, now: EpochMs): Promise<EpochMs | null>
  }

  safeguards: {
    /** What protects her now: what the chain said, and what she tightened since. */
    standing(patientId: PatientId): Promise<Standing>
    addChange(row: Unnumbered<rows.SafeguardChangeRow>): Promise<void>
    change(id: string): Promise<rows.SafeguardChangeRow | null>
    /** Locks a change until the transaction ends. */
    lockChange(id: string): Promise<rows.SafeguardChangeRow | null>
    /** Loosenings under way and tightenings that stand, oldest first. */
    openChanges(patientId: PatientId): Promise<rows.SafeguardChangeRow[]>
    updateChange(id: string, change: Partial<Unnumbered<rows.SafeguardChangeRow>>): Promise<void>
    /** The loosening that a transaction of ours puts into force. */
    executedIn(transactionId: string): Promise<rows.SafeguardChangeRow | null>
    /** @returns false where another transaction does it, or it waits no more */
    claimExecution(id: string, transactionId: string): Promise<boolean>
    /** @returns false where it is known */
    addEvent(row: rows.SafeguardEventRow): Promise<boolean>
    /** Forgets what stood in blocks after this one: the chain no longer has them. */
    takeBackAfter(blockNumber: number): Promise<void>
  }

  chain: {
    cursor(name: string): Promise<rows.ChainCursorRow | null>
    setCursor(row: rows.ChainCursorRow): Promise<void>
  }

  /** Tells listening processes, once this transaction has committed, that a request may have changed. */
  announce(channel: 'request' | 'outbox', id: string): Promise<void>
}
