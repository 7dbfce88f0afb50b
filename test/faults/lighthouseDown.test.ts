import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { FaultMode } from '../../local/lighthouse/faults.ts'
import { patients, readRecentRecord } from '../../local/people/people.ts'
import type { Village } from '../../local/village.ts'
import { addRecord } from '../../src/records/recordShelf.ts'
import { splitBundle } from '../../src/records/splitBundle.ts'
import { asked } from '../support/asked.ts'
import { testVillage } from '../support/testVillage.ts'
import { until } from '../support/until.ts'

/** Longer than an upload waits before its next try. */
const nextTryMs = 6_000
const triesTimeoutMs = 20_000

const modes: readonly (readonly [string, FaultMode])[] = [
  ['is down', 'down'],
  ['asks us to slow down', 'rateLimited'],
  ['names the file by the CID of another', 'otherCid'],
  ['answers 200 with an error inside', 'errorWith200'],
]

test.each(modes)(
  'while Lighthouse %s a new record says "not stored yet", and nothing of it is lost',
  async (_, mode) => {
    await using village = await testVillage()
    const { world, app } = village
    const { doctor, patient, requestId, number } = await asked(village)
    world.phones.text(patient.phone, `${number} 1`)
    await village.settle()

    world.lighthouse.faults.mode = mode
    const uploadsBefore = countUploads(village)
    await addLabResult(village)
    await until('a try to store the record', triesTimeoutMs, async () => countUploads(village) > uploadsBefore)
    await until(
      'a note that the try failed',
      triesTimeoutMs,
      async () => (await village.app.store.outbox.countDue(village.now())) === 0,
    )
    const notStored = (await look(village)).filter(({ status }) => status === 'notStoredYet')
    expect(notStored).toEqual([expect.objectContaining({ class: 'labs' })])
    expect(await spooled(village)).toHaveLength(1)

    world.lighthouse.faults.mode = 'none'
    await village.advance(nextTryMs)
    await village.settle()
    const records = await look(village)
    expect(new Set(records.map(({ status }) => status))).toEqual(new Set(['unsealed']))
    expect(await spooled(village)).toEqual([])

    async function look({ app: { actions } }: Village) {
      const begun = await actions.startLook(doctor.id, requestId)
      if ('refused' in begun) throw new Error('The look was refused.')
      const opened = await actions.open(doctor.id, begun.lookId, 10_000)
      if (opened.status !== 'open') throw new Error(`The look is ${opened.status}.`)
      return opened.records
    }

    async function addLabResult({ now }: Village) {
      const row = await app.store.people.patient(patient.id)
      const villager = patients.find(({ key }) => key === patient.key)
      if (!row || !villager) throw new Error('The patient is not known.')
      const newest = splitBundle(readRecentRecord(villager, now())).documents.find(
        (document) => document.class === 'labs',
      )
      if (!newest) throw new Error('The patient has no lab result.')
      await addRecord(app.shelf, row, newest)
    }
  },
)

function countUploads({ world }: Village): number {
  return world.lighthouse.requests.filter(({ path }) => path === '/api/v0/add').length
}

/** Sealed files that wait for the store. */
function spooled({ app }: Village): Promise<string[]> {
  return readdir(join(app.config.dataFolder, 'spool'))
}
