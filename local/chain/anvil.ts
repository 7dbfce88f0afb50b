import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'

export const localChainId = 31337

/** Above the ports that services are known by, below those that Linux and macOS give to outgoing connections. */
const ports = { first: 15_000, beyond: 32_000 } as const
const portAttempts = 100

export type AnvilOptions = { port: number; blockTimeS: number | undefined; chainId: number; codeSizeLimit: boolean }

/**
 * Starts the native anvil binary on 127.0.0.1.
 *
 * Not npm's wrapper: its SIGKILL leaves the binary running. It starts `--silent` because a pipe nobody reads any more
 * (after our own kill -9) would stop it.
 */
export function spawnAnvil({ port, blockTimeS, chainId, codeSizeLimit }: AnvilOptions): ChildProcess {
  const args = ['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId)]
  args.push('--optimism', '--silent')
  if (!codeSizeLimit) args.push('--disable-code-size-limit')
  if (blockTimeS !== undefined) args.push('--block-time', String(blockTimeS))
  return spawn(anvilBinary(), args, { stdio: 'ignore' })
}

/**
 * A port of 127.0.0.1 that was free a moment ago.
 *
 * Not one that the system hands out: it hands the same ones to outgoing connections, and any of those could have taken the
 * port before its server listens.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < portAttempts; attempt += 1) {
    const port = randomInt(ports.first, ports.beyond)
    if (await isPortFree(port)) return port
  }
  throw new Error(
    `None of ${portAttempts} ports between ${ports.first} and ${ports.beyond} is free. Do: end what listens there.`,
  )
}

/** True when nothing listens on that port of 127.0.0.1. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

function anvilBinary(): string {
  const cpu = process.arch === 'x64' ? 'amd64' : process.arch
  const suffix = process.platform === 'win32' ? '.exe' : ''
  return createRequire(import.meta.url).resolve(`@foundry-rs/anvil-${process.platform}-${cpu}/bin/anvil${suffix}`)
}
