import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../local/chain/anvil.ts'

const startTimeoutMs = 20_000
const pollMs = 50

/** A server of the tests' own on a loopback port of its own. */
export type Engine = { url: string; stop(): Promise<void> }

/** Redis without persistence, gone with the tests. */
export async function startRedis(): Promise<Engine> {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--databases', '64']
  const child = spawn('redis-server', args, { stdio: 'ignore' })
  await untilListening(child, 'redis-server', port)
  return { url: `redis://127.0.0.1:${port}`, stop: () => end(child, 'SIGTERM') }
}

/** PostgreSQL in a fresh temporary folder. initdb refuses root, so as root it runs as the postgres user. */
export async function startPostgres(): Promise<Engine> {
  const bin = postgresBin()
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'healthchain-postgres-'))
  const isRoot = process.getuid?.() === 0
  const prefix = isRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'] : []
  if (isRoot) {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
    chownSync(folder, id('-u'), id('-g'))
  }
  const run = (command: string, args: string[]) => {
    const [first, ...rest] = [...prefix, join(bin, command), ...args]
    return [first ?? '', rest] as const
  }
  const [initdb, initdbArgs] = run('initdb', ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'])
  execFileSync(initdb, initdbArgs, { cwd: folder, stdio: 'ignore' })
  const [postgres, postgresArgs] = run('postgres', [
    ...['-D', folder, '-k', folder, '-h', '127.0.0.1', '-p', String(port)],
    ...['-c', 'fsync=off', '-c', 'max_connections=200'],
  ])
  const child = spawn(postgres, postgresArgs, { cwd: folder, stdio: 'ignore' })
  await untilListening(child, 'postgres', port)
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      await end(child, 'SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Debian keeps the server's programs by version, outside the PATH. */
function postgresBin(): string {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const found = versions.map((version) => join(debian, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')))
  return found ?? join(execFileSync('which', ['initdb'], { encoding: 'utf8' }).trim(), '..')
}

async function untilListening(child: ChildProcess, name: string, port: number): Promise<void> {
  const deadline = Date.now() + startTimeoutMs
  let failure: Error | null = null
  child.once('error', (error) => {
    failure = error
  })
  while (!(await isListening(port))) {
    if (failure || child.exitCode !== null || Date.now() > deadline)
      throw new Error(`${name} did not start on port ${port}. Do: run bin/test, which installs it.`)
    await pause(pollMs)
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}
