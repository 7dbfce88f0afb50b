import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Abi,
  type Account,
  type Address,
  type Chain,
  concatHex,
  encodeDeployData,
  getContractAddress,
  type Hex,
  isAddress,
  isAddressEqual,
  isHash,
  keccak256,
  type PublicClient,
  type Transport,
  type WalletClient,
  zeroAddress,
  zeroHash,
} from 'viem'
import {
  accountFactoryAbi,
  accountFactoryBytecode,
  consentLedgerAbi,
  consentLedgerBytecode,
  doctorAccountAbi,
  doctorAccountBytecode,
  patientAccountAbi,
  patientAccountBytecode,
  serverSignedDoctorAccountAbi,
  serverSignedDoctorAccountBytecode,
  sponsorPaymasterAbi,
  sponsorPaymasterBytecode,
} from './contracts.generated.ts'
import {
  type EntryPoint,
  type EntryPointVersion,
  entryPointAddresses,
  entryPointOn,
  entryPointVersions,
} from './entryPoint.ts'

/** Arachnid's CREATE2 deployer: call it with a salt and creation code. Source: Arachnid/deterministic-deployment-proxy. */
export const create2DeployerAddress: Address = '0x4e59b44847b379578588920cA78FbF26c0B4956C'

/** Its code has no constructor and is the same everywhere: the 69 bytes that Arachnid's transaction makes. */
const create2Deployer: DeployedContract = {
  address: create2DeployerAddress,
  codeHash: '0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989',
}

/** Blocks that public nodes give logs of in one answer. */
const logRange = 10_000n

export const contractNames = [
  'consentLedger',
  'patientAccount',
  'doctorAccount',
  'serverSignedDoctorAccount',
  'accountFactory',
  'sponsorPaymaster',
] as const
export type ContractName = (typeof contractNames)[number]

/** A contract and keccak256 of its runtime code. */
export type DeployedContract = { readonly address: Address; readonly codeHash: Hex }

/** Where everything is on one chain. What the clones point to are the three `…Account`s. */
export type Deployment = {
  readonly chainId: number
  /** The block that holds the ledger's first event: nothing before it concerns us. */
  readonly blockNumber: number
  readonly entryPoint: EntryPoint
} & Readonly<Record<ContractName, DeployedContract>>

/** What one operation and one account may cost the sponsor; see ISponsorPaymaster.Limits. */
export type SponsorLimits = {
  maxFeePerGasWei: bigint
  maxGasPerOperation: number
  maxPreVerificationGas: number
  dailyBudgetWei: bigint
}

/** Room for development, where a base fee starts at 1 gwei; Lisk's is a thousand times lower, so set it lower there. */
export const defaultSponsorLimits: SponsorLimits = {
  maxFeePerGasWei: 5_000_000_000n,
  maxGasPerOperation: 1_500_000,
  maxPreVerificationGas: 200_000,
  dailyBudgetWei: 50_000_000_000_000_000n,
}

/** What is read of the chain: any viem client can, whatever its chain's own block and transaction types. */
export type ChainReader = Pick<PublicClient, 'getChainId' | 'getCode' | 'getContractEvents' | 'getBlockNumber'> & {
  waitForTransactionReceipt(args: { hash: Hex }): Promise<{ status: 'success' | 'reverted'; blockNumber: bigint }>
}

/** What decides the addresses of a deployment, and nothing of the chain does. */
export type ContractOptions = {
  /** Verifies hospitals, names the access writer. */
  readonly governor: Address
  /** Logs looks at records. */
  readonly accessWriter: Address
  /** Sets the sponsor's limits and withdraws its deposit. Default: the governor. */
  readonly sponsorOwner?: Address
  readonly sponsorLimits?: SponsorLimits
  /** Another salt gives other addresses. Default: zero. */
  readonly salt?: Hex
  /** Another version gives other addresses. Default: 0.7. */
  readonly entryPointVersion?: EntryPointVersion
}

