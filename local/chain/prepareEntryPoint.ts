import { createRequire } from 'node:module'
import { concatHex, createPublicClient, createWalletClient, type Hex, http, isHex, keccak256 } from 'viem'
import { anvil } from 'viem/chains'
import { create2DeployerAddress, entryPointAddress, entryPointCodeHash } from '../../src/accounts/deployments.ts'
import type { LocalChain } from './startChain.ts'

/** With it the release artifact's creation code lands at the canonical address. Source: the v0.7 deployment on mainnet. */
const entryPointSalt: Hex = '0x90d8084deab30c2a37c45e8d47f49f2f7965183cb6990a98943ef94940681de3'

/** The data that makes the CREATE2 deployer put EntryPoint v0.7 at its canonical address. */
export function entryPointDeployData(): Hex {
  const artifact: { bytecode: string } = createRequire(import.meta.url)(
    '@account-abstraction/contracts/artifacts/EntryPoint.json',
  )
  if (!isHex(artifact.bytecode)) throw new TypeError('The EntryPoint artifact holds no bytecode.')
  return concatHex([entryPointSalt, artifact.bytecode])
}

/**
 * Puts EntryPoint v0.7 at its canonical address on a local chain, by the transaction that every chain uses for it.
 *
 * Does nothing when it is there. Setting its code instead would leave it without the contract it makes while deploying.
 */
export async function prepareEntryPoint(chain: Pick<LocalChain, 'url' | 'mine'>): Promise<void> {
  const publicClient = createPublicClient({ chain: anvil, transport: http(chain.url), pollingInterval: 20 })
  const before = await publicClient.getCode({ address: entryPointAddress })
  if (before !== undefined && keccak256(before) === entryPointCodeHash) return

  const walletClient = createWalletClient({ chain: anvil, transport: http(chain.url) })
  const [account] = await walletClient.getAddresses()
  if (account === undefined) throw new TypeError('The chain holds no development account to pay with.')
  const hash = await walletClient.sendTransaction({ account, to: create2DeployerAddress, data: entryPointDeployData() })
  await chain.mine(1)
  await publicClient.waitForTransactionReceipt({ hash })
}
