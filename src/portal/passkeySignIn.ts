import { setTimeout } from 'node:timers/promises'
import type { CheckAffiliation } from '../core/affiliation.ts'
import {
  hashOfStatement,
  readSessionStatement,
  sessionLastsAtMostS,
  sessionTemplate,
  toSeconds,
} from '../core/lookStatement.ts'
import { isSamePoint, type PasskeyCheck, type PasskeyOperations, type PasskeyPoint, slotOf } from '../core/passkey.ts'
import type { EpochMs } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import { changesPasskeys } from '../core/userOperation.ts'
import { type Challenges, challengeBytes } from './challenges.ts'
import type { PasskeyActions } from './passkeyActions.ts'
import { type SignInParts, sessionLastsMs, startSession } from './signIn.ts'

/** Her start page waits no longer for the chain. */
const startPageWaitsMs = 1_000

export type PasskeySignInParts = SignInParts & {
  store: Store
  clock: () => EpochMs
  checkAffiliation: CheckAffiliation
  passkeys: PasskeyCheck
  operations: PasskeyOperations
  challenges: Challenges
  /** Where the looks will stand that the session key signs for. */
  place: { chainId: number; ledger: Hex }
  /** The affiliation that a credential is about, unverified; null for what is no credential. */
  affiliationIdOf(credential: string): number | null
}

type Actions = Pick<
  PasskeyActions,
  'standing' | 'proposedFrom' | 'newPasskey' | 'addPasskey' | 'confirmAccount' | 'signInTask' | 'signIn'
>

/** Making a passkey, having the hospital take its account on, and signing in with it. */
export function passkeySignInActions(parts: PasskeySignInParts): Actions {
  const { store, clock, passkeys, operations, challenges, place, columns } = parts
  const { rpId } = passkeys
  const { people } = store

  return {
    async proposedFrom(doctorId) {
      const account = await people.passkeyAccount(doctorId)
      if (!account) return null
      const tooLate = setTimeout(startPageWaitsMs, null, { ref: false })
      // Where the chain does not answer, the page comes without it.
      const held = await Promise.race([operations.held(account), tooLate]).catch(() => null)
      return held?.proposed?.readyAt ?? null
    },

    async standing(doctorId, sessionGrantId) {
      const account = await people.passkeyAccount(doctorId)
      if (!account) return { status: 'none' }
      if (account.affiliationId === null) return { status: 'waitsForHospital', account: account.account }
      const [held, passkeys, open, session] = await Promise.all([
        operations.held(account),
        people.passkeysOf(doctorId),
        store.operations.open(account.account),
        sessionGrantId && people.sessionGrant(sessionGrantId),
      ])
      const { proposed } = held
      const isProposed = (passkey: PasskeyPoint) => proposed !== null && isSamePoint(passkey, proposed)
      return {
        status: 'ready',
        account: account.account,
        affiliationId: account.affiliationId,
        passkeys: passkeys.map(({ credentialId, qx, qy, createdAt }) => {
          const slot = slotOf(held, { qx, qy })
          const signs = slot === null ? null : (['first', 'second'] as const)[slot]
          const isOfThisSession = session?.credentialId === credentialId
          return { credentialId, point: { qx, qy }, madeAt: createdAt, signs, isOfThisSession }
        }),
        hasSecond: held.second !== null,
        proposed: proposed && {
          readyAt: proposed.readyAt,
          credentialId: passkeys.find(isProposed)?.credentialId ?? null,
        },
        isChanging: open.some(({ kind }) => changesPasskeys(kind)),
      }
    },

    async newPasskey(doctorId) {
      const doctor = await people.doctor(doctorId)
      const challenge = challenges.issue(newPasskeyOf(doctorId))
      const userName = doctor ? columns.open(doctor.nameSealed, 'doctor.name') : ''
      const known = (await people.passkeysOf(doctorId)).map(({ credentialId }) => credentialId)
      return { challenge, bytes: challengeBytes(challenge), rpId, userId: doctorId, userName, known }
    },

    async addPasskey(doctorId, challenge, answer) {
      if (!challenges.isOurs(challenge, newPasskeyOf(doctorId))) return 'notVerified'
      const passkey = await passkeys.verifyNew(answer, challengeBytes(challenge))
      if (!passkey) return 'notVerified'
      const account = await operations.accountOf(passkey)
      return store.transaction(async (inside) => {
        await inside.people.lockDoctor(doctorId)
        const { qx, qy } = passkey
        const row = { doctorId, qx, qy, createdAt: clock() }
        if (!(await inside.people.passkeyAccount(doctorId)))
          await inside.people.addPasskeyAccount({ ...row, account, affiliationId: null, credential: null })
        // Of her account it opens nothing yet: a passkey there must sign for it, or her hospital put it in place.
        if (await inside.people.passkey(passkey.credentialId)) return 'notVerified'
        await inside.people.addPasskey({ ...row, ...passkey })
        return null
      })
    },

    async confirmAccount(doctorId, credential) {
      const account = await people.passkeyAccount(doctorId)
      if (!account) return 'noAccount'
      const affiliationId = parts.affiliationIdOf(credential)
      if (affiliationId === null) return 'credentialInvalid'
      const refused = await parts.checkAffiliation({ account: account.account, affiliationId, credential })
      if (refused) return refused
      await people.confirmPasskeyAccount(doctorId, affiliationId, credential)
      return null
    },

    signInTask() {
      const times = { begins: toSeconds(clock()), expires: toSeconds((clock() + sessionLastsMs) as EpochMs) }
      return { rpId, template: sessionTemplate({ ...place, ...times, nonce: challenges.issue('sign-in') }) }
    },

    async signIn(text, answer) {
      const statement = readSessionStatement(text)
      const isOurs =
        statement?.chainId === place.chainId &&
        statement.ledger === place.ledger &&
        statement.expires - statement.begins <= sessionLastsAtMostS &&
        statement.begins <= toSeconds(clock()) &&
        statement.expires > toSeconds(clock()) &&
        challenges.isOurs(statement.nonce, 'sign-in')
      const passkey = await people.passkey(passkeys.credentialOf(answer) ?? '')
      if (!statement || !isOurs || !passkey) return { refused: 'notVerified' }
      const id = hashOfStatement(text)
      const signature = await passkeys.verify(answer, id, passkey)
      if (!signature) return { refused: 'notVerified' }
      const account = await people.passkeyAccount(passkey.doctorId)
      if (!account || account.affiliationId === null) return { refused: 'credentialMissing' }
      const { affiliationId, credential } = account
      const refused = await parts.checkAffiliation({ account: account.account, affiliationId, credential })
      if (refused) return { refused }
      if (slotOf(await operations.held(account), passkey) === null) return { refused: 'notHeld' }
      return store.transaction(async (inside) => {
        const { doctorId, credentialId } = passkey
        if (!(await inside.people.countSignature(credentialId, signature.signCount)))
          return { refused: 'notVerified' } as const
        const isNew = await inside.people.addSessionGrant({
          id,
          doctorId,
          credentialId,
          statement: text,
          assertion: answer,
          publicKey: statement.key,
          expiresAt: (statement.expires * 1000) as EpochMs,
          createdAt: clock(),
        })
        return isNew ? startSession({ store: inside, clock }, doctorId, id) : ({ refused: 'notVerified' } as const)
      })
    },
  }
}

function newPasskeyOf(doctorId: string): string {
  return `new passkey of ${doctorId}`
}
