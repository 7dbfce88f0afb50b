import { createTestClient, http } from 'viem'
import { anvil } from 'viem/chains'
import { expect, test } from 'vitest'
import type { SeededDoctor } from '../../local/seed.ts'
import type { Village } from '../../local/village.ts'
import { submitPrepared } from '../../src/accounts/bundle.ts'
import type { ConsentRequestId, EpochMs } from '../../src/core/people.ts'
import { endRequest } from '../../src/jobs/outcomes.ts'
import { allowEmergencies, forbidEmergencies, openEmergencyElsewhere } from '../support/allowEmergencies.ts'
import { bundler, quietVillage, textsTo } from '../support/bundling.ts'
import { countEvents } from '../support/ledgerEvents.ts'
import { firstOf, secondDoctor } from '../support/villagers.ts'

test('an emergency that is not on chain in time goes no more; one that was sent is told whenever it stands there, once', async () => {
  await using village = await quietVillage()
  const { world, app } = village
  const { doctor, patient } = firstOf(village)
  await allowEmergencies(village, patient)
  const emergencyTexts = () => textsTo(village, patient.phone).filter((text) => text.includes(': Emergency: '))
  const stateOf = async (id: ConsentRequestId) => (await app.store.requests.get(id))?.state

  const neverSent = await open(village, doctor)
  await halfAMinuteLater(village, neverSent)
  await village.settle()
  expect(await stateOf(neverSent)).toBe('failed')
  expect(await countEvents(world)).not.toHaveProperty('EmergencyOpened')
  expect(emergencyTexts()).toEqual([])

  const sent = await open(village, secondDoctor(village))
  await world.chain.setAutomine(false)
  const { parts } = await bundler(village)
  expect(await submitPrepared(parts)).toMatchObject({ sent: 1, refused: [] })
  await halfAMinuteLater(village, sent)
  expect(await stateOf(sent)).toBe('failed')
  await world.chain.mine(1)
  await world.chain.setAutomine(true)
  await village.settle()
  expect(await stateOf(sent)).toBe('granted')
  expect(emergencyTexts()).toEqual([expect.stringMatching(/^\d+: Emergency: Dr Peter Mwangi, /)])

  // Taken back by a reorganisation it is sent again, and she is not told a second time.
  const client = createTestClient({ mode: 'anvil', chain: anvil, transport: http(world.chain.url) })
  await client.request({ method: 'anvil_reorg' as never, params: [1, []] as never })
  expect(await countEvents(world)).not.toHaveProperty('EmergencyOpened')
  await village.settle()
  expect(await countEvents(world)).toMatchObject({ EmergencyOpened: 1 })
  expect(await stateOf(sent)).toBe('granted')
  expect(emergencyTexts()).toHaveLength(1)
})

test('a no of the ledger is told no sooner than that a health ID is nobody’s', async () => {
  await using village = await quietVillage()
  const { app } = village
  const { doctor, patient } = firstOf(village)
  await allowEmergencies(village, patient)
  await forbidEmergencies(village, patient)
  const id = await open(village, doctor)
  const { parts } = await bundler(village)
  const { refused } = await submitPrepared(parts)
  expect(refused).toMatchObject([{ reason: 'EmergencyNotAllowed' }])
  await village.settle()
  expect(await app.store.operations.ofRequest(id, 'openEmergency')).toMatchObject({ status: 'refused' })
  expect((await app.actions.request(doctor.id, id))?.state).toBe('asking')
  await halfAMinuteLater(village, id)
  expect((await app.actions.request(doctor.id, id))?.state).toBe('failed')
  // From the block that was read now on, nothing is sent at all.
  const other = await open(village, secondDoctor(village))
  expect(await app.store.operations.ofRequest(other, 'openEmergency')).toBeNull()
})

test('an emergency that a doctor opens past this server opens nothing here, and the patient is told once', async () => {
  await using village = await quietVillage()
  const { world, app } = village
  const { doctor, patient } = firstOf(village)
  await allowEmergencies(village, patient)
  await openEmergencyElsewhere(village, doctor, patient)
  await village.settle()
  expect(await countEvents(world)).toMatchObject({ EmergencyOpened: 1 })
  expect(await app.actions.requests(doctor.id)).toEqual([])
  const told = () => textsTo(village, patient.phone).filter((text) => text.includes('not through us'))
  expect(told()).toHaveLength(1)
  // Read a second time.
  await app.store.chain.setCursor({ name: 'ledger', blockNumber: 1, blockHash: '0x' })
  await village.settle()
  expect(told()).toHaveLength(1)
})

/** A doctor opens the record of the village's first patient. */
async function open(village: Village, by: SeededDoctor): Promise<ConsentRequestId> {
  const opening = { healthId: firstOf(village).patient.healthId, reason: 'Unconscious after a fall' }
  const opened = await village.app.actions.openEmergency(by.id, opening)
  if ('refused' in opened) throw new Error('The emergency was refused.')
  return opened.requestId
}

/** What the job does that ends an emergency's waiting. */
function halfAMinuteLater({ app, now }: Village, id: ConsentRequestId): Promise<void> {
  const clock = () => (now() + 31_000) as EpochMs
  return endRequest({ store: app.store, clock, say: async () => {}, resyncCard: async () => false }, id)
}
