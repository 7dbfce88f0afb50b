import type { Hex, PublicClient } from 'viem'
import { expect, test } from 'vitest'
import type { Deployment } from '../../../src/accounts/deployments.ts'
import { bundleGasLimit, handleOpsGas, splitByGas } from '../../../src/accounts/handleOps.ts'
import { nonceKeyOf, prepareUserOperation } from '../../../src/accounts/userOperation.ts'
import { mostTogether, nonceLanes, type UserOperationKind } from '../../../src/core/userOperation.ts'

/** A transaction may ask for no more since July 2026. Source: Lisk, as every chain of its stack. */
const chainLimit = 16_780_000n

const sponsor: Hex = `0x${'05'.repeat(20)}`
const deployment = {
  entryPoint: { address: `0x${'01'.repeat(20)}` },
  accountFactory: { address: `0x${'02'.repeat(20)}` },
  sponsorPaymaster: { address: sponsor },
} as Deployment

/** As it is prepared for an account that is on chain already, or whose clone it makes. */
async function operationOf(kind: UserOperationKind, isOnChain = true) {
  const client = {
    readContract: async () => 0n,
    getCode: async () => (isOnChain ? '0xef' : undefined),
    getBlock: async () => ({ timestamp: 1_795_000_000n }),
  } as unknown as PublicClient
  const account = { sender: sponsor, owner: sponsor, callData: '0x' } as const
  const fees = { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n }
  return { operation: await prepareUserOperation(client, deployment, { ...account, kind, fees }) }
}

function nonceOf(lane: keyof typeof nonceLanes, sequence: bigint): bigint {
  return (nonceKeyOf(nonceLanes[lane]) << 64n) | sequence
}

test('a bundle holds 84 answers or 54 questions, fewer where each makes its account, and never asks for more than a transaction may', async () => {
  for (const [one, most] of [
    [await operationOf('openGrant'), 84],
    [await operationOf('openGrantWithCode'), 83],
    [await operationOf('openGrant', false), 59],
    [await operationOf('openRequest'), 54],
    [await operationOf('openRequest', false), 42],
  ] as const) {
    const bundles = splitByGas(Array.from({ length: 200 }, () => one))
    expect(bundles[0]).toHaveLength(most)
    expect(bundles.flat()).toHaveLength(200)
    for (const bundle of bundles) expect(handleOpsGas(bundle)).toBeLessThanOrEqual(bundleGasLimit)
  }
  expect(bundleGasLimit).toBeLessThan(chainLimit)
})

test('what was in a transaction that reverted shares the next with few, and then with none', async () => {
  const one = await operationOf('openGrant')
  const rows = [0, 1, 2, 0, 1, 2, ...Array.from({ length: 8 }, () => 1)].map((reverts) => ({ ...one, reverts }))
  const bundles = splitByGas(rows, bundleGasLimit, ({ reverts }) => mostTogether(reverts))
  expect(bundles.map((bundle) => bundle.map(({ reverts }) => reverts))).toEqual([
    [0, 0],
    [1, 1, 1, 1, 1, 1, 1, 1],
    [2],
    [2],
    [1, 1],
  ])
})

test('nothing to bundle is no bundle', () => {
  expect(splitByGas([])).toEqual([])
})

test('a bundle begins with removals, and goes on by nonce', async () => {
  const nonces = [nonceOf('consent', 3n), nonceOf('removal', 0n), nonceOf('consent', 1n), nonceOf('removal', 2n)]
  const yes = await operationOf('openGrant')
  const carriers = nonces.map((nonce) => ({ operation: { ...yes.operation, nonce } }))
  const [bundle] = splitByGas(carriers)
  expect(bundle?.map(({ operation }) => nonces.indexOf(operation.nonce))).toEqual([3, 1, 0, 2])
})

test('operations of equal nonces keep their order', async () => {
  const yes = await operationOf('openGrant')
  const numbered = Array.from({ length: 100 }, (_, index) => ({ ...yes, index }))
  expect(
    splitByGas(numbered)
      .flat()
      .map(({ index }) => index),
  ).toEqual(numbered.map(({ index }) => index))
})
