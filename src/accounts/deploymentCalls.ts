import {
  type Abi,
  type Address,
  encodeFunctionData,
  isAddressEqual,
  type PublicClient,
  parseAbi,
  zeroAddress,
} from 'viem'
import type { Hex } from '../core/rows.ts'
import { consentLedgerAbi, entryPointAbi, sponsorPaymasterAbi } from './contracts.generated.ts'
import type { ContractName, SponsorLimits } from './deployments.ts'

/** Who shall have which role, and how the sponsor shall stand. */
export type DeploymentWishes = {
  readonly governor: Address
  readonly sponsorOwner: Address
  readonly accessWriter: Address
  readonly limits: SponsorLimits
  /** What bundlers of others want to see before they take a paymaster's operations. */
  readonly stakeWei: bigint
  readonly unstakeDelayS: number
  /** The deposit is brought up to this; 0 leaves it. */
  readonly depositWei: bigint
  readonly depositFloorWei: bigint
}

/** How roles and sponsor stand on the chain. */
export type DeploymentState = {
  readonly governor: Address
  readonly pendingGovernor: Address
  readonly accessWriter: Address
  readonly passkeyDoctors: Address
  readonly sponsorOwner: Address
  readonly pendingSponsorOwner: Address
  readonly limits: SponsorLimits
  readonly stakeWei: bigint
  readonly unstakeDelayS: number
  readonly depositWei: bigint
  readonly depositFloorWei: bigint
}

/** A call that a deployment still needs. */
export type DeploymentCall = {
  readonly what: string
  /** The only account that may make it; null: anyone. */
  readonly by: Address | null
  readonly to: Address
  readonly data: Hex
  readonly valueWei: bigint
}

type Addresses = Readonly<Record<ContractName, Address>>

const ownableAbi = parseAbi([
  'function owner() view returns (address)',
  'function pendingOwner() view returns (address)',
  'function transferOwnership(address newOwner)',
  'function acceptOwnership()',
])

/** Asks the chain how roles and sponsor stand. */
export async function readDeploymentState(
  client: PublicClient,
  addresses: Addresses,
  entryPoint: Address,
): Promise<DeploymentState> {
  const ledger = { address: addresses.consentLedger, abi: consentLedgerAbi }
  const sponsor = { address: addresses.sponsorPaymaster, abi: sponsorPaymasterAbi }
  const governed = { ...ledger, abi: ownableAbi }
  const owned = { ...sponsor, abi: ownableAbi }
  const { deposit, stake, unstakeDelaySec } = await client.readContract({
    address: entryPoint,
    abi: entryPointAbi,
    functionName: 'getDepositInfo',
    args: [sponsor.address],
  })
  return {
    governor: await client.readContract({ ...governed, functionName: 'owner' }),
    pendingGovernor: await client.readContract({ ...governed, functionName: 'pendingOwner' }),
    accessWriter: await client.readContract({ ...ledger, functionName: 'accessWriter' }),
    passkeyDoctors: await client.readContract({ ...ledger, functionName: 'passkeyDoctors' }),
    sponsorOwner: await client.readContract({ ...owned, functionName: 'owner' }),
    pendingSponsorOwner: await client.readContract({ ...owned, functionName: 'pendingOwner' }),
    limits: await client.readContract({ ...sponsor, functionName: 'limits' }),
    stakeWei: stake,
    unstakeDelayS: unstakeDelaySec,
    depositWei: deposit,
    depositFloorWei: await client.readContract({ ...sponsor, functionName: 'depositFloor' }),
  }
}

/** As contracts stand the moment they are on the chain. */
export function freshDeploymentState(
  first: Pick<DeploymentState, 'governor' | 'sponsorOwner' | 'accessWriter' | 'limits'>,
): DeploymentState {
  const none = { stakeWei: 0n, unstakeDelayS: 0, depositWei: 0n, depositFloorWei: 0n }
  const nobody = { pendingGovernor: zeroAddress, passkeyDoctors: zeroAddress, pendingSponsorOwner: zeroAddress }
  return { ...first, ...none, ...nobody }
}

