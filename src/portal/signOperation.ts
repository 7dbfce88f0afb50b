import { randomBytes, randomUUID } from 'node:crypto'
import { nextState } from '../core/consent.ts'
import { parseHealthId } from '../core/healthId.ts'
import { type PasskeyCheck, type PasskeyOperations, slotOf, type ToSign } from '../core/passkey.ts'
import { type ConsentRequestId, type EpochMs, minute } from '../core/people.ts'
import type { ConsentRequestRow, Hex, PasskeyAccountRow, UnsignedOperationRow, UserOperationRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import { newPasskeyOperation, newUserOperation } from '../core/userOperation.ts'
import { addRequest, askable, freeNumber, newRequest, onNextLine, refusalOf } from './askForAccess.ts'
import {
  addEmergency,
  type EmergencyParts,
  emergencyRefusal,
  newEmergency,
  openable,
  openReason,
  waitUntil,
} from './openEmergency.ts'
import type { PasskeyActions, SigningSubject, SigningTask } from './passkeyActions.ts'

/** A page that waits longer for a touch has been left. */
const unsignedLastsMs = 30 * minute

export type SignOperationParts = EmergencyParts & { passkeys: PasskeyCheck; operations: PasskeyOperations }

type Actions = Pick<
  PasskeyActions,
  'prepareAsk' | 'prepareEmergency' | 'prepareWithdrawal' | 'prepareSecondPasskey' | 'prepareVeto' | 'signing' | 'sign'
>

/**
 * What a doctor's own passkey signs: the server prepares the operation, the doctor reads what it does and signs its hash, and
 * only then there is a request. The row is written with its signature; nobody here can make another.
 */
export function signOperationActions(parts: SignOperationParts): Actions {
  const { store, operations, passkeys, clock } = parts

  /** Puts an operation down to be signed. Outside of a transaction: the chain is asked. */
  async function prepare(account: PasskeyAccountRow, subject: ToSign): Promise<string> {
    const open = await store.operations.open(account.account)
    const prepared = await operations.prepare({ ...subject, account, open })
    const now = clock()
    const { doctorId } = account
    const row = {
      ...prepared,
      ...writeSubject(subject),
      id: randomUUID(),
      doctorId,
      kind: subject.kind,
      createdAt: now,
    }
    await store.operations.addUnsigned(row, (now - unsignedLastsMs) as EpochMs)
    return row.id
  }

  async function subjectOf(row: UnsignedOperationRow): Promise<ToSign | null> {
    const { kind, patientAccount, credentialId } = row
    if (kind === 'vetoRotation') return { kind }
    if (kind === 'setSecondPasskey')
      return { kind, passkey: credentialId === null ? null : await store.people.passkey(credentialId) }
    const id = row.consentRequestId
    const request = row.request === null ? id && (await store.requests.get(id)) : readRequest(row.request)
    return request && patientAccount && { kind, request, patientAccount }
  }

  async function own(doctorId: string, signingId: string): Promise<UnsignedOperationRow | null> {
    const row = await store.operations.unsigned(signingId)
    return row?.doctorId === doctorId && row.createdAt > clock() - unsignedLastsMs ? row : null
  }

  async function isCurrent(row: UnsignedOperationRow, subject: ToSign, account: PasskeyAccountRow): Promise<boolean> {
    if (subject.kind === 'openRequest') {
      const { request } = subject
      if ((await onNextLine(parts, request)).lineHash !== request.lineHash) return false
    }
    return operations.isCurrent(row.operation, await store.operations.open(account.account))
  }

  /** Her passkeys that the account obeys: those that she may be asked for. */
  async function signers(account: PasskeyAccountRow): Promise<string[]> {
    const held = await operations.held(account)
    const passkeys = await store.people.passkeysOf(account.doctorId)
    return passkeys.filter((passkey) => slotOf(held, passkey) !== null).map(({ credentialId }) => credentialId)
  }

  return {
    async prepareAsk(doctorId, ask) {
      const healthId = parseHealthId(ask.healthId)
      if (!healthId) return { refused: { code: 'healthIdMistyped' } }
      const account = await store.people.passkeyAccount(doctorId)
      if (!account || account.affiliationId === null) return { refused: { code: 'accountNotConfirmed' } }
      const now = clock()
      const refusal = await refusalOf(store, doctorId, { ...ask, healthId }, now)
      if (refusal) return { refused: refusal }
      const patient = await askable(store, healthId)
      const asker = { account: account.account, affiliationId: account.affiliationId, signing: 'passkey' } as const
      const request = await newRequest(parts, { asker, doctorId, patient, healthId, ask, now })
      // Of a health ID that is nobody's the page must not differ: the doctor signs, and it goes nowhere.
      const patientAccount = patient?.account ?? nobodysAccount()
      return { signingId: await prepare(account, { kind: 'openRequest', request, patientAccount }) }
    },

    async prepareEmergency(doctorId, { healthId: typed, reason }) {
      const healthId = parseHealthId(typed)
      if (!healthId) return { refused: { code: 'healthIdMistyped' } }
      const account = await store.people.passkeyAccount(doctorId)
      if (!account || account.affiliationId === null) return { refused: { code: 'accountNotConfirmed' } }
      const now = clock()
      const of = { doctorId, doctorAccount: account.account, healthId }
      const refusal = await emergencyRefusal(store, of, reason, now)
      if (refusal) return { refused: refusal }
      const patient = await openable(store, healthId)
      const asker = { account: account.account, affiliationId: account.affiliationId, signing: 'passkey' } as const
      const request = await newEmergency(parts, { asker, doctorId, patient, healthId, now }, reason)
      const patientAccount = patient?.account ?? nobodysAccount()
      return { signingId: await prepare(account, { kind: 'openEmergency', request, patientAccount }) }
    },

    async prepareWithdrawal(doctorId, id) {
      const request = await store.requests.get(id)
      const account = await store.people.passkeyAccount(doctorId)
      if (request?.doctorId !== doctorId || !account || request.doctorAccount !== account.account) return null
      if (request.purpose === 'emergency') return null
      if (!nextState(request.state, 'withdraw')) return null
      const patientAccount = await patientAccountOf(store, request)
      return { signingId: await prepare(account, { kind: 'withdrawRequest', request, patientAccount }) }
    },

    async prepareSecondPasskey(doctorId, credentialId) {
      const account = await store.people.passkeyAccount(doctorId)
      const passkey = credentialId === null ? null : await store.people.passkey(credentialId)
      if (!account || account.affiliationId === null || (credentialId !== null && passkey?.doctorId !== doctorId))
        return null
      const held = await operations.held(account)
      // It signs already, or there is none to be taken away: nothing is left to do.
      if (passkey === null ? held.second === null : slotOf(held, passkey) !== null) return null
      return { signingId: await prepare(account, { kind: 'setSecondPasskey', passkey }) }
    },

    async prepareVeto(doctorId) {
      const account = await store.people.passkeyAccount(doctorId)
      if (!account || (await operations.held(account)).proposed === null) return null
      return { signingId: await prepare(account, { kind: 'vetoRotation' }) }
    },

    async signing(doctorId, signingId): Promise<SigningTask | null> {
      const row = await own(doctorId, signingId)
      const account = await store.people.passkeyAccount(doctorId)
      const subject = row && (await subjectOf(row))
      const doctor = await store.people.doctor(doctorId)
      if (!row || !account || !subject || !doctor) return null
      const about = aboutOf(subject, doctor.hospitalName)
      const signing = { account: account.account, rpId: passkeys.rpId, known: await signers(account) }
      if (await isCurrent(row, subject, account)) return { ...about, ...signing, id: row.id, hash: row.hash }
      const anew =
        subject.kind === 'openRequest' ? { ...subject, request: await onNextLine(parts, subject.request) } : subject
      const id = await prepare(account, anew)
      const again = await own(doctorId, id)
      return again && { ...about, ...signing, id, hash: again.hash }
    },

    async sign(doctorId, signingId, answer) {
      const row = await own(doctorId, signingId)
      const account = row && (await store.people.passkeyAccount(doctorId))
      const subject = row && (await subjectOf(row))
      const passkey = await store.people.passkey(passkeys.credentialOf(answer) ?? '')
      if (!row || !account || !subject || passkey?.doctorId !== doctorId) return { refused: 'notVerified' }
      const signature = await passkeys.verify(answer, row.hash, passkey)
      const slot = slotOf(await operations.held(account), passkey)
      if (!signature || slot === null) return { refused: 'notVerified' }
      if (!(await isCurrent(row, subject, account))) return { refused: 'outdated' }
      return store.transaction(async (inside) => {
        const now = clock()
        await inside.people.lockDoctor(doctorId)
        if (!(await inside.people.countSignature(passkey.credentialId, signature.signCount)))
          return { refused: 'notVerified' } as const
        if (!(await inside.operations.takeUnsigned(row.id))) return { refused: 'outdated' } as const
        const holder = { account: account.account, owner: null, keyId: null }
        const signed = operations.sign(row.operation, slot, signature)
        const byHer = { signedBy: 'owner', signed, hash: row.hash } as const
        if (!('request' in subject)) {
          const change = { ...newPasskeyOperation(randomUUID(), subject.kind, holder, now), ...byHer }
          await inside.operations.add(change)
          await inside.outbox.add('submitUserOperations', change.id, now)
          return { changed: 'passkeys' } as const
        }
        const { kind } = subject
        const operation = (id: ConsentRequestId): Omit<UserOperationRow, 'sequence'> => ({
          ...newUserOperation(randomUUID(), kind, id, holder, now),
          ...byHer,
        })
        if (kind === 'withdrawRequest') return withdrawSigned(inside, subject.request.id, operation, now)
        return kind === 'openEmergency'
          ? openSigned(inside, subject.request, operation, now)
          : askSigned(inside, subject.request, operation, now)
      })
    },
  }

  async function askSigned(
    inside: Store,
    request: ConsentRequestRow,
    operation: (id: ConsentRequestId) => Omit<UserOperationRow, 'sequence'>,
    now: EpochMs,
  ): ReturnType<Actions['sign']> {
    // Asked again with the doctor locked: another window may have used the limits up while this one waited.
    const refusal = await refusalOf(inside, request.doctorId, request, now)
    if (refusal) return { refused: refusal }
    const patient = request.patientId && (await inside.people.patientByHealthId(request.healthId))
    // She signed for one line of the patient's card; in this very moment another request may have taken it.
    if ((await onNextLine({ ...parts, store: inside }, request)).lineHash !== request.lineHash)
      return { refused: 'outdated' }
    const number = patient ? await freeNumber(inside, patient, now) : request.number
    await addRequest(inside, { ...request, number, askedAt: now }, operation(request.id), now)
    return { requestId: request.id }
  }

  async function openSigned(
    inside: Store,
    request: ConsentRequestRow,
    operation: (id: ConsentRequestId) => Omit<UserOperationRow, 'sequence'>,
    now: EpochMs,
  ): ReturnType<Actions['sign']> {
    const refusal = await emergencyRefusal(inside, request, openReason(request, parts.columns) ?? '', now)
    if (refusal) return { refused: refusal }
    // She may have forbidden it while the page was open: then what was signed goes nowhere.
    const patient = request.patientId && (await openable(inside, request.healthId))
    const number = patient ? await freeNumber(inside, patient, now) : request.number
    const row = { ...request, number, patientId: patient ? patient.id : null, askedAt: now, answerBy: waitUntil(now) }
    await addEmergency(inside, row, operation(row.id), now)
    return { requestId: row.id }
  }
}

async function withdrawSigned(
  inside: Store,
  requestId: ConsentRequestId,
  operation: (id: ConsentRequestId) => Omit<UserOperationRow, 'sequence'>,
  now: EpochMs,
): ReturnType<Actions['sign']> {
  const request = await inside.requests.lock(requestId)
  const state = request && nextState(request.state, 'withdraw')
  if (!request || !state) return { refused: 'outdated' }
  await inside.requests.update(request.id, { state, endedAt: now })
  if (request.patientId) {
    const row = operation(request.id)
    await inside.operations.add(row)
    await inside.outbox.add('submitUserOperations', row.id, now)
  }
  await inside.announce('request', request.id)
  return { requestId: request.id }
}

async function patientAccountOf(store: Store, { patientId }: ConsentRequestRow): Promise<Hex> {
  const patient = patientId && (await store.people.patient(patientId))
  return patient ? patient.account : nobodysAccount()
}

function nobodysAccount(): Hex {
  return `0x${randomBytes(20).toString('hex')}`
}

function writeSubject(
  subject: ToSign,
): Pick<UnsignedOperationRow, 'consentRequestId' | 'request' | 'patientAccount' | 'credentialId'> {
  const nothing = { consentRequestId: null, request: null, patientAccount: null, credentialId: null }
  switch (subject.kind) {
    case 'vetoRotation':
      return nothing
    case 'setSecondPasskey':
      return { ...nothing, credentialId: subject.passkey?.credentialId ?? null }
    case 'withdrawRequest':
      return { ...nothing, consentRequestId: subject.request.id, patientAccount: subject.patientAccount }
    default:
      return { ...nothing, request: JSON.stringify(subject.request), patientAccount: subject.patientAccount }
  }
}

/** What the page says of it. */
function aboutOf(subject: ToSign, hospital: string): SigningSubject {
  const { kind } = subject
  if (kind === 'vetoRotation') return { kind }
  if (kind === 'setSecondPasskey') return { kind, madeAt: subject.passkey?.createdAt ?? null }
  const { healthId, preset, purpose, days, oneTime, answerBy } = subject.request
  return { kind, healthId, preset, purpose, days, oneTime, answerBy, hospital }
}

function readRequest(text: string): ConsentRequestRow {
  const request = JSON.parse(text) as ConsentRequestRow
  return { ...request, reasonSealed: request.reasonSealed && Buffer.from(request.reasonSealed) }
}
