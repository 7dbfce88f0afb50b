import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { network } from 'hardhat'
import {
  type Address,
  createTestClient,
  type Hex,
  http,
  type PublicClient,
  parseEther,
  publicActions,
  toHex,
  walletActions,
  zeroAddress,
  zeroHash,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareEntryPoint } from '../../local/chain/prepareEntryPoint.ts'
import { type LocalChain, startChain } from '../../local/chain/startChain.ts'
import { openChainClient } from '../../src/accounts/chainClient.ts'
import { readDeploymentState } from '../../src/accounts/deploymentCalls.ts'
import {
  assertDeployment,
  contractNames,
  create2DeployerAddress,
  type Deployment,
  DeploymentMismatchError,
  defaultSponsorLimits,
  planContracts,
  readDeployment,
} from '../../src/accounts/deployments.ts'
import { type EntryPointVersion, entryPointAddresses, entryPointVersions } from '../../src/accounts/entryPoint.ts'
import { deploy } from '../../tools/deploy.ts'
import { DeployCommandError, readDeployCommand } from '../../tools/deployOptions.ts'
import { countPending } from '../support/ledgerEvents.ts'

const ids = { lisk: 1135, 'lisk-sepolia': 4202, local: 31337 } as const
type ChainName = keyof typeof ids

const deployerKey = generatePrivateKey()
const deployer = privateKeyToAccount(deployerKey).address
const multisig = privateKeyToAccount(generatePrivateKey()).address
const treasury = privateKeyToAccount(generatePrivateKey()).address
const operator = privateKeyToAccount(generatePrivateKey()).address
const roles = ['--governor', multisig, '--sponsor-owner', treasury, '--operator', operator]

/** Each contract; access writer, passkey doctors, limits, stake, deposit, floor; and the offers of two roles. */
const transactionCount = contractNames.length + 8

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'healthchain-deploy-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A chain that stands for `name`: with its id, an entry point, and money for the deployer. */
async function standIn(name: ChainName, version: EntryPointVersion = '0.7', moneyEth = '10') {
  const chain = await startChain({ chainId: ids[name] })
  await chain.fund(deployer, parseEther(moneyEth))
  await prepareEntryPoint(chain, version)
  const client: PublicClient = openChainClient(chain.url, ids[name])
  const place = await mkdtemp(join(folder, `${name}-`))
  const flagsHere = ['--chain', name, '--rpc-url', chain.url, '--folder', place, '--no-verification']

  async function follow(onLine: (line: string) => void, ...flags: string[]): Promise<string[]> {
    const lines: string[] = []
    const command = readDeployCommand([...flagsHere, ...flags], { DEPLOYER_KEY: deployerKey, DATA_FOLDER: place })
    if (!command) throw new Error('Help was asked for.')
    await deploy(command, (line) => {
      lines.push(line)
      onLine(line)
    })
    return lines
  }

  return {
    chain,
    client,
    folder: place,
    /** Runs the command here; returns the lines it printed. */
    run: (...flags: string[]): Promise<string[]> => follow(() => {}, ...flags),
    follow,
    /** Runs the command here as a process of its own. */
    start: (...flags: string[]) =>
      spawn(process.execPath, ['tools/deploy.ts', ...flagsHere, ...flags], {
        env: { PATH: process.env['PATH'], DEPLOYER_KEY: deployerKey },
      }),
    async deployment(): Promise<Deployment> {
      const found = await readDeployment(place, ids[name])
      if (!found) throw new Error('No deployment was written.')
      return found
    },
    [Symbol.asyncDispose]: chain.stop,
  }
}
type StandIn = Awaited<ReturnType<typeof standIn>>

async function stateOf({ client, deployment }: StandIn) {
  const contracts = await deployment()
  return readDeploymentState(client, addressesOf(contracts), contracts.entryPoint.address)
}

function addressesOf(deployment: Deployment) {
  return Object.fromEntries(contractNames.map((name) => [name, deployment[name].address])) as Record<
    (typeof contractNames)[number],
    Address
  >
}

