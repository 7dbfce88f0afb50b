import { readFile, writeFile } from 'node:fs/promises'
import type { Row } from './row.ts'

/** Above it a figure counts as worse; the bytes of other ids and hashes move one by less. */
const tolerance = 0.01
const file = new URL('./gas.snapshot.json', import.meta.url)
/** Of these less is better; the others follow from them. */
const units = ['gas', 'bytes']

/** Figures by metric, as they were when somebody last looked at them. */
export type GasSnapshot = Readonly<Record<string, number>>

/** What a snapshot keeps of the rows. */
export function snapshotOf(rows: readonly Row[]): GasSnapshot {
  return Object.fromEntries(rows.filter(({ unit }) => units.includes(unit)).map(({ metric, ours }) => [metric, ours]))
}

/**
 * What has become worse by more than a hundredth, and what is measured or recorded without the other: one line each.
 *
 * @returns nothing where all is as recorded, or better
 */
export function worseThan(recorded: GasSnapshot, measured: GasSnapshot): string[] {
  const metrics = new Set([...Object.keys(recorded), ...Object.keys(measured)])
  return [...metrics].flatMap((metric) => {
    const [before, now] = [recorded[metric], measured[metric]]
    if (before === undefined) return [`${metric}: ${now}, not recorded`]
    if (now === undefined) return [`${metric}: recorded as ${before}, not measured`]
    if (now <= before * (1 + tolerance)) return []
    return [`${metric}: ${before} -> ${now} (+${(100 * (now / before - 1)).toFixed(1)} %)`]
  })
}

export async function readSnapshot(): Promise<GasSnapshot> {
  return JSON.parse(await readFile(file, 'utf8'))
}

export async function writeSnapshot(snapshot: GasSnapshot): Promise<void> {
  await writeFile(file, `${JSON.stringify(snapshot, null, 2)}\n`)
}
