import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { type Address, createPublicClient, createTestClient, http } from 'viem'
import { anvil } from 'viem/chains'
import { freePort, isPortFree, localChainId, spawnAnvil } from './anvil.ts'
import { keepState } from './keepState.ts'

/** Another process may take a free port before anvil does; three times in a row is no accident. */
const maxStarts = 3
const startTimeoutMs = 15_000
const pollMs = 20
const stopTimeoutMs = 5_000

export type StartChainOptions = {
  /** Default: a free one. */
  port?: number
  /** Loaded at the start when it exists, saved soon after each block and at the stop. Default: nothing is kept. */
  stateFile?: string
  /** Default: a block for each transaction, at once. */
  blockTimeS?: number
  /** Of a chain that it stands for, in tests. Default: 31337. */
  chainId?: number
  /** False takes contracts of more than 24,576 bytes too, which no real chain does. Default: true. */
  codeSizeLimit?: boolean
}

/** An anvil of our own, as an OP stack chain. */
export type LocalChain = AsyncDisposable & {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Saves what is not in the state file yet. */
  save(): Promise<void>
  /** Saves the state and ends the process; the second call does nothing. */
  stop(): Promise<void>
  /** Makes `blockCount` blocks now. */
  mine(blockCount: number): Promise<void>
  /** One block for each transaction, at once; off: a transaction waits for {@link mine} or an interval. */
  setAutomine(enabled: boolean): Promise<void>
  /** One block every `intervalS` seconds; 0 stops that. */
  setIntervalMining(intervalS: number): Promise<void>
  /** Moves the chain's clock forward, seen from the next block on. */
  increaseTime(seconds: number): Promise<void>
  /** Gives the address exactly that balance. */
  fund(address: Address, balanceWei: bigint): Promise<void>
}

/** Anvil did not start, or nobody answers on its port. */
export class ChainStartError extends Error {
  override readonly name = 'ChainStartError'

  constructor(port: number, why: string, todo = 'free the port or choose another, and start again.') {
    super(`The local chain did not start.\n\nPort: ${port}\n${why}\nDo: ${todo}`)
  }
}

/**
 * Starts a local chain and waits until it answers.
 *
 * @throws {ChainStartError} when the given port is taken, or anvil ends or stays silent for 15 s
 */
export async function startChain(options: StartChainOptions = {}): Promise<LocalChain> {
  for (let start = 1; ; start += 1) {
    const port = options.port ?? (await freePort())
    try {
      return await startOn(port, options)
    } catch (error) {
      const mayRetry = error instanceof ChainStartError && options.port === undefined && start < maxStarts
      if (!mayRetry) throw error
    }
  }
}

async function startOn(
  port: number,
  { stateFile, blockTimeS, chainId = localChainId, codeSizeLimit = true }: StartChainOptions,
): Promise<LocalChain> {
  if (!(await isPortFree(port))) throw new ChainStartError(port, 'Another process listens there.')
  const child = spawnAnvil({ port, blockTimeS, chainId, codeSizeLimit })
  await once(child, 'spawn')
  const url = `http://127.0.0.1:${port}`
  try {
    await waitUntilAnswers(child, url, port)
    return await control(child, url, port, stateFile)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

async function waitUntilAnswers(child: ChildProcess, url: string, port: number): Promise<void> {
  const client = createPublicClient({ chain: anvil, transport: http(url, { retryCount: 0 }) })
  const deadline = performance.now() + startTimeoutMs
  while (performance.now() < deadline) {
    if (hasEnded(child)) throw new ChainStartError(port, `Anvil ended with code ${child.exitCode}.`)
    const answers = await client.getChainId().then(
      () => true,
      () => false,
    )
    if (answers && !hasEnded(child)) return
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  throw new ChainStartError(port, `Anvil did not answer within ${startTimeoutMs} ms.`)
}

async function control(
  child: ChildProcess,
  url: string,
  port: number,
  stateFile: string | undefined,
): Promise<LocalChain> {
  const { pid } = child
  if (pid === undefined) throw new ChainStartError(port, 'Anvil has no process id.')
  const client = createTestClient({ mode: 'anvil', chain: anvil, transport: http(url) })
  const reader = createPublicClient({ chain: anvil, transport: http(url), cacheTime: 0 })
  const kept =
    stateFile === undefined
      ? null
      : await keepState(client, () => reader.getBlockNumber(), stateFile).catch((error: Error) => {
          throw new ChainStartError(port, error.message, `remove ${stateFile}, which begins a new chain.`)
        })
  const stop = async () => {
    await kept?.stop()
    await stopChild(child)
  }
  return {
    url,
    port,
    pid,
    save: async () => kept?.save(),
    stop,
    mine: (blockCount) => client.mine({ blocks: blockCount }),
    setAutomine: (enabled) => client.setAutomine(enabled),
    setIntervalMining: (intervalS) => client.setIntervalMining({ interval: intervalS }),
    increaseTime: async (seconds) => {
      await client.increaseTime({ seconds })
    },
    fund: (address, balanceWei) => client.setBalance({ address, value: balanceWei }),
    [Symbol.asyncDispose]: stop,
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGINT')
  const impatience = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  await ended
  clearTimeout(impatience)
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
