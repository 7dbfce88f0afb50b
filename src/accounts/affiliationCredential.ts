import { randomUUID } from 'node:crypto'
import { bytesToHex, concatHex, hexToBytes, isAddressEqual, numberToHex, recoverAddress, sha256 } from 'viem'
import type { AffiliationRefusal, CheckAffiliation } from '../core/affiliation.ts'
import { didOf } from '../core/did.ts'
import type { Ledger } from '../core/ledger.ts'
import { day, type EpochMs, minute } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'

/** A year, as hospitals' own contracts and licences are renewed; the ledger ends an affiliation sooner, and at once. */
const credentialLastsMs = 365 * day
/** A hospital's clock may be this much ahead of ours. */
const clockSkewMs = minute

/** RFC 8812: ECDSA over secp256k1 and SHA-256. Nothing else is read, `none` least of all. */
const algorithm = 'ES256K'

/** Terms of ours, said in words that schema.org has. */
const terms = {
  HealthcareAffiliationCredential: 'https://schema.org/EmployeeRole',
  affiliationId: 'https://schema.org/identifier',
  hospital: 'https://schema.org/affiliation',
  role: 'https://schema.org/roleName',
}

export type Affiliation = {
  chainId: number
  hospitalAccount: Hex
  hospitalName: string
  doctorAccount: Hex
  affiliationId: number
}

/**
 * Makes the credential by which a hospital says that a doctor works there: a W3C verifiable credential as a JWT. It names the
 * doctor's account and nobody's name.
 *
 * @param signHash signs 32 bytes as they are with the key of the hospital's account; 65 bytes r, s, v
 * @returns the compact form, `header.payload.signature`
 */
export async function issueCredential(
  affiliation: Affiliation,
  issuedAt: EpochMs,
  signHash: (hash: Hex) => Promise<Hex>,
): Promise<string> {
  const { chainId, affiliationId } = affiliation
  const issuer = didOf(chainId, affiliation.hospitalAccount)
  const doctor = didOf(chainId, affiliation.doctorAccount)
  const seconds = Math.floor(issuedAt / 1000)
  const header = { alg: algorithm, typ: 'JWT', kid: `${issuer}#blockchainAccountId` }
  const payload = {
    iss: issuer,
    sub: doctor,
    jti: `urn:uuid:${randomUUID()}`,
    nbf: seconds,
    exp: seconds + credentialLastsMs / 1000,
    vc: {
      '@context': ['https://www.w3.org/2018/credentials/v1', terms],
      type: ['VerifiableCredential', 'HealthcareAffiliationCredential'],
      credentialSubject: { id: doctor, affiliationId, hospital: affiliation.hospitalName, role: 'doctor' },
    },
  }
  const signed = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  // JOSE has r and s alone, 64 bytes: who checks finds the key's parity by trying both.
  const signature = hexToBytes(await signHash(hashOf(signed))).subarray(0, 64)
  return `${signed}.${Buffer.from(signature).toString('base64url')}`
}

/**
 * Checks a doctor's credential against the ledger: the ledger says which hospital the affiliation is of and whether it stands,
 * the credential must be that hospital's signed word about this doctor, in its time.
 */
export function checkAffiliation({
  ledger,
  chainId,
  clock,
}: {
  ledger: Pick<Ledger, 'affiliation' | 'acceptsSignature'>
  chainId: number
  clock: () => EpochMs
}): CheckAffiliation {
  return async ({ account, affiliationId, credential }): Promise<AffiliationRefusal | null> => {
    if (credential === null) return 'credentialMissing'
    const read = readCredential(credential)
    if (!read) return 'credentialInvalid'
    const { payload } = read
    if (payload.sub !== didOf(chainId, account) || payload.affiliationId !== affiliationId) return 'credentialOfAnother'
    try {
      const known = await ledger.affiliation(affiliationId)
      if (payload.iss !== didOf(chainId, known.hospital)) return 'credentialInvalid'
      if (!(await isSignedBy(known.hospital, read, ledger))) return 'credentialInvalid'
      if (!isAddressEqual(known.doctor, account)) return 'credentialOfAnother'
      if (!known.active) return 'affiliationEnded'
    } catch {
      return 'chainUnavailable'
    }
    const now = clock()
    if (now + clockSkewMs < payload.nbf * 1000) return 'credentialNotYetValid'
    return now < payload.exp * 1000 ? null : 'credentialExpired'
  }
}

/** The affiliation that a credential says it is about, unverified; null for what is no credential of ours. */
export function affiliationIdOf(credential: string): number | null {
  return readCredential(credential)?.payload.affiliationId ?? null
}

type ReadCredential = {
  payload: { iss: string; sub: string; nbf: number; exp: number; affiliationId: number }
  signed: string
  signature: Uint8Array
}

/** What a credential says, unverified; null for anything that is not one of ours in form. */
function readCredential(credential: string): ReadCredential | null {
  const [header, payload, signature, ...more] = credential.split('.')
  if (!header || !payload || signature === undefined || more.length > 0) return null
  const said = parseObject(header)
  // A critical extension that we do not know must be refused: RFC 7515, "crit".
  if (said?.['alg'] !== algorithm || said['crit'] !== undefined) return null
  const { iss, sub, nbf, exp, vc } = parseObject(payload) ?? {}
  if (typeof iss !== 'string' || typeof sub !== 'string' || typeof nbf !== 'number' || typeof exp !== 'number')
    return null
  if (!isObject(vc) || !isObject(vc['credentialSubject']) || !Array.isArray(vc['type'])) return null
  const { id, affiliationId, role } = vc['credentialSubject']
  if (
    !['VerifiableCredential', 'HealthcareAffiliationCredential'].every((type) =>
      (vc['type'] as unknown[]).includes(type),
    )
  )
    return null
  if (id !== sub || role !== 'doctor' || typeof affiliationId !== 'number') return null
  return {
    payload: { iss, sub, nbf, exp, affiliationId },
    signed: `${header}.${payload}`,
    signature: Buffer.from(signature, 'base64url'),
  }
}

/** By the account's own key; or, where the account is a contract such as a multisig, by what that contract accepts. */
async function isSignedBy(
  account: Hex,
  { signed, signature }: ReadCredential,
  ledger: Pick<Ledger, 'acceptsSignature'>,
): Promise<boolean> {
  const hash = hashOf(signed)
  if (signature.length === 64) {
    for (const parity of [27, 28]) {
      const recoverable = concatHex([bytesToHex(signature), numberToHex(parity, { size: 1 })])
      const signer = await recoverAddress({ hash, signature: recoverable }).catch(() => null)
      if (signer !== null && isAddressEqual(signer, account)) return true
    }
  }
  return ledger.acceptsSignature(account, hash, bytesToHex(signature))
}

function hashOf(signed: string): Hex {
  return sha256(Buffer.from(signed))
}

function parseObject(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
