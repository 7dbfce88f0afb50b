import { expect, test } from 'vitest'
import { hour } from '../../src/core/people.ts'
import { beginRecovery } from '../support/allowEmergencies.ts'
import { quietVillage, textsTo } from '../support/bundling.ts'
import { countEvents } from '../support/ledgerEvents.ts'
import { firstOf } from '../support/villagers.ts'

test('what guardians begin for a patient she is told of at once; her KEEP stops it, and without it the server ends it in 72 hours', async () => {
  await using village = await quietVillage()
  const { world, app } = village
  const { patient } = firstOf(village)
  const isAllowed = async () => (await app.store.safeguards.standing(patient.id)).emergencyAllowed
  const waits = /^From .* doctors may open your record in an emergency.* KEEP/
  await beginRecovery(village, patient)
  await village.settle()
  expect(textsTo(village, patient.phone)).toEqual([expect.stringMatching(waits)])

  world.phones.text(patient.phone, 'KEEP')
  await village.settle()
  await village.advance(73 * hour)
  await village.settle()
  expect(await countEvents(world)).toMatchObject({ LooseningCancelled: 1 })
  expect(await isAllowed()).toBe(false)

  await beginRecovery(village, patient)
  await village.settle()
  await village.advance(73 * hour)
  await village.settle()
  expect(await countEvents(world)).toMatchObject({ LooseningExecuted: 1 })
  expect(await isAllowed()).toBe(true)
  expect(textsTo(village, patient.phone).slice(-2)).toEqual([
    expect.stringMatching(waits),
    expect.stringContaining('It is done'),
  ])
})
