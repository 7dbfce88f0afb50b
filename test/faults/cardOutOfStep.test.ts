import { expect, test } from 'vitest'
import { printCard } from '../../local/printCard.ts'
import type { Village } from '../../local/village.ts'
import type { ConsentRequestId } from '../../src/core/people.ts'
import { textsOn } from '../support/asked.ts'
import { testVillage } from '../support/testVillage.ts'
import { firstOf, secondDoctor } from '../support/villagers.ts'

test('two doctors who ask in one moment get a line each, and each is opened by the code of its own', async () => {
  await using village = await testVillage()
  const { doctor, patient } = firstOf(village)
  const codes = await printCard(village.app, village.world, patient.healthId)
  const asked = await Promise.all([ask(village, doctor.id), ask(village, secondDoctor(village).id)])
  await village.settle()
  expect(await linesOf(village, asked)).toEqual([1, 2])
  expect(textsOn(village, patient.phone)).toHaveLength(2)
  for (const id of asked) {
    const request = await village.app.store.requests.get(id)
    village.world.phones.text(patient.phone, `${request?.number} ${codes[(request?.cardLine ?? 0) - 1]}`)
    await village.settle()
    expect((await village.app.store.requests.get(id))?.state).toBe('granted')
  }
})

test('a card whose next line is not the ledger’s is brought into step by the next request, and one without a line serves none', async () => {
  await using village = await testVillage()
  const { doctor, patient } = firstOf(village)
  const codes = await printCard(village.app, village.world, patient.healthId)
  const { store } = village.app
  const setNextLine = async (line: number) =>
    store.cards.setNextLine((await store.cards.ofPatient(patient.id))?.id ?? '0x', line)
  await ask(village, doctor.id)
  await village.settle()

  // As after an old backup was restored, and as after a request that never went.
  for (const [kept, taken] of [
    [1, 2],
    [9, 3],
  ] as const) {
    await setNextLine(kept)
    const id = await ask(village, secondDoctor(village).id)
    await village.settle()
    expect(await linesOf(village, [id])).toEqual([taken])
    expect((await store.cards.ofPatient(patient.id))?.nextLine).toBe(taken + 1)
    expect(textsOn(village, patient.phone).at(-1)).toContain(`code on line ${taken}.`)
    village.world.phones.text(patient.phone, `${(await store.requests.get(id))?.number} ${codes[taken - 1]}`)
    await village.settle()
    expect((await store.requests.get(id))?.state).toBe('granted')
  }

  await setNextLine(21)
  const texts = textsOn(village, patient.phone).length
  const last = await ask(village, doctor.id)
  await village.settle()
  expect((await store.requests.get(last))?.state).toBe('failed')
  expect(textsOn(village, patient.phone)).toHaveLength(texts)
})

async function ask(village: Village, doctorId: Parameters<Village['app']['actions']['askForAccess']>[0]) {
  const { patient } = firstOf(village)
  const ask = { preset: 'LAB_RESULTS', purpose: 'treatment', days: 7, oneTime: false } as const
  const asked = await village.app.actions.askForAccess(doctorId, { ...ask, healthId: patient.healthId })
  if ('refused' in asked) throw new Error(`The doctor may not ask: ${asked.refused.code}.`)
  return asked.requestId
}

async function linesOf(village: Village, ids: readonly ConsentRequestId[]) {
  const requests = await Promise.all(ids.map((id) => village.app.store.requests.get(id)))
  return requests.map((request) => request?.cardLine).toSorted()
}
