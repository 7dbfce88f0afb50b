import type { Ledger } from '../core/ledger.ts'
import type { EpochMs } from '../core/people.ts'
import type { OperatorTransactionRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import { type Log, type Processor, relayOutbox, workOff } from './outbox.ts'
import type { Outcomes } from './outcomes.ts'
import { projectChain } from './projectChain.ts'
import type { QueuedJob, WorkQueue } from './queue.ts'
import { isUnreachable } from './submitUserOperations.ts'

/** The relay is woken by the database; this is for what a lost wake-up or a later time would leave lying. */
const relayEveryMs = 500
/** A quarter of a block: what stands on chain is seen soon after. */
const chainEveryMs = 500
/** Work under way gets this long to end when the process is told to stop. */
const stopTimeoutMs = 8_000

export type WorkerParts = {
  store: Store
  queue: WorkQueue
  clock: () => EpochMs
  log: Log
  chain: {
    ledger: Ledger
    outcomes: Outcomes
    firstBlock: number
    chase(transaction: OperatorTransactionRow, headBlock: number): Promise<boolean>
    chaseOperations(headBlock: number): Promise<{ operationId: string; reason: string }[]>
  }
  /** True where no other process can work on the same queue, as with the embedded database. */
  isOnlyWorker: boolean
  /** Calls back when an outbox row was committed. */
  onOutbox(wake: () => void): Promise<unknown>
  processors: Readonly<Record<QueuedJob['job'], Processor>>
}

/** The part of the house that does what was decided: relays the outbox, works the queue off, follows the chain. */
export function openWorker(parts: WorkerParts) {
  const { store, queue, clock, log, chain, processors } = parts
  const outbox = { store, queue, clock, log }
  const relay = repeat('relay', relayEveryMs, log, () => relayOutbox(outbox))
  const follow = repeat('chain', chainEveryMs, log, () => projectChain({ store, clock, ...chain }))
  return {
    async start(): Promise<void> {
      if (parts.isOnlyWorker) {
        // Whatever the queue holds was a dead process's: begin with what the outbox says.
        await queue.clear()
        await store.outbox.relayAnew()
      }
      queue.process((job) => workOff(outbox, processors, job))
      await parts.onOutbox(relay.wake)
      relay.start()
      follow.start()
    },
    async stop(): Promise<void> {
      await withTimeLimit(Promise.all([relay.stop(), follow.stop()]), stopTimeoutMs)
    },
    /** Relays and reads the chain now. @returns true where nothing was left to do within `horizonMs` from now */
    async settleOnce(horizonMs: number): Promise<boolean> {
      const relayed = await relay.now()
      const found = await follow.now()
      const isOpen = (await store.outbox.countDue((clock() + horizonMs) as EpochMs)) > 0
      const sent = [...(await store.transactions.sent()), ...(await store.operations.alone())]
      return relayed === 0 && !found && !isOpen && sent.length === 0
    },
  }
}

/** Runs a task again and again, never twice at once; a wake-up runs it soon. */
function repeat<Result>(name: string, everyMs: number, log: Log, task: () => Promise<Result>) {
  let timer: NodeJS.Timeout | null = null
  let running: Promise<unknown> = Promise.resolve()
  let isStopped = true
  let isWoken = false

  function now(): Promise<Result> {
    const turn = running.then(task)
    running = turn.catch(() => {})
    return turn
  }

  async function round(): Promise<void> {
    isWoken = false
    await now().catch((err: unknown) => {
      if (!isUnreachable(err)) log.error({ err, task: name }, 'A round failed and will be repeated')
    })
    if (!isStopped) timer = setTimeout(round, isWoken ? 0 : everyMs)
  }

  return {
    now,
    start() {
      isStopped = false
      void round()
    },
    wake() {
      isWoken = true
      if (isStopped || timer === null) return
      clearTimeout(timer)
      timer = setTimeout(round, 0)
    },
    async stop() {
      isStopped = true
      if (timer) clearTimeout(timer)
      await running
    },
  }
}

async function withTimeLimit(work: Promise<unknown>, limitMs: number): Promise<void> {
  const limit = Promise.withResolvers<void>()
  const timer = setTimeout(limit.resolve, limitMs)
  await Promise.race([work, limit.promise])
  clearTimeout(timer)
}
