import { createRequire } from 'node:module'
import { concatHex, createPublicClient, createWalletClient, type Hex, http, isHex } from 'viem'
import { anvil } from 'viem/chains'
import { create2DeployerAddress } from '../../src/accounts/deployments.ts'
import { type EntryPointVersion, entryPointAddresses } from '../../src/accounts/entryPoint.ts'
import type { LocalChain } from './startChain.ts'

/** With these the release artifacts' creation code lands at the canonical addresses. Source: their deployments on mainnet. */
const releases = {
  '0.7': {
    artifact: '@account-abstraction/contracts/artifacts/EntryPoint.json',
    salt: '0x90d8084deab30c2a37c45e8d47f49f2f7965183cb6990a98943ef94940681de3',
  },
  '0.8': {
    artifact: '@account-abstraction/contracts-v08/artifacts/EntryPoint.json',
    salt: '0x0a59dbff790c23c976a548690c27297883cc66b4c67024f9117b0238995e35e9',
  },
} as const satisfies Record<EntryPointVersion, { artifact: string; salt: Hex }>

/** The data that makes the CREATE2 deployer put that entry point at its canonical address. */
export function entryPointDeployData(version: EntryPointVersion): Hex {
  const { artifact, salt } = releases[version]
  const { bytecode }: { bytecode: string } = createRequire(import.meta.url)(artifact)
  if (!isHex(bytecode)) throw new TypeError('The EntryPoint artifact holds no bytecode.')
  return concatHex([salt, bytecode])
}

/**
 * Puts an entry point at its canonical address on a local chain, by the transaction that every chain uses for it.
 *
 * Does nothing when it is there. Setting its code instead would leave it without the contract it makes while deploying.
 */
export async function prepareEntryPoint(
  chain: Pick<LocalChain, 'url' | 'mine'>,
  version: EntryPointVersion = '0.7',
): Promise<void> {
  const publicClient = createPublicClient({ chain: anvil, transport: http(chain.url), pollingInterval: 20 })
  if (await publicClient.getCode({ address: entryPointAddresses[version] })) return

  const walletClient = createWalletClient({ transport: http(chain.url) })
  const [account] = await walletClient.getAddresses()
  if (account === undefined) throw new TypeError('The chain holds no development account to pay with.')
  const data = entryPointDeployData(version)
  const hash = await walletClient.sendTransaction({ account, chain: null, to: create2DeployerAddress, data })
  await chain.mine(1)
  await publicClient.waitForTransactionReceipt({ hash })
}
