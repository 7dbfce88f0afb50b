import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isHex, type TestClient } from 'viem'

/** How soon a new block is on disk. */
const saveEveryMs = 500

export type KeptState = {
  /** Saves what is not on disk yet. */
  save(): Promise<void>
  /** Ends the saving, after one last time. */
  stop(): Promise<void>
}

/**
 * Keeps the chain in a file: what it holds now is loaded, and each new block is saved soon after.
 *
 * Not anvil's own `--state-interval`: it rewrites its file in place, and a kill in that moment leaves half a chain.
 *
 * @throws {TypeError} where the file holds no chain
 */
export async function keepState(
  client: Pick<TestClient<'anvil'>, 'dumpState' | 'loadState'>,
  blockNumber: () => Promise<bigint>,
  file: string,
): Promise<KeptState> {
  if (existsSync(file)) {
    const state = (await readFile(file, 'utf8')).trim()
    if (!isHex(state)) throw new TypeError(`${file} holds no chain. Do: remove it, which begins a new one.`)
    await client.loadState({ state })
  }
  let savedBlock = -1n
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  async function save(): Promise<void> {
    const block = await blockNumber()
    if (block === savedBlock) return
    const state = await client.dumpState()
    writeFileSync(`${file}.next`, state, { mode: 0o600 })
    renameSync(`${file}.next`, file)
    savedBlock = block
  }

  // A chain that was killed answers no more; what was saved stands.
  let saving: Promise<void> = Promise.resolve()
  const round = () => {
    saving = save().catch(() => {})
    void saving.then(() => {
      if (!isStopped) timer = setTimeout(round, saveEveryMs).unref()
    })
  }
  round()
  return {
    async save() {
      await saving
      await save()
    },
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await saving
      await save().catch(() => {})
    },
  }
}
