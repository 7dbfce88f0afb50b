/**
 * Changes the contracts one small step at a time and asks whether a Solidity suite notices.
 *
 * `node test/mutation/run.ts [contract …] [--slice 1/10] [--from 300] [--minutes 3] [--jobs 2]`: mutates all of contracts/, or
 * the named files; every tenth mutant from the first; what an interrupted run left, by the last number it printed; as many as
 * fit the time; so many processes at once. Exits 1 when fewer than 95 % are killed or a survivor is not explained in
 * survivors.ts.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findMutants, type Mutant } from './mutants.ts'
import { compileSuites, type Suites } from './suites.ts'
import { survivors } from './survivors.ts'

const leastScore = 0.95
/** Few runs kill most mutants in a second; whoever survives them meets many. */
const quickly = { fuzzRuns: 16, invariantRuns: 8 }
const thoroughly = { fuzzRuns: 256, invariantRuns: 32 }
/** A mutant that keeps the suites busy for so long loops: that is noticed too. */
const patienceMs = 180_000
const timeRanOut = 'time'
/** The compiler, as WebAssembly, never gives memory back: a process takes so many mutants and makes room for a new one. */
const mutantsOfProcess = 60

type Verdict = { killedBy: string } | 'survived' | 'refused'
type Answer = { index: number; verdict: Verdict }
/** Told of each verdict as it falls: whoever waits sees the survivors at once. */
type Hear = (index: number, verdict: Verdict) => void

if (process.send !== undefined) await work()
else await main()

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      slice: { type: 'string', default: '1/1' },
      jobs: { type: 'string', default: '1' },
      from: { type: 'string', default: '0' },
      minutes: { type: 'string' },
    },
  })
  const suites = await compileSuites()
  const original = await codeOf(suites)
  const failing = await suites.run(original, quickly)
  if (failing.length > 0) throw new Error(`The suites fail without any mutant: ${failing.join(', ')}`)
  const all = mutantsOf(suites)
  const chosen = all
    .map((_, index) => index)
    .filter((index) => positionals.length === 0 || positionals.some((name) => nameOf(all[index]) === name))
  const [first = 1, step = 1] = values.slice.split('/').map(Number)
  const sliced = chosen.filter((_, place) => place % step === first - 1).slice(Number(values.from))
  const jobs = Number(values.jobs)
  const until = values.minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(values.minutes) * 60_000
  const verdicts = new Map<number, Verdict>()
  const hear = (index: number, verdict: Verdict) => {
    verdicts.set(index, verdict)
    const mutant = all[index]
    if (verdict === 'survived' && mutant !== undefined && !isExplained(suites, mutant))
      console.log(`survived: ${describe(suites, mutant)}`)
    if (typeof verdict === 'object' && verdict.killedBy === timeRanOut && mutant !== undefined)
      console.log(`killed by time: ${describe(suites, mutant)}`)
    if (verdicts.size % 50 === 0) console.log(`${verdicts.size} of ${sliced.length}`)
  }
  if (jobs > 1) await judge(sliced, jobs, until, hear)
  else await judgeHere(suites, original, all, sliced, until, hear)
  process.exitCode = report(suites, all, verdicts) ? 0 : 1
}

async function judgeHere(
  suites: Suites,
  original: Map<string, string>,
  all: readonly Mutant[],
  indexes: readonly number[],
  until: number,
  hear: Hear,
): Promise<void> {
  for (const index of indexes) {
    if (Date.now() > until) break
    hear(index, await verdictOn(suites, original, all[index]))
  }
}

/** Hands the mutants to processes of their own: one that hangs or falls takes nothing with it. */
async function judge(indexes: readonly number[], jobs: number, until: number, hear: Hear): Promise<void> {
  const waiting = [...indexes]
  const worker = async () => {
    let child: ChildProcess | undefined
    let taken = 0
    for (let index = waiting.shift(); index !== undefined && Date.now() < until; index = waiting.shift()) {
      if (taken % mutantsOfProcess === 0) {
        child?.disconnect()
        child = undefined
      }
      taken += 1
      if (child === undefined) {
        child = fork(fileURLToPath(import.meta.url), { stdio: 'inherit' })
        await once(child, 'message')
      }
      const impatience = setTimeout(() => child?.kill('SIGKILL'), patienceMs)
      child.send(index)
      const settled = new AbortController()
      const heard = once(child, 'message', settled)
      const gone = once(child, 'exit', settled).then(() => undefined)
      const answer = await Promise.race([heard, gone])
      Promise.allSettled([heard, gone])
      settled.abort()
      clearTimeout(impatience)
      if (answer === undefined) child = undefined
      const [told] = (answer ?? []) as [Answer?]
      hear(index, told?.verdict ?? { killedBy: timeRanOut })
    }
    child?.disconnect()
  }
  await Promise.all(Array.from({ length: jobs }, worker))
}

