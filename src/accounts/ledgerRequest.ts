import {
  concatHex,
  encodeAbiParameters,
  encodeFunctionData,
  getAbiItem,
  keccak256,
  numberToHex,
  pad,
  size,
  slice,
  zeroHash,
} from 'viem'
import { codeStretch } from '../core/codeCard.ts'
import { grantEnd } from '../core/consent.ts'
import type { LedgerEmergency, LedgerRequest } from '../core/ledger.ts'
import type { EpochMs } from '../core/people.ts'
import type { ConsentRequestRow, Hex } from '../core/rows.ts'
import type { RequestOperationKind } from '../core/userOperation.ts'
import { consentLedgerAbi } from './contracts.generated.ts'

/** A server clock this much ahead of the chain's still asks for an end that the ledger accepts. */
const clockSkewMs = 60_000

/** A request's number is this much of its hash's end, as an address is; before it the word is zero. */
const numberBytes = 20
/** An answer with a code shows this much of what it names and of what commits to the evidence: see docs/decisions/0018. */
const codedBytes = 16
const daySeconds = 86_400

const requestTuple = getAbiItem({ abi: consentLedgerAbi, name: 'requestIdOf' }).inputs[0]

/** Identity of a request on the ledger: the same hash that `ConsentLedger.requestIdOf` computes. */
export function ledgerRequestIdOf(chainId: number, ledger: Hex, request: LedgerRequest): Hex {
  const contentId = ledgerContentIdOf(chainId, ledger, request)
  if (request.lineHash === zeroHash) return contentId
  const types = [{ type: 'bytes16' }, { type: 'bytes32' }] as const
  return numberOf(keccak256(encodeAbiParameters(types, [contentEndOf(contentId), request.lineHash])))
}

/** The content of a request, as `ConsentLedger.contentIdOf` computes it: an answer with a code names it. */
export function ledgerContentIdOf(chainId: number, ledger: Hex, request: LedgerRequest): Hex {
  return numberOf(
    keccak256(
      encodeAbiParameters([{ type: 'uint256' }, { type: 'address' }, requestTuple], [BigInt(chainId), ledger, request]),
    ),
  )
}

/** As much of a content's identity as an answer with a code names. */
function contentEndOf(contentId: Hex): Hex {
  return slice(contentId, size(contentId) - codedBytes)
}

/** Identity of an emergency on the ledger, as `ConsentLedger.openEmergency` makes it. */
export function ledgerEmergencyIdOf(
  chainId: number,
  ledger: Hex,
  { patient, affiliationId, reasonCommitment }: LedgerEmergency,
): Hex {
  const types = [
    { type: 'uint256' },
    { type: 'address' },
    { type: 'address' },
    { type: 'uint32' },
    { type: 'bytes32' },
  ] as const
  return numberOf(
    keccak256(encodeAbiParameters(types, [BigInt(chainId), ledger, patient, affiliationId, reasonCommitment])),
  )
}

function numberOf(hash: Hex): Hex {
  return pad(slice(hash, size(hash) - numberBytes))
}

/**
 * A patient's answer as the ledger takes it: what commits to the evidence, and the day with whose beginning access ends.
 *
 * @param artefactCommitment twenty bytes
 * @param untilSeconds a whole UTC day
 */
export function ledgerAnswerOf(artefactCommitment: Hex, untilSeconds: number): Hex {
  return pad(concatHex([artefactCommitment, dayOf(untilSeconds)]), { dir: 'right' })
}

/**
 * The same with a code: what names the request and commits to the evidence, then the code and the day.
 *
 * @param contentId as {@link ledgerContentIdOf} gives it
 * @param artefactCommitment sixteen bytes or more, of which the first sixteen count
 * @param stretchedCode a word: the code's bytes, then zeros
 * @param untilSeconds a whole UTC day
 */
