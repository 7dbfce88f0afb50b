import { createTestClient, http, publicActions } from 'viem'
import { anvil } from 'viem/chains'
import type { LocalChain } from './startChain.ts'

/** As on Lisk. */
const blockTimeMs = 2_000
/** Without transactions a block this often keeps the chain's time near ours; one every two seconds would fill the disk. */
const idleBlockMs = 60_000

/** Makes a block at each tick that has something to put into it. Returns the function that stops it. */
export async function mineWhenNeeded(chain: LocalChain): Promise<() => void> {
  await chain.setAutomine(false)
  const client = createTestClient({ mode: 'anvil', chain: anvil, transport: http(chain.url) }).extend(publicActions)
  let lastBlockAt = 0
  const tick = async () => {
    const { pending } = await client.getTxpoolStatus()
    if (pending === 0 && Date.now() - lastBlockAt < idleBlockMs) return
    await chain.mine(1)
    lastBlockAt = Date.now()
  }
  // A tick that fails meets a chain that is stopping.
  const timer = setInterval(() => void tick().catch(() => {}), blockTimeMs)
  return () => clearInterval(timer)
}
