/** Public nodes refuse ranges above 10,000 blocks, some far smaller ones: what is refused is asked for in halves. */
const firstPageBlocks = 10_000

/**
 * Events of a range of blocks, in pages that shrink where the node refuses them.
 *
 * @throws what the node says to a single block: it names a range or an answer that is too large in many ways
 */
export async function readInPages<Log>(
  fromBlock: bigint,
  toBlock: bigint,
  readPage: (from: bigint, to: bigint) => Promise<readonly Log[]>,
  onProgress: (doneBlocks: number, totalBlocks: number) => void = () => {},
): Promise<Log[]> {
  const total = Number(toBlock - fromBlock) + 1
  let pageBlocks = firstPageBlocks
  const logs: Log[] = []
  for (let from = fromBlock; from <= toBlock; ) {
    const last = from + BigInt(pageBlocks) - 1n
    const to = last < toBlock ? last : toBlock
    try {
      // Not spread into push: a page may hold more events than a call takes arguments.
      for (const log of await readPage(from, to)) logs.push(log)
    } catch (error) {
      if (from === to) throw error
      pageBlocks = Math.ceil(Number(to - from + 1n) / 2)
      continue
    }
    from = to + 1n
    onProgress(Number(from - fromBlock), total)
  }
  return logs
}
