import { randomBytes, randomUUID } from 'node:crypto'
import { presetClasses } from '../core/classes.ts'
import {
  commitToRecords,
  serverSignedEntryId,
  signedEntryId,
  toSeconds,
  writeLookStatement,
} from '../core/lookStatement.ts'
import { type PasskeyOperations, slotOf } from '../core/passkey.ts'
import { type AccessEntryId, type DoctorId, minute } from '../core/people.ts'
import type { AccessEntryRow, Hex } from '../core/rows.ts'
import type { RequestWithPeople, Store } from '../core/store.ts'
import type { ColumnVault } from '../core/vault.ts'
import type { LookRefusal } from './actions.ts'
import type { LookParts } from './openLook.ts'
import type { PasskeyActions } from './passkeyActions.ts'
import { summarise } from './requestSummary.ts'
import { sharingPause } from './sharingPause.ts'

/** A browser signs at once and by itself; what takes longer was left, and its time would be untrue. */
const unsignedLastsMs = 2 * minute

export type SignLookParts = LookParts & {
  operations: PasskeyOperations
  place: { chainId: number; ledger: Hex }
  /** ECDSA over P-256 and SHA-256. */
  isSignedBySessionKey(text: string, signature: Hex, publicKey: Hex): boolean
}

type Actions = Pick<PasskeyActions, 'prepareLook' | 'lookTask' | 'signLook'>

/**
 * Looks of doctors with a passkey: the key of this session, which the passkey authorised, signs for each before it is written
 * to the chain, and the entry there is the hash of what it signed.
 */
export function signLookActions(parts: SignLookParts): Actions {
  const { store, clock, columns, place, operations } = parts

  /** A passkey that was replaced while its session lasted vouches for no look any more: no auditor would take it. */
  async function refusalOf(doctorId: DoctorId, sessionGrantId: Hex): Promise<LookRefusal | null> {
    const grant = await store.people.sessionGrant(sessionGrantId)
    const passkey = grant && (await store.people.passkey(grant.credentialId))
    const account = await store.people.passkeyAccount(doctorId)
    if (!passkey || !account) return { code: 'passkeyNotHeld' }
    try {
      return slotOf(await operations.held(account), passkey) === null ? { code: 'passkeyNotHeld' } : null
    } catch {
      return { code: 'chainUnavailable' }
    }
  }

  return {
    async prepareLook(doctorId, requestId, sessionGrantId) {
      const refused = await refusalOf(doctorId, sessionGrantId)
      if (refused) return { refused }
      return store.transaction(async (inside) => {
        const request = await inside.requests.lock(requestId)
        const refuse = (state: RequestWithPeople['state']) => ({
          refused: { code: 'noGrant', state } satisfies LookRefusal,
        })
        if (request?.doctorId !== doctorId) return refuse('failed')
        const { state } = summarise(request, clock(), false)
        if (state !== 'granted') return refuse(state)
        const pause = await sharingPause(inside, request.patientId, clock())
        if (pause) return { refused: { code: 'sharingPaused', ...pause } satisfies LookRefusal }
        const createdAt = clock()
        const salt: Hex = `0x${randomBytes(32).toString('hex')}`
        const cids = await cidsOf(inside, request)
        const statement = writeLookStatement({
          ...place,
          request: request.ledgerRequestId,
          right: 'VIEW',
          records: commitToRecords(cids, salt),
          time: toSeconds(createdAt),
          session: sessionGrantId,
        })
        const id = randomUUID() as AccessEntryId
        await inside.looks.add({
          id,
          consentRequestId: requestId,
          doctorId,
          // Stands in until the signature is there, which the real one is made of.
          entryId: serverSignedEntryId(randomBytes(31)),
          state: 'unsigned',
          transactionId: null,
          blockNumber: null,
          transactionHash: null,
          createdAt,
          loggedAt: null,
          sessionGrantId,
          statement,
          signature: null,
          recordsSealed: columns.seal(JSON.stringify({ salt, cids }), recordsContext),
        })
        return { lookId: id }
      })
    },

    async lookTask(doctorId, lookId) {
      const look = await store.looks.get(lookId)
      const request = look && (await store.requests.get(look.consentRequestId))
      if (!request || !isUnsigned(look, doctorId)) return null
      const { statement, sessionGrantId } = look
      return { lookId, statement, sessionGrantId, preset: request.preset, healthId: request.healthId }
    },

    async signLook(doctorId, lookId, signature) {
      const look = await store.looks.get(lookId)
      if (!isUnsigned(look, doctorId) || !isHex64(signature)) return false
      const grant = await store.people.sessionGrant(look.sessionGrantId)
      const now = clock()
      if (grant?.doctorId !== doctorId || grant.expiresAt <= now || look.createdAt + unsignedLastsMs < now) return false
      if (!parts.isSignedBySessionKey(look.statement, signature, grant.publicKey)) return false
      await store.transaction(async (inside) => {
        const entryId = signedEntryId(look.statement, signature)
        await inside.looks.update(lookId, { state: 'waiting', signature, entryId })
        await inside.outbox.add('logAccess', lookId, now)
      })
      return true
    },
  }
}

const recordsContext = 'accessEntry.records'

/** The versions that a look may show: those its statement commits to; null where nobody committed to any. */
export function committedCids({ recordsSealed }: AccessEntryRow, columns: ColumnVault): ReadonlySet<string> | null {
  if (recordsSealed === null) return null
  const { cids } = JSON.parse(columns.open(recordsSealed, recordsContext)) as { cids: string[] }
  return new Set(cids)
}

async function cidsOf(store: Store, request: RequestWithPeople): Promise<string[]> {
  if (!request.patientId) return []
  const { recordsFrom, recordsUntil } = request
  const classes = presetClasses[request.preset]
  const rows = await store.records.ofPatient(request.patientId, classes, recordsFrom, recordsUntil)
  return rows.map(({ cid }) => cid)
}

type Unsigned = AccessEntryRow & { statement: string; sessionGrantId: Hex }

function isUnsigned(look: AccessEntryRow | null, doctorId: string): look is Unsigned {
  return look?.doctorId === doctorId && look.state === 'unsigned' && look.statement !== null
}

function isHex64(value: string): value is Hex {
  return /^0x[0-9a-f]{128}$/.test(value)
}
