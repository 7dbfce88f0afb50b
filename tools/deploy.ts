/**
 * Puts the contracts on a chain, sets them up and hands the roles over; `node tools/deploy.ts --help` says how.
 *
 * Writes `<chain id>.json` into the deployments folder, which the server reads, and into `<chain id>/` beside it what
 * Blockscout needs for verification and the calls that others than the deployer must make.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Address,
  BaseError,
  type Chain,
  createPublicClient,
  createTestClient,
  createWalletClient,
  formatEther,
  http,
  isAddressEqual,
  type PublicClient,
  parseEther,
  type Transport,
  type WalletClient,
  zeroAddress,
} from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { bytesToHex } from 'viem/utils'
import { entryPointDeployData, prepareEntryPoint } from '../local/chain/prepareEntryPoint.ts'
import {
  type DeploymentCall,
  type DeploymentState,
  type DeploymentWishes,
  freshDeploymentState,
  readDeploymentState,
  remainingCalls,
} from '../src/accounts/deploymentCalls.ts'
import {
  assertReadyForContracts,
  type ContractName,
  type ContractOptions,
  create2DeployerAddress,
  defaultSponsorLimits,
  deployContracts,
  type PlannedContract,
  planContracts,
  writeDeployment,
} from '../src/accounts/deployments.ts'
import { entryPointAddresses } from '../src/accounts/entryPoint.ts'
import { readOrMakeKeyFile } from '../src/accounts/keyFile.ts'
import { printEstimate, type Transaction } from './deployEstimate.ts'
import { type DeployCommand, DeployCommandError, help, readDeployCommand } from './deployOptions.ts'
import { hasVerificationInput, writeVerificationInput } from './verificationInput.ts'

const callTimeoutMs = 30_000
/** Lisk makes a block every two seconds. */
const pollMs = 500
/** Transactions of a run that was killed are in a block by then, or never will be. */
const pendingTimeoutMs = 120_000

/** Enough for thousands of operations on a chain whose money is worth nothing. */
const localMoneyWei = parseEther('100')
type Print = (line: string) => void
type Roles = { deployer: PrivateKeyAccount | Address; governor: Address; operator: Address; sponsorOwner: Address }

/**
 * Carries the command out, or says what it would do.
 *
 * @throws {DeployCommandError} where the command, the node or the deployer's money does not fit
 * @throws {DeploymentMismatchError} where the chain lacks what our contracts stand on
 */
export async function deploy(command: DeployCommand, print: Print): Promise<void> {
  const { chain, isLocal, isDryRun, entryPointVersion } = command
  const client = createPublicClient({
    chain,
    transport: http(command.rpcUrl, { timeout: callTimeoutMs, batch: true }),
    pollingInterval: pollMs,
    cacheTime: 0,
  })
  await assertChain(client, chain)
  const roles = await rolesOf(command)
  const deployer = addressOf(roles.deployer)
  if (isLocal && !isDryRun) await prepareLocalChain(command, roles)
  const isEntryPointToCome = isLocal && !(await client.getCode({ address: entryPointAddresses[entryPointVersion] }))
  if (!isEntryPointToCome) await assertReadyForContracts(client, entryPointVersion)

  const options = optionsOf(command, roles)
  const contracts = planContracts(options)
  const missing = await missingOf(client, contracts)
  const addresses = addressesOf(contracts)
  const wishes = wishesOf(command, roles)
  const readState = () => readDeploymentState(client, addresses, entryPointAddresses[entryPointVersion])
  const state = missing.length > 0 ? freshState(options) : await readState()
  const transactions: Transaction[] = [
    ...(isEntryPointToCome ? [entryPointTransaction(command)] : []),
    ...missing.map(({ name, data }) => ({ what: `put ${name}`, to: create2DeployerAddress, data, valueWei: 0n })),
    ...remainingCalls(state, wishes, addresses).filter((call) => mayCall(call, deployer)),
  ]

  const balanceWei = await client.getBalance({ address: deployer })
  print(`${capital(chain.name)} (${chain.id}), EntryPoint ${entryPointVersion}.`)
  print(`Deployer ${deployer}, ${formatEther(balanceWei)} ETH.`)
  for (const contract of contracts)
    print(`  ${contract.name.padEnd(26)}${contract.address}  ${missing.includes(contract) ? 'to come' : 'there'}`)
  const { passkeyDoctors } = state
  if (![zeroAddress, addresses.accountFactory].some((known) => isAddressEqual(known, passkeyDoctors)))
    print(`  The governor has named another factory that knows passkey doctors, for good: ${passkeyDoctors}.`)
  if (transactions.length === 0) print('Nothing is left to send.')
  else {
    const neededWei = await printEstimate(client, deployer, transactions, print)
    if (!isDryRun) assertMoney(deployer, balanceWei, neededWei)
  }
  if (isDryRun) {
    for (const { what } of transactions) print(`  would ${what}`)
    const after = remainingCalls(state, wishes, addresses).filter((call) => !mayCall(call, deployer))
    for (const { what, by } of after) print(`  then ${by} must ${what}`)
    print('This is a dry run: nothing was sent.')
    return
  }

  await waitForEarlierRun(client, deployer, print)
  const walletClient = createWalletClient({ account: signerOf(roles.deployer), chain, transport: http(command.rpcUrl) })
  const onStep = (name: ContractName) => print(`Putting ${name}`)
  const deployment = await deployContracts({ ...options, publicClient: client, walletClient, onStep })
  const file = await writeDeployment(command.folder, deployment)
  for (const call of remainingCalls(await readState(), wishes, addresses)) {
    if (!mayCall(call, deployer)) continue
    print(capital(`${call.what}`))
    await send(client, walletClient, call)
  }
  const spentWei = balanceWei - (await client.getBalance({ address: deployer }))
  if (transactions.length > 0) print(`Spent ${formatEther(spentWei)} ETH, stake and deposit included.`)
  print(`The contracts are on ${chain.name}; ${file} says where.`)

  const folder = join(command.folder, String(chain.id))
  await writeCallsOfOthers(folder, chain, remainingCalls(await readState(), wishes, addresses), print)
  if (command.hasVerification) await writeVerification(join(folder, 'verification'), chain, contracts, print)
}

