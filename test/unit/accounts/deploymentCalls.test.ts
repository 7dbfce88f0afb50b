import { type Address, decodeFunctionData, parseAbi, zeroAddress } from 'viem'
import { expect, test } from 'vitest'
import { consentLedgerAbi, sponsorPaymasterAbi } from '../../../src/accounts/contracts.generated.ts'
import {
  type DeploymentState,
  type DeploymentWishes,
  freshDeploymentState,
  remainingCalls,
} from '../../../src/accounts/deploymentCalls.ts'
import { type contractNames, defaultSponsorLimits, planContracts } from '../../../src/accounts/deployments.ts'

const [deployer, multisig, treasury, operator, stranger] = [1, 2, 3, 4, 5].map(
  (number) => `0x${String(number).repeat(40)}` as Address,
) as [Address, Address, Address, Address, Address]

const planned = planContracts({ governor: deployer, accessWriter: deployer })
const addresses = Object.fromEntries(planned.map(({ name, address }) => [name, address])) as Record<
  (typeof contractNames)[number],
  Address
>

const wishes: DeploymentWishes = {
  governor: multisig,
  sponsorOwner: treasury,
  accessWriter: operator,
  limits: defaultSponsorLimits,
  stakeWei: 100n,
  unstakeDelayS: 86_400,
  depositWei: 50n,
  depositFloorWei: 10n,
}

const fresh = freshDeploymentState({
  governor: deployer,
  accessWriter: deployer,
  sponsorOwner: deployer,
  limits: defaultSponsorLimits,
})

/** As wished, all roles taken over. */
const settled: DeploymentState = {
  ...wishes,
  pendingGovernor: zeroAddress,
  pendingSponsorOwner: zeroAddress,
  passkeyDoctors: addresses.accountFactory,
}

function callsAfter(changes: Partial<DeploymentState>, wished: Partial<DeploymentWishes> = {}) {
  return remainingCalls({ ...settled, ...changes }, { ...wishes, ...wished }, addresses)
}

const ownable = parseAbi(['function transferOwnership(address)', 'function acceptOwnership()'])

test('where all is as wished, nothing is left to call', () => {
  expect(callsAfter({})).toEqual([])
})

test('a fresh deployment is set up by its first owner, who offers the roles last; the multisigs accept', () => {
  expect(remainingCalls(fresh, wishes, addresses).map(({ what, by }) => [what, by])).toEqual([
    ['name the access writer', deployer],
    ['name the factory that knows passkey doctors, for good', deployer],
    ['stake for the sponsor', deployer],
    ["fill the sponsor's deposit", null],
    ['set the deposit floor', deployer],
    ["offer the governor's role", deployer],
    ["accept the governor's role", multisig],
    ["offer the sponsor's ownership", deployer],
    ["accept the sponsor's ownership", treasury],
  ])
})

test('an offered role is not offered again, and one offered to somebody else is', () => {
  const offered = callsAfter({ governor: deployer, pendingGovernor: multisig })
  expect(offered.map(({ what, by }) => [what, by])).toEqual([["accept the governor's role", multisig]])
  const misled = callsAfter({ governor: deployer, pendingGovernor: stranger })
  expect(misled.map(({ what }) => what)).toEqual(["offer the governor's role", "accept the governor's role"])
  expect(decodeFunctionData({ abi: ownable, data: misled[0]?.data ?? '0x' }).args).toEqual([multisig])
})

test('what only the holder of a role may call is left to the holder, whoever deployed', () => {
  const calls = callsAfter({ accessWriter: stranger, limits: { ...defaultSponsorLimits, maxGasPerOperation: 1 } })
  expect(calls.map(({ by }) => by)).toEqual([multisig, treasury])
  const [writer, limits] = calls
  expect(writer?.to).toBe(addresses.consentLedger)
  expect(decodeFunctionData({ abi: consentLedgerAbi, data: writer?.data ?? '0x' })).toEqual({
    functionName: 'setAccessWriter',
    args: [operator],
  })
  expect(limits?.to).toBe(addresses.sponsorPaymaster)
  expect(decodeFunctionData({ abi: sponsorPaymasterAbi, data: limits?.data ?? '0x' })).toEqual({
    functionName: 'setLimits',
    args: [defaultSponsorLimits],
  })
})

test('another factory that was named for good is left, since nobody can name one again', () => {
  expect(callsAfter({ passkeyDoctors: stranger })).toEqual([])
})

test('stake and deposit are brought up to what is wished, never beyond', () => {
  const [stake, deposit] = callsAfter({ stakeWei: 70n, depositWei: 20n })
  expect([stake?.valueWei, deposit?.valueWei]).toEqual([30n, 30n])
  expect(callsAfter({ stakeWei: 101n, depositWei: 51n })).toEqual([])
  expect(callsAfter({ stakeWei: 0n, unstakeDelayS: 0, depositWei: 0n }, { stakeWei: 0n, depositWei: 0n })).toEqual([])
})

test('a stake that is whole but soon free is locked for longer; a longer delay stays', () => {
  const delayOf = (unstakeDelayS: number, stakeWei: bigint) => {
    const [call] = callsAfter({ unstakeDelayS, stakeWei })
    if (call === undefined) return undefined
    return [call.valueWei, ...(decodeFunctionData({ abi: sponsorPaymasterAbi, data: call.data }).args ?? [])]
  }
  expect(delayOf(60, 100n)).toEqual([0n, 86_400])
  expect(delayOf(172_800, 60n)).toEqual([40n, 172_800])
  expect(delayOf(172_800, 100n)).toBeUndefined()
})
