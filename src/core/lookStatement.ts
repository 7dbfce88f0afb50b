import { bytesToHex, concatHex, keccak256, sha256, sliceHex, stringToBytes } from 'viem/utils'
import type { EpochMs } from './people.ts'
import type { Hex } from './rows.ts'

/**
 * What binds a look to the doctor's passkey. At sign-in her browser makes a key for this session, and her passkey signs the
 * session statement's SHA-256 as its challenge; for each look that key signs the look statement. The entry on chain is the
 * hash of the statement and its signature, so that an entry either opens to her word or says itself that it does not.
 *
 * Both are texts of one `name: value` a line, so that who checks them later needs no decoder.
 */
export type SessionStatement = {
  chainId: number
  ledger: Hex
  /** Unix seconds. */
  begins: number
  /** Unix seconds; at most twelve hours after it begins. */
  expires: number
  /** Ours, once: a statement that was signed before starts no second session. */
  nonce: string
  /** The session's public key: 65 bytes, uncompressed. */
  key: Hex
}

export type LookStatement = {
  chainId: number
  ledger: Hex
  request: Hex
  right: string
  /** Salted commitment to the versions that this look may show. */
  records: Hex
  /** Unix seconds. */
  time: number
  /** SHA-256 of the session statement. */
  session: Hex
}

const titles = { session: 'HealthChain session 1', look: 'HealthChain look 1' } as const

/** Longest life of a session key, in seconds: what a stolen browser could sign for. */
export const sessionLastsAtMostS = 12 * 3_600

/** The statement without its last value: the browser adds the key that it made. */
export function sessionTemplate(session: Omit<SessionStatement, 'key'>): string {
  const { chainId, ledger, begins, expires, nonce } = session
  return `${titles.session}\nchain: ${chainId}\nledger: ${ledger}\nbegins: ${begins}\nexpires: ${expires}\nnonce: ${nonce}\nkey: `
}

/** @returns null for any text that is not, to the letter, what {@link sessionTemplate} and a key make */
export function readSessionStatement(text: string): SessionStatement | null {
  const { chain, ledger, begins, expires, nonce, key } = fieldsOf(text)
  if (!chain || !isHex(ledger, 20) || !begins || !expires || !nonce || !isHex(key, 65)) return null
  const times = { begins: Number(begins), expires: Number(expires) }
  const statement = { chainId: Number(chain), ledger, ...times, nonce, key }
  return sessionTemplate(statement) + key === text ? statement : null
}

export function writeLookStatement(look: LookStatement): string {
  const { chainId, ledger, request, right, records, time, session } = look
  return `${titles.look}\nchain: ${chainId}\nledger: ${ledger}\nrequest: ${request}\nright: ${right}\nrecords: ${records}\ntime: ${time}\nsession: ${session}`
}

/** @returns null for any text that is not, to the letter, what {@link writeLookStatement} makes */
export function readLookStatement(text: string): LookStatement | null {
  const { chain, ledger, request, right, records, time, session } = fieldsOf(text)
  if (!chain || !isHex(ledger, 20) || !isHex(request, 32) || !right || !isHex(records, 32)) return null
  if (!time || !isHex(session, 32)) return null
  const look = { chainId: Number(chain), ledger, request, right, records, time: Number(time), session }
  return writeLookStatement(look) === text ? look : null
}

/** What the passkey signs as its challenge, and what looks call the session by. */
export function hashOfStatement(text: string): Hex {
  return sha256(stringToBytes(text))
}

/** What opens entries on chain, as it is handed to an auditor. It names nobody and no record. */
export type LookEvidence = {
  /** Session statements, and what the passkey's authenticator answered to their hash, as JSON. */
  sessions: { statement: string; assertion: string }[]
  looks: { statement: string; signature: Hex }[]
}

/** First byte of an entry's id: whose word stands behind it. */
export const entryTags = { serverSigned: '0x00', sessionSigned: '0x01' } as const

/** The id of an entry that opens to a statement and the session key's signature, 64 bytes r and s. */
export function signedEntryId(statement: string, signature: Hex): Hex {
  const hash = keccak256(concatHex([bytesToHex(stringToBytes(statement)), signature]))
  return concatHex([entryTags.sessionSigned, sliceHex(hash, 0, 31)])
}

/** The id of an entry of a doctor for whom the server signs: nothing more can be said of it. @param random 31 bytes */
export function serverSignedEntryId(random: Uint8Array): Hex {
  return concatHex([entryTags.serverSigned, bytesToHex(random)])
}

/** Commitment to the versions that a look may show, hidden by a salt: CIDs are few enough to be tried. */
export function commitToRecords(cids: readonly string[], salt: Hex): Hex {
  return keccak256(concatHex([salt, bytesToHex(stringToBytes([...cids].sort().join('\n')))]))
}

/** Seconds since 1970 of a clock reading. */
export function toSeconds(at: EpochMs): number {
  return Math.floor(at / 1000)
}

function fieldsOf(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(
    text
      .split('\n')
      .slice(1)
      .map((line) => line.split(': ', 2)),
  )
}

function isHex(value: string | undefined, bytes: number): value is Hex {
  return value !== undefined && value.length === 2 + 2 * bytes && /^0x[0-9a-f]+$/i.test(value)
}