async function assertChain(client: PublicClient, chain: Chain): Promise<void> {
  const found = await client.getChainId()
  if (found === chain.id) return
  throw new DeployCommandError(`the node is on chain ${found}, and ${chain.name} is ${chain.id}. See --rpc-url.`)
}

async function rolesOf(command: DeployCommand): Promise<Roles> {
  const key = async (name: string) =>
    privateKeyToAccount(bytesToHex(await readOrMakeKeyFile(join(command.keyFolder, name))))
  const deployer = command.deployer ?? (await key('governor'))
  const governor = command.governor ?? addressOf(deployer)
  const operator = command.operator ?? (await key('operator')).address
  return { deployer, governor, operator, sponsorOwner: command.sponsorOwner ?? governor }
}

/** Money for everybody, and the entry point. */
async function prepareLocalChain({ chain, rpcUrl, entryPointVersion }: DeployCommand, roles: Roles): Promise<void> {
  const testClient = createTestClient({ mode: 'anvil', chain, transport: http(rpcUrl) })
  for (const address of [addressOf(roles.deployer), roles.governor, roles.operator])
    await testClient.setBalance({ address, value: localMoneyWei })
  await prepareEntryPoint({ url: rpcUrl, mine: (blocks) => testClient.mine({ blocks }) }, entryPointVersion)
}

/** With a handover nothing that differs between chains is in a constructor, so the addresses don't differ either. */
function optionsOf(command: DeployCommand, { deployer, governor, operator, sponsorOwner }: Roles): ContractOptions {
  const { salt, entryPointVersion, limits } = command
  const first = addressOf(deployer)
  return command.hasHandover
    ? { governor: first, accessWriter: first, sponsorOwner: first, salt, entryPointVersion }
    : { governor, accessWriter: operator, sponsorOwner, sponsorLimits: limits, salt, entryPointVersion }
}

function wishesOf(command: DeployCommand, { governor, operator, sponsorOwner }: Roles): DeploymentWishes {
  return { ...command, governor, sponsorOwner, accessWriter: operator }
}

function freshState(options: ContractOptions): DeploymentState {
  const { governor, accessWriter, sponsorOwner = governor, sponsorLimits: limits = defaultSponsorLimits } = options
  return freshDeploymentState({ governor, accessWriter, sponsorOwner, limits })
}

async function missingOf(client: PublicClient, contracts: readonly PlannedContract[]): Promise<PlannedContract[]> {
  const codes = await Promise.all(contracts.map(({ address }) => client.getCode({ address })))
  return contracts.filter((_, index) => codes[index] === undefined)
}

function addressesOf(contracts: readonly PlannedContract[]): Record<ContractName, Address> {
  return Object.fromEntries(contracts.map(({ name, address }) => [name, address])) as Record<ContractName, Address>
}