export type DeployOptions = ContractOptions & {
  readonly publicClient: ChainReader
  /** Pays for the deployment and gets no role by it. */
  readonly walletClient: WalletClient<Transport, Chain, Account>
  /** Called before a contract is put on the chain. */
  readonly onStep?: (name: ContractName) => void
}

/** A contract's place, and the data that makes the CREATE2 deployer put it there. */
export type PlannedContract = {
  readonly name: ContractName
  readonly address: Address
  readonly constructorArgs: Hex
  readonly data: Hex
}

export type DeploymentMismatchReason =
  | 'chainIdDiffers'
  | 'codeMissing'
  | 'codeDiffers'
  | 'entryPointUnknown'
  | 'eventMissing'
  | 'transactionReverted'
  | 'fileInvalid'

/** The chain, or the deployment's file, is not what the server was made for. Nothing must be signed. */
export class DeploymentMismatchError extends Error {
  override readonly name = 'DeploymentMismatchError'
  readonly code: DeploymentMismatchReason
  /** Trying again without changing anything gives the same answer. */
  readonly retryHelps = false

  constructor(code: DeploymentMismatchReason, what: string, facts: string, why: string, todo: string) {
    super(`${what}\n\n${facts}\n${why}\nDo: ${todo}`)
    this.code = code
  }
}

/** Where the contracts are or will be, in the order in which they can be put on a chain: the same on every chain. */
export function planContracts(options: ContractOptions): readonly PlannedContract[] {
  const { governor, accessWriter, sponsorOwner = governor, sponsorLimits = defaultSponsorLimits } = options
  const salt = options.salt ?? zeroHash
  const entryPoint = entryPointAddresses[options.entryPointVersion ?? '0.7']
  const plan = (name: ContractName, abi: Abi, bytecode: Hex, args: readonly unknown[]): PlannedContract => {
    const creationCode = encodeDeployData({ abi, bytecode, args })
    const from = create2DeployerAddress
    return {
      name,
      address: getContractAddress({ opcode: 'CREATE2', from, salt, bytecode: creationCode }),
      constructorArgs: `0x${creationCode.slice(bytecode.length)}`,
      data: concatHex([salt, creationCode]),
    }
  }

  const ledger = plan('consentLedger', consentLedgerAbi, consentLedgerBytecode, [governor, accessWriter])
  const accountArgs = [entryPoint, ledger.address]
  const patient = plan('patientAccount', patientAccountAbi, patientAccountBytecode, accountArgs)
  const doctor = plan('doctorAccount', doctorAccountAbi, doctorAccountBytecode, accountArgs)
  const serverSigned = plan(
    'serverSignedDoctorAccount',
    serverSignedDoctorAccountAbi,
    serverSignedDoctorAccountBytecode,
    accountArgs,
  )
  const sponsorArgs = [entryPoint, ledger.address, sponsorOwner, sponsorLimits]
  const sponsor = plan('sponsorPaymaster', sponsorPaymasterAbi, sponsorPaymasterBytecode, sponsorArgs)
  // Its constructor looks for the implementations' code.
  const implementations = [patient.address, serverSigned.address, doctor.address]
  const factory = plan('accountFactory', accountFactoryAbi, accountFactoryBytecode, implementations)
  return [ledger, patient, doctor, serverSigned, sponsor, factory]
}

/**
 * Puts the contracts on the chain through the CREATE2 deployer, one after the other; what is there already stays.
 *
 * The same options give the same addresses on every chain. Roles are constructor arguments: the deployer keeps none.
 *
 * @returns addresses and code hashes, for {@link writeDeployment}
 * @throws {DeploymentMismatchError} when the CREATE2 deployer or the entry point is missing, or a deployment reverted
 */
