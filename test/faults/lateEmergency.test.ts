import { createTestClient, http } from 'viem'
import { anvil } from 'viem/chains'
import { expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { submitPrepared } from '../../src/accounts/bundle.ts'
import type { ConsentRequestId, EpochMs } from '../../src/core/people.ts'
import { endRequest } from '../../src/jobs/outcomes.ts'
import { allowEmergencies } from '../support/allowEmergencies.ts'
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
  const open = async (by: typeof doctor) => {
    const opening = { healthId: patient.healthId, reason: 'Unconscious after a fall' }
    const opened = await app.actions.openEmergency(by.id, opening)
    if ('refused' in opened) throw new Error('The emergency was refused.')
    return opened.requestId
  }

  const neverSent = await open(doctor)
  await halfAMinuteLater(village, neverSent)
  await village.settle()
  expect(await stateOf(neverSent)).toBe('failed')
  expect(await countEvents(world)).not.toHaveProperty('EmergencyOpened')
  expect(emergencyTexts()).toEqual([])

  const sent = await open(secondDoctor(village))
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

/** What the job does that ends an emergency's waiting. */
function halfAMinuteLater({ app, now }: Village, id: ConsentRequestId): Promise<void> {
  const clock = () => (now() + 31_000) as EpochMs
  return endRequest({ store: app.store, clock, say: async () => {}, resyncCard: async () => false }, id)
}
