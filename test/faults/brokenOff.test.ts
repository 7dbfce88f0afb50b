import { expect, test } from 'vitest'
import { asked } from '../support/asked.ts'
import { countEvents, countPending, userOperations } from '../support/ledgerEvents.ts'
import { testVillage } from '../support/testVillage.ts'

/** Longer than a transaction waits before it is sent again. */
const overdueMs = 11_000

test('a text that the provider took before we died is found there, and not sent a second time', async () => {
  await using village = await testVillage()
  const { app } = village
  const { requestId, received } = await asked(village)
  const prompt = await app.store.messages.promptOf(requestId)
  if (!prompt) throw new Error('There is no prompt.')
  // As kill -9 leaves it between the provider's yes and our note of it.
  await app.store.messages.updateOutbound(prompt.id, { state: 'sending', providerId: null, sentAt: null })
  await app.store.outbox.add('sendMessage', prompt.id, village.now())
  await village.settle()

  expect(received()).toHaveLength(1)
  expect(await app.store.messages.outbound(prompt.id)).toMatchObject({ state: 'sent', providerId: prompt.providerId })
})

test('a transaction that the node took and lost is sent again as it was: one grant, one confirmation', async () => {
  await using village = await testVillage()
  const { world } = village
  const { patient, number, received } = await asked(village)
  await world.chain.setAutomine(false)
  world.phones.text(patient.phone, `${number} 1`)
  await expect.poll(() => countPending(world), { timeout: 10_000 }).toBe(1)
  await world.chainClient.request({ method: 'anvil_dropAllTransactions' } as never)
  expect(await countPending(world)).toBe(0)
  expect(received()).toHaveLength(1)

  await village.advance(overdueMs)
  await expect.poll(() => countPending(world), { timeout: 10_000 }).toBe(1)
  await world.chain.setAutomine(true)
  await world.chain.mine(1)
  await village.settle()
  expect(received().slice(1)).toEqual([expect.stringMatching(/is allowed to see LAB RESULTS until/)])
  expect(await countEvents(world)).toEqual({ AccessWriterChanged: 1, RequestOpened: 1, GrantOpened: 1 })
  expect(await userOperations(world)).toHaveLength(2)
})
