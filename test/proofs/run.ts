/** Has solc's model checker prove the assertions of Terms.sol with Debian's z3. Exits 1 when one is not proved. */
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const require = createRequire(import.meta.url)
const solc = require('solc') as { compile(input: string, callbacks: object): string }
const { smtCallback } = require('solc/smtchecker.js') as { smtCallback(solve: (query: string) => string): object }

const secondsPerQuery = 20
const file = 'test/proofs/Terms.sol'
const source = await withContractsOwn(await readFile(resolve(root, file), 'utf8'))
const input = {
  language: 'Solidity',
  sources: { [file]: { content: source } },
  settings: {
    modelChecker: {
      engine: 'chc',
      contracts: { [file]: ['GrantEnds', 'SponsorBudgets'] },
      targets: ['assert', 'overflow', 'underflow', 'divByZero'],
      showProvedSafe: true,
      showUnproved: true,
      solvers: ['smtlib2'],
    },
    outputSelection: {},
  },
}
const { errors = [] } = JSON.parse(solc.compile(JSON.stringify(input), { smtSolver: smtCallback(solve) })) as {
  errors?: { formattedMessage: string }[]
}
const messages = errors.map(({ formattedMessage }) => formattedMessage)
const proved = messages.filter((message) => message.includes('Assertion violation check is safe')).length
const others = messages.filter((message) => !message.includes('check is safe') && !message.includes('experimental'))
const asserted = source.split('assert(').length - 1
for (const message of others) console.log(message)
console.log(`${proved} of ${asserted} assertions proved`)
process.exitCode = proved === asserted && others.length === 0 ? 0 : 1

/** Puts the text of `Contract._function` in the place of the comment that names it: the very code is proved, no copy. */
async function withContractsOwn(text: string): Promise<string> {
  let whole = text
  for (const [comment, contract, name] of text.matchAll(/\/\/ (\w+)\.(_\w+)$/gm)) {
    const contractText = await readFile(resolve(root, `contracts/${contract}.sol`), 'utf8')
    const [found] = new RegExp(`^ {4}function ${name}\\([\\s\\S]*?^ {4}\\}`, 'm').exec(contractText) ?? []
    if (found === undefined) throw new Error(`There is no ${name} in ${contract}.sol.`)
    whole = whole.replace(comment, found)
  }
  return whole
}

function solve(query: string): string {
  try {
    return execFileSync('z3', ['-in', '-smt2', `-T:${secondsPerQuery}`], { input: query, encoding: 'utf8' })
  } catch (error) {
    // z3 exits with an error where a model is asked for and there is none: its answer stands before that.
    if (error instanceof Error && 'stdout' in error && String(error.stdout) !== '') return String(error.stdout)
    throw error
  }
}