async function work(): Promise<void> {
  const suites = await compileSuites()
  const original = await codeOf(suites)
  const all = mutantsOf(suites)
  process.send?.('ready')
  process.on('message', (index: number) => {
    verdictOn(suites, original, all[index]).then((verdict) => process.send?.({ index, verdict } satisfies Answer))
  })
}

async function verdictOn(suites: Suites, original: Map<string, string>, mutant: Mutant | undefined): Promise<Verdict> {
  if (mutant === undefined) return 'refused'
  const compiled = suites.compile(mutant.file, apply(suites, mutant))
  if (!(compiled instanceof Map)) return 'refused'
  const code = new Map([...original, ...compiled])
  for (const effort of [quickly, thoroughly]) {
    const [killedBy] = await suites.run(code, effort)
    if (killedBy !== undefined) return { killedBy }
  }
  return 'survived'
}

function report(suites: Suites, all: readonly Mutant[], verdicts: ReadonlyMap<number, Verdict>): boolean {
  const table = new Map<string, { killed: number; survived: number; refused: number }>()
  let explained = 0
  for (const [index, verdict] of [...verdicts].sort(([left], [right]) => left - right)) {
    const mutant = all[index]
    if (mutant === undefined) continue
    const row = table.get(nameOf(mutant)) ?? { killed: 0, survived: 0, refused: 0 }
    table.set(nameOf(mutant), row)
    if (typeof verdict === 'object') row.killed += 1
    else row[verdict] += 1
    if (verdict === 'survived' && isExplained(suites, mutant)) explained += 1
  }
  let [killed, survived] = [0, 0]
  for (const [name, row] of table) {
    killed += row.killed
    survived += row.survived
    console.log(`${name}: ${row.killed} killed, ${row.survived} survived, ${row.refused} did not compile`)
  }
  const score = killed / (killed + survived)
  console.log(
    `${killed} of ${killed + survived} mutants killed: ${(score * 100).toFixed(1)} %; of ${survived} survivors ${explained} explained`,
  )
  return score >= leastScore && explained === survived
}

function isExplained(suites: Suites, mutant: Mutant): boolean {
  const [line, change] = [lineOf(suites, mutant), changeOf(mutant)]
  return survivors.some((known) => known.file === mutant.file && known.line === line && known.change === change)
}

function describe(suites: Suites, mutant: Mutant): string {
  const place = `${mutant.file}:${mutant.line} ${mutant.where}, ${mutant.kind}`
  return `${place}: ${changeOf(mutant)}\n    ${lineOf(suites, mutant)}`
}

function lineOf(suites: Suites, mutant: Mutant): string {
  return suites.sources.get(mutant.file)?.text.split('\n')[mutant.line - 1]?.trim() ?? ''
}

function changeOf({ before, after }: Mutant): string {
  return `${before} → ${after}`
}

async function codeOf(suites: Suites): Promise<Map<string, string>> {
  const code = new Map<string, string>()
  for (const name of suites.contracts) {
    const file = `contracts/${name}.sol`
    const compiled = suites.compile(file, suites.sources.get(file)?.text ?? '')
    if (!(compiled instanceof Map)) throw new Error(compiled.refused)
    for (const [contract, object] of compiled) code.set(contract, object)
  }
  return code
}

function mutantsOf({ sources, enums }: Suites): Mutant[] {
  return [...sources].flatMap(([file, { text, ast }]) => findMutants(file, text, ast, enums))
}

function apply(suites: Suites, { file, start, end, after }: Mutant): string {
  const bytes = Buffer.from(suites.sources.get(file)?.text ?? '')
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(after), bytes.subarray(end)]).toString()
}

function nameOf(mutant: Mutant | undefined): string {
  return mutant?.file.replace(/^contracts\/|\.sol$/g, '') ?? ''
}
