import { expect, test } from 'vitest'
import { startVillage, type Village } from '../../local/village.ts'
import { entryPointAddresses } from '../../src/accounts/entryPoint.ts'
import { userOperations } from '../support/ledgerEvents.ts'
import { engines, testVillage } from '../support/testVillage.ts'

test.each(engines)('one text opens LAB RESULTS, and REMOVE closes them, on %s', async (engine) => {
  await using village = await testVillage(engine)
  await tellFirstStory(village)
})

test('the same story on EntryPoint 0.8, whose operations are signed by EIP-712', async () => {
  await using village = await startVillage({ entryPointVersion: '0.8' })
  expect(village.app.deployment.entryPoint.address).toBe(entryPointAddresses['0.8'])
  await tellFirstStory(village)
  const verdicts = (await userOperations(village.world)).map(({ args }) => args.success)
  expect(verdicts, 'her doctor asks, she allows, she removes').toEqual([true, true, true])
})

async function tellFirstStory(village: Village): Promise<void> {
  const [doctor] = village.people.doctors
  const [patient] = village.people.patients
  if (!doctor || !patient) throw new Error('The village is empty.')
  const { actions } = village.app
  const asked = await actions.askForAccess(doctor.id, {
    healthId: patient.healthId,
    preset: 'LAB_RESULTS',
    purpose: 'treatment',
    days: 7,
    oneTime: false,
  })
  if ('refused' in asked) throw new Error('The doctor may not ask.')
  await village.settle()
  const [prompt] = village.world.phones.messages(patient.phone)
  const number = /^(\d+):/.exec(prompt?.text ?? '')?.[1]
  expect(prompt?.parts).toBe(1)

  village.world.phones.text(patient.phone, `${number} 1`)
  await village.settle()
  expect(village.world.phones.messages(patient.phone).at(-1)?.text).toMatch(/is allowed to see LAB RESULTS until/)

  const look = await actions.startLook(doctor.id, asked.requestId)
  if ('refused' in look) throw new Error('The look was refused.')
  const opened = await actions.open(doctor.id, look.lookId, 8_000)
  expect(opened.status).toBe('open')

  village.world.phones.text(patient.phone, `REMOVE ${number}`)
  await village.settle()
  expect(await actions.open(doctor.id, look.lookId, 8_000)).toEqual({ status: 'refused', reason: 'removed' })
  expect(await actions.startLook(doctor.id, asked.requestId)).toEqual({
    refused: { code: 'noGrant', state: 'removed' },
  })
}