/** How many transactions are in blocks. */
async function countTransactions({ client }: StandIn): Promise<number> {
  return client.getTransactionCount({ address: deployer })
}

type Batch = { chainId: string; transactions: { to: Address; value: string; data: Hex }[] }

/** Does what a multisig's owners do with their file. */
async function carryOut({ chain, folder: place }: StandIn, id: number, by: Address): Promise<number> {
  const batch = JSON.parse(await readFile(join(place, String(id), `calls-${by}.json`), 'utf8')) as Batch
  expect(batch.chainId).toBe(String(id))
  const client = createTestClient({ mode: 'anvil', account: by, transport: http(chain.url) })
    .extend(publicActions)
    .extend(walletActions)
  await client.impersonateAccount({ address: by })
  await chain.fund(by, parseEther('10'))
  for (const { to, value, data } of batch.transactions) {
    const hash = await client.sendTransaction({ chain: null, to, value: BigInt(value), data })
    expect((await client.waitForTransactionReceipt({ hash })).status).toBe('success')
  }
  return batch.transactions.length
}

const handedOver = {
  governor: multisig,
  pendingGovernor: zeroAddress,
  accessWriter: operator,
  sponsorOwner: treasury,
  pendingSponsorOwner: zeroAddress,
  stakeWei: parseEther('0.1'),
  unstakeDelayS: 86_400,
  depositWei: parseEther('0.05'),
  depositFloorWei: parseEther('0.01'),
  limits: { ...defaultSponsorLimits, maxFeePerGasWei: 50_000_000n, dailyBudgetWei: parseEther('0.0005') },
}