/**
 * What is still to be called, in order: each role's own calls, then its handover in two steps. Nothing where all is as
 * wished.
 */
export function remainingCalls(
  state: DeploymentState,
  wishes: DeploymentWishes,
  addresses: Addresses,
): readonly DeploymentCall[] {
  const { consentLedger, sponsorPaymaster, accountFactory } = addresses
  const calls: DeploymentCall[] = []
  const add = (what: string, by: Address | null, to: Address, data: Hex, valueWei = 0n) =>
    calls.push({ what, by, to, data, valueWei })
  const onLedger = (functionName: 'setAccessWriter' | 'namePasskeyDoctors', address: Address) =>
    encodeFunctionData({ abi: consentLedgerAbi, functionName, args: [address] })
  const onSponsor = (functionName: string, args: readonly unknown[] = []) =>
    encodeFunctionData({ abi: sponsorPaymasterAbi as Abi, functionName, args })
  const handOver = (what: string, contract: Address, owner: Address, pending: Address, wished: Address) => {
    if (isAddressEqual(owner, wished)) return
    const offer = { abi: ownableAbi, functionName: 'transferOwnership', args: [wished] } as const
    if (!isAddressEqual(pending, wished)) add(`offer ${what}`, owner, contract, encodeFunctionData(offer))
    const accept = encodeFunctionData({ abi: ownableAbi, functionName: 'acceptOwnership' })
    add(`accept ${what}`, wished, contract, accept)
  }

  if (!isAddressEqual(state.accessWriter, wishes.accessWriter)) {
    const data = onLedger('setAccessWriter', wishes.accessWriter)
    add('name the access writer', state.governor, consentLedger, data)
  }
  if (isAddressEqual(state.passkeyDoctors, zeroAddress)) {
    const data = onLedger('namePasskeyDoctors', accountFactory)
    add('name the factory that knows passkey doctors, for good', state.governor, consentLedger, data)
  }
  if (!isSame(state.limits, wishes.limits))
    add("set the sponsor's limits", state.sponsorOwner, sponsorPaymaster, onSponsor('setLimits', [wishes.limits]))
  const stakeLackWei = wishes.stakeWei - state.stakeWei
  if (stakeLackWei > 0n || (wishes.stakeWei > 0n && state.unstakeDelayS < wishes.unstakeDelayS)) {
    // The entry point takes no shorter delay than the one that stands.
    const delayS = Math.max(wishes.unstakeDelayS, state.unstakeDelayS)
    const valueWei = stakeLackWei > 0n ? stakeLackWei : 0n
    add('stake for the sponsor', state.sponsorOwner, sponsorPaymaster, onSponsor('addStake', [delayS]), valueWei)
  }
  if (state.depositWei < wishes.depositWei)
    add(
      "fill the sponsor's deposit",
      null,
      sponsorPaymaster,
      onSponsor('deposit'),
      wishes.depositWei - state.depositWei,
    )
  if (state.depositFloorWei !== wishes.depositFloorWei) {
    const data = onSponsor('setDepositFloor', [wishes.depositFloorWei])
    add('set the deposit floor', state.sponsorOwner, sponsorPaymaster, data)
  }
  handOver("the governor's role", addresses.consentLedger, state.governor, state.pendingGovernor, wishes.governor)
  const { sponsorOwner, pendingSponsorOwner } = state
  handOver("the sponsor's ownership", sponsorPaymaster, sponsorOwner, pendingSponsorOwner, wishes.sponsorOwner)
  return calls
}

function isSame(a: SponsorLimits, b: SponsorLimits): boolean {
  return (
    a.maxFeePerGasWei === b.maxFeePerGasWei &&
    a.maxGasPerOperation === b.maxGasPerOperation &&
    a.maxPreVerificationGas === b.maxPreVerificationGas &&
    a.dailyBudgetWei === b.dailyBudgetWei
  )
}
