import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseEther } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { freePort } from '../../local/chain/anvil.ts'
import type { World } from '../../local/world.ts'

const startTimeoutMs = 60_000
const pollMs = 200
const movedClock = join(import.meta.dirname, 'movedClock.mjs')
const program = join(import.meta.dirname, '../../tools/alto/node_modules/@pimlico/alto/esm/cli/alto.js')

export type Alto = {
  url: string
  /** One of its debug methods; see `alto --help`. */
  call(method: string, params?: readonly unknown[]): Promise<unknown>
  /** Moves the clock that it reads, from the machine's. */
  moveClock(offsetMs: number): void
  stop(): Promise<void>
}

/**
 * Starts @pimlico/alto as a process of its own, on the village's chain.
 *
 * Not in safe mode: that needs a tracer which anvil lacks. `tools/alto` is installed by `bin/test --long`.
 */
export async function startAlto({ chain, deployment }: World): Promise<Alto> {
  const keys = [generatePrivateKey(), generatePrivateKey()] as const
  for (const key of keys) await chain.fund(privateKeyToAccount(key).address, parseEther('10'))
  const port = await freePort()
  const options = {
    entrypoints: deployment.entryPoint.address,
    'executor-private-keys': keys[0],
    'utility-private-key': keys[1],
    'rpc-url': chain.url,
    port,
    'safe-mode': false,
    'enable-debug-endpoints': true,
    'refilling-wallets': false,
    'utility-wallet-monitor': false,
    // Anvil stands still between two transactions; Lisk does not.
    'block-number-cache-ttl': 0,
    'log-level': 'fatal',
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(process.execPath, ['--import', movedClock, program, ...args], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const url = `http://127.0.0.1:${port}`

  async function call(method: string, params: readonly unknown[] = []): Promise<unknown> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } }
    if (error) throw new Error(`${method}: ${error.message}`)
    return result
  }

  const deadline = performance.now() + startTimeoutMs
  while (!(await call('eth_supportedEntryPoints').catch(() => null))) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error('alto did not start. Do: run `bin/test --long`, which installs it under tools/alto.')
    await pause(pollMs)
  }
  return {
    url,
    call,
    moveClock: (offsetMs) => child.send(offsetMs),
    async stop() {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