describe('one command puts everything on a chain', () => {
  test.each(entryPointVersions)('at the same addresses on Lisk and Lisk Sepolia, on EntryPoint %s', async (version) => {
    await using mainnet = await standIn('lisk', version)
    await using testnet = await standIn('lisk-sepolia', version)
    await mainnet.run(...roles, '--entry-point', version)
    // Other people on the other chain: they don't decide the addresses.
    const others = ['--governor', treasury, '--operator', multisig, '--max-fee', '1']
    await testnet.run(...others, '--entry-point', version)

    const [onMainnet, onTestnet] = [await mainnet.deployment(), await testnet.deployment()]
    expect(addressesOf(onTestnet)).toEqual(addressesOf(onMainnet))
    expect(onMainnet.entryPoint).toMatchObject({ version, address: entryPointAddresses[version] })
    await assertDeployment(mainnet.client, onMainnet)
    await assertDeployment(testnet.client, onTestnet)
  })

  test('a dry run says what would be sent and sends nothing; a second run finds nothing left to send', async () => {
    await using sepolia = await standIn('lisk-sepolia')
    const dry = await sepolia.run(...roles, '--dry-run')
    expect(dry).toContain(`${transactionCount} transactions, with 0.15 ETH for stake and deposit.`)
    expect(dry.join('\n')).toMatch(/About \d{8} gas, at most 0\.0\d+ ETH/)
    expect(dry).toContain(`  then ${multisig} must accept the governor's role`)
    expect(await countTransactions(sepolia)).toBe(0)
    expect(await readdir(sepolia.folder)).toEqual([])

    await sepolia.run(...roles)
    const planned = addressesOf(await sepolia.deployment())
    for (const address of Object.values(planned)) expect(dry.join('\n')).toContain(address)
    const sent = await countTransactions(sepolia)
    expect(sent).toBe(transactionCount)
    const files = await filesOf(sepolia.folder)

    expect(await sepolia.run(...roles)).toContain('Nothing is left to send.')
    expect(await countTransactions(sepolia)).toBe(sent)
    expect(await filesOf(sepolia.folder)).toEqual(files)
  })

  test('the multisigs take their roles over with the calls in their files, and the deployer has none', async () => {
    await using sepolia = await standIn('lisk-sepolia')
    await sepolia.run(...roles)
    expect(await stateOf(sepolia)).toMatchObject({
      ...handedOver,
      governor: deployer,
      pendingGovernor: multisig,
      sponsorOwner: deployer,
      pendingSponsorOwner: treasury,
    })

    expect(await carryOut(sepolia, 4202, multisig)).toBe(1)
    expect(await carryOut(sepolia, 4202, treasury)).toBe(1)
    const { accountFactory } = await sepolia.deployment()
    expect(await stateOf(sepolia)).toEqual({ ...handedOver, passkeyDoctors: accountFactory.address })
    expect(await sepolia.run(...roles)).toContain('Nothing is left to send.')
    expect(await readdir(join(sepolia.folder, '4202'))).toEqual([])
  })

  test('without a handover the deployer never has a role, and all that needs one is left to the multisigs', async () => {
    await using sepolia = await standIn('lisk-sepolia')
    await sepolia.run(...roles, '--no-handover')
    expect(await stateOf(sepolia)).toMatchObject({ governor: multisig, accessWriter: operator, sponsorOwner: treasury })
    expect(await stateOf(sepolia)).toMatchObject({ passkeyDoctors: zeroAddress, stakeWei: 0n })

    expect(await carryOut(sepolia, 4202, multisig), 'namePasskeyDoctors').toBe(1)
    expect(await carryOut(sepolia, 4202, treasury), 'stake and floor').toBe(2)
    const { accountFactory } = await sepolia.deployment()
    expect(await stateOf(sepolia)).toEqual({ ...handedOver, passkeyDoctors: accountFactory.address })
    expect(await sepolia.run(...roles, '--no-handover')).toContain('Nothing is left to send.')
  })

  test('on the local chain without any key, and the entry point with it', async () => {
    await using chain = await startChain()
    const place = await mkdtemp(join(folder, 'local-'))
    const run = async (...flags: string[]) => {
      const args = ['--chain', 'local', '--rpc-url', chain.url, '--folder', place, ...flags]
      const command = readDeployCommand(args, { DATA_FOLDER: place })
      const lines: string[] = []
      if (command) await deploy(command, (line) => lines.push(line))
      return lines
    }
    const client = openChainClient(chain.url, ids.local)
    expect(await run('--dry-run')).toContain('  would put EntryPoint 0.7')
    expect(await client.getBlockNumber()).toBe(0n)
    await run()
    const deployment = await readDeployment(place, ids.local)
    if (!deployment) throw new Error('No deployment was written.')
    await assertDeployment(client, deployment)
    const before = await client.getBlockNumber()
    expect(await run()).toContain('Nothing is left to send.')
    expect(await client.getBlockNumber()).toBe(before)
  })

  test("the estimate has the fee for layer 1 where the chain's own oracle knows it", async () => {
    await using sepolia = await standIn('lisk-sepolia')
    await putGasPriceOracle(sepolia.chain)
    const lines = (await sepolia.run(...roles, '--dry-run')).join('\n')
    const fee = /About (0\.\d+) ETH for the data on layer 1/.exec(lines)?.[1]
    expect(Number(fee)).toBeGreaterThan(0)
  })
})

