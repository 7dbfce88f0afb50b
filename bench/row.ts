/** One figure of ours beside a peer or a limit of the same run. */
export type Row = {
  metric: string
  ours: number
  unit: string
  peer: number
  peerName: string
  /** Ours divided by the peer's. */
  ratio: number
  /** What the project set itself for `ours`; null where it is printed to be known. */
  target: number | null
  /** Null without a target. */
  met: boolean | null
}

export type Figure = {
  metric: string
  unit: string
  ours: number
  peer: number
  peerName: string
  /** `ours` is to be this at most. */
  atMost?: number
  /** `ours` is to be this at least. */
  atLeast?: number
}

export function toRow({ metric, unit, ours, peer, peerName, atMost, atLeast }: Figure): Row {
  const target = atMost ?? atLeast ?? null
  const met = target === null ? null : atMost === undefined ? ours >= target : ours <= target
  const rounded = { ours: round(ours), peer: round(peer), ratio: round(ours / peer) }
  return { metric, unit, ...rounded, peerName, target: target === null ? null : round(target), met }
}

/** The middle of the values, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2
}

/** The value that `share` of all values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** Where a measurement stands; to stderr, since stdout holds the table. */
export function progress(text: string): void {
  process.stderr.write(`· ${text}\n`)
}

function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100
}
