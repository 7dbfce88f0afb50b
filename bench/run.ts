import { parseArgs } from 'node:util'
import { measure as measureAudit } from './audit.ts'
import { measure as measureGas, measureWithoutPeers } from './gas.ts'
import { readSnapshot, snapshotOf, worseThan, writeSnapshot } from './gasSnapshot.ts'
import { measure as measureLatency } from './latency.ts'
import { measure as measurePages } from './pages.ts'
import { progress, type Row } from './row.ts'
import { measure as measureSealing } from './sealing.ts'
import { measure as measureSms } from './sms.ts'

/** In the order of the table. */
const measurements: Readonly<Record<string, () => Promise<Row[]>>> = {
  gas: measureGas,
  latency: measureLatency,
  sms: measureSms,
  sealing: measureSealing,
  audit: measureAudit,
  pages: measurePages,
}

const help = `Measures and prints one table: each figure of ours beside a peer or a limit of the same run.

Usage: bin/bench [NAME] [--json]
       bin/bench gas --check | --update

  NAME       one of ${Object.keys(measurements).join(', ')}; all without it
  --json     prints an array of {metric, ours, unit, peer, peerName, ratio, target, met}
  --check    measures our own gas and bytes without the peers; fails where one is worse than recorded by more than 1 %
  --update   the same, and records them in bench/gas.snapshot.json
  --help     shows this

A missed target is shown, not an error.`

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean' },
    check: { type: 'boolean' },
    update: { type: 'boolean' },
    help: { type: 'boolean' },
  },
  allowPositionals: true,
})
if (values.help) {
  console.log(help)
  process.exit(0)
}
const chosen = positionals.length === 0 ? Object.keys(measurements) : positionals
const unknown = chosen.find((name) => measurements[name] === undefined)
if (unknown !== undefined) {
  console.error(`There is no measurement ${unknown}.\n\n${help}`)
  process.exit(2)
}

if (values.check || values.update) {
  if (positionals.join() !== 'gas') {
    console.error(`Only gas is recorded.\n\n${help}`)
    process.exit(2)
  }
  const measured = snapshotOf(await measureWithoutPeers())
  if (values.update) await writeSnapshot(measured)
  const worse = worseThan(await readSnapshot(), measured)
  for (const line of worse) console.error(line)
  if (worse.length > 0) {
    console.error(
      '\nDo: find out why. Where it is meant to be so: `bin/bench gas --update`, and say why in the commit.',
    )
  }
  process.exit(worse.length === 0 ? 0 : 1)
}

const rows: Row[] = []
for (const name of chosen) {
  const began = performance.now()
  progress(`Measuring ${name}`)
  rows.push(...((await measurements[name]?.()) ?? []))
  progress(`${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`)
}
console.log(values.json ? JSON.stringify(rows, null, 2) : table(rows))
// The embedded database keeps its thread pool; everything of ours is closed by now.
process.exit(0)

function table(found: readonly Row[]): string {
  const header = ['metric', 'ours', 'peer or limit', 'ratio', 'target', 'met']
  const lines = found.map((row) => [
    row.metric,
    `${number(row.ours)} ${row.unit}`.trim(),
    `${number(row.peer)} ${row.peerName}`,
    number(row.ratio),
    row.target === null ? '' : number(row.target),
    row.met === null ? '' : row.met ? 'yes' : 'NO',
  ])
  const widths = header.map((_, column) => Math.max(...[header, ...lines].map((line) => (line[column] ?? '').length)))
  const toLine = (line: readonly string[]) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  const rule = widths.map((width) => '-'.repeat(width))
  return [header, rule, ...lines].map(toLine).join('\n')
}

function number(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 })
}
