import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeterministicDeployer } from '@account-abstraction/sdk'
import { createPublicClient, createWalletClient, http, keccak256, parseEther, sliceHex, toHex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { entryPointDeployData, prepareEntryPoint } from '../../local/chain/prepareEntryPoint.ts'
import { ChainStartError, type LocalChain, startChain } from '../../local/chain/startChain.ts'
import { consentLedgerAbi, sponsorPaymasterAbi } from '../../src/accounts/contracts.generated.ts'
import {
  assertDeployment,
  type Deployment,
  DeploymentMismatchError,
  type DeployOptions,
  deployContracts,
  readDeployment,
  writeDeployment,
} from '../../src/accounts/deployments.ts'
import { entryPointAddresses, entryPointVersions } from '../../src/accounts/entryPoint.ts'

const deployer = privateKeyToAccount(generatePrivateKey())
const governor = privateKeyToAccount(generatePrivateKey()).address
const accessWriter = privateKeyToAccount(generatePrivateKey()).address

let folder: string
let chain: LocalChain
let deployment: Deployment

function publicClientOf({ url }: LocalChain) {
  return createPublicClient({ chain: anvil, transport: http(url), pollingInterval: 20 })
}

function deployOptions(on: LocalChain): DeployOptions {
  const walletClient = createWalletClient({ account: deployer, chain: anvil, transport: http(on.url) })
  return { publicClient: publicClientOf(on), walletClient, governor, accessWriter }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chain-test-'))
  chain = await startChain()
  await chain.fund(deployer.address, parseEther('10'))
  await prepareEntryPoint(chain)
  deployment = await deployContracts(deployOptions(chain))
})

afterAll(async () => {
  await chain?.stop()
  if (folder) await rm(folder, { recursive: true })
})

test('a fresh deployment is what the server was made for', async () => {
  await assertDeployment(publicClientOf(chain), deployment)
})

test('the named accounts have the roles, the deployer has none', async () => {
  const client = publicClientOf(chain)
  const ledger = { abi: consentLedgerAbi, address: deployment.consentLedger.address }
  const sponsor = { abi: sponsorPaymasterAbi, address: deployment.sponsorPaymaster.address }
  expect(await client.readContract({ ...ledger, functionName: 'governor' })).toBe(governor)
  expect(await client.readContract({ ...ledger, functionName: 'accessWriter' })).toBe(accessWriter)
  expect(await client.readContract({ ...sponsor, functionName: 'owner' })).toBe(governor)
})

test('deploying twice changes nothing', async () => {
  const client = publicClientOf(chain)
  const before = await client.getBlockNumber({ cacheTime: 0 })
  await prepareEntryPoint(chain)
  expect(await deployContracts(deployOptions(chain))).toEqual(deployment)
  expect(await client.getBlockNumber({ cacheTime: 0 })).toBe(before)
})

test('another salt gives another deployment beside the first', async () => {
  const other = await deployContracts({ ...deployOptions(chain), salt: keccak256(toHex('another')) })
  expect(other.consentLedger.address).not.toBe(deployment.consentLedger.address)
  expect(other.blockNumber).toBeGreaterThan(deployment.blockNumber)
  await assertDeployment(publicClientOf(chain), other)
})

test('a deployment of another chain is refused', async () => {
  await expect(assertDeployment(publicClientOf(chain), { ...deployment, chainId: 1135 })).rejects.toMatchObject({
    name: 'DeploymentMismatchError',
    code: 'chainIdDiffers',
    message: expect.stringContaining('Chain id: 31337, deployment: 1135'),
  })
})

test('a contract with other code is refused', async () => {
  const changed = { ...deployment.consentLedger, codeHash: deployment.patientAccount.codeHash }
  await expect(
    assertDeployment(publicClientOf(chain), { ...deployment, consentLedger: changed }),
  ).rejects.toMatchObject({ code: 'codeDiffers', message: expect.stringContaining('Contract: consentLedger at') })
})

test('a missing contract is refused', async () => {
  const missing = { ...deployment.accountFactory, address: governor }
  await expect(
    assertDeployment(publicClientOf(chain), { ...deployment, accountFactory: missing }),
  ).rejects.toMatchObject({ code: 'codeMissing', message: expect.stringContaining('accountFactory') })
})

