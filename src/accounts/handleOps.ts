import { decodeErrorResult, encodeFunctionData, type PublicClient } from 'viem'
import type { Hex } from '../core/rows.ts'
import { entryPointAbi } from './contracts.generated.ts'
import { revertDataOf } from './revertData.ts'
import { gasLimitOf, packUserOperation, type SignedUserOperation } from './userOperation.ts'

/** Lisk takes no transaction above 16.78 M gas; the rest is handleOps' own. */
export const bundleGasLimit = 16_000_000n
const bundleOverhead = 120_000n

/** Whatever carries an operation: a row, or nothing but its hash. */
type Carrier = { operation: SignedUserOperation }

/** The call that puts operations before the entry point; `beneficiary` is paid for it. */
export function encodeHandleOps(carriers: readonly Carrier[], beneficiary: Hex): Hex {
  return encodeFunctionData({
    abi: entryPointAbi,
    functionName: 'handleOps',
    args: [carriers.map(({ operation }) => packUserOperation(operation)), beneficiary],
  })
}

export function handleOpsGas(carriers: readonly Carrier[]): bigint {
  return carriers.reduce((sum, { operation }) => sum + gasLimitOf(operation), bundleOverhead)
}

/**
 * As many bundles as it takes for each to stay below the gas that a transaction may ask for.
 *
 * In each the order is that of the nonces, removals first: next to one with as many operations behind it, an account's nonce
 * costs no byte of its own.
 *
 * @param mostTogether how many may share a transaction with this one; those with the same number are put together
 */
export function splitByGas<One extends Carrier>(
  carriers: readonly One[],
  gasLimit = bundleGasLimit,
  mostTogether: (one: One) => number = () => Number.POSITIVE_INFINITY,
): One[][] {
  const bundles: One[][] = []
  const open = new Map<number, { bundle: One[]; gas: bigint }>()
  for (const one of carriers) {
    const most = mostTogether(one)
    const more = gasLimitOf(one.operation)
    let last = open.get(most)
    if (!last || last.bundle.length >= most || last.gas + more > gasLimit) {
      last = { bundle: [], gas: bundleOverhead }
      open.set(most, last)
      bundles.push(last.bundle)
    }
    last.bundle.push(one)
    last.gas += more
  }
  return bundles.map((bundle) => bundle.toSorted(byNonce))
}

function byNonce({ operation: a }: Carrier, { operation: b }: Carrier): number {
  return Number(a.nonce < b.nonce) - Number(a.nonce > b.nonce)
}

/**
 * Simulates a bundle: the entry point names the first operation that fails validation, which goes, until all the others pass.
 *
 * @param beneficiary who will send it
 */
export async function dropFailing<One extends Carrier>(
  client: PublicClient,
  entryPoint: Hex,
  beneficiary: Hex,
  bundle: readonly One[],
): Promise<{ valid: One[]; failed: { one: One; reason: string }[] }> {
  const valid = [...bundle]
  const failed: { one: One; reason: string }[] = []
  while (valid.length > 0) {
    const verdict = await simulate(client, entryPoint, beneficiary, valid)
    if (!verdict) break
    const [one] = valid.splice(verdict.index, 1)
    if (!one) throw new RangeError(`The entry point refused operation ${verdict.index} of ${valid.length}.`)
    failed.push({ one, reason: verdict.reason })
  }
  return { valid, failed }
}

async function simulate(
  client: PublicClient,
  entryPoint: Hex,
  beneficiary: Hex,
  carriers: readonly Carrier[],
): Promise<{ index: number; reason: string } | null> {
  const data = encodeHandleOps(carriers, beneficiary)
  try {
    await client.call({ account: beneficiary, to: entryPoint, data, gas: handleOpsGas(carriers) })
    return null
  } catch (error) {
    const revertData = revertDataOf(error)
    if (revertData === null) throw error
    const decoded = decodeErrorResult({ abi: entryPointAbi, data: revertData })
    if (decoded.errorName !== 'FailedOp' && decoded.errorName !== 'FailedOpWithRevert') throw error
    return { index: Number(decoded.args[0]), reason: String(decoded.args[1]) }
  }
}
