import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'

export const localChainId = 31337

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

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a port.')
  return address.port
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
