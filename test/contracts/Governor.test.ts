import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { afterEach, beforeEach, describe, test } from 'node:test'
import {
  type Abi,
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  concatHex,
  encodeFunctionData,
  getAddress,
  type Hex,
  keccak256,
  type PrivateKeyAccount,
  parseAbi,
  parseEther,
  parseEventLogs,
  toHex,
  zeroAddress,
  zeroHash,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { startWorld, type World } from './sponsoredWorld.ts'

const delayS = 172_800n
const ownableAbi = parseAbi([
  'function owner() view returns (address)',
  'function transferOwnership(address newOwner)',
  'function acceptOwnership()',
  'error OwnableUnauthorizedAccount(address account)',
])
const safeAbi = parseAbi([
  'function setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver)',
  'function nonce() view returns (uint256)',
  'function getTransactionHash(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce) view returns (bytes32)',
  'function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) payable returns (bool)',
])
const safeFactoryAbi = parseAbi([
  'function createProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce) returns (address)',
  'event ProxyCreation(address indexed proxy, address singleton)',
])
const timelockAbi = parseAbi([
  'constructor(uint256 minDelay, address[] proposers, address[] executors, address admin)',
  'function schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay)',
  'function execute(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt) payable',
  'error TimelockUnexpectedOperationState(bytes32 operationId, bytes32 expectedStates)',
])

/** Safe 1.5.0 and OpenZeppelin's TimelockController, as they are published. */
describe('roles that no single key holds', () => {
  let world: World

  beforeEach(async () => {
    world = await startWorld()
  })

  afterEach(() => world.close())

  test('a Safe of three takes the governor over with two signatures, and verifies and suspends hospitals', async () => {
    const { governor, registry, publicClient } = world
    const safe = await makeSafe(world)
    await governor.writeContract({
      ...ownable(registry.address),
      functionName: 'transferOwnership',
      args: [safe.address],
    })

    // Offered is not taken: the old governor still governs, and whoever was not offered it cannot take it.
    assert.equal(await ownerOf(world, registry.address), getAddress(governor.account.address))
    const tooSoon = {
      ...ownable(registry.address),
      functionName: 'acceptOwnership',
      account: governor.account,
    } as const
    assert.equal(await refused(publicClient.simulateContract(tooSoon)), getAddress(governor.account.address))
    await assert.rejects(safe.execute(registry.address, acceptOwnership, 1), /GS020/)

    await safe.execute(registry.address, acceptOwnership)
    assert.equal(await ownerOf(world, registry.address), safe.address)
    const hospital = world.nextOwner().address
    const verifying = { ...registry, functionName: 'verifyHospital', args: [hospital] } as const
    const verify = encodeFunctionData(verifying)
    const suspend = encodeFunctionData({ abi: registry.abi, functionName: 'suspendHospital', args: [hospital] })
    const former = publicClient.simulateContract({ ...verifying, account: governor.account })
    assert.equal(await refused(former), getAddress(governor.account.address))

    const isVerified = () =>
      publicClient.readContract({ ...registry, functionName: 'isVerifiedHospital', args: [hospital] })
    await safe.execute(registry.address, verify)
    assert.equal(await isVerified(), true)
    await safe.execute(registry.address, suspend)
    assert.equal(await isVerified(), false)
  })

  test('a timelock takes over, and each act of the governor waits for its delay in public', async () => {
    const { registry, publicClient } = world
    const proposer = await makeSafe(world)
    const timelock = await makeTimelock(world, proposer)
    await world.governor.writeContract({
      ...ownable(registry.address),
      functionName: 'transferOwnership',
      args: [timelock.address],
    })

    await timelock.schedule(registry.address, acceptOwnership)
    assert.equal(await timelock.isTooEarly(registry.address, acceptOwnership), true)
    await timelock.wait()
    await timelock.execute(registry.address, acceptOwnership)
    assert.equal(await ownerOf(world, registry.address), getAddress(timelock.address))

    const hospital = world.nextOwner().address
    const verifying = { ...registry, functionName: 'verifyHospital', args: [hospital] } as const
    const verify = encodeFunctionData(verifying)
    // The proposer alone can do nothing at once.
    const hasty = publicClient.simulateContract({ ...verifying, account: proposer.address })
    assert.equal(await refused(hasty), getAddress(proposer.address))
    await timelock.schedule(registry.address, verify)
    assert.equal(await timelock.isTooEarly(registry.address, verify), true)
    await timelock.wait()
    await timelock.execute(registry.address, verify)
    assert.equal(
      await publicClient.readContract({ ...registry, functionName: 'isVerifiedHospital', args: [hospital] }),
      true,
    )
  })

  test("the sponsor's owner can be a Safe and then a timelock, and only they touch limits and money", async () => {
    const { governor, sponsor, publicClient } = world
    const before = await publicClient.readContract({ ...sponsor, functionName: 'limits' })
    const limits = { ...before, maxFeePerGasWei: before.maxFeePerGasWei / 2n }
    const setLimits = encodeFunctionData({ abi: sponsor.abi, functionName: 'setLimits', args: [limits] })
    const to = world.nextOwner().address
    const withdrawing = { ...sponsor, functionName: 'withdraw', args: [to, parseEther('1')] } as const
    const withdraw = encodeFunctionData(withdrawing)

    const safe = await makeSafe(world)
    await governor.writeContract({
      ...ownable(sponsor.address),
      functionName: 'transferOwnership',
      args: [safe.address],
    })
    await safe.execute(sponsor.address, acceptOwnership)
    const former = publicClient.simulateContract({ ...withdrawing, account: governor.account })
    assert.equal(await refused(former), getAddress(governor.account.address))
    await safe.execute(sponsor.address, setLimits)
    assert.deepEqual(await publicClient.readContract({ ...sponsor, functionName: 'limits' }), limits)

    const timelock = await makeTimelock(world, safe)
    const offer = encodeFunctionData({ abi: ownableAbi, functionName: 'transferOwnership', args: [timelock.address] })
    await safe.execute(sponsor.address, offer)
    await timelock.schedule(sponsor.address, acceptOwnership)
    await timelock.wait()
    await timelock.execute(sponsor.address, acceptOwnership)
    const hasty = publicClient.simulateContract({ ...withdrawing, account: safe.address })
    assert.equal(await refused(hasty), getAddress(safe.address))
    await timelock.schedule(sponsor.address, withdraw)
    await timelock.wait()
    await timelock.execute(sponsor.address, withdraw)
    assert.equal(await publicClient.getBalance({ address: to }), parseEther('1'))
  })
})

const acceptOwnership = encodeFunctionData({ abi: ownableAbi, functionName: 'acceptOwnership' })

const safeArtifacts = '@safe-global/safe-smart-account/build/artifacts/contracts'
type Safe = Awaited<ReturnType<typeof makeSafe>>
let safes = 0

/** A Safe of three owners, two of whom must sign. */
async function makeSafe(world: World) {
  const { operator, publicClient } = world
  safes += 1
  const owners = [1, 2, 3]
    .map((number) => privateKeyToAccount(keccak256(toHex(`owner ${number} of Safe ${safes}`))))
    // A Safe wants its signatures in the order of their addresses.
    .sort((a, b) => (a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1))
  const singleton = await put(world, `${safeArtifacts}/Safe.sol/Safe.json`)
  const factory = await put(world, `${safeArtifacts}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json`)
  const initializer = encodeFunctionData({
    abi: safeAbi,
    functionName: 'setup',
    args: [owners.map((owner) => owner.address), 2n, zeroAddress, '0x', zeroAddress, zeroAddress, 0n, zeroAddress],
  })
  const hash = await operator.writeContract({
    abi: safeFactoryAbi,
    address: factory,
    functionName: 'createProxyWithNonce',
    args: [singleton, initializer, BigInt(safes)],
  })
  const { logs } = await publicClient.waitForTransactionReceipt({ hash })
  const [created] = parseEventLogs({ abi: safeFactoryAbi, logs, eventName: 'ProxyCreation' })
  assert.ok(created)
  const contract = { abi: safeAbi, address: created.args.proxy }

  return {
    address: contract.address,
    /** What its owners do in their wallets: sign the transaction's hash, and somebody sends it. */
    async execute(to: Address, data: Hex, signatureCount = 2): Promise<void> {
      const nonce = await publicClient.readContract({ ...contract, functionName: 'nonce' })
      const call = [to, 0n, data, 0, 0n, 0n, 0n, zeroAddress, zeroAddress] as const
      const signedHash = await publicClient.readContract({
        ...contract,
        functionName: 'getTransactionHash',
        args: [...call, nonce],
      })
      const signers: PrivateKeyAccount[] = owners.slice(0, signatureCount)
      const signatures = concatHex(await Promise.all(signers.map((owner) => owner.sign({ hash: signedHash }))))
      const sent = await operator.writeContract({
        ...contract,
        functionName: 'execTransaction',
        args: [...call, signatures],
      })
      assert.equal((await publicClient.waitForTransactionReceipt({ hash: sent })).status, 'success')
    },
  }
}

/** A timelock of two days, to which one Safe proposes; anybody executes. */
async function makeTimelock(world: World, proposer: Safe) {
  const { operator, publicClient, testClient } = world
  const artifact = '@openzeppelin/contracts/build/contracts/TimelockController.json'
  const address = await put(world, artifact, timelockAbi, [delayS, [proposer.address], [zeroAddress], zeroAddress])
  const contract = { abi: timelockAbi, address }
  const callOf = (to: Address, data: Hex) => [to, 0n, data, zeroHash, zeroHash] as const
  return {
    address,
    async schedule(to: Address, data: Hex): Promise<void> {
      const args = [...callOf(to, data), delayS] as const
      await proposer.execute(address, encodeFunctionData({ abi: timelockAbi, functionName: 'schedule', args }))
    },
    async isTooEarly(to: Address, data: Hex): Promise<boolean> {
      const reverted = await revertOf(
        publicClient.simulateContract({ ...contract, functionName: 'execute', args: callOf(to, data) }),
      )
      return reverted?.data?.errorName === 'TimelockUnexpectedOperationState'
    },
    async wait(): Promise<void> {
      await testClient.increaseTime({ seconds: Number(delayS) })
      await testClient.mine({ blocks: 1 })
    },
    async execute(to: Address, data: Hex): Promise<void> {
      await operator.writeContract({ ...contract, functionName: 'execute', args: callOf(to, data) })
    },
  }
}

async function put(world: World, artifact: string, abi: Abi = [], args: readonly unknown[] = []): Promise<Address> {
  const { bytecode }: { bytecode: Hex } = createRequire(import.meta.url)(artifact)
  const hash = await world.operator.deployContract({ abi, bytecode, args })
  const { contractAddress } = await world.publicClient.waitForTransactionReceipt({ hash })
  assert.ok(contractAddress)
  return contractAddress
}

/** Who was refused because only the owner may do that. */
async function refused(attempt: Promise<unknown>): Promise<Address> {
  const reverted = await revertOf(attempt)
  assert.equal(reverted?.data?.errorName, 'OwnableUnauthorizedAccount')
  return getAddress(String(reverted?.data?.args?.[0]))
}

async function revertOf(attempt: Promise<unknown>): Promise<ContractFunctionRevertedError | undefined> {
  const error: unknown = await attempt.then(
    () => undefined,
    (thrown) => thrown,
  )
  if (!(error instanceof BaseError)) return undefined
  const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError)
  return reverted instanceof ContractFunctionRevertedError ? reverted : undefined
}

function ownable(address: Address) {
  return { abi: ownableAbi, address } as const
}

function ownerOf({ publicClient }: World, address: Address): Promise<Address> {
  return publicClient.readContract({ ...ownable(address), functionName: 'owner' })
}