export function ledgerCodedAnswerOf(
  contentId: Hex,
  artefactCommitment: Hex,
  stretchedCode: Hex,
  untilSeconds: number,
): readonly [contentAndArtefact: Hex, codeAndDay: Hex] {
  return [
    concatHex([contentEndOf(contentId), slice(artefactCommitment, 0, codedBytes)]),
    concatHex([slice(stretchedCode, 0, codeStretch.bytes), dayOf(untilSeconds)]),
  ]
}

function dayOf(untilSeconds: number): Hex {
  return numberToHex(untilSeconds / daySeconds, { size: 2 })
}

/** The end that an answer given at a time asks for. */
export function grantEndOf(answeredAt: EpochMs, days: number): number {
  return grantEnd((answeredAt - clockSkewMs) as EpochMs, days)
}

/** The ledger call of an operation: what the account is called with, and what its owner signs. */
export function encodeLedgerCall(kind: RequestOperationKind, row: ConsentRequestRow, parties: Parties): Hex {
  const abi = consentLedgerAbi
  const requestId = row.ledgerRequestId
  switch (kind) {
    case 'openRequest':
      return encodeFunctionData({ abi, functionName: 'openRequest', args: [toLedgerRequest(row, parties)] })
    case 'withdrawRequest':
      return encodeFunctionData({ abi, functionName: 'withdrawRequest', args: [requestId] })
    case 'openGrant': {
      if (row.answeredAt === null || row.artefactCommitment === null)
        throw new TypeError(`Request ${row.id} has no answer to open a grant with.`)
      const until = grantEndOf(row.answeredAt, row.days)
      const args = [requestId, ledgerAnswerOf(row.artefactCommitment, until)] as const
      return encodeFunctionData({ abi, functionName: 'openGrant', args })
    }
    case 'openGrantWithCode': {
      if (row.answeredAt === null || row.artefactCommitment === null || parties.stretchedCode === null)
        throw new TypeError(`Request ${row.id} has no code to open a grant with.`)
      const until = grantEndOf(row.answeredAt, row.days)
      const contentId = ledgerContentIdOf(parties.chainId, parties.ledger, toLedgerRequest(row, parties))
      const args = ledgerCodedAnswerOf(contentId, row.artefactCommitment, parties.stretchedCode, until)
      return encodeFunctionData({ abi, functionName: 'openGrantWithCode', args })
    }
    case 'refuseRequest':
      return encodeFunctionData({ abi, functionName: 'refuseRequest', args: [requestId] })
    case 'revokeGrant':
      return encodeFunctionData({ abi, functionName: 'revokeGrant', args: [requestId] })
    case 'openEmergency': {
      const args = [parties.patientAccount, parties.affiliationId, row.scopeCommitment] as const
      return encodeFunctionData({ abi, functionName: 'openEmergency', args })
    }
    case 'disputeEmergency':
      return encodeFunctionData({ abi, functionName: 'disputeEmergency', args: [requestId] })
  }
}

/** Whom a call is about, on which ledger, and what only a grant with a code shows. */
export type Parties = {
  patientAccount: Hex
  affiliationId: number
  chainId: number
  ledger: Hex
  stretchedCode: Hex | null
}

export function toLedgerRequest(
  row: Pick<
    ConsentRequestRow,
    'rights' | 'oneTime' | 'days' | 'answerBy' | 'scopeCommitment' | 'lineHash' | 'nextLink'
  >,
  { patientAccount, affiliationId }: Pick<Parties, 'patientAccount' | 'affiliationId'>,
): LedgerRequest {
  return {
    patient: patientAccount,
    affiliationId,
    rights: row.rights,
    uses: row.oneTime ? 1 : 0,
    durationDays: row.days,
    answerBy: Math.floor(row.answerBy / 1000),
    scopeCommitment: row.scopeCommitment,
    replaces: zeroHash,
    lineHash: row.lineHash ?? zeroHash,
    nextLink: row.nextLink ?? zeroHash,
  }
}
