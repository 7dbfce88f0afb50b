import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import {
  type ArtifactId,
  EdrContext,
  L1_CHAIN_TYPE,
  l1GenesisState,
  l1HardforkLatest,
  l1HardforkToString,
  l1SolidityTestRunnerFactory,
  type SuiteResult,
} from '@nomicfoundation/edr'
import { isNode, type Node } from './mutants.ts'

const root = resolve(import.meta.dirname, '../..')
const solc = createRequire(import.meta.url)('solc') as {
  compile(input: string, callbacks: { import(path: string): { contents: string } | { error: string } }): string
}

type Code = { object: string }
type Compiled = { abi: readonly { type: string; name?: string }[]; evm: { bytecode: Code; deployedBytecode: Code } }
type Output = {
  errors?: { severity: string; formattedMessage: string }[]
  sources: Record<string, { ast: Node }>
  contracts?: Record<string, Record<string, Compiled>>
}

/** Only its own contracts' code is made anew for a mutant: the suites fetch it when they run. */
export type Suites = {
  readonly contracts: readonly string[]
  /** The files under contracts/ that hold code, with their syntax trees. */
  readonly sources: ReadonlyMap<string, { text: string; ast: Node }>
  readonly enums: ReadonlyMap<string, readonly string[]>
  /** Creation code of each contract that `file` is part of, or what the compiler says against it. */
  compile(file: string, text: string): Map<string, string> | { refused: string }
  /** The first failures of the suites with this creation code in the places of the contracts' own. */
  run(code: ReadonlyMap<string, string>, options: RunOptions): Promise<string[]>
}

export type RunOptions = { fuzzRuns: number; invariantRuns: number; without?: ReadonlySet<string> }

/** Every test may run so long before it counts as failed: a mutant may loop for ever. */
const gasLimit = 2_000_000_000n

const placesOfCode = 0xc0de00

/**
 * Compiles the Solidity suites once. `new X(…)` of our contracts becomes a creation from code that a place on the chain
 * holds, so that a mutant costs the compilation of its own contract alone, without the optimizer where that compiles.
 */
export async function compileSuites(): Promise<Suites> {
  const files = new Map<string, string>()
  for (const folder of ['contracts', 'test/contracts']) {
    for (const name of await readdir(join(root, folder))) {
      if (!name.endsWith('.sol')) continue
      const file = `${folder}/${name}`
      files.set(file, await readFile(join(root, file), 'utf8'))
    }
  }
  const libraries = new Map<string, string>()
  for (const file of await readdir(join(root, 'node_modules/@openzeppelin/contracts'), { recursive: true })) {
    if (!file.endsWith('.sol')) continue
    const path = `@openzeppelin/contracts/${file}`
    libraries.set(path, await readFile(join(root, 'node_modules', path), 'utf8'))
  }

  function compileWith(input: Record<string, string>, outputs: unknown, optimizer: boolean): Output {
    const request = {
      language: 'Solidity',
      sources: Object.fromEntries(Object.entries(input).map(([file, content]) => [file, { content }])),
      settings: {
        evmVersion: 'cancun',
        optimizer: { enabled: optimizer, runs: 1 },
        metadata: { bytecodeHash: 'none' },
        outputSelection: outputs,
      },
    }
    const found = (path: string) => {
      const contents = files.get(path) ?? libraries.get(path)
      return contents === undefined ? { error: `${path} is not there` } : { contents }
    }
    return JSON.parse(solc.compile(JSON.stringify(request), { import: found }))
  }

  const everything = compileWith(Object.fromEntries(files), { '*': { '': ['ast'] } }, false)
  requireCompiled(everything)
  const enums = new Map<string, string[]>()
  const deployables = new Map<string, { file: string; parts: ReadonlySet<string> }>()
  for (const [file, { ast }] of Object.entries(everything.sources)) {
    for (const node of nodesOf(ast)) {
      if (node.nodeType === 'EnumDefinition' && Array.isArray(node['members'])) {
        enums.set(
          String(node['name']),
          node['members'].map(({ name }) => String(name)),
        )
      }
      if (node.nodeType !== 'ContractDefinition' || !file.startsWith('contracts/')) continue
      if (node['contractKind'] !== 'contract' || node['abstract'] === true) continue
      deployables.set(String(node['name']), { file, parts: partsOf(file, everything.sources) })
    }
  }
  const contracts = [...deployables.keys()]

  const rewritten: Record<string, string> = { 'test/contracts/MutantCode.sol': mutantCode }
  for (const [file, text] of files) {
    if (file.startsWith('test/')) rewritten[file] = fetchCode(text, astOf(everything, file), contracts)
  }
  const compiledSuites = compileWith(
    rewritten,
    Object.fromEntries(
      Object.keys(rewritten).map((file) => [
        file,
        { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] },
      ]),
    ),
    false,
  )
  requireCompiled(compiledSuites)
  const artifacts = Object.entries(compiledSuites.contracts ?? {}).flatMap(([source, inFile]) =>
    Object.entries(inFile).map(([name, { abi, evm }]) => ({
      id: { name, source, solcVersion: '0.8.37' },
      contract: {
        abi: JSON.stringify(abi),
        bytecode: `0x${evm.bytecode.object}`,
        linkReferences: {},
        // An invariant calls the contracts whose code it knows.
        deployedBytecode: `0x${evm.deployedBytecode.object}`,
        deployedLinkReferences: {},
      },
    })),
  )
  const suites: ArtifactId[] = artifacts
    .filter(({ contract }) => contract.bytecode !== '0x' && /"name":"(test|invariant)/.test(contract.abi))
    .map(({ id }) => id)

  const context = new EdrContext()
  await context.registerSolidityTestRunnerFactory(L1_CHAIN_TYPE, l1SolidityTestRunnerFactory())

  return {
    contracts,
    enums,
    sources: new Map(
      [...files]
        .filter(([file]) => file.startsWith('contracts/'))
        .map(([file, text]) => [file, { text, ast: astOf(everything, file) }]),
    ),
    compile(file, text) {
      const code = new Map<string, string>()
      for (const [name, { file: own, parts }] of deployables) {
        if (!parts.has(file)) continue
        const input = { [own]: files.get(own) ?? '', [file]: text }
        const outputs = { [own]: { [name]: ['evm.bytecode.object'] } }
        // Without the optimizer it is quicker, but the arithmetic of P-256 does not fit the stack.
        let output = compileWith(input, outputs, false)
        if (output.errors?.some(({ formattedMessage }) => formattedMessage.includes('Stack too deep'))) {
          output = compileWith(input, outputs, true)
        }
        const error = output.errors?.find(({ severity }) => severity === 'error')
        const object = output.contracts?.[own]?.[name]?.evm.bytecode.object
        if (error !== undefined || object === undefined) return { refused: error?.formattedMessage ?? 'No code.' }
        code.set(name, object)
      }
      return code
    },
    async run(code, { fuzzRuns, invariantRuns, without }) {
      const failed: string[] = []
      const places = contracts.map((name, index) => ({
        address: addressOf(index),
        code: Buffer.from(code.get(name) ?? '', 'hex'),
      }))
      await context.runSolidityTests(
        L1_CHAIN_TYPE,
        artifacts,
        suites,
        {
          projectRoot: root,
          hardfork: l1HardforkToString(l1HardforkLatest()),
          localPredeploys: [...l1GenesisState(l1HardforkLatest()), ...places],
          gasLimit,
          disableBlockGasLimit: true,
          disableTransactionGasCap: true,
          fuzz: { runs: fuzzRuns, seed: '0x4845414c5448434841494e' },
          invariant: { runs: invariantRuns, depth: 50, shrinkRunLimit: 0 },
        },
        { buildInfos: [], ignoreContracts: false },
        ({ id, testResults }: SuiteResult) => {
          for (const { name, status } of testResults) {
            const test = `${id.name}.${name}`
            if (status === 'Failure' && without?.has(test) !== true) failed.push(test)
          }
        },
      )
      return failed
    },
  }
}

