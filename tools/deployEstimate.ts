import {
  type Address,
  type BaseError,
  formatEther,
  formatGwei,
  type Hex,
  type PublicClient,
  parseAbi,
  parseEther,
  serializeTransaction,
} from 'viem'
import { DeployCommandError } from './deployOptions.ts'

export type Transaction = { what: string; to: Address; data: Hex; valueWei: bigint }

/** What an estimate lets the deployer spend, so that it says what is lacking instead of failing. */
const estimateMoneyWei = parseEther('1000000')

/** The OP stack's own contract that knows what a transaction's bytes cost on layer 1. Source: specs.optimism.io, predeploys. */
const gasPriceOracle = {
  address: '0x420000000000000000000000000000000000000F',
  abi: parseAbi(['function getL1Fee(bytes data) view returns (uint256)']),
} as const

/**
 * Simulates the transactions one after the other, and asks the chain for its prices.
 *
 * @returns what they need in wei, as far as it can be known: without the fees where the node cannot simulate
 */
export async function printEstimate(
  client: PublicClient,
  deployer: Address,
  transactions: readonly Transaction[],
  print: (line: string) => void,
): Promise<bigint> {
  const valueWei = transactions.reduce((sum, transaction) => sum + transaction.valueWei, 0n)
  const gases = await simulate(client, deployer, transactions)
  const { maxFeePerGas } = await client.estimateFeesPerGas()
  print(`${transactions.length} transactions, with ${formatEther(valueWei)} ETH for stake and deposit.`)
  if (gases === null) {
    print('No estimate of the fees: the node has no eth_simulateV1.')
    return valueWei
  }
  const gas = gases.reduce((sum, one) => sum + one, 0n)
  const feeWei = gas * maxFeePerGas
  const dataFeeWei = await dataFeeOf(client, transactions)
  print(`About ${gas} gas, at most ${formatEther(feeWei)} ETH at ${formatGwei(maxFeePerGas)} gwei.`)
  print(
    dataFeeWei === null
      ? 'No fee for layer 1: this chain has no GasPriceOracle.'
      : `About ${formatEther(dataFeeWei)} ETH for the data on layer 1.`,
  )
  return valueWei + feeWei + (dataFeeWei ?? 0n)
}

/** @returns gas of each; null where the node cannot simulate */
async function simulate(
  client: PublicClient,
  deployer: Address,
  transactions: readonly Transaction[],
): Promise<bigint[] | null> {
  const blocks = transactions.map(({ to, data, valueWei }, index) => ({
    calls: [{ account: deployer, to, data, value: valueWei }],
    stateOverrides: index === 0 ? [{ address: deployer, balance: estimateMoneyWei }] : [],
  }))
  const results = await client.simulateBlocks({ blocks }).catch((error: BaseError) => {
    if (/not supported|not found|not available|does not exist|unsupported/i.test(error.message)) return null
    throw error
  })
  if (results === null) return null
  return results.map(({ calls: [call] }, index) => {
    if (call?.status !== 'success')
      throw new DeployCommandError(`"${transactions[index]?.what}" would fail. Nothing was sent.`)
    return call.gasUsed
  })
}

/** @returns null on a chain without layer 1 */
async function dataFeeOf(client: PublicClient, transactions: readonly Transaction[]): Promise<bigint | null> {
  if (!(await client.getCode({ address: gasPriceOracle.address }))) return null
  const fees = await Promise.all(
    transactions.map(({ to, data, valueWei }) => {
      // Gas, fees and nonce take a few bytes each, whatever they are.
      const unsigned = { to, data, value: valueWei, gas: 5_000_000n, maxFeePerGas: 1_000_000n, nonce: 1 }
      const raw = serializeTransaction({ type: 'eip1559', chainId: client.chain?.id ?? 1, ...unsigned })
      return client.readContract({ ...gasPriceOracle, functionName: 'getL1Fee', args: [raw] })
    }),
  )
  return fees.reduce((sum, fee) => sum + fee, 0n)
}
