import { createTestClient, http } from 'viem'
import { anvil } from 'viem/chains'
import { expect, test } from 'vitest'
import { printCard } from '../../local/printCard.ts'
import type { Village } from '../../local/village.ts'
import { consentLedgerAbi } from '../../src/accounts/contracts.generated.ts'
import { openLedger } from '../../src/accounts/ledger.ts'
import type { Ledger } from '../../src/core/ledger.ts'
import { hour, minute } from '../../src/core/people.ts'
import { chainOutcomes } from '../../src/jobs/outcomes.ts'
import { type ProjectChainParts, projectChain } from '../../src/jobs/projectChain.ts'
import { ask, askEverybody, grantsOnChain, onChain, stateOf, suspendDoctor, textsTo } from '../support/bundling.ts'
import { countEvents } from '../support/ledgerEvents.ts'
import { testVillage } from '../support/testVillage.ts'
import { firstOf } from '../support/villagers.ts'

test.each([1, 3, 10])(
  'a reorganisation of %i blocks takes a grant back: it is sent again, and nobody is told a thing twice',
  async (depth) => {
    await using village = await testVillage()
    const [request] = await askEverybody(village)
    await village.world.chain.mine(10)
    village.world.phones.text(request.patient.phone, `${request.number} 1`)
    await village.settle()
    if (depth > 1) await village.world.chain.mine(depth - 1)
    await village.settle()
    const told = textsTo(village, request.patient.phone)
    expect(told).toHaveLength(2)
    expect(await grantsOnChain(village, request.id)).toBe(1)

    await village.app.worker.stop()
    await reorganise(village, depth)
    expect(await stateOf(village, request)).toMatchObject({ ledger: onChain.open })
    await village.settle()
    expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
    expect(await grantsOnChain(village, request.id)).toBe(1)
    expect(textsTo(village, request.patient.phone)).toEqual(told)
    expect((await village.app.store.operations.ofRequest(request.id, 'openGrant'))?.status).toBe('included')
  },
)

test('a node that is back on the chain that was read, before the other one was, is read again', async () => {
  await using village = await testVillage()
  const { app } = village
  const [request] = await askEverybody(village)
  village.world.phones.text(request.patient.phone, `${request.number} 1`)
  await village.settle()
  const told = textsTo(village, request.patient.phone)
  await app.worker.stop()
  const honest = openLedger(app.client, app.deployment)
  const head = await honest.head()
  const cutOff = () => Promise.reject(new Error('The node is gone.'))
  // It shows another last block, and goes before a log of it was read.
  const other = {
    ...honest,
    head: async () => ({ ...head, hash }),
    block: async () => ({ ...head, hash }),
    events: cutOff,
  }
  await expect(projectChain(partsWith(village, other))).rejects.toThrow('The node is gone.')
  const operation = async () => (await app.store.operations.ofRequest(request.id, 'openGrant'))?.status
  expect(await operation()).toBe('submitted')
  await village.settle()
  expect(await operation()).toBe('included')
  expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
  expect(textsTo(village, request.patient.phone)).toEqual(told)
})

test('a node that lacks more blocks than a reorganisation takes is waited for', async () => {
  await using village = await testVillage()
  const { app } = village
  const [request] = await askEverybody(village)
  village.world.phones.text(request.patient.phone, `${request.number} 1`)
  await village.world.chain.mine(20)
  await village.settle()
  await app.worker.stop()
  const honest = openLedger(app.client, app.deployment)
  const { number, ...genesis } = await honest.head()
  expect(number).toBeGreaterThan(33)
  const empty = { ...honest, head: async () => ({ ...genesis, number: 0 }), block: async () => null }
  await expect(projectChain(partsWith(village, empty))).rejects.toThrow(
    /at block 0, and block \d+ was read before\. Do:/,
  )
  expect((await app.store.operations.ofRequest(request.id, 'openGrant'))?.status).toBe('included')
})

test('question, yes, look and removal, all taken back at once, stand again in an order that the ledger takes', async () => {
  await using village = await testVillage()
  const [first, second] = await askEverybody(village)
  const height = await blockNumber(village)
  const doctor = village.people.doctors[1]
  if (!doctor) throw new Error('The village has two doctors.')
  const asked = await ask(village, second.patient, 1)
  await village.settle()
  village.world.phones.text(second.patient.phone, `${asked.number} 1`)
  await village.settle()
  const look = await village.app.actions.startLook(doctor.id, asked.id)
  if ('refused' in look) throw new Error('The look was refused.')
  expect((await village.app.actions.open(doctor.id, look.lookId, 10_000)).status).toBe('open')
  village.world.phones.text(first.patient.phone, `${first.number} 2`)
  await village.settle()
  village.world.phones.text(second.patient.phone, `REMOVE ${asked.number}`)
  await village.settle()
  const told = [first, second].map(({ patient }) => textsTo(village, patient.phone))

  await village.app.worker.stop()
  await reorganise(village, (await blockNumber(village)) - height)
  await village.settle()
  await village.advance(7_000)
  await village.settle()
  expect(await stateOf(village, asked)).toEqual({ database: 'removed', ledger: onChain.revoked })
  expect(await stateOf(village, first)).toEqual({ database: 'refused', ledger: onChain.refused })
  expect([first, second].map(({ patient }) => textsTo(village, patient.phone))).toEqual(told)
  const row = await village.app.store.requests.get(asked.id)
  expect(await countEvents(village.world, row?.ledgerRequestId)).toMatchObject({
    RequestOpened: 1,
    GrantOpened: 1,
    AccessLogged: 1,
    GrantRevoked: 1,
  })
})

