import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startChain } from '../../local/chain/startChain.ts'
import { asked } from '../support/asked.ts'
import { countEvents } from '../support/ledgerEvents.ts'
import { testVillage } from '../support/testVillage.ts'

test("while the chain's node is away an answer waits and no record opens; back again, exactly one grant stands", async () => {
  await using village = await testVillage()
  const { world, app } = village
  const first = await asked(village)
  world.phones.text(first.patient.phone, `${first.number} 1`)
  await village.settle()
  const begun = await app.actions.startLook(first.doctor.id, first.requestId)
  if ('refused' in begun) throw new Error('The look was refused.')
  expect((await app.actions.open(first.doctor.id, begun.lookId, 10_000)).status).toBe('open')
  const second = await asked(village)

  await world.chain.stop()
  world.phones.text(second.patient.phone, `${second.number} 1`)
  await expect
    .poll(async () => (await app.actions.request(second.doctor.id, second.requestId))?.state, { timeout: 10_000 })
    .toBe('granting')
  const posted = world.twilio.webhooks().filter(({ kind }) => kind === 'inbound')
  expect(posted.map(({ status }) => status)).toEqual([200, 200])
  // A look that stood before is not shown again: the chain can't be asked.
  expect(await app.actions.open(first.doctor.id, begun.lookId, 0)).toEqual({
    status: 'refused',
    reason: 'chainUnavailable',
  })
  expect(second.received()).toHaveLength(3)

  await using chain = await startChain({ port: world.chain.port, stateFile: join(app.config.dataFolder, 'chain.json') })
  expect(chain.port).toBe(world.chain.port)
  await village.advance(3_000)
  await village.settle()
  expect(second.received().slice(3)).toEqual([expect.stringMatching(/is allowed to see LAB RESULTS until/)])
  expect(await countEvents(world)).toMatchObject({ RequestOpened: 2, GrantOpened: 2, AccessLogged: 1 })
  expect((await app.actions.open(first.doctor.id, begun.lookId, 10_000)).status).toBe('open')
})
