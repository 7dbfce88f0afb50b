import { decodeFunctionData, keccak256, zeroHash } from 'viem'
import { describe, expect, test } from 'vitest'
import { consentLedgerAbi } from '../../../src/accounts/contracts.generated.ts'
import {
  encodeLedgerCall,
  grantEndOf,
  ledgerContentIdOf,
  ledgerEmergencyIdOf,
  ledgerRequestIdOf,
  toLedgerRequest,
} from '../../../src/accounts/ledgerRequest.ts'
import type { LedgerRequest } from '../../../src/core/ledger.ts'
import { type ConsentRequestId, type DoctorId, day, type EpochMs, type PatientId } from '../../../src/core/people.ts'
import type { ConsentRequestRow, Hex } from '../../../src/core/rows.ts'

const ledger: Hex = '0x5FbDB2315678afecb367f032d93F642f64180aa3'
const patient: Hex = '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512'
const patientWord: Hex = `0x${'cd'.repeat(32)}`
const request: LedgerRequest = {
  patient,
  affiliationId: 7,
  rights: 1,
  uses: 1,
  durationDays: 30,
  answerBy: 1_795_700_000,
  scopeCommitment: `0x${'ab'.repeat(32)}`,
  replaces: zeroHash,
  lineHash: zeroHash,
  nextLink: zeroHash,
}

describe('the identity of a request', () => {
  test('is the last twenty bytes of keccak256 over twelve words of 32 bytes, written out by hand', () => {
    const word = (value: bigint | number | string) =>
      (typeof value === 'string' ? value.replace(/^0x/, '').toLowerCase() : value.toString(16)).padStart(64, '0')
    const words = [31337, ledger, patient, 7, 1, 1, 30, 1_795_700_000, 'ab'.repeat(32), 0, 0, 0].map(word)
    expect(words).toHaveLength(12)
    const twentyBytes = keccak256(`0x${words.join('')}`).slice(-40)
    expect(ledgerRequestIdOf(31337, ledger, request)).toBe(`0x${'00'.repeat(12)}${twentyBytes}`)
    expect(ledgerRequestIdOf(31337, ledger, request)).toMatchInlineSnapshot(
      `"0x00000000000000000000000051b6c79ad69fff88594a01c4f875047535bbb1ec"`,
    )
  })

  test('of a request with a card line is made of its content and the line, so that only its code names it', () => {
    const withLine = { ...request, lineHash: patientWord, nextLink: zeroHash }
    const contentId = ledgerContentIdOf(31337, ledger, withLine)
    const content = `${contentId.slice(-32)}${'00'.repeat(16)}`
    const twentyBytes = keccak256(`0x${content}${patientWord.slice(2)}`).slice(-40)
    expect(ledgerRequestIdOf(31337, ledger, withLine)).toBe(`0x${'00'.repeat(12)}${twentyBytes}`)
    expect(ledgerRequestIdOf(31337, ledger, request)).toBe(ledgerContentIdOf(31337, ledger, request))
  })

  test('differs on another chain, on another ledger, and for every changed part', () => {
    const changed: LedgerRequest[] = [
      { ...request, patient: ledger },
      { ...request, affiliationId: 8 },
      { ...request, rights: 3 },
      { ...request, uses: 0 },
      { ...request, durationDays: 31 },
      { ...request, answerBy: request.answerBy + 1 },
      { ...request, scopeCommitment: `0x${'ac'.repeat(32)}` },
      { ...request, replaces: patientWord },
      { ...request, lineHash: patientWord },
      { ...request, nextLink: patientWord },
    ]
    const ids = [
      ledgerRequestIdOf(31337, ledger, request),
      ledgerRequestIdOf(1135, ledger, request),
      ledgerRequestIdOf(31337, patient, request),
      ...changed.map((one) => ledgerRequestIdOf(31337, ledger, one)),
    ]
    expect(new Set(ids).size).toBe(13)
  })
})

test('the identity of an emergency is made of the patient, the post and the reason', () => {
  const emergency = { patient, affiliationId: 7, reasonCommitment: request.scopeCommitment }
  const word = (value: bigint | Hex) => BigInt(value).toString(16).padStart(64, '0')
  const words = [31_337n, ledger, patient, 7n, request.scopeCommitment].map(word).join('')
  const id = ledgerEmergencyIdOf(31337, ledger, emergency)
  expect(id).toBe(`0x${'00'.repeat(12)}${keccak256(`0x${words}`).slice(-40)}`)
})

