import { generateKeyPairSync, sign } from 'node:crypto'
import { bytesToHex } from 'viem'
import { describe, expect, test } from 'vitest'
import { checkLookEvidence, type DoctorAccounts } from '../../../src/accounts/lookEvidence.ts'
import type { AuditEvent, StoredRequest } from '../../../src/core/audit.ts'
import {
  hashOfStatement,
  type LookEvidence,
  type LookStatement,
  type SessionStatement,
  serverSignedEntryId,
  sessionTemplate,
  signedEntryId,
  writeLookStatement,
} from '../../../src/core/lookStatement.ts'
import type { Hex } from '../../../src/core/rows.ts'
import { type AnswerChange, answerOf, newPasskey } from '../../support/softwareAuthenticator.ts'

const now = 1_795_700_000
const ledger: Hex = `0x${'aa'.repeat(20)}`
const requestId: Hex = `0x${'bb'.repeat(32)}`
const affiliationId = 7
const hour = 3_600

describe('a look on chain', () => {
  test("opens to the doctor's word, and is counted as hers", () => {
    expect(check(look())).toEqual({ attributed: 1, serverSigned: 0, findings: [] })
  })

  test.each<[string, string, Parameters<typeof look>[0]]>([
    ['another request', 'another look', { said: { request: `0x${'cc'.repeat(32)}` } }],
    ['another ledger', 'another look', { said: { ledger: `0x${'cc'.repeat(20)}` } }],
    ['another right', 'another look', { said: { right: 'ADD' } }],
    ['a time to come', 'another look', { said: { time: now + hour } }],
    ['a session on another chain', 'outside of its time', { session: { chainId: 1 } }],
    ['a session that had ended', 'outside of its time', { session: { expires: now - 1 } }],
    ['a session longer than twelve hours', 'outside of its time', { session: { expires: now + 12 * hour } }],
    ['a session that its passkey authorised unverified', 'No passkey', { answer: { flags: 0x01 } }],
    ['a session made with the making of a passkey', 'No passkey', { answer: { type: 'webauthn.create' } }],
  ])('is nobody’s when the statement is about %s', (_, text, change) => {
    const { findings } = check(look(change))
    expect(findings).toHaveLength(1)
    expect(findings[0]).toMatchObject({ kind: 'unattributed', text: expect.stringContaining(text), requestId })
  })

  test('is nobody’s without its statement, its session, or with another signature', () => {
    const { entryId, evidence, accounts } = look()
    const texts = (changed: LookEvidence) =>
      check({ entryId, evidence: changed, accounts }).findings.map(({ text }) => text)
    expect(texts({ ...evidence, looks: [] })).toEqual(['No statement of a session key opens this entry.'])
    expect(texts({ ...evidence, sessions: [] })).toEqual(['The statement names no session that is known.'])
    const [first] = evidence.looks
    const signature: Hex = `0x${'11'.repeat(64)}`
    const forged = { statement: first?.statement ?? '', signature }
    // Whoever writes to the chain can make an id that opens, but not the session key's signature.
    const made = {
      entryId: signedEntryId(forged.statement, signature),
      evidence: { ...evidence, looks: [forged] },
      accounts,
    }
    expect(check(made).findings[0]?.text).toBe("The session key's signature is not right.")
  })

  test('is nobody’s when the passkey was the account’s only before or after', () => {
    const { entryId, evidence, accounts } = look()
    const [own] = accounts.get(affiliationId)?.passkeys ?? []
    if (!own) throw new Error('The doctor has a passkey.')
    const held = (from: number, until: number): DoctorAccounts =>
      new Map([[affiliationId, { account: ledger, passkeys: [{ ...own, from, until }] }]])
    const attributed = (from: number, until: number) =>
      check({ entryId, evidence, accounts: held(from, until) }).attributed
    expect(attributed(now - hour, now + hour)).toBe(1)
    expect(attributed(0, now - hour)).toBe(0)
    expect(attributed(now + hour, Number.POSITIVE_INFINITY)).toBe(0)
    expect(check({ entryId, evidence, accounts: new Map() }).findings[0]?.text).toContain('No affiliation')
  })

  test('of a doctor whom a server signs for is counted apart, and may not look like hers', () => {
    const { entryId, evidence } = look()
    const accounts: DoctorAccounts = new Map([[affiliationId, { account: ledger, passkeys: null }]])
    const plain = serverSignedEntryId(new Uint8Array(31))
    expect(check({ entryId: plain, evidence, accounts })).toEqual({ attributed: 0, serverSigned: 1, findings: [] })
    expect(check({ entryId, evidence, accounts }).findings[0]?.text).toContain('a server signs for this account')
  })
})

type Change = { said?: Partial<LookStatement>; session?: Partial<SessionStatement>; answer?: AnswerChange }

/** A look as it is signed for, with what is changed before the keys sign. */
function look({ said = {}, session = {}, answer = {} }: Change = {}) {
  const own = newPasskey()
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const key = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  const place = { chainId: 31337, ledger }
  const times = { begins: now - hour, expires: now + 9 * hour }
  const statement = sessionTemplate({ ...place, ...times, nonce: 'n', ...session }) + bytesToHex(key)
  const text = writeLookStatement({
    ...place,
    request: requestId,
    right: 'VIEW',
    records: `0x${'dd'.repeat(32)}`,
    time: now,
    session: hashOfStatement(statement),
    ...said,
  })
  const signature = bytesToHex(sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }))
  const evidence: LookEvidence = {
    sessions: [{ statement, assertion: answerOf(own, hashOfStatement(statement), answer) }],
    looks: [{ statement: text, signature }],
  }
  const passkeys = [{ ...own.passkey, from: 0, until: Number.POSITIVE_INFINITY }]
  const accounts: DoctorAccounts = new Map([[affiliationId, { account: ledger, passkeys }]])
  return { entryId: signedEntryId(text, signature), evidence, accounts }
}

function check({ entryId, evidence, accounts }: { entryId: Hex; evidence: LookEvidence; accounts: DoctorAccounts }) {
  const event: AuditEvent = {
    kind: 'accessLogged',
    address: ledger,
    blockNumber: 1,
    logIndex: 0,
    transactionHash: `0x${'ee'.repeat(32)}`,
    timestamp: now + 2,
    sender: ledger,
    requestId,
    entryId,
    right: 1,
    count: 1,
  }
  const stored = new Map([[requestId, { affiliationId } as StoredRequest]])
  return checkLookEvidence({ chainId: 31337, ledger, events: [event], stored }, accounts, evidence)
}
