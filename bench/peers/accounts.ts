import {
  type Address,
  concatHex,
  encodeAbiParameters,
  encodeFunctionData,
  encodePacked,
  type Hex,
  type PrivateKeyAccount,
  padHex,
  parseAbi,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
  zeroAddress,
  zeroHash,
} from 'viem'
import type { Deployment } from '../../src/accounts/deployments.ts'
import { hashUserOperation, packUserOperation, type SignedUserOperation } from '../../src/accounts/userOperation.ts'
import type { GasWorld } from '../gasWorld.ts'
import { artifactCode, constantCode } from './compile.ts'

/** Another smart account: how it is made, how it calls, and how its key signs. */
export type PeerAccount = {
  name: string
  making(owner: Address): { factory: Address; factoryData: Hex }
  /** The account's own call data for a call to `target`. */
  call(target: Address, data: Hex): Hex
  sign(owner: PrivateKeyAccount, operation: SignedUserOperation): Promise<Hex>
  /** Two-dimensional nonce: the part before the sequence. */
  nonceKey: bigint
}

const executeAbi = parseAbi(['function execute(address to, uint256 value, bytes data)'])
const executeModeAbi = parseAbi(['function execute(bytes32 mode, bytes call)'])
const safeExecuteAbi = parseAbi(['function executeUserOp(address to, uint256 value, bytes data, uint8 operation)'])
const createAbi = {
  simple: parseAbi(['function createAccount(address owner, uint256 salt) returns (address)']),
  solady: parseAbi(['function createAccount(bytes32 salt) returns (address)']),
  safe: parseAbi([
    'function createProxyWithNonce(address singleton, bytes initializer, uint256 salt) returns (address)',
  ]),
  modular: parseAbi(['function createAccount(bytes data, bytes32 salt) returns (address)']),
}
const safeSetupAbi = parseAbi([
  'function setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address token, uint256 payment, address receiver)',
  'function enableModules(address[] modules)',
])
const kernelAbi = parseAbi([
  'function initialize(bytes21 rootValidator, address hook, bytes validatorData, bytes hookData, bytes[] initConfig)',
])
const nexusAbi = parseAbi([
  'function initNexusWithSingleValidator(address validator, bytes data, address registry, address[] attesters, uint8 threshold)',
])

