import { createPublicKey, verify } from 'node:crypto'
import { hexToBytes, sha256 } from 'viem'
import type { Finding, LedgerHistory } from '../core/audit.ts'
import { rightBits } from '../core/classes.ts'
import {
  entryTags,
  hashOfStatement,
  type LookEvidence,
  type LookStatement,
  readLookStatement,
  readSessionStatement,
  type SessionStatement,
  sessionLastsAtMostS,
  signedEntryId,
} from '../core/lookStatement.ts'
import type { PasskeyPoint } from '../core/passkey.ts'
import type { Hex } from '../core/rows.ts'

/** A passkey and the time in which an account obeyed it, Unix seconds of block times. */
export type HeldPasskey = PasskeyPoint & { from: number; until: number }

/** The doctor's account behind an affiliation; with the passkeys it ever had, or null where a server signs for it. */
export type DoctorAccounts = ReadonlyMap<number, { account: Hex; passkeys: readonly HeldPasskey[] | null }>

export type EvidenceReport = {
  /** Looks that open to a statement of a session key which the doctor's passkey authorised. */
  attributed: number
  /** Looks of accounts that a server signs for: behind them stands the access writer's word alone. */
  serverSigned: number
  findings: Finding[]
}

type Look = { requestId: Hex; entryId: Hex; right: number; lookedAt: number }

/** Clocks of browser, server and chain may differ by this much. */
const clockSkewS = 120

/** Flags of authenticator data: the person was there, and the authenticator verified who. Source: WebAuthn 2, 6.1. */
const presentAndVerified = 0x05

/**
 * Opens every look on chain: those of an account that passkeys own must be the hash of a statement about that very request,
 * signed by a session key, which a passkey that the account obeyed at that time had authorised.
 */
export function checkLookEvidence(
  history: Pick<LedgerHistory, 'ledger' | 'events' | 'stored'> & { chainId: number },
  accounts: DoctorAccounts,
  evidence: LookEvidence,
): EvidenceReport {
  const sessions = new Map(evidence.sessions.map((session) => [hashOfStatement(session.statement), session]))
  const looks = new Map(evidence.looks.map((look) => [signedEntryId(look.statement, look.signature), look]))
  const report: EvidenceReport = { attributed: 0, serverSigned: 0, findings: [] }
  for (const event of history.events) {
    if (event.kind !== 'accessLogged' && event.kind !== 'accessLoggedLate') continue
    if (event.address !== history.ledger) continue
    const account = accounts.get(history.stored.get(event.requestId)?.affiliationId ?? 0)
    const look = { ...event, lookedAt: event.kind === 'accessLoggedLate' ? event.lookedAt : event.timestamp }
    const text = account ? fault(look, account.passkeys) : 'No affiliation of the ledger stands behind this look.'
    if (text !== null) {
      const { requestId, blockNumber, transactionHash } = event
      report.findings.push({ kind: 'unattributed', text, requestId, blockNumber, transactionHash })
    } else if (account?.passkeys) report.attributed += 1
    else report.serverSigned += 1
  }
  return report

  function fault(event: Look, passkeys: readonly HeldPasskey[] | null): string | null {
    if (passkeys === null)
      return event.entryId.startsWith(entryTags.sessionSigned)
        ? "The entry claims a session key's signature, but a server signs for this account."
        : null
    const look = looks.get(event.entryId)
    if (!look) return 'No statement of a session key opens this entry.'
    const said = readLookStatement(look.statement)
    const session = said && sessions.get(said.session)
    const statement = session ? readSessionStatement(session.statement) : null
    if (!said || !session || !statement) return 'The statement names no session that is known.'
    if (!isAbout(said, event)) return 'The statement is about another look.'
    if (!isWithin(said, statement)) return 'The session key was used outside of its time, or its time was too long.'
    if (!isSignedBySessionKey(look.statement, look.signature, statement.key))
      return "The session key's signature is not right."
    const hash = hashOfStatement(session.statement)
    const held = passkeys.filter(({ from, until }) => from <= said.time + clockSkewS && said.time - clockSkewS < until)
    return held.some((passkey) => isSignedByPasskey(session.assertion, hash, passkey))
      ? null
      : 'No passkey that the account obeyed at that time authorised the session key.'
  }

  function isAbout(said: LookStatement, event: Look): boolean {
    return (
      said.chainId === history.chainId &&
      said.ledger.toLowerCase() === history.ledger &&
      said.request === event.requestId &&
      (rightBits as Record<string, number>)[said.right] === event.right &&
      said.time <= event.lookedAt + clockSkewS
    )
  }

  function isWithin(said: LookStatement, { chainId, ledger, begins, expires }: SessionStatement): boolean {
    const isHere = chainId === history.chainId && ledger.toLowerCase() === history.ledger
    return isHere && expires - begins <= sessionLastsAtMostS && begins <= said.time && said.time <= expires
  }
}

/**
 * Whether a session key signed a statement: ECDSA over P-256 and SHA-256, as WebCrypto makes it.
 *
 * @param signature r and s, 64 bytes
 * @param publicKey 65 bytes, uncompressed
 */
export function isSignedBySessionKey(text: string, signature: Hex, publicKey: Hex): boolean {
  const [qx, qy] = [`0x${publicKey.slice(4, 68)}`, `0x${publicKey.slice(68)}`] as const
  return isSigned({ qx, qy }, Buffer.from(text), hexToBytes(signature), 'ieee-p1363')
}

/** What the contract checks of a passkey's signature, off chain. @param answer the authenticator's, as JSON */
function isSignedByPasskey(answer: string, challenge: Hex, passkey: PasskeyPoint): boolean {
  try {
    const { response } = JSON.parse(answer) as { response: Record<string, string> }
    const [clientData, authenticatorData, signature] = ['clientDataJSON', 'authenticatorData', 'signature'].map(
      (name) => Buffer.from(response[name] ?? '', 'base64url'),
    )
    if (!clientData || !authenticatorData || !signature) return false
    const said = JSON.parse(clientData.toString()) as Record<string, unknown>
    return (
      said['type'] === 'webauthn.get' &&
      said['challenge'] === Buffer.from(hexToBytes(challenge)).toString('base64url') &&
      ((authenticatorData[32] ?? 0) & presentAndVerified) === presentAndVerified &&
      isSigned(passkey, Buffer.concat([authenticatorData, hexToBytes(sha256(clientData))]), signature, 'der')
    )
  } catch {
    // No answer of an authenticator.
    return false
  }
}

function isSigned(
  { qx, qy }: PasskeyPoint,
  data: Uint8Array,
  signature: Uint8Array,
  dsaEncoding: 'der' | 'ieee-p1363',
): boolean {
  const toBase64Url = (part: Hex) => Buffer.from(part.slice(2), 'hex').toString('base64url')
  try {
    const key = createPublicKey({
      key: { kty: 'EC', crv: 'P-256', x: toBase64Url(qx), y: toBase64Url(qy) },
      format: 'jwk',
    })
    return verify('sha256', data, { key, dsaEncoding }, signature)
  } catch {
    // No point of the curve, or no signature.
    return false
  }
}
