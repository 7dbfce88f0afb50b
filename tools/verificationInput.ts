import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Chain, Hex } from 'viem'
import type { ContractName, PlannedContract } from '../src/accounts/deployments.ts'

const inputFile = 'standard-input.json'
const requestsFile = 'requests.json'

/** One call of Blockscout's verification API: a multipart form with these fields and the standard JSON input as `files[0]`. */
export type VerificationRequest = {
  readonly url: string
  readonly fields: {
    readonly compiler_version: string
    readonly contract_name: string
    readonly autodetect_constructor_args: 'false'
    readonly constructor_args: string
    readonly license_type: 'mit'
  }
}

/**
 * Writes what Blockscout needs to verify the contracts: solc's standard JSON input, one for all, and one request for each.
 *
 * What was written is compiled once more: an input that does not give the deployed code gets no requests.
 *
 * @returns the creation code of each contract, as the written input gives it
 * @throws {RangeError} where the sources in contracts/ are not those that were deployed
 */
export async function writeVerificationInput(
  folder: string,
  chain: Chain,
  contracts: readonly PlannedContract[],
): Promise<ReadonlyMap<ContractName, Hex>> {
  const { input, compilerVersion } = await compilerInput()
  await mkdir(folder, { recursive: true })
  const file = join(folder, inputFile)
  await writeFile(file, `${JSON.stringify(input)}\n`)
  const output = compile(await readFile(file, 'utf8'))
  const creationCodes = new Map<ContractName, Hex>()
  const requests = contracts.map((contract): VerificationRequest => {
    const name = contract.name.charAt(0).toUpperCase() + contract.name.slice(1)
    const source = `project/contracts/${name}.sol`
    const code = output.contracts[source]?.[name]?.evm.bytecode.object
    if (code === undefined || !contract.data.endsWith(code + contract.constructorArgs.slice(2)))
      throw new RangeError(`contracts/${name}.sol is not what is deployed. Do: check out the deployed release.`)
    creationCodes.set(contract.name, `0x${code}`)
    return {
      url: `${chain.blockExplorers?.default.url}/api/v2/smart-contracts/${contract.address}/verification/via/standard-input`,
      fields: {
        compiler_version: `v${compilerVersion}`,
        contract_name: `${source}:${name}`,
        autodetect_constructor_args: 'false',
        constructor_args: contract.constructorArgs.slice(2),
        license_type: 'mit',
      },
    }
  })
  await writeFile(join(folder, requestsFile), `${JSON.stringify(requests, null, 2)}\n`)
  return creationCodes
}

/** True where the folder holds the requests for these contracts. */
export async function hasVerificationInput(folder: string, contracts: readonly PlannedContract[]): Promise<boolean> {
  const text = await readFile(join(folder, requestsFile), 'utf8').catch(() => '')
  return contracts.every(
    ({ address, constructorArgs }) => text.includes(address) && text.includes(constructorArgs.slice(2)),
  )
}

type SolcInput = { settings: { outputSelection: unknown } }

/** As the contracts were compiled: the whole, since a part of the files could order the code in another way. */
async function compilerInput() {
  const { default: hre } = await import('hardhat')
  const files = await hre.solidity.getRootFilePaths({ scope: 'contracts' })
  const jobs = await hre.solidity.getCompilationJobs(files, { force: true, quiet: true, scope: 'contracts' })
  if (!jobs.success) throw new RangeError('The contracts cannot be compiled. Do: run `npx hardhat build`.')
  const [job, ...others] = new Set([...jobs.compilationJobsPerFile.values()])
  if (job === undefined || others.length > 0) throw new RangeError('The contracts are compiled in more than one piece.')
  const input: SolcInput = await job.getSolcInput()
  input.settings.outputSelection = { '*': { '*': ['evm.bytecode.object'] } }
  return { input, compilerVersion: job.solcLongVersion }
}

type SolcOutput = { contracts: Record<string, Record<string, { evm: { bytecode: { object: string } } }>> }

function compile(input: string): SolcOutput {
  const solc: { compile(input: string): string } = createRequire(import.meta.url)('solc')
  return JSON.parse(solc.compile(input)) as SolcOutput
}
