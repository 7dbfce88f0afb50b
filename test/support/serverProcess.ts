import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const entry = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const healthTimeoutMs = 30_000
const endTimeoutMs = 30_000
const pollMs = 25

type Environment = Readonly<Record<string, string>>

/** The server as its own process, as in production. */
export type ServerProcess = AsyncDisposable & {
  /** Resolves once the server answers. */
  healthy(): Promise<void>
  /** kill -9, and resolves when the process is gone. */
  kill(): Promise<void>
}

export function startServer(env: Environment): ServerProcess {
  const { child, output } = run(env)
  async function kill(): Promise<void> {
    if (hasEnded(child)) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  return {
    async healthy() {
      const deadline = Date.now() + healthTimeoutMs
      for (;;) {
        const answer = await fetch(`${env['PUBLIC_URL']}/health`).catch(() => null)
        if (answer?.ok) return
        if (hasEnded(child) || Date.now() > deadline) throw new Error(`The server did not start.\n${output()}`)
        await pause(pollMs)
      }
    },
    kill,
    [Symbol.asyncDispose]: kill,
  }
}

/** Starts a server that is expected to refuse. @returns its exit code and what it wrote */
export async function startRefused(env: Environment): Promise<{ code: number | null; lines: string[] }> {
  const { child, output } = run(env)
  const timer = setTimeout(() => child.kill('SIGKILL'), endTimeoutMs)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { code, lines: output().trimEnd().split('\n') }
}

function run(env: Environment): { child: ChildProcess; output: () => string } {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [entry], {
    env: { PATH, HOME, LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      text += chunk
    })
  return { child, output: () => text }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
