import { randomBytes, randomUUID } from 'node:crypto'
import { nextState } from '../core/consent.ts'
import { parseHealthId } from '../core/healthId.ts'
import type { PasskeyCheck, PasskeyOperations } from '../core/passkey.ts'
import { type ConsentRequestId, type EpochMs, minute } from '../core/people.ts'
import type { ConsentRequestRow, Hex, PasskeyAccountRow, UnsignedOperationRow, UserOperationRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import { newUserOperation } from '../core/userOperation.ts'
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
import type { PasskeyActions, SigningTask } from './passkeyActions.ts'

/** A page that waits longer for a touch has been left. */
const unsignedLastsMs = 30 * minute

export type SignOperationParts = EmergencyParts & { passkeys: PasskeyCheck; operations: PasskeyOperations }

type Actions = Pick<PasskeyActions, 'prepareAsk' | 'prepareEmergency' | 'prepareWithdrawal' | 'signing' | 'sign'>

/**
 * What a doctor's own passkey signs: the server prepares the operation, the doctor reads what it does and signs its hash, and
 * only then there is a request. The row is written with its signature; nobody here can make another.
 */
export function signOperationActions(parts: SignOperationParts): Actions {
  const { store, operations, passkeys, clock } = parts

  /** Puts an operation down to be signed. Outside of a transaction: the chain is asked. */
  async function prepare(
    account: PasskeyAccountRow,
    kind: UnsignedOperationRow['kind'],
    request: ConsentRequestRow,
    patientAccount: Hex,
  ): Promise<string> {
    const open = await store.operations.open(account.account)
    const prepared = await operations.prepare({ kind, account, request, patientAccount, open })
    const now = clock()
    const row: UnsignedOperationRow = {
      ...prepared,
      id: randomUUID(),
      doctorId: account.doctorId,
      kind,
      consentRequestId: kind === 'withdrawRequest' ? request.id : null,
      request: kind === 'withdrawRequest' ? null : JSON.stringify(request),
      patientAccount,
      createdAt: now,
    }
    await store.operations.addUnsigned(row, (now - unsignedLastsMs) as EpochMs)
    return row.id
  }

  async function requestOf(row: UnsignedOperationRow): Promise<ConsentRequestRow | null> {
    if (row.request !== null) return readRequest(row.request)
    return row.consentRequestId && store.requests.get(row.consentRequestId)
  }

  async function own(doctorId: string, signingId: string): Promise<UnsignedOperationRow | null> {
    const row = await store.operations.unsigned(signingId)
    return row?.doctorId === doctorId && row.createdAt > clock() - unsignedLastsMs ? row : null
  }

  async function isCurrent(row: UnsignedOperationRow, account: PasskeyAccountRow): Promise<boolean> {
    const request = row.kind === 'openRequest' ? await requestOf(row) : null
    if (request && (await onNextLine(parts, request)).lineHash !== request.lineHash) return false
    return operations.isCurrent(row.operation, await store.operations.open(account.account))
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
      return { signingId: await prepare(account, 'openRequest', request, patient?.account ?? nobodysAccount()) }
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
      return { signingId: await prepare(account, 'openEmergency', request, patient?.account ?? nobodysAccount()) }
    },

    async prepareWithdrawal(doctorId, id) {
      const request = await store.requests.get(id)
      const account = await store.people.passkeyAccount(doctorId)
      if (request?.doctorId !== doctorId || !account || request.doctorAccount !== account.account) return null
      if (request.purpose === 'emergency') return null
      if (!nextState(request.state, 'withdraw')) return null
      return { signingId: await prepare(account, 'withdrawRequest', request, await patientAccountOf(store, request)) }
    },

    async signing(doctorId, signingId): Promise<SigningTask | null> {
      const row = await own(doctorId, signingId)
      const account = await store.people.passkeyAccount(doctorId)
      const request = row && (await requestOf(row))
      const doctor = await store.people.doctor(doctorId)
      if (!row || !account || !request || !doctor) return null
      const known = (await store.people.passkeysOf(doctorId)).map(({ credentialId }) => credentialId)
      const { healthId, preset, purpose, days, oneTime, answerBy } = request
      const words = { healthId, preset, purpose, days, oneTime, answerBy, hospital: doctor.hospitalName }
      const task = { kind: row.kind, account: account.account, rpId: passkeys.rpId, known }
      if (await isCurrent(row, account)) return { ...words, ...task, id: row.id, hash: row.hash }
      const anew = row.kind === 'openRequest' ? await onNextLine(parts, request) : request
      const id = await prepare(account, row.kind, anew, row.patientAccount)
      const again = await own(doctorId, id)
      return again && { ...words, ...task, id, hash: again.hash }
    },

    async sign(doctorId, signingId, answer) {
      const row = await own(doctorId, signingId)
      const account = row && (await store.people.passkeyAccount(doctorId))
      const passkey = await store.people.passkey(passkeys.credentialOf(answer) ?? '')
      if (!row || !account || passkey?.doctorId !== doctorId) return { refused: 'notVerified' }
      const signature = await passkeys.verify(answer, row.hash, passkey)
      if (!signature) return { refused: 'notVerified' }
      if (!(await isCurrent(row, account))) return { refused: 'outdated' }
      return store.transaction(async (inside) => {
        const now = clock()
        await inside.people.lockDoctor(doctorId)
        if (!(await inside.people.countSignature(passkey.credentialId, signature.signCount)))
          return { refused: 'notVerified' } as const
        if (!(await inside.operations.takeUnsigned(row.id))) return { refused: 'outdated' } as const
        const signed = operations.sign(row.operation, passkey.slot, signature)
        const operation = (id: ConsentRequestId): Omit<UserOperationRow, 'sequence'> => ({
          ...newUserOperation(randomUUID(), row.kind, id, { account: account.account, owner: null, keyId: null }, now),
          signedBy: 'owner',
          signed,
          hash: row.hash,
        })
        if (row.request === null) return withdrawSigned(inside, row, operation, now)
        const request = readRequest(row.request)
        return row.kind === 'openEmergency'
          ? openSigned(inside, request, operation, now)
          : askSigned(inside, request, operation, now)
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
  { consentRequestId }: UnsignedOperationRow,
  operation: (id: ConsentRequestId) => Omit<UserOperationRow, 'sequence'>,
  now: EpochMs,
): ReturnType<Actions['sign']> {
  const request = consentRequestId && (await inside.requests.lock(consentRequestId))
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

function readRequest(text: string): ConsentRequestRow {
  const request = JSON.parse(text) as ConsentRequestRow
  return { ...request, reasonSealed: request.reasonSealed && Buffer.from(request.reasonSealed) }
}
