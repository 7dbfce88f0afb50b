import { BaseError, ContractFunctionRevertedError, type LocalAccount, type PublicClient, type WalletClient } from 'viem'
import { emergencyLastsMs, reviewTimeMs } from '../core/consent.ts'
import type { Hex } from '../core/rows.ts'
import { consentLedgerAbi } from './contracts.generated.ts'
import { LedgerUnreadableError } from './ledgerHistory.ts'
import { readInPages } from './readInPages.ts'

/** An emergency as the chain alone tells it: accounts, and no names. Times are Unix seconds of the chain. */
export type Emergency = {
  requestId: Hex
  openedAt: number
  /** The hospital may review it until then, the governor at any time. */
  reviewBy: number
  isOverdue: boolean
  isDisputed: boolean
  looks: number
  affiliationId: number
  doctor: Hex
  hospital: Hex
  reasonCommitment: Hex
}

type Place = { client: PublicClient; ledger: Hex }

/** Every emergency that was not reviewed yet, oldest first. */
export async function readUnreviewed(
  { client, ledger }: Place,
  fromBlock: number,
): Promise<{ chainId: number; toBlock: number; emergencies: Emergency[] }> {
  const chainId = await client.getChainId()
  const { number: toBlock, timestamp } = await client.getBlock()
  const contract = { address: ledger, abi: consentLedgerAbi, blockNumber: toBlock } as const
  if ((await client.getCode({ address: ledger, blockNumber: toBlock })) === undefined)
    throw new LedgerUnreadableError(
      'noLedger',
      'There is no contract at the address of the ledger.',
      `Chain ${chainId}, block ${toBlock}.`,
      'compare address and network with the deployment.',
    )
  const read = <Name extends 'EmergencyOpened' | 'EmergencyReviewed' | 'EmergencyDisputed'>(eventName: Name) =>
    readInPages(BigInt(fromBlock), toBlock, (from, to) =>
      client.getContractEvents({ ...contract, eventName, strict: true, fromBlock: from, toBlock: to }),
    )
  const reviewed = new Set((await read('EmergencyReviewed')).map(({ args }) => args.requestId))
  const disputed = new Set((await read('EmergencyDisputed')).map(({ args }) => args.requestId))
  const opened = (await read('EmergencyOpened')).filter(({ args }) => !reviewed.has(args.requestId))
  const emergencies = opened.map(async ({ args }): Promise<Emergency> => {
    const { requestId, affiliationId, until, reasonCommitment } = args
    const call = { ...contract, args: [affiliationId] } as const
    const [doctor, hospital] = await client.readContract({ ...call, functionName: 'affiliation' })
    const known = await client.readContract({ ...contract, functionName: 'requestState', args: [requestId] })
    const openedAt = until - emergencyLastsMs / 1000
    const reviewBy = openedAt + reviewTimeMs / 1000
    return {
      requestId,
      openedAt,
      reviewBy,
      isOverdue: timestamp > reviewBy,
      isDisputed: disputed.has(requestId),
      looks: known.accessCount,
      affiliationId,
      doctor,
      hospital,
      reasonCommitment,
    }
  })
  return { chainId, toBlock: Number(toBlock), emergencies: await Promise.all(emergencies) }
}

/** `NotReviewable`: no emergency of this ledger, or reviewed before. `NotReviewer`: not this key's to review, or not any more. */
export type ReviewRefusal = 'NotReviewable' | 'NotReviewer'

type Review = { requestId: Hex; findingCommitment: Hex }

/** Asks the ledger whether it would take a review by an account; sends nothing. */
export async function reviewRefusal(
  { client, ledger }: Place,
  reviewer: Hex,
  { requestId, findingCommitment }: Review,
): Promise<ReviewRefusal | null> {
  try {
    await client.simulateContract({ ...reviewCall(ledger, requestId, findingCommitment), account: reviewer })
    return null
  } catch (error) {
    const reverted = error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError)
    const name = reverted instanceof ContractFunctionRevertedError ? reverted.data?.errorName : undefined
    if (name === 'NotReviewable' || name === 'NotReviewer') return name
    throw error
  }
}

/** Puts a review on chain, paid for by the reviewer. @returns the transaction, once a block holds it */
export async function sendReview(
  { client, ledger }: Place,
  wallet: WalletClient,
  account: LocalAccount,
  { requestId, findingCommitment }: Review,
): Promise<Hex> {
  const hash = await wallet.writeContract({
    ...reviewCall(ledger, requestId, findingCommitment),
    account,
    chain: null,
  })
  const { status } = await client.waitForTransactionReceipt({ hash })
  if (status !== 'success') throw new Error(`The transaction ${hash} failed. Do: run the same command again.`)
  return hash
}

function reviewCall(ledger: Hex, requestId: Hex, findingCommitment: Hex) {
  return {
    address: ledger,
    abi: consentLedgerAbi,
    functionName: 'reviewEmergency',
    args: [requestId, findingCommitment],
  } as const
}