describe('the command stops before it sends anything where', () => {
  test('the node is on another chain', async () => {
    await using sepolia = await standIn('lisk-sepolia')
    const command = readDeployCommand(['--chain', 'lisk', '--rpc-url', sepolia.chain.url, ...roles], {
      DEPLOYER_KEY: deployerKey,
    })
    if (!command) throw new Error('Help was asked for.')
    await expect(deploy(command, () => {})).rejects.toThrow('the node is on chain 4202, and Lisk is 1135')
  })

  const faults: readonly (readonly [string, Address, Hex, string])[] = [
    ['the CREATE2 deployer is missing', create2DeployerAddress, '0x', 'codeMissing'],
    ['the CREATE2 deployer is another contract', create2DeployerAddress, '0x00', 'codeDiffers'],
    ['the entry point is missing', entryPointAddresses['0.7'], '0x', 'codeMissing'],
    ['the entry point is another contract', entryPointAddresses['0.7'], '0x00', 'codeDiffers'],
  ]
  test.each(faults)('%s', async (_fault, address, bytecode, code) => {
    await using sepolia = await standIn('lisk-sepolia')
    await createTestClient({ mode: 'anvil', transport: http(sepolia.chain.url) }).setCode({ address, bytecode })
    await expect(sepolia.run(...roles)).rejects.toMatchObject({ name: DeploymentMismatchError.name, code })
    expect(await countTransactions(sepolia)).toBe(0)
  })

  test('the deployer has too little money, and says how much is needed', async () => {
    await using sepolia = await standIn('lisk-sepolia', '0.7', '0.15')
    await expect(sepolia.run(...roles)).rejects.toThrow(/the deployer has 0\.15 ETH and needs about 0\.1\d+\. Nothing/)
    expect(await countTransactions(sepolia)).toBe(0)
    // Sent without a stake and with less deposit it is enough.
    await sepolia.run(...roles, '--stake', '0', '--deposit', '0.01')
    expect((await stateOf(sepolia)).depositWei).toBe(parseEther('0.01'))
  })

  const mistakes: readonly (readonly [string, string[], Record<string, string>])[] = [
    ['--chain must be lisk, lisk-sepolia or local', [], {}],
    ['--governor is needed on Lisk', ['--chain', 'lisk', '--operator', operator], { DEPLOYER_KEY: deployerKey }],
    ['--operator is needed on Lisk', ['--chain', 'lisk', '--governor', multisig], { DEPLOYER_KEY: deployerKey }],
    ['DEPLOYER_KEY is not set', ['--chain', 'lisk', ...roles], {}],
    ['DEPLOYER_KEY must be 0x and 64', ['--chain', 'lisk', ...roles], { DEPLOYER_KEY: '0x12' }],
    ['--deployer is for a dry run', ['--chain', 'lisk', ...roles, '--deployer', deployer], {}],
    ['--governor must be an address', ['--chain', 'local', '--governor', '0x12'], {}],
    ['--entry-point must be 0.7 or 0.8', ['--chain', 'local', '--entry-point', '0.6'], {}],
    ['--salt must be 0x and 64', ['--chain', 'local', '--salt', '1'], {}],
    ['--stake must be a number', ['--chain', 'local', '--stake', 'much'], {}],
    ['--unstake-delay must be a whole number', ['--chain', 'local', '--unstake-delay', '0'], {}],
    ["Unknown option '--key'", ['--key', '1'], {}],
  ]
  test.each(mistakes)('the command is not right: %s', (message, args, env) => {
    expect(() => readDeployCommand(args, env)).toThrow(DeployCommandError)
    expect(() => readDeployCommand(args, env)).toThrow(message)
  })
})

test('a deployment that was killed in between is continued, at the same addresses', async () => {
  await using sepolia = await standIn('lisk-sepolia')
  for (const line of ['Putting doctorAccount', "Fill the sponsor's deposit"]) {
    const child = sepolia.start(...roles)
    let printed = ''
    child.stdout.on('data', (chunk) => {
      printed += chunk
      if (printed.includes(line)) child.kill('SIGKILL')
    })
    const [, signal] = await once(child, 'exit')
    expect({ signal, printed }).toEqual({ signal: 'SIGKILL', printed: expect.stringContaining(line) })
  }
  await sepolia.run(...roles)
  // Nothing was sent twice: as many transactions as an undisturbed run has.
  expect(await countTransactions(sepolia)).toBe(transactionCount)
  expect(await stateOf(sepolia)).toMatchObject({ depositWei: parseEther('0.05'), pendingGovernor: multisig })
  const planned = planContracts({ governor: deployer, accessWriter: deployer })
  const expected = Object.fromEntries(planned.map(({ name, address }) => [name, address]))
  expect(addressesOf(await sepolia.deployment())).toEqual(expected)
  await assertDeployment(sepolia.client, await sepolia.deployment())
})

