import { createHash, randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import type { CheckAffiliation } from '../core/affiliation.ts'
import { type DoctorId, type EpochMs, hour } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import type { ColumnVault } from '../core/vault.ts'
import type { PortalActions } from './actions.ts'

/** A shift and its handover. */
export const sessionLastsMs = 10 * hour

/** OWASP's first choice for argon2id: 19 MiB, two passes. Source: OWASP Password Storage Cheat Sheet. */
const argon2id = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

export function hashPassword(password: string): Promise<string> {
  return hash(password, argon2id)
}

export type SignInParts = {
  store: Store
  columns: ColumnVault
  clock: () => EpochMs
  checkAffiliation: CheckAffiliation
}

/**
 * Lets a doctor in, however she proved who she is. The hospital's word was asked for before: there is no session without it.
 *
 * @param sessionGrantId the session key that her passkey authorised; null where she came by password
 */
export async function startSession(
  { store, clock }: Pick<SignInParts, 'store' | 'clock'>,
  doctorId: DoctorId,
  sessionGrantId: Hex | null,
): Promise<{ token: string; expiresAt: EpochMs }> {
  const token = randomBytes(32).toString('base64url')
  const expiresAt = (clock() + sessionLastsMs) as EpochMs
  await store.people.addSession({ tokenHash: hashOf(token), doctorId, sessionGrantId, expiresAt })
  return { token, expiresAt }
}

/** Signing in by password, for doctors without a passkey and as the fallback; sessions live in the database under the hash of their token. */
export function signInActions({
  store,
  columns,
  clock,
  checkAffiliation,
}: SignInParts): Pick<PortalActions, 'signIn' | 'signOut' | 'session'> {
  // An unknown login name costs the same work as a wrong password.
  const nobodysHash = hashPassword(randomBytes(18).toString('base64url'))

  return {
    async signIn(login, password) {
      const doctor = await store.people.doctorByLogin(login.trim().toLowerCase())
      const matches = await verify(doctor?.passwordHash ?? (await nobodysHash), password)
      if (!doctor || !matches) return { refused: 'wrongPassword' }
      const refused = await checkAffiliation(doctor)
      return refused ? { refused } : startSession({ store, clock }, doctor.id, null)
    },
    async signOut(token) {
      await store.people.dropSession(hashOf(token))
    },
    async session(token) {
      const session = await store.people.session(hashOf(token), clock())
      const doctor = session && (await store.people.doctor(session.doctorId))
      if (!doctor) return null
      return {
        doctorId: doctor.id,
        name: columns.open(doctor.nameSealed, 'doctor.name'),
        hospital: doctor.hospitalName,
        signing: session.sessionGrantId === null ? 'serverSigned' : 'passkey',
        sessionGrantId: session.sessionGrantId,
      }
    },
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
