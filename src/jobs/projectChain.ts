import type { Block, Ledger } from '../core/ledger.ts'
import type { EpochMs } from '../core/people.ts'
import type { Hex, OperatorTransactionRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import { revertedAgainAfterMs, revertsAfter } from '../core/userOperation.ts'
import type { Outcomes } from './outcomes.ts'
import { executionDelayMs } from './safeguardOutcomes.ts'

const cursorName = 'ledger'
/** Blocks read in one go; nodes cap the range of a log query. */
const blocksPerRead = 500
/** How far back is read again when the chain's last block is not the one we know. */
const rewindBlocks = 32

export type ProjectChainParts = {
  store: Store
  ledger: Ledger
  outcomes: Outcomes
  /** The block of the ledger's first event. */
  firstBlock: number
  clock: () => EpochMs
  /** Looks after a transaction that stands in no block; false where it never will. */
  chase(transaction: OperatorTransactionRow, headBlock: number): Promise<boolean>
  /** Looks after operations that another's bundler has; returns those that will never be in a block. */
  chaseOperations(headBlock: number): Promise<{ operationId: string; reason: string }[]>
}

/**
 * Brings the database to what the chain says: events since the last block read, then the fate of our own transactions.
 *
 * @returns true where something new was found
 */
export async function projectChain(parts: ProjectChainParts): Promise<boolean> {
  const { store, ledger, outcomes } = parts
  const head = await ledger.head()
  let from = (await startOf(parts, head)) + 1
  const found = from <= head.number
  while (from <= head.number) {
    const to = Math.min(head.number, from + blocksPerRead - 1)
    const events = await ledger.events(from, to)
    const last = to === head.number ? head : await ledger.block(to)
    if (!last) return found
    await store.transaction(async (inside) => {
      for (const event of events) await outcomes.apply(inside, event)
      await inside.chain.setCursor({ name: cursorName, blockNumber: last.number, blockHash: last.hash })
    })
    from = to + 1
  }
  await settleAll(parts, head)
  for (const { operationId, reason } of await parts.chaseOperations(head.number))
    await outcomes.refused(operationId, reason)
  if (found) await store.operations.settleUpTo(await ledger.settled())
  return found
}

/** The node knows less of the chain than it did: it is being set up, or restored. No reorganisation is as deep. */
class NodeBehindError extends Error {
  override readonly name = 'NodeBehindError'
  constructor(head: number, known: number) {
    super(`The chain's node is at block ${head}, and block ${known} was read before. Do: wait until it has caught up.`)
  }
}

/**
 * The last block that is read and still there.
 *
 * @throws {NodeBehindError} where the node lacks more blocks than a reorganisation takes
 */
async function startOf({ store, ledger, firstBlock }: ProjectChainParts, head: Block): Promise<number> {
  const cursor = await store.chain.cursor(cursorName)
  if (!cursor) return firstBlock - 1
  if (head.number + rewindBlocks < cursor.blockNumber) throw new NodeBehindError(head.number, cursor.blockNumber)
  const known = cursor.blockNumber <= head.number ? await ledger.block(cursor.blockNumber) : null
  if (known?.hash === cursor.blockHash) return cursor.blockNumber
  const last = Math.max(firstBlock - 1, Math.min(cursor.blockNumber, head.number) - rewindBlocks)
  const block = last < firstBlock ? null : await ledger.block(last)
  await takeBackAfter(store, { number: last, hash: block?.hash ?? '0x' })
  return last
}

/** What stood in blocks that are read again is open until it stands in one anew; its transactions are sent again if need be. */
function takeBackAfter(store: Store, { number: blockNumber, hash }: Pick<Block, 'number' | 'hash'>): Promise<void> {
  return store.transaction(async (inside) => {
    // With it, not after it: should the node come back to the chain that was read, its blocks are read again all the same.
    await inside.chain.setCursor({ name: cursorName, blockNumber, blockHash: hash })
    await inside.operations.takeBackAfter(blockNumber)
    await inside.transactions.takeBackAfter(blockNumber)
    await inside.looks.takeBackAfter(blockNumber)
    await inside.safeguards.takeBackAfter(blockNumber)
  })
}

/** One that can't be settled keeps no other waiting. */
async function settleAll(parts: ProjectChainParts, head: Block): Promise<void> {
  const sent = await parts.store.transactions.sent()
  // What a reorganisation took back goes again in the order in which it went.
  for (const transaction of sent.filter(({ sentBlock }) => sentBlock === null))
    await settleTransaction(parts, transaction, head)
  const settled = await Promise.allSettled(
    sent
      .filter(({ sentBlock }) => sentBlock !== null)
      .map((transaction) => settleTransaction(parts, transaction, head)),
  )
  const failed = settled.find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}

async function settleTransaction(
  parts: ProjectChainParts,
  transaction: OperatorTransactionRow,
  head: Block,
): Promise<void> {
  const receipt = await receiptOf(parts.ledger, transaction)
  if (!receipt) {
    if (await parts.chase(transaction, head.number)) return
    return close(parts, transaction, { status: 'abandoned' })
  }
  const { blockNumber, success } = receipt
  return close(parts, transaction, { status: 'included', blockNumber }, success)
}

/** The receipt under the hash it has now, or one that it had at a lower fee. */
async function receiptOf(ledger: Ledger, { hash, earlierHashes }: OperatorTransactionRow) {
  const earlier = earlierHashes.split(' ').filter((known) => known !== '') as Hex[]
  for (const known of [hash, ...earlier.reverse()]) {
    const receipt = await ledger.receipt(known)
    if (receipt) return receipt
  }
  return null
}

/** Notes what became of a transaction. Where nothing of it happened, all of it is tried again in another. */
async function close(
  { store, clock }: ProjectChainParts,
  { id }: OperatorTransactionRow,
  end: { status: 'included'; blockNumber: number } | { status: 'abandoned' },
  success = false,
): Promise<void> {
  const now = clock()
  await store.transaction(async (inside) => {
    await inside.transactions.update(id, { ...end, updatedAt: now })
    if (success) return
    const operations = await inside.operations.inBundle(id)
    for (const operation of operations) {
      if (operation.status !== 'submitted') continue
      const reverts = end.status === 'included' ? revertsAfter(operation.reverts, operations.length) : operation.reverts
      const notBefore = (now + revertedAgainAfterMs(reverts)) as EpochMs
      const change = { status: 'prepared', bundleId: null, reverts, notBefore, updatedAt: now } as const
      await inside.operations.update(operation.id, change)
      await inside.outbox.add('submitUserOperations', operation.id, now)
    }
    for (const look of await inside.looks.inTransaction(id)) {
      if (look.state !== 'waiting') continue
      await inside.looks.update(look.id, { transactionId: null })
      await inside.outbox.add('logAccess', look.id, now)
    }
    const loosening = await inside.safeguards.executedIn(id)
    if (loosening?.state !== 'waiting') return
    await inside.safeguards.updateChange(loosening.id, { transactionId: null })
    await inside.outbox.add('executeLoosening', loosening.id, now, (now + executionDelayMs) as EpochMs)
  })
}