function entryPointTransaction({ entryPointVersion }: DeployCommand): Transaction {
  const data = entryPointDeployData(entryPointVersion)
  return { what: `put EntryPoint ${entryPointVersion}`, to: create2DeployerAddress, data, valueWei: 0n }
}

function assertMoney(deployer: Address, balanceWei: bigint, neededWei: bigint): void {
  if (balanceWei >= neededWei) return
  throw new DeployCommandError(
    `the deployer has ${formatEther(balanceWei)} ETH and needs about ${formatEther(neededWei)}. Nothing was sent. ` +
      `Send the difference to ${deployer}, or ask for less with --stake and --deposit.`,
  )
}

/** A run that was killed may have left transactions that no block holds yet; sent once more they would fail. */
async function waitForEarlierRun(client: PublicClient, address: Address, print: Print): Promise<void> {
  const deadline = Date.now() + pendingTimeoutMs
  for (let isTold = false; ; isTold = true) {
    const [known, mined] = await Promise.all([
      client.getTransactionCount({ address, blockTag: 'pending' }),
      client.getTransactionCount({ address, blockTag: 'latest' }),
    ])
    if (known <= mined) return
    if (!isTold) print('Waiting for transactions of an earlier run')
    if (Date.now() > deadline)
      throw new DeployCommandError('transactions of an earlier run are in no block yet. Run it again later.')
    await new Promise((resume) => setTimeout(resume, pollMs))
  }
}

async function send(
  client: PublicClient,
  walletClient: WalletClient<Transport, Chain, PrivateKeyAccount>,
  { what, to, data, valueWei }: DeploymentCall,
): Promise<void> {
  const hash = await walletClient.sendTransaction({ to, data, value: valueWei })
  const { status } = await client.waitForTransactionReceipt({ hash })
  if (status !== 'success') throw new DeployCommandError(`"${what}" was reverted in transaction ${hash}.`)
}

/**
 * Writes the calls that only others may make, a file for each of them, as Safe's Transaction Builder reads it; other wallets
 * take the same `to`, `value` and `data`.
 */
async function writeCallsOfOthers(
  folder: string,
  chain: Chain,
  calls: readonly DeploymentCall[],
  print: Print,
): Promise<void> {
  const earlier = await readdir(folder).catch(() => [])
  for (const name of earlier) if (name.startsWith('calls-')) await rm(join(folder, name))
  for (const by of new Set(calls.flatMap((call) => call.by ?? []))) {
    const theirs = calls.filter((call) => call.by === by)
    const file = join(folder, `calls-${by}.json`)
    const transactions = theirs.map(({ to, data, valueWei }) => ({ to, value: String(valueWei), data }))
    const meta = { name: `HealthChain on ${chain.name}`, description: theirs.map(({ what }) => what).join('; ') }
    const batch = { version: '1.0', chainId: String(chain.id), createdAt: 0, meta, transactions }
    await mkdir(folder, { recursive: true })
    await writeFile(file, `${JSON.stringify(batch, null, 2)}\n`)
    print(`${by} must still ${theirs.map(({ what }) => what).join(', ')}: ${file}`)
  }
}

async function writeVerification(
  folder: string,
  chain: Chain,
  contracts: readonly PlannedContract[],
  print: Print,
): Promise<void> {
  if (await hasVerificationInput(folder, contracts)) return
  print('Compiling once more for the verification input; this takes half a minute')
  await writeVerificationInput(folder, chain, contracts)
  print(`Blockscout's verification input is in ${folder}.`)
}

function mayCall({ by }: DeploymentCall, deployer: Address): boolean {
  return by === null || isAddressEqual(by, deployer)
}

function addressOf(account: PrivateKeyAccount | Address): Address {
  return typeof account === 'string' ? account : account.address
}

function signerOf(account: PrivateKeyAccount | Address): PrivateKeyAccount {
  if (typeof account === 'string') throw new DeployCommandError('only a dry run goes without DEPLOYER_KEY.')
  return account
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Without the node's address, which may hold a key. */
function reasonOf(error: unknown): string {
  if (error instanceof BaseError) return `${error.shortMessage} ${error.details}`
  return error instanceof Error ? error.message : String(error)
}

async function main(): Promise<void> {
  const print = (line: string) => process.stdout.write(`${line}\n`)
  try {
    const command = readDeployCommand(process.argv.slice(2), process.env)
    if (command === undefined) print(help)
    else await deploy(command, print)
  } catch (error) {
    process.stderr.write(`Not deployed: ${reasonOf(error)}\n`)
    process.exitCode = 1
  }
}

if (import.meta.main) await main()