test('transactions that a killed run left in no block are waited for, not sent again', async () => {
  await using sepolia = await standIn('lisk-sepolia')
  await sepolia.chain.setAutomine(false)
  const child = sepolia.start(...roles)
  await expect.poll(() => countPending({ chainClient: sepolia.client }), { timeout: 20_000 }).toBe(1)
  child.kill('SIGKILL')
  await once(child, 'exit')

  const lines = await sepolia.follow(
    (line) => {
      if (line.startsWith('Waiting')) void sepolia.chain.setAutomine(true).then(() => sepolia.chain.mine(1))
    },
    ...roles,
  )
  expect(lines).toContain('Waiting for transactions of an earlier run')
  expect(await countTransactions(sepolia)).toBe(transactionCount)
})

test('a node that cannot simulate gives no estimate, and the contracts get there all the same', async () => {
  await using sepolia = await standIn('lisk-sepolia')
  await using node = await startOldNode(sepolia.chain.url)
  const lines = await sepolia.run(...roles, '--rpc-url', node.url)
  expect(lines).toContain('No estimate of the fees: the node has no eth_simulateV1.')
  await assertDeployment(sepolia.client, await sepolia.deployment())
})

test("the node's address, which may hold a key, is not in what the command prints", async () => {
  await using sepolia = await standIn('lisk-sepolia')
  const child = sepolia.start(...roles, '--rpc-url', 'http://127.0.0.1:1/v2/keyOfTheNode')
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk))
  expect((await once(child, 'close'))[0]).toBe(1)
  expect(printed).toMatch(/^Not deployed: HTTP request failed/)
  expect(printed).not.toMatch(/keyOfTheNode|0x[0-9a-f]{64}/i)
})

async function filesOf(place: string): Promise<Record<string, string>> {
  const names = (await readdir(place, { recursive: true })).filter((name) => name.endsWith('.json')).sort()
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(place, name), 'utf8')] as const)),
  )
}

type RpcCall = { id: number; method: string }

/** Passes everything on to a node, but for what older ones lack. */
async function startOldNode(behind: string) {
  const server = createServer(async (request, response) => {
    const body = await text(request)
    const asked = JSON.parse(body) as RpcCall | RpcCall[]
    const lacking = (Array.isArray(asked) ? asked : [asked]).find(({ method }) => method === 'eth_simulateV1')
    const error = { code: -32601, message: 'the method eth_simulateV1 does not exist/is not available' }
    const refusal = { jsonrpc: '2.0', id: lacking?.id, error }
    response.setHeader('content-type', 'application/json')
    if (lacking) response.end(JSON.stringify(Array.isArray(asked) ? [refusal] : refusal))
    else
      response.end(
        await (await fetch(behind, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).text(),
      )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a port.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** The OP stack's own oracle and its source of prices, as Hardhat's simulated OP chain has them. */
async function putGasPriceOracle({ url }: LocalChain): Promise<void> {
  const l1Block = '0x4200000000000000000000000000000000000015'
  const connection = await network.create({ network: 'simulated', chainType: 'op' })
  const source = await connection.viem.getPublicClient()
  const target = createTestClient({ mode: 'anvil', transport: http(url) })
  for (const address of ['0x420000000000000000000000000000000000000F', l1Block] as const) {
    await target.setCode({ address, bytecode: (await source.getCode({ address })) ?? '0x' })
    for (const slot of [0, 1, 7]) {
      const index = toHex(slot, { size: 32 })
      const value = (await source.getStorageAt({ address, slot: index })) ?? zeroHash
      await target.setStorageAt({ address, index, value })
    }
  }
  await connection.close()
  // The scalars of base fee and blob fee, which the simulated chain leaves at zero. Layout: L1Block.sol of the OP stack.
  const scalars = toHex((5_227n << 96n) | (1_014_213n << 64n), { size: 32 })
  await target.setStorageAt({ address: l1Block, index: toHex(3, { size: 32 }), value: scalars })
}
