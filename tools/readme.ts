/**
 * Writes the configuration table of README.md, and .env.example, from the variables of src/config.ts.
 *
 * `node tools/readme.ts` writes the files, `node tools/readme.ts --check` exits 1 when one is stale.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { variables } from '../src/config.ts'

type Variable = { name: string; meaning: string; default: string | null; secret?: true }

const begin = '<!-- configuration: made by `node tools/readme.ts` -->'
const end = '<!-- /configuration -->'

/** What docker-compose.yml asks for beside the server's own variables. */
const composeVariables = ['POSTGRES_PASSWORD', 'REDIS_PASSWORD']

/** What tools/deploy.ts asks for on any chain but the local one. */
const deployVariables = ['DEPLOYER_KEY']

/** The README with its table made anew. @throws {RangeError} where its marks are gone */
export function withTable(readme: string, known: readonly Variable[]): string {
  const [before, rest] = readme.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new RangeError(`README.md must hold ${begin} and ${end}.`)
  return `${before}${begin}\n${tableOf(known)}\n${end}${after}`
}

function tableOf(known: readonly Variable[]): string {
  const rows = known.map((variable) => {
    const kind = variable.secret ? ' *Secret.*' : ''
    return `| \`${variable.name}\` | ${capital(variable.meaning)}.${kind} | ${defaultOf(variable)} |`
  })
  return ['| Variable | Meaning | Default |', '|---|---|---|', ...rows].join('\n')
}

function defaultOf(variable: Variable): string {
  if (variable.default === null) return '**needed**'
  return variable.default === '' ? 'empty' : `\`${variable.default}\``
}

/** A file of `NAME=value` lines: what must be set stands open, the rest is commented out with its default. */
export function envExample(known: readonly Variable[]): string {
  const lines = [
    '# Made by `node tools/readme.ts` from src/config.ts. Copy to .env, fill in what is needed, chmod 600.',
    '# Read by `node --env-file=.env src/main.ts` and by docker compose.',
  ]
  for (const variable of known) {
    const notes = [variable.default === null ? 'Needed.' : '', variable.secret ? 'Secret.' : ''].filter(Boolean)
    lines.push('', `# ${[`${capital(variable.meaning)}.`, ...notes].join(' ').replaceAll('`', '')}`)
    lines.push(variable.default === null ? `${variable.name}=` : `#${variable.name}=${variable.default}`)
  }
  lines.push(
    '',
    '# For docker-compose.yml only: letters and digits, as they stand in an address. Needed there. Secret.',
  )
  for (const name of composeVariables) lines.push(`#${name}=`)
  lines.push(
    '',
    '# For tools/deploy.ts only, not needed on chain 31337; take DEPLOYER_KEY out again afterwards. Secret.',
  )
  for (const name of deployVariables) lines.push(`#${name}=`)
  return `${lines.join('\n')}\n`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

async function main(isCheck: boolean): Promise<void> {
  const file = (name: string) => new URL(`../${name}`, import.meta.url)
  const readme = await readFile(file('README.md'), 'utf8')
  const made = { 'README.md': withTable(readme, variables), '.env.example': envExample(variables) }
  for (const [name, text] of Object.entries(made)) {
    if (!isCheck) await writeFile(file(name), text)
    else if ((await readFile(file(name), 'utf8').catch(() => '')) !== text) {
      process.stderr.write(`${name} is stale: run \`node tools/readme.ts\` and commit it.\n`)
      process.exitCode = 1
    }
  }
}

if (import.meta.main) await main(process.argv.includes('--check'))