/** Creates a contract from code that stands at a place, as `new` does: at the same depth, with the same revert. */
const mutantCode = `
pragma solidity 0.8.37;
library MutantCode {
    function create(uint160 place, bytes memory arguments) internal returns (address payable made) {
        assembly ("memory-safe") {
            let size := extcodesize(place)
            let start := mload(0x40)
            extcodecopy(place, start, 0, size)
            mcopy(add(start, size), add(arguments, 32), mload(arguments))
            made := create(0, start, add(size, mload(arguments)))
            if iszero(made) {
                returndatacopy(start, 0, returndatasize())
                revert(start, returndatasize())
            }
        }
    }
}
`

/** Makes `X(MutantCode.create(place, abi.encode(…)))` of `new X(…)`, from the end of the text so that places stay true. */
function fetchCode(text: string, ast: Node, contracts: readonly string[]): string {
  const edits = [...nodesOf(ast)].flatMap((node) => {
    const { expression } = node
    if (node.nodeType !== 'FunctionCall' || !isNode(expression) || expression.nodeType !== 'NewExpression') return []
    const name = textAt(text, expression).replace(/^new\s+/, '')
    const place = contracts.indexOf(name)
    if (place < 0) return []
    const creation = `${name}(MutantCode.create(${placesOfCode + place}, abi.encode`
    return [
      { start: startOf(expression), end: endOf(expression), creation },
      { start: endOf(node), end: endOf(node), creation: '))' },
    ]
  })
  let bytes = Buffer.from(text)
  for (const { start, end, creation } of edits.sort((left, right) => right.start - left.start)) {
    bytes = Buffer.concat([bytes.subarray(0, start), Buffer.from(creation), bytes.subarray(end)])
  }
  const importing = 'import {MutantCode} from "test/contracts/MutantCode.sol";'
  return edits.length === 0 ? text : `${bytes}\n${importing}\n`
}

function addressOf(index: number): Uint8Array {
  return Buffer.from((placesOfCode + index).toString(16).padStart(40, '0'), 'hex')
}

/** The files whose code is in what `file` compiles to, interfaces included. */
function partsOf(file: string, sources: Output['sources']): ReadonlySet<string> {
  const parts = new Set<string>()
  const waiting = [file]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (parts.has(next)) continue
    parts.add(next)
    const ast = sources[next]?.ast
    if (ast === undefined) continue
    for (const node of nodesOf(ast)) if (node.nodeType === 'ImportDirective') waiting.push(String(node['absolutePath']))
  }
  return parts
}

function astOf(output: Output, file: string): Node {
  const ast = output.sources[file]?.ast
  if (ast === undefined) throw new TypeError(`${file} was not compiled.`)
  return ast
}

function* nodesOf(node: Node): Generator<Node> {
  yield node
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield* nodesOf(child)
  }
}

function requireCompiled({ errors }: Output): void {
  const error = errors?.find(({ severity }) => severity === 'error')
  if (error !== undefined) throw new Error(error.formattedMessage)
}

function startOf(node: Node): number {
  return Number(node.src.split(':')[0])
}

function endOf(node: Node): number {
  return startOf(node) + Number(node.src.split(':')[1])
}

function textAt(text: string, node: Node): string {
  return Buffer.from(text).subarray(startOf(node), endOf(node)).toString()
}