test('nothing is deployed on a chain without the entry point', async () => {
  await using empty = await startChain()
  await empty.fund(deployer.address, parseEther('10'))
  await expect(deployContracts(deployOptions(empty))).rejects.toMatchObject({
    code: 'codeMissing',
    message: expect.stringContaining('entryPoint'),
  })
  expect(await publicClientOf(empty).getBlockNumber()).toBe(0n)
})

test('a written deployment is read back, a missing one is undefined, a damaged one is refused', async () => {
  const file = await writeDeployment(folder, deployment)
  expect(file).toBe(join(folder, '31337.json'))
  expect(await readDeployment(folder, 31337)).toEqual(deployment)
  expect(await readDeployment(folder, 1135)).toBeUndefined()

  const whole = await readFile(file, 'utf8')
  await writeFile(join(folder, '1135.json'), whole)
  await expect(readDeployment(folder, 1135)).rejects.toThrow(DeploymentMismatchError)
  await writeFile(file, whole.slice(0, 100))
  await expect(readDeployment(folder, 31337)).rejects.toMatchObject({ code: 'fileInvalid' })
})

test('the chain survives a kill with all it knew', async () => {
  const stateFile = join(folder, 'state.json')
  const first = await startChain({ stateFile })
  await first.fund(deployer.address, parseEther('10'))
  await prepareEntryPoint(first)
  const before = await deployContracts(deployOptions(first))
  const height = await publicClientOf(first).getBlockNumber()
  await first.save()
  process.kill(first.pid, 'SIGKILL')
  await first.stop()

  await using second = await startChain({ stateFile })
  const client = publicClientOf(second)
  expect(await client.getBlockNumber()).toBe(height)
  await assertDeployment(client, before)
  expect(await deployContracts(deployOptions(second))).toEqual(before)
})

test('a stopped chain has written everything', async () => {
  const stateFile = join(folder, 'stopped.json')
  const first = await startChain({ stateFile })
  await first.fund(governor, 7n)
  await first.mine(3)
  await first.stop()
  await first.stop()

  await using second = await startChain({ stateFile })
  const client = publicClientOf(second)
  expect(await client.getBlockNumber()).toBe(3n)
  expect(await client.getBalance({ address: governor })).toBe(7n)
})

test('a transaction waits for its block while automine is off', async () => {
  await using quiet = await startChain()
  const client = publicClientOf(quiet)
  await quiet.fund(deployer.address, parseEther('1'))
  await quiet.setAutomine(false)
  const wallet = createWalletClient({ account: deployer, chain: anvil, transport: http(quiet.url) })
  await wallet.sendTransaction({ to: governor, value: 1n })
  expect(await client.getBlockNumber({ cacheTime: 0 })).toBe(0n)
  await quiet.mine(1)
  expect(await client.getBalance({ address: governor })).toBe(1n)
})

test('moved time shows in the next block', async () => {
  await using moved = await startChain()
  const client = publicClientOf(moved)
  const before = await client.getBlock()
  await moved.increaseTime(86_400)
  await moved.mine(1)
  const after = await client.getBlock()
  expect(after.timestamp - before.timestamp).toBeGreaterThanOrEqual(86_400n)
})

test('a taken port is said, not shared', async () => {
  await expect(startChain({ port: chain.port })).rejects.toThrow(ChainStartError)
  expect(await publicClientOf(chain).getChainId()).toBe(31337)
})

test('a state file that was cut short is named', async () => {
  const stateFile = join(folder, 'cut.json')
  await writeFile(stateFile, '{"block":{"number":"0x')
  await expect(startChain({ stateFile })).rejects.toMatchObject({
    name: 'ChainStartError',
    message: expect.stringContaining('cut.json'),
  })
})

test.each(entryPointVersions)(
  'another implementation of the deployer finds EntryPoint %s at the same address',
  (version) => {
    const data = entryPointDeployData(version)
    const [salt, code] = [sliceHex(data, 0, 32), sliceHex(data, 32)]
    const found = DeterministicDeployer.getDeterministicDeployAddress(code, salt)
    expect(found).toBe(entryPointAddresses[version].toLowerCase())
  },
)
