import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../local/chain/anvil.ts'
import type { Seeded } from '../../local/seed.ts'
import { startWorld, type World } from '../../local/world.ts'
import { copyOfPrepared } from './testVillage.ts'

/** A seeded world without its server: the test starts that as a process of its own, and kills it. */
export type VillageOutside = AsyncDisposable & { world: World; people: Seeded }

export async function startVillageOutside(): Promise<VillageOutside> {
  const folder = await copyOfPrepared()
  const ports = { server: await freePort(), phones: 0, twilio: 0, lighthouse: 0 }
  const world = await startWorld({ folder, ports, clock: Date.now })
  const people = JSON.parse(await readFile(join(folder, 'people.json'), 'utf8')) as Seeded
  return {
    world,
    people,
    async [Symbol.asyncDispose]() {
      await world.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