export async function deployContracts(options: DeployOptions): Promise<Deployment> {
  const { publicClient } = options
  const { chainId, entryPoint } = await assertReadyForContracts(publicClient, options.entryPointVersion ?? '0.7')
  const contracts: Partial<Record<ContractName, DeployedContract>> = {}
  let ledgerBlock: bigint | undefined
  for (const contract of planContracts(options)) {
    const { name, address } = contract
    const block = await put(options, contract)
    if (name === 'consentLedger') ledgerBlock = block ?? (await firstBlock(publicClient, address))
    contracts[name] = { address, codeHash: keccak256(await assertHasCode(publicClient, name, address)) }
  }
  const deployment = { chainId, blockNumber: Number(ledgerBlock), entryPoint, ...contracts }
  if (!isDeployment(deployment)) throw new TypeError('The plan lacks a contract.')
  return deployment
}

/**
 * Looks for what must be on a chain before our contracts can be: the CREATE2 deployer and the entry point.
 *
 * @throws {DeploymentMismatchError} when one is missing or has other code
 */
export async function assertReadyForContracts(
  publicClient: Pick<ChainReader, 'getChainId' | 'getCode'>,
  version: EntryPointVersion,
): Promise<{ chainId: number; entryPoint: EntryPoint }> {
  const chainId = await publicClient.getChainId()
  await assertCode(publicClient, 'the CREATE2 deployer', create2Deployer)
  return { chainId, entryPoint: await assertEntryPoint(publicClient, chainId, version) }
}

/**
 * Refuses a chain that is not the deployment's, before anything is signed for it.
 *
 * @throws {DeploymentMismatchError} when the chain id differs, or a contract's code is missing or another
 */
export async function assertDeployment(publicClient: ChainReader, deployment: Deployment): Promise<void> {
  const chainId = await publicClient.getChainId()
  if (chainId !== deployment.chainId) {
    throw new DeploymentMismatchError(
      'chainIdDiffers',
      'The chain is not the one the contracts were deployed on.',
      `Chain id: ${chainId}, deployment: ${deployment.chainId}`,
      'This happens when the RPC address points to another network.',
      "set the RPC address of the deployment's chain, or deploy on this one.",
    )
  }
  await assertEntryPoint(publicClient, chainId, deployment.entryPoint.version)
  await Promise.all(
    [...contractNames, 'entryPoint' as const].map((name) => assertCode(publicClient, name, deployment[name])),
  )
}

/**
 * Writes `<folder>/<chainId>.json`, whole or not at all.
 *
 * @returns the file's path
 */
export async function writeDeployment(folder: string, deployment: Deployment): Promise<string> {
  await mkdir(folder, { recursive: true })
  const file = fileOf(folder, deployment.chainId)
  await writeFile(`${file}.new`, `${JSON.stringify(deployment, null, 2)}\n`)
  await rename(`${file}.new`, file)
  return file
}

/**
 * Reads `<folder>/<chainId>.json`.
 *
 * @returns undefined when there is no such file
 * @throws {DeploymentMismatchError} when the file is not a deployment on that chain
 */
export async function readDeployment(folder: string, chainId: number): Promise<Deployment | undefined> {
  const file = fileOf(folder, chainId)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const deployment = parseDeployment(text)
  if (deployment?.chainId === chainId) return deployment
  throw new DeploymentMismatchError(
    'fileInvalid',
    'The deployment file cannot be used.',
    `File: ${file}`,
    `It is not a whole deployment on chain ${chainId}: it was edited, cut short, or renamed.`,
    'restore the file, or remove it and deploy again: what is on the chain stays.',
  )
}

/** @returns the block that holds the contract's creation; undefined where it was there before */
async function put(
  { publicClient, walletClient, onStep }: DeployOptions,
  { name, address, data }: PlannedContract,
): Promise<bigint | undefined> {
  if (await publicClient.getCode({ address })) return undefined
  onStep?.(name)
  const hash = await walletClient.sendTransaction({ to: create2DeployerAddress, data })
  const receipt = await publicClient.waitForTransactionReceipt({ hash })
  if (receipt.status === 'success') return receipt.blockNumber
  throw new DeploymentMismatchError(
    'transactionReverted',
    'A contract could not be deployed.',
    `Contract: ${name}, transaction: ${hash}`,
    'Its constructor refused its arguments, or the gas ran out.',
    'look the transaction up, then deploy again: what is on the chain stays.',
  )
}

