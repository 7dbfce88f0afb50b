import { expect, test } from 'vitest'
import { bundleGasLimit, handleOpsGas, splitByGas } from '../../../src/accounts/handleOps.ts'
import type { SignedUserOperation } from '../../../src/accounts/userOperation.ts'

/** A transaction may ask for no more since July 2026. Source: Lisk, as every chain of its stack. */
const chainLimit = 16_780_000n

/** A yes of an account that exists, and a doctor's question; their limits stand in accounts/userOperation.ts. */
const [yes, question] = [36_000n, 130_000n].map((callGasLimit) => ({
  operation: {
    verificationGasLimit: 52_000n,
    callGasLimit,
    preVerificationGas: 50_000n,
    paymasterVerificationGasLimit: 61_000n,
    paymasterPostOpGasLimit: 0n,
  } as SignedUserOperation,
})) as [{ operation: SignedUserOperation }, { operation: SignedUserOperation }]

test('a bundle holds about eighty answers or fifty questions, and never asks for more than a transaction may', () => {
  for (const [one, most] of [
    [yes, 79],
    [question, 54],
  ] as const) {
    const bundles = splitByGas(Array.from({ length: 200 }, () => one))
    expect(bundles[0]).toHaveLength(most)
    expect(bundles.flat()).toHaveLength(200)
    for (const bundle of bundles) expect(handleOpsGas(bundle)).toBeLessThanOrEqual(bundleGasLimit)
  }
  expect(bundleGasLimit).toBeLessThan(chainLimit)
})

test('nothing to bundle is no bundle', () => {
  expect(splitByGas([])).toEqual([])
})

test('operations keep their order, so that removals stay first', () => {
  const numbered = Array.from({ length: 100 }, (_, index) => ({ ...yes, index }))
  expect(
    splitByGas(numbered)
      .flat()
      .map(({ index }) => index),
  ).toEqual(numbered.map(({ index }) => index))
})
