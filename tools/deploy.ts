/**
 * Puts the contracts on a chain and writes `<chain id>.json` into the deployments folder. What is on the chain already stays.
 *
 * Reads CHAIN_ID, CHAIN_RPC_URL and DEPLOYMENTS_FOLDER; GOVERNOR_ADDRESS (verifies hospitals), OPERATOR_ADDRESS (logs looks) and
 * DEPLOYER_KEY (pays, gets no role). On chain 31337 the last three are made: keys in the data folder, anvil's own money.
 */
import { join, resolve } from 'node:path'
import {
  type Account,
  type Address,
  createTestClient,
  createWalletClient,
  defineChain,
  http,
  isAddress,
  parseEther,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { bytesToHex } from 'viem/utils'
import { prepareEntryPoint } from '../local/chain/prepareEntryPoint.ts'
import { openChainClient } from '../src/accounts/chainClient.ts'
import { sponsorPaymasterAbi } from '../src/accounts/contracts.generated.ts'
import { type Deployment, deployContracts, writeDeployment } from '../src/accounts/deployments.ts'
import { readOrMakeKeyFile } from '../src/accounts/keyFile.ts'
import { localChainId } from '../src/config.ts'

/** Enough for thousands of operations on a chain whose money is worth nothing. */
const localMoney = parseEther('10')

type Roles = { governor: Address; operator: Address; deployer: Account | Address }

process.on('uncaughtException', (error) => stop(error.message))

const chainId = Number(needed('CHAIN_ID'))
const rpcUrl = needed('CHAIN_RPC_URL')
const folder = resolve(process.env['DEPLOYMENTS_FOLDER'] || './deployments')
const isLocal = chainId === localChainId

const publicClient = openChainClient(rpcUrl, chainId)
const found = await publicClient.getChainId()
if (found !== chainId) stop(`CHAIN_RPC_URL is chain ${found}, not ${chainId}.`)
const chain = defineChain({
  id: chainId,
  name: `chain ${chainId}`,
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
  rpcUrls: { default: { http: [rpcUrl] } },
})
const testClient = createTestClient({ mode: 'anvil', chain, transport: http(rpcUrl) })
const roles = isLocal ? await localRoles() : givenRoles()
const walletClient = createWalletClient({ account: roles.deployer, chain, transport: http(rpcUrl) })
if (isLocal) await prepareEntryPoint({ url: rpcUrl, mine: (blocks) => testClient.mine({ blocks }) })
const deployment = await deployContracts({
  publicClient,
  walletClient,
  governor: roles.governor,
  accessWriter: roles.operator,
})
const file = await writeDeployment(folder, deployment)
if (isLocal) await giveMoney(deployment)
process.stdout.write(`The contracts are on chain ${chainId}; ${file} says where.\n`)

async function localRoles(): Promise<Roles> {
  const keys = join(resolve(process.env['DATA_FOLDER'] || './data'), 'keys')
  const address = async (name: string) =>
    privateKeyToAccount(bytesToHex(await readOrMakeKeyFile(join(keys, name)))).address
  const [deployer] = await createWalletClient({ chain, transport: http(rpcUrl) }).getAddresses()
  if (!deployer) stop('The chain holds no account to pay with.')
  return { governor: await address('governor'), operator: await address('operator'), deployer }
}

function givenRoles(): Roles {
  const key = needed('DEPLOYER_KEY')
  if (!/^0x[0-9a-f]{64}$/i.test(key)) stop('DEPLOYER_KEY must be 0x and 64 hexadecimal digits.')
  return {
    governor: neededAddress('GOVERNOR_ADDRESS'),
    operator: neededAddress('OPERATOR_ADDRESS'),
    deployer: privateKeyToAccount(key as Address),
  }
}

async function giveMoney({ sponsorPaymaster }: Deployment): Promise<void> {
  for (const address of [roles.governor, roles.operator]) await testClient.setBalance({ address, value: localMoney })
  const hash = await walletClient.writeContract({
    address: sponsorPaymaster.address,
    abi: sponsorPaymasterAbi,
    functionName: 'deposit',
    value: localMoney,
  })
  await publicClient.waitForTransactionReceipt({ hash })
}

function needed(name: string): string {
  return process.env[name]?.trim() || stop(`${name} is not set.`)
}

function neededAddress(name: string): Address {
  const value = needed(name)
  return isAddress(value) ? value : stop(`${name} must be an address.`)
}

function stop(why: string): never {
  process.stderr.write(`Not deployed: ${why}\n`)
  process.exit(1)
}
