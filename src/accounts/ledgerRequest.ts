import { encodeAbiParameters, encodeFunctionData, getAbiItem, keccak256, zeroHash } from 'viem'
import { grantEnd } from '../core/consent.ts'
import type { LedgerRequest } from '../core/ledger.ts'
import type { EpochMs } from '../core/people.ts'
import type { ConsentRequestRow, Hex } from '../core/rows.ts'
import type { UserOperationKind } from '../core/userOperation.ts'
import { consentLedgerAbi } from './contracts.generated.ts'

/** A server clock this much ahead of the chain's still asks for an end that the ledger accepts. */
const clockSkewMs = 60_000

const requestTuple = getAbiItem({ abi: consentLedgerAbi, name: 'requestIdOf' }).inputs[0]

/** Identity of a request on the ledger: the same hash that `ConsentLedger.requestIdOf` computes. */
export function ledgerRequestIdOf(chainId: number, ledger: Hex, request: LedgerRequest): Hex {
  return keccak256(
    encodeAbiParameters([{ type: 'uint256' }, { type: 'address' }, requestTuple], [BigInt(chainId), ledger, request]),
  )
}

/** The end that an answer given at a time asks for. */
export function grantEndOf(answeredAt: EpochMs, days: number): number {
  return grantEnd((answeredAt - clockSkewMs) as EpochMs, days)
}

/** The ledger call of an operation: what the account is called with, and what its owner signs. */
export function encodeLedgerCall(kind: UserOperationKind, row: ConsentRequestRow, parties: Parties): Hex {
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
      return encodeFunctionData({ abi, functionName: 'openGrant', args: [requestId, until, row.artefactCommitment] })
    }
    case 'refuseRequest':
      return encodeFunctionData({ abi, functionName: 'refuseRequest', args: [requestId] })
    case 'revokeGrant':
      return encodeFunctionData({ abi, functionName: 'revokeGrant', args: [requestId] })
  }
}

export type Parties = { patientAccount: Hex; affiliationId: number }

export function toLedgerRequest(
  row: Pick<
    ConsentRequestRow,
    'rights' | 'oneTime' | 'days' | 'answerBy' | 'scopeCommitment' | 'lineHash' | 'nextLink'
  >,
  { patientAccount, affiliationId }: Parties,
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
