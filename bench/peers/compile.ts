import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Hex, isHex } from 'viem'

const require = createRequire(import.meta.url)
const root = join(import.meta.dirname, '../..')
/** As in hardhat.config.ts: peers are compiled as well as we are. */
const settings = {
  evmVersion: 'cancun',
  viaIR: true,
  optimizer: { enabled: true, runs: 1_000_000 },
  metadata: { bytecodeHash: 'none' },
  outputSelection: { '*': { '*': ['evm.bytecode.object'] } },
}

type Solc = { compile(input: string, callbacks: { import(path: string): { contents: string } }): string }
type Output = {
  errors?: { severity: string; formattedMessage: string }[]
  contracts: Record<string, Record<string, { evm: { bytecode: { object: string } } }>>
}

/**
 * Compiles sources with the project's compiler and settings; imports come from the project and its packages.
 *
 * @param sources text by path from the project's root
 * @returns creation code by contract name
 */
export function compile(sources: Readonly<Record<string, string>>): Record<string, Hex> {
  const solc: Solc = require('solc')
  const input = {
    language: 'Solidity',
    settings,
    sources: Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, { content }])),
  }
  const output: Output = JSON.parse(
    solc.compile(JSON.stringify(input), { import: (path) => ({ contents: readSource(path) }) }),
  )
  const failed = output.errors?.filter(({ severity }) => severity === 'error') ?? []
  if (failed.length > 0) throw new Error(failed.map(({ formattedMessage }) => formattedMessage).join('\n'))
  const codes: Record<string, Hex> = {}
  for (const file of Object.values(output.contracts)) {
    for (const [name, { evm }] of Object.entries(file)) codes[name] = toHexCode(`0x${evm.bytecode.object}`)
  }
  return codes
}

/** The text of a Solidity file of the project or of a package. */
export function readSource(path: string): string {
  return readFileSync(
    path.startsWith('contracts/') || path.startsWith('bench/') ? join(root, path) : require.resolve(path),
    'utf8',
  )
}

/** Creation code from a package's artifact. */
export function artifactCode(path: string): Hex {
  const { bytecode }: { bytecode: string } = require(path)
  return toHexCode(bytecode)
}

/** A hex constant from a package's Solidity file. */
export function constantCode(path: string, name: string): Hex {
  const [, digits] = new RegExp(`${name}\\s*=\\s*hex"([0-9a-f]+)"`).exec(readSource(path)) ?? []
  return toHexCode(`0x${digits ?? '?'}`)
}

function toHexCode(text: string): Hex {
  if (!isHex(text)) throw new TypeError('A peer has no bytecode: its package is not the one that was looked at.')
  return text
}
