import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * Everything `bin/test` runs, in two lanes side by side: compiling and fuzzing contracts takes one core, and the tests of the
 * services leave half of one. Each check counts its own, and the last line sums them up.
 */

const root = resolve(import.meta.dirname, '..')
const bin = (name: string) => join(root, 'node_modules', '.bin', name)

/** A line says how far it is after so many. */
const testsOfALine = 100

type Count = { passed: number; failed: number }
type Check = { name: string; run: () => Promise<Count> }

/** Adds what takes more than minutes: ten times the fuzzing, twenty times the invariants' calls, the mutants. */
const isLong = process.argv.includes('--long')

const ofTheSources: Check[] = [
  single('Format, lint and the arrows between rooms', bin('biome'), ['ci', '--error-on-warnings', '.']),
  single('Types', bin('tsc'), ['-p', 'tsconfig.json']),
  single('Types of the pages', bin('tsc'), ['-p', 'tsconfig.assets.json']),
  single('Solidity lint', bin('solhint'), ['--max-warnings', '0', 'contracts/**/*.sol']),
  single('Nothing unused', bin('knip'), []),
  single('The card page as generated', process.execPath, ['tools/card.ts', '--check']),
  single('Contracts as generated', process.execPath, ['tools/contracts.ts', '--check']),
  single('Proofs over all inputs', process.execPath, ['test/proofs/run.ts']),
  { name: 'Contracts, in Solidity', run: () => runHardhat(['solidity'], isLong ? {} : { QUICK_SUITES: 'yes' }) },
  // They bring the shipped code with them, which was compared with the sources before.
  { name: 'Contracts, on the entry point', run: () => runHardhat(['nodejs', '--no-compile']) },
  single('Gas no worse than recorded', process.execPath, ['bench/run.ts', 'gas', '--check']),
  { name: 'Units', run: () => runVitest('unit') },
]

const ofTheServices: Check[] = [
  ...(isLong ? [single('Another bundler', 'npm', ['ci', '--prefix', 'tools/alto', '--no-audit', '--no-fund'])] : []),
  { name: 'Ports, conversations, journeys, faults', run: () => runVitest('world') },
]

const mutants = single('Mutants of the contracts', process.execPath, ['test/mutation/run.ts', '--jobs', '2'], {
  isShown: true,
})

const total: Count = { passed: 0, failed: 0 }
await Promise.all([runAll(ofTheSources), runAll(ofTheServices)])
if (isLong) await runAll([mutants])
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exit(total.failed === 0 ? 0 : 1)

async function runAll(checks: readonly Check[]): Promise<void> {
  for (const { name, run } of checks) {
    const began = Date.now()
    console.log(`· ${name}`)
    const { passed, failed } = await run()
    total.passed += passed
    total.failed += failed
    const verdict = failed === 0 ? 'ok' : 'FAILED'
    console.log(`  ${verdict}: ${name}: ${passed} passed, ${failed} failed, ${seconds(began)} s`)
  }
}

/** A tool that passes or fails as a whole; its words are shown when it fails, or while it runs. */
function single(name: string, command: string, args: string[], { isShown = false } = {}): Check {
  return {
    name,
    async run() {
      const { code, output } = await execute(
        command,
        args,
        {},
        isShown ? (text) => process.stdout.write(text) : undefined,
      )
      if (code !== 0 && !isShown) console.log(output)
      if (code === 0) return { passed: 1, failed: 0 }
      return { passed: 0, failed: 1 }
    },
  }
}

async function runHardhat(args: string[], env?: Record<string, string>): Promise<Count> {
  const { code, output } = await execute(bin('hardhat'), ['test', ...args], env)
  const count = (word: string) => Number(new RegExp(`^\\s*(\\d+) ${word}`, 'm').exec(output)?.[1] ?? 0)
  const passed = count('passing')
  const failed = count('failing')
  if (code !== 0 || passed === 0) console.log(output)
  return { passed, failed: code === 0 && passed > 0 ? 0 : Math.max(1, failed) }
}

async function runVitest(project: 'unit' | 'world'): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), 'healthchain-report-'))
  const report = join(folder, 'report.json')
  const args = ['run', '--project', project, '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`]
  // It takes minutes, and its dots say how far it is; in between the other lane speaks.
  let done = 0
  const { code, output } = await execute(bin('vitest'), args, {}, (text) => {
    const before = Math.floor(done / testsOfALine)
    done += [...text].filter((mark) => '·x-'.includes(mark)).length
    if (Math.floor(done / testsOfALine) > before) console.log(`  ${project}: ${done} tests are done`)
  })
  try {
    const { numPassedTests, numPendingTests, numTotalTests } = JSON.parse(await readFile(report, 'utf8')) as {
      numPassedTests: number
      numPendingTests: number
      numTotalTests: number
    }
    // Only what reads more sample data than a clone brings may be left out, and says so in its name.
    if (numPendingTests > 0) console.log(`  left out: ${numPendingTests} that read sample data beside the project`)
    const failed = numTotalTests - numPassedTests - numPendingTests
    if (code !== 0 || failed > 0) console.log(output)
    return { passed: numPassedTests, failed: code === 0 ? failed : Math.max(1, failed) }
  } catch {
    console.log(output)
    return { passed: 0, failed: 1 }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function execute(
  command: string,
  args: string[],
  more: Record<string, string> = {},
  hear: (text: string) => unknown = () => {},
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      NO_COLOR: '1',
      FORCE_COLOR: '0',
      HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
      LONG_TESTS: isLong ? 'yes' : 'no',
      ...more,
    }
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const take = (text: Buffer) => {
      output += text
      hear(String(text))
    }
    for (const stream of [child.stdout, child.stderr]) stream.on('data', take)
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}

function seconds(began: number): string {
  return ((Date.now() - began) / 1000).toFixed(1)
}