/**
 * The ledger's constructor names its first access writer: that event tells the block, whoever deployed it and when. Sought
 * backwards, since public nodes answer for so many blocks at a time only and the event is most likely young.
 */
async function firstBlock(publicClient: ChainReader, consentLedger: Address): Promise<bigint> {
  for (let toBlock = await publicClient.getBlockNumber({ cacheTime: 0 }); toBlock >= 0n; toBlock -= logRange) {
    const fromBlock = toBlock >= logRange ? toBlock - logRange + 1n : 0n
    const [event] = await publicClient.getContractEvents({
      address: consentLedger,
      abi: consentLedgerAbi,
      eventName: 'AccessWriterChanged',
      args: { previous: zeroAddress },
      fromBlock,
      toBlock,
    })
    if (event !== undefined) return event.blockNumber
  }
  throw new DeploymentMismatchError(
    'eventMissing',
    "The consent ledger's first event is missing.",
    `Contract: consentLedger at ${consentLedger}`,
    'This happens when the node does not keep old logs.',
    'deploy through a node that keeps all logs.',
  )
}

async function assertEntryPoint(
  publicClient: Pick<ChainReader, 'getCode'>,
  chainId: number,
  version: EntryPointVersion,
): Promise<EntryPoint> {
  const entryPoint = entryPointOn(chainId, version)
  if (entryPoint === undefined)
    throw new DeploymentMismatchError(
      'entryPointUnknown',
      'The code of this entry point is not known for this chain.',
      `EntryPoint: ${version}, chain id: ${chainId}`,
      'EntryPoint v0.8 has another code hash on every chain, and this one is not in the list.',
      'use EntryPoint 0.7, or a chain that the server knows.',
    )
  await assertCode(publicClient, 'entryPoint', entryPoint)
  return entryPoint
}

async function assertCode(
  publicClient: Pick<ChainReader, 'getCode'>,
  name: string,
  expected: DeployedContract,
): Promise<void> {
  const codeHash = keccak256(await assertHasCode(publicClient, name, expected.address))
  if (codeHash === expected.codeHash) return
  throw new DeploymentMismatchError(
    'codeDiffers',
    'A contract is not the one this server was made for.',
    `Contract: ${name} at ${expected.address}, code hash: ${codeHash}, expected: ${expected.codeHash}`,
    'This happens when the deployment file belongs to another version or another chain.',
    'use the deployment file that was written when the contracts were deployed, or deploy again.',
  )
}

async function assertHasCode(publicClient: Pick<ChainReader, 'getCode'>, name: string, address: Address): Promise<Hex> {
  const code = await publicClient.getCode({ address })
  if (code !== undefined && code !== '0x') return code
  throw new DeploymentMismatchError(
    'codeMissing',
    'A contract is missing on the chain.',
    `Contract: ${name} at ${address}`,
    'This happens on a fresh chain, or when the RPC address points to another network.',
    'check the RPC address, or deploy the contracts there.',
  )
}

function fileOf(folder: string, chainId: number): string {
  return join(folder, `${chainId}.json`)
}

function parseDeployment(text: string): Deployment | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return isDeployment(value) ? value : undefined
}

function isDeployment(value: unknown): value is Deployment {
  return (
    isObject(value) &&
    Number.isSafeInteger(value['chainId']) &&
    Number.isSafeInteger(value['blockNumber']) &&
    contractNames.every((name) => isDeployedContract(value[name])) &&
    isEntryPoint(value['entryPoint'])
  )
}

function isDeployedContract(value: unknown): value is DeployedContract {
  return (
    isObject(value) &&
    typeof value['address'] === 'string' &&
    isAddress(value['address']) &&
    typeof value['codeHash'] === 'string' &&
    isHash(value['codeHash'])
  )
}

function isEntryPoint(value: unknown): value is EntryPoint {
  if (!isDeployedContract(value) || !('version' in value)) return false
  const version = entryPointVersions.find((known) => known === value.version)
  return version !== undefined && isAddressEqual(value.address, entryPointAddresses[version])
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
