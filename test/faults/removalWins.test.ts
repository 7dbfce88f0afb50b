import { expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { openLedger } from '../../src/accounts/ledger.ts'
import { type Asked, asked } from '../support/asked.ts'
import { countEvents, countPending } from '../support/ledgerEvents.ts'
import { testVillage } from '../support/testVillage.ts'

test('allow and remove in the same moment: she ends without a grant', async () => {
  await using village = await testVillage()
  const story = await asked(village)
  village.world.phones.text(story.patient.phone, `${story.number} 1`)
  village.world.phones.text(story.patient.phone, `REMOVE ${story.number}`)
  await village.settle()
  await expectClosed(village, story)
})

test('a removal that comes while the yes is on its way to a block closes what the yes would have opened', async () => {
  await using village = await testVillage()
  const { world } = village
  const story = await asked(village)
  await world.chain.setAutomine(false)
  world.phones.text(story.patient.phone, `${story.number} 1`)
  await expect.poll(() => countPending(world), { timeout: 10_000 }).toBe(1)
  world.phones.text(story.patient.phone, `REMOVE ${story.number}`)
  await expect
    .poll(async () => (await village.app.actions.requests(story.doctor.id))[0]?.state, { timeout: 10_000 })
    .toBe('removed')
  // The yes stands in a block after the gate closed: nobody is told that anything opened.
  await world.chain.mine(1)
  await world.chain.setAutomine(true)
  await village.settle()
  expect(await countEvents(world)).toMatchObject({ GrantOpened: 1, GrantRevoked: 1 })
  await expectClosed(village, story)
})

async function expectClosed(village: Village, { doctor, requestId, received }: Asked): Promise<void> {
  const { app, world } = village
  expect(received().slice(1)).toEqual([expect.stringMatching(/can no longer see your record|refused/)])
  expect(await app.actions.startLook(doctor.id, requestId)).toMatchObject({ refused: { code: 'noGrant' } })
  const request = await app.store.requests.get(requestId)
  if (!request) throw new Error('The request is gone.')
  const { ledgerRequestId, doctorAccount } = request
  const answers = await Promise.all((['VIEW', 'ADD', 'CORRECT'] as const).map((right) => canAccess(right)))
  expect(answers).toEqual([false, false, false])
  expect((await countEvents(world))['AccessLogged']).toBeUndefined()

  function canAccess(right: 'VIEW' | 'ADD' | 'CORRECT') {
    return openLedger(app.client, app.deployment).canAccess(ledgerRequestId, doctorAccount, right)
  }
}
