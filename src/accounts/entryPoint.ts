import type { Address } from 'viem'
import type { Hex } from '../core/rows.ts'

export const entryPointVersions = ['0.7', '0.8'] as const
/** Which of ERC-4337's entry points the accounts obey. 0.7 has service on Lisk; 0.8 signs by EIP-712. */
export type EntryPointVersion = (typeof entryPointVersions)[number]

/** One of ERC-4337's entry points on one chain. */
export type EntryPoint = { readonly version: EntryPointVersion; readonly address: Address; readonly codeHash: Hex }

/** The same on every chain. Source: eth-infinitism/account-abstraction, releases v0.7.0 and v0.8.0. */
export const entryPointAddresses: Readonly<Record<EntryPointVersion, Address>> = {
  '0.7': '0x0000000071727De22E5E9d8BAf0edAc6f37da032',
  '0.8': '0x4337084D9E255Ff0702461CF8895CE9E3b5Ff108',
}

/** keccak256 of the runtime code that the release artifact makes at that address. */
const codeHash07: Hex = '0x8db5ff695839d655407cc8490bb7a5d82337a86a6b39c3f0258aa6c3b582fc58'
/** v0.8 keeps chain id and EIP-712 domain in its code, so each chain has another hash. */
const codeHashes08: Readonly<Record<number, Hex>> = {
  1135: '0x2b5f8af64850e96f2037bcb4fd953f65b1412ab2911d258ef5c7cebaf715641d',
  4202: '0x3991fdf1d0d633bae5b28fab3577d9b082eaf3e2f19c1545a364c83f36cb699c',
  31337: '0x0a58ad57e3f8266dcc99cda79b0d3d784a4cedc4e972f33a8a2c5cecbb9e67b4',
}

/**
 * The entry point that a chain must hold.
 *
 * @returns undefined for v0.8 on a chain that is neither Lisk, Lisk Sepolia nor local: its code hash there is not known
 */
export function entryPointOn(chainId: number, version: EntryPointVersion): EntryPoint | undefined {
  const codeHash = version === '0.7' ? codeHash07 : codeHashes08[chainId]
  return codeHash && { version, address: entryPointAddresses[version], codeHash }
}
