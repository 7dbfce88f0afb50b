/**
 * Compiles the contracts and writes what the server needs of them into src/accounts/contracts.generated.ts.
 *
 * `node tools/contracts.ts` writes the file, `node tools/contracts.ts --check` exits 1 when it is stale.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import hre from 'hardhat'

const contractNames = [
  'ConsentLedger',
  'PatientAccount',
  'DoctorAccount',
  'ServerSignedDoctorAccount',
  'AccountFactory',
  'SponsorPaymaster',
] as const

const generatedFile = new URL('../src/accounts/contracts.generated.ts', import.meta.url)

const header = `// Made by \`node tools/contracts.ts\` from contracts/ and @account-abstraction/contracts. Do not edit: change the
// contracts and run it again; \`node tools/contracts.ts --check\` tells whether this file is stale.
`

/** One line per function, event and error, so that a changed one shows as one changed line. */
function abiConstant(name: string, abi: readonly unknown[]): string {
  const entries = abi.map((entry) => `  ${JSON.stringify(entry)},\n`).join('')
  return `export const ${name}Abi = [\n${entries}] as const\n`
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}

async function compile(): Promise<string> {
  // From scratch: compiling a part of the files could order the code in another way.
  await hre.tasks.getTask('build').run({ force: true, noTests: true, quiet: true })
  const parts = [header]
  for (const name of contractNames) {
    const { abi, bytecode } = await hre.artifacts.readArtifact(name)
    parts.push(abiConstant(lowerFirst(name), abi))
    parts.push(`/** Creation code; the constructor's arguments follow it. */\n`)
    parts.push(`export const ${lowerFirst(name)}Bytecode =\n  '${bytecode}' as const\n`)
  }
  const artifact = createRequire(import.meta.url)('@account-abstraction/contracts/artifacts/EntryPoint.json')
  parts.push('/** EntryPoint v0.7, its errors included. */\n', abiConstant('entryPoint', artifact.abi))
  return parts.join('\n').replaceAll('*/\n\nexport', '*/\nexport')
}

const compiled = await compile()
if (process.argv.includes('--check')) {
  const committed = await readFile(generatedFile, 'utf8').catch(() => '')
  if (committed !== compiled) {
    process.stderr.write('src/accounts/contracts.generated.ts is stale: run `node tools/contracts.ts` and commit it.\n')
    process.exitCode = 1
  }
} else {
  await writeFile(generatedFile, compiled)
}