describe('the end of a grant', () => {
  const midnight = Date.UTC(2026, 11, 1)

  test('is a whole UTC day, rounded up', () => {
    for (const answeredAt of [midnight + 2 * 60_000, midnight + day / 2, midnight + day])
      expect(grantEndOf(answeredAt as EpochMs, 7) * 1000).toBe(midnight + 8 * day)
  })

  test('allows the server’s clock to be a minute ahead of the chain’s', () => {
    // The chain may still be before midnight, and would refuse an end that counts from after it.
    expect(grantEndOf((midnight + 60_000) as EpochMs, 7) * 1000).toBe(midnight + 7 * day)
    expect(grantEndOf((midnight + 60_001) as EpochMs, 7) * 1000).toBe(midnight + 8 * day)
  })
})

describe('what an account is called with', () => {
  const row: ConsentRequestRow = {
    id: 'request' as ConsentRequestId,
    number: 47,
    doctorId: 'doctor' as DoctorId,
    doctorAccount: `0x${'dd'.repeat(20)}`,
    affiliationId: 1,
    signing: 'serverSigned',
    patientId: 'patient' as PatientId,
    healthId: 'HC-0000-0000',
    preset: 'LAB_RESULTS',
    purpose: 'treatment',
    days: 30,
    oneTime: true,
    rights: 1,
    recordsFrom: 0 as EpochMs,
    recordsUntil: 1 as EpochMs,
    scopeSalt: `0x${'01'.repeat(32)}`,
    scopeCommitment: request.scopeCommitment,
    ledgerRequestId: `0x${'00'.repeat(12)}${'cd'.repeat(20)}`,
    cardId: null,
    cardLine: null,
    lineHash: null,
    nextLink: null,
    state: 'granting',
    askedAt: 0 as EpochMs,
    answerBy: 1_795_700_000_999 as EpochMs,
    answeredAt: Date.UTC(2026, 11, 1, 12) as EpochMs,
    endedAt: null,
    grantedUntil: null,
    reasonSealed: null,
    reviewedAt: null,
    artefactSealed: null,
    artefactSalt: null,
    artefactCommitment: `0x${'ef'.repeat(20)}`,
  }
  const parties = { patientAccount: patient, affiliationId: 7, chainId: 31337, ledger, stretchedCode: null }
  const decoded = (data: Hex) => decodeFunctionData({ abi: consentLedgerAbi, data })

  test('a request carries what the doctor signs, its time in whole seconds', () => {
    expect(toLedgerRequest(row, parties)).toEqual(request)
    expect(decoded(encodeLedgerCall('openRequest', row, parties))).toEqual({
      functionName: 'openRequest',
      args: [request],
    })
  })

  test('a grant names the request, its end and the evidence', () => {
    expect(decoded(encodeLedgerCall('openGrant', row, parties))).toEqual({
      functionName: 'openGrant',
      // 1 January 2027 is day 20,819 since 1970, 0x5153.
      args: [row.ledgerRequestId, `0x${'ef'.repeat(20)}5153${'00'.repeat(10)}`],
    })
  })

  test('a request that took a line of the card carries its hash and the link after it', () => {
    const line = { lineHash: `0x${'12'.repeat(32)}`, nextLink: `0x${'34'.repeat(32)}` } as const
    expect(toLedgerRequest({ ...row, ...line }, parties)).toEqual({ ...request, ...line })
  })

  test('a grant on a code names the content and shows the stretched code, and is not made without one', () => {
    const stretchedCode: Hex = `0x${'56'.repeat(14).padEnd(64, '0')}`
    const contentId = ledgerContentIdOf(31337, ledger, request)
    expect(decoded(encodeLedgerCall('openGrantWithCode', row, { ...parties, stretchedCode }))).toEqual({
      functionName: 'openGrantWithCode',
      args: [`0x${contentId.slice(-32)}${'ef'.repeat(16)}`, `0x${'56'.repeat(14)}5153`],
    })
    expect(() => encodeLedgerCall('openGrantWithCode', row, parties)).toThrow(TypeError)
  })

  test('an emergency names the patient, the post, and the commitment to its reason', () => {
    expect(decoded(encodeLedgerCall('openEmergency', row, parties))).toEqual({
      functionName: 'openEmergency',
      args: [patient, 7, row.scopeCommitment],
    })
  })

  test.each(['withdrawRequest', 'refuseRequest', 'revokeGrant', 'disputeEmergency'] as const)(
    '%s names the request alone',
    (kind) => {
      expect(decoded(encodeLedgerCall(kind, row, parties))).toEqual({ functionName: kind, args: [row.ledgerRequestId] })
    },
  )

  test('no grant is made of a request that nobody answered', () => {
    expect(() => encodeLedgerCall('openGrant', { ...row, answeredAt: null }, parties)).toThrow(TypeError)
    expect(() => encodeLedgerCall('openGrant', { ...row, artefactCommitment: null }, parties)).toThrow(TypeError)
  })
})