test('a grant that a reorganisation took back, and that can no longer be given, is closed without a second text', async () => {
  await using village = await testVillage()
  const [request] = await askEverybody(village)
  village.world.phones.text(request.patient.phone, `${request.number} 1`)
  await village.settle()
  const told = textsTo(village, request.patient.phone)

  await village.app.worker.stop()
  await reorganise(village, 1)
  await suspendDoctor(village)
  await village.settle()
  const row = await village.app.store.requests.get(request.id)
  expect(row?.state).toBe('failed')
  expect(textsTo(village, request.patient.phone)).toEqual(told)
  const ledger = openLedger(village.app.client, village.app.deployment)
  expect(await ledger.canAccess(row?.ledgerRequestId ?? '0x', row?.doctorAccount ?? '0x', 'VIEW')).toBe(false)
})

test('a yes that failed on one branch of the chain and passed on the next is taken back: she was told that nothing opened', async () => {
  await using village = await testVillage()
  const [request] = await askEverybody(village)
  await village.world.chain.setAutomine(false)
  village.world.phones.text(request.patient.phone, `${request.number} 1`)
  await expect
    .poll(async () => (await village.app.store.operations.ofRequest(request.id, 'openGrant'))?.status)
    .toBe('submitted')
  await suspendDoctor(village)
  await village.world.chain.mine(1)
  await village.world.chain.setAutomine(true)
  await village.settle()
  const told = textsTo(village, request.patient.phone)
  expect(told.at(-1)).toMatch(/Nothing was opened/)

  // On the other branch the doctor was not suspended.
  await village.app.worker.stop()
  await reorganise(village, 1)
  await village.settle()
  expect(await stateOf(village, request)).toEqual({ database: 'failed', ledger: onChain.revoked })
  expect(textsTo(village, request.patient.phone)).toEqual(told)
})

test('a freeze that was taken back stays at our gate, and a loosening is neither lost nor told twice', async () => {
  await using village = await testVillage()
  const { store } = village.app
  const { patient } = firstOf(village)
  const codes = await printCard(village.app, village.world, patient.healthId)
  await village.app.worker.stop()
  const id = (await store.people.patientByHealthId(patient.healthId))?.id
  if (!id) throw new Error('The village lost a patient.')
  const isFrozen = async () => (await store.safeguards.standing(id)).frozen
  const taken = async (depth: number) => {
    const told = textsTo(village, patient.phone)
    await reorganise(village, depth)
    expect(await isFrozen()).toBe(true)
    await village.settle()
    await village.advance(7_000)
    await village.settle()
    expect(textsTo(village, patient.phone)).toEqual(told)
  }
  const text = async (words: string) => {
    village.world.phones.text(patient.phone, words)
    await village.settle()
  }

  await text('FREEZE')
  await taken(1)
  expect(await frozenOnChain(village, patient.healthId)).toBe(true)
  await text('UNFREEZE')
  await text(`UNFREEZE ${codes[0]}`)
  expect(textsTo(village, patient.phone)).toHaveLength(3)
  await taken(2)
  expect((await store.safeguards.openChanges(id)).map(({ state }) => state)).toEqual(['standing', 'waiting'])

  await village.advance(72 * hour + 2 * minute)
  await village.settle()
  expect([await isFrozen(), await frozenOnChain(village, patient.healthId)]).toEqual([false, false])
  const told = textsTo(village, patient.phone)
  expect(told.at(-1)).toMatch(/^It is done/)
  await reorganise(village, 1)
  await village.settle()
  await village.advance(7_000)
  await village.settle()
  expect([await isFrozen(), await frozenOnChain(village, patient.healthId)]).toEqual([false, false])
  expect(textsTo(village, patient.phone)).toEqual(told)
})

async function frozenOnChain({ app }: Village, healthId: string): Promise<boolean> {
  const { address } = app.deployment.consentLedger
  const account = (await app.store.people.patientByHealthId(healthId))?.account ?? '0x'
  const call = { address, abi: consentLedgerAbi, functionName: 'safeguards' } as const
  return (await app.client.readContract({ ...call, args: [account] })).frozenAt !== 0
}

/** The chain goes another way from so many blocks back on, and nothing of what stood in them is in it. */
async function reorganise({ world }: Village, depth: number): Promise<void> {
  const client = createTestClient({ mode: 'anvil', chain: anvil, transport: http(world.chain.url) })
  await client.request({ method: 'anvil_reorg' as never, params: [depth, []] as never })
}

async function blockNumber({ app }: Village): Promise<number> {
  return Number(await app.client.getBlockNumber({ cacheTime: 0 }))
}

const hash = `0x${'ab'.repeat(32)}` as const

/** What reads the chain, of a server that is stopped, with a node of the test's own. */
function partsWith({ app, now }: Village, ledger: Ledger): ProjectChainParts {
  return {
    store: app.store,
    ledger,
    outcomes: chainOutcomes({ store: app.store, say: async () => {}, clock: now, resyncCard: async () => false }),
    firstBlock: app.deployment.blockNumber,
    clock: now,
    chase: async () => true,
    chaseOperations: async () => [],
  }
}
