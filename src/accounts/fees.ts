import type { PublicClient } from 'viem'

export type Fees = { maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }

/** What a transaction should offer now, and how that compares with what was usual. */
export type FeeReading = Fees & {
  /** True in a rush: what is not urgent waits. */
  isHigh: boolean
}

/** Tip offered first; the sequencer of an OP-stack chain takes transactions in the order of their tips. */
const firstTipWei = 1_000_000n
/** No tip above this: ten doublings of the first. At 16 M gas it is 0.016 ETH. */
const maxTipWei = 1_000_000_000n
/** Ten minutes of Lisk's blocks. A rush is over when fees fall, or when half of these blocks have had them: then they are usual. */
const usualBlocks = 300
const highFactor = 5n
/** Below this no fee is high: a grant costs less than 10^-5 ETH. */
const cheapWei = 100_000_000n

export async function readFees(client: PublicClient): Promise<FeeReading> {
  const history = await client.getFeeHistory({ blockCount: usualBlocks, rewardPercentiles: [] })
  return judgeFees(history)
}

/** @param baseFeePerGas of past blocks, oldest first, and last the next block's, as eth_feeHistory gives them */
export function judgeFees({ baseFeePerGas }: { baseFeePerGas: readonly bigint[] }): FeeReading {
  const past = baseFeePerGas.slice(0, -1).toSorted((a, b) => (a < b ? -1 : 1))
  const usual = past[Math.floor(past.length / 2)] ?? 0n
  const next = baseFeePerGas.at(-1) ?? 0n
  return {
    maxFeePerGas: next * 2n + firstTipWei,
    maxPriorityFeePerGas: firstTipWei,
    isHigh: next > cheapWei && next > usual * highFactor,
  }
}

/**
 * What replaces a transaction that no block took: twice the tip, and at least an eighth more in all; nodes ask for a tenth.
 *
 * @returns null where no more is offered
 */
export function raiseFees(before: Fees, now: Fees): Fees | null {
  if (before.maxPriorityFeePerGas >= maxTipWei) return null
  const doubled = before.maxPriorityFeePerGas * 2n
  const maxPriorityFeePerGas = doubled < maxTipWei ? doubled : maxTipWei
  const fresh = now.maxFeePerGas + maxPriorityFeePerGas
  const raised = (before.maxFeePerGas * 9n) / 8n + 1n
  return { maxPriorityFeePerGas, maxFeePerGas: fresh > raised ? fresh : raised }
}