/** Deploys what the peers need and describes them. */
export async function deployPeers(world: GasWorld, codes: Record<string, Hex>): Promise<PeerAccount[]> {
  const entryPoint = encodeAbiParameters([{ type: 'address' }], [world.deployment.entryPoint.address])
  const args = (...values: Address[]) => concatHex(values.map((value) => padHex(value, { size: 32 })))
  const deploy = (code: Hex | undefined, constructorArgs: Hex = '0x') => {
    if (code === undefined) throw new TypeError('A peer was not compiled.')
    return world.deploy(concatHex([code, constructorArgs]))
  }
  const safe = (file: string) => artifactCode(`@safe-global/safe-4337/build/artifacts/${file}`)
  const safeContracts = '@safe-global/safe-contracts/contracts'
  const precompiles = '@rhinestone/modulekit/src/deployment/precompiles'
  const kernel = (name: string) => constantCode(`${precompiles}/KernelPrecompiles.sol`, name)
  const nexus = (name: string) => constantCode(`${precompiles}/NexusPrecompiles.sol`, name)

  const simpleFactory = await deploy(
    artifactCode('@account-abstraction/contracts/artifacts/SimpleAccountFactory.json'),
    entryPoint,
  )
  const soladyAccount = await deploy(codes['SoladyAccount'])
  const soladyFactory = await deploy(codes['SoladyFactory'], args(soladyAccount))
  const safeSingleton = await deploy(safe(`${safeContracts}/Safe.sol/Safe.json`))
  const safeFactory = await deploy(safe(`${safeContracts}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json`))
  const safeModule = await deploy(safe('contracts/Safe4337Module.sol/Safe4337Module.json'), entryPoint)
  const safeModuleSetup = await deploy(safe('contracts/SafeModuleSetup.sol/SafeModuleSetup.json'))
  const validator = await deploy(codes['KeyValidator'])
  const kernelAccount = await deploy(kernel('KERNEL_BYTECODE'), entryPoint)
  const kernelFactory = await deploy(kernel('KERNEL_FACTORY_BYTECODE'), args(kernelAccount))
  const nexusAccount = await deploy(nexus('NEXUS_BYTECODE'), entryPoint)
  const nexusFactory = await deploy(nexus('NEXUS_ACCOUNT_FACTORY_BYTECODE'), args(nexusAccount, world.operator.address))
  const nexusBootstrap = await deploy(nexus('NEXUS_BOOTSTRAP_BYTECODE'))

  const execute = (to: Address, data: Hex) =>
    encodeFunctionData({ abi: executeAbi, functionName: 'execute', args: [to, 0n, data] })
  const executeMode = (to: Address, data: Hex) => {
    const call = encodePacked(['address', 'uint256', 'bytes'], [to, 0n, data])
    return encodeFunctionData({ abi: executeModeAbi, functionName: 'execute', args: [zeroHash, call] })
  }
  const hashOf = (operation: SignedUserOperation) => hashUserOperation(operation, world.deployment)
  const signHash = (owner: PrivateKeyAccount, operation: SignedUserOperation) => owner.sign({ hash: hashOf(operation) })
  const signMessage = (owner: PrivateKeyAccount, operation: SignedUserOperation) =>
    owner.signMessage({ message: { raw: hashOf(operation) } })

  return [
    {
      name: 'SimpleAccount',
      making: (owner) => ({
        factory: simpleFactory,
        factoryData: encodeFunctionData({ abi: createAbi.simple, functionName: 'createAccount', args: [owner, 0n] }),
      }),
      call: execute,
      sign: signMessage,
      nonceKey: 0n,
    },
    {
      name: "Solady's ERC4337",
      making: (owner) => ({
        factory: soladyFactory,
        factoryData: encodeFunctionData({
          abi: createAbi.solady,
          functionName: 'createAccount',
          args: [padHex(owner, { size: 32, dir: 'right' })],
        }),
      }),
      call: execute,
      // It takes the 64 bytes of ERC-2098 too, which are cheaper.
      sign: async (owner, operation) =>
        serializeCompactSignature(signatureToCompactSignature(parseSignature(await signMessage(owner, operation)))),
      nonceKey: 0n,
    },
    {
      name: 'Safe 1.4.1 with its 4337 module',
      making: (owner) => {
        const enable = encodeFunctionData({ abi: safeSetupAbi, functionName: 'enableModules', args: [[safeModule]] })
        const initializer = encodeFunctionData({
          abi: safeSetupAbi,
          functionName: 'setup',
          args: [[owner], 1n, safeModuleSetup, enable, safeModule, zeroAddress, 0n, zeroAddress],
        })
        return {
          factory: safeFactory,
          factoryData: encodeFunctionData({
            abi: createAbi.safe,
            functionName: 'createProxyWithNonce',
            args: [safeSingleton, initializer, 0n],
          }),
        }
      },
      call: (to, data) =>
        encodeFunctionData({ abi: safeExecuteAbi, functionName: 'executeUserOp', args: [to, 0n, data, 0] }),
      sign: async (owner, operation) => {
        const always = encodePacked(['uint48', 'uint48'], [0, 0])
        return concatHex([always, await signSafeOperation(owner, operation, world.deployment, safeModule)])
      },
      nonceKey: 0n,
    },
    {
      name: 'Kernel 3.1',
      making: (owner) => {
        const data = encodeFunctionData({
          abi: kernelAbi,
          functionName: 'initialize',
          args: [concatHex(['0x01', validator]), noHook, owner, '0x', []],
        })
        return {
          factory: kernelFactory,
          factoryData: encodeFunctionData({
            abi: createAbi.modular,
            functionName: 'createAccount',
            args: [data, zeroHash],
          }),
        }
      },
      call: executeMode,
      sign: signHash,
      nonceKey: 0n,
    },
    {
      name: 'Nexus 1.0.1',
      making: (owner) => {
        const init = encodeFunctionData({
          abi: nexusAbi,
          functionName: 'initNexusWithSingleValidator',
          args: [validator, owner, zeroAddress, [], 0],
        })
        const data = encodeAbiParameters([{ type: 'address' }, { type: 'bytes' }], [nexusBootstrap, init])
        return {
          factory: nexusFactory,
          factoryData: encodeFunctionData({
            abi: createAbi.modular,
            functionName: 'createAccount',
            args: [data, zeroHash],
          }),
        }
      },
      call: executeMode,
      sign: signHash,
      nonceKey: BigInt(validator),
    },
  ]
}

/** Kernel's word for "no hook". */
const noHook: Address = '0x0000000000000000000000000000000000000001'

/** EIP-712, as the module hashes an operation. */
function signSafeOperation(
  owner: PrivateKeyAccount,
  operation: SignedUserOperation,
  { chainId, entryPoint }: Deployment,
  module: Address,
) {
  const { initCode, paymasterAndData } = packUserOperation(operation)
  const message = {
    safe: operation.sender,
    nonce: operation.nonce,
    initCode,
    callData: operation.callData,
    verificationGasLimit: operation.verificationGasLimit,
    callGasLimit: operation.callGasLimit,
    preVerificationGas: operation.preVerificationGas,
    maxPriorityFeePerGas: operation.maxPriorityFeePerGas,
    maxFeePerGas: operation.maxFeePerGas,
    paymasterAndData,
    validAfter: 0,
    validUntil: 0,
    entryPoint: entryPoint.address,
  }
  return owner.signTypedData({
    domain: { chainId, verifyingContract: module },
    types: safeOperationTypes,
    primaryType: 'SafeOp',
    message,
  })
}

const safeOperationTypes = {
  SafeOp: [
    { name: 'safe', type: 'address' },
    { name: 'nonce', type: 'uint256' },
    { name: 'initCode', type: 'bytes' },
    { name: 'callData', type: 'bytes' },
    { name: 'verificationGasLimit', type: 'uint128' },
    { name: 'callGasLimit', type: 'uint128' },
    { name: 'preVerificationGas', type: 'uint256' },
    { name: 'maxPriorityFeePerGas', type: 'uint128' },
    { name: 'maxFeePerGas', type: 'uint128' },
    { name: 'paymasterAndData', type: 'bytes' },
    { name: 'validAfter', type: 'uint48' },
    { name: 'validUntil', type: 'uint48' },
    { name: 'entryPoint', type: 'address' },
  ],
} as const
