import { join } from 'node:path'
import { createWalletClient, http } from 'viem'
import { anvil } from 'viem/chains'
import { expect, test } from 'vitest'
import type { SeededPatient } from '../../local/seed.ts'
import type { Village } from '../../local/village.ts'
import { consentLedgerAbi } from '../../src/accounts/contracts.generated.ts'
import { openLedger } from '../../src/accounts/ledger.ts'
import { addPatientByHospital, suspendPatientByHospital } from '../../src/cli/office.ts'
import type { Hex } from '../../src/core/rows.ts'
import type { LoggedLook } from '../../src/core/vault.ts'
import { allowEmergencies } from '../support/allowEmergencies.ts'
import { type Asked, asked } from '../support/asked.ts'
import { suspendDoctor } from '../support/bundling.ts'
import { countEvents, ledgerEvents } from '../support/ledgerEvents.ts'
import { testVillage } from '../support/testVillage.ts'

test('a patient whom her hospital suspends is asked nothing, shows nothing, and takes away as before', async () => {
  await using village = await testVillage()
  const granted = await asked(village)
  await answer(village, granted, `${granted.number} 1`)
  const open = await asked(village)
  const office = await officeOf(village, granted.patient)

  expect(await suspendPatientByHospital(office)).toMatchObject({ done: true })
  expect(await suspendPatientByHospital(office)).toEqual({
    done: false,
    said: 'Nothing was sent (PatientNotHeld): this hospital has not added this account, or has suspended it before. Do: compare --account and --key-file.',
  })
  await village.settle()
  // What she was asked is gone, for the doctor as a question that nobody answered; her yes to it opens nothing.
  expect(await stateOf(village, open)).toBe('lapsed')
  await answer(village, open, `${open.number} 1`)
  expect(await countEvents(village.world)).toMatchObject({ GrantOpened: 1, GrantEndedByHospital: 1 })
  // What she granted before opens nothing either, while it lasts; and no question reaches her, or the chain.
  expect(await look(village, granted)).toBe('sharingPaused')
  await answer(village, granted, 'WHO')
  expect(granted.received().at(-1)).toMatch(/^Paused: nobody can see your record now\./)
  const { app } = village
  const asks = async () => {
    const ask = { preset: 'LAB_RESULTS', purpose: 'treatment', days: 7, oneTime: false } as const
    const asking = await app.actions.askForAccess(granted.doctor.id, { healthId: granted.patient.healthId, ...ask })
    if ('refused' in asking) throw new Error('The doctor may not ask.')
    return asking.requestId
  }
  const before = granted.received().length
  const toNobody = await asks()
  await village.settle()
  expect(granted.received()).toHaveLength(before)
  expect(await app.store.operations.ofRequest(toNobody, 'openRequest')).toBeNull()
  // Where this server has not read the block yet, the ledger says it, and the page is that of a question without an answer.
  await app.database.kysely.deleteFrom('safeguardEvent').where('news', '=', 'suspended').execute()
  const toHer = await asks()
  await village.settle()
  expect((await app.store.requests.get(toHer))?.state).toBe('lapsed')
  expect(granted.received()).toHaveLength(before)
  expect(await countEvents(village.world)).toMatchObject({ RequestOpened: 2 })

  expect(await addPatientByHospital(office)).toMatchObject({ done: true })
  expect(await addPatientByHospital(office)).toMatchObject({ done: false })
  await village.settle()
  expect(await look(village, granted)).toBe('open')
  // With the chain alone too, as when this server has not read the block yet; a one-time grant is asked otherwise.
  const ledger = openLedger(app.client, app.deployment)
  const row = await app.store.requests.get(granted.requestId)
  const stands = () =>
    Promise.all(
      [true, false].map((once) =>
        ledger.stillStands({ ledgerRequestId: row?.ledgerRequestId } as LoggedLook, row?.doctorAccount ?? '0x', once),
      ),
    )
  expect(await stands()).toEqual([true, true])
  // A page that is open is told to ask again, and closes.
  const begun = await app.actions.startLook(granted.doctor.id, granted.requestId)
  if ('refused' in begun) throw new Error('The look was refused.')
  const isOpen = () => app.actions.open(granted.doctor.id, begun.lookId, 8_000)
  expect(await isOpen()).toMatchObject({ status: 'open' })
  const changed: string[] = []
  const stop = app.actions.watch(granted.doctor.id, (id) => changed.push(id))
  await suspendPatientByHospital(office)
  await expect.poll(() => changed).toContain(granted.requestId)
  stop()
  expect(await isOpen()).toMatchObject({ reason: 'sharingPaused' })
  expect(await stands()).toEqual([false, false])

  await answer(village, granted, `REMOVE ${granted.number}`)
  expect(granted.received().at(-1)).toMatch(/can no longer see your record/)
  expect((await ledgerEvents(village.world)).at(-1)?.eventName).toBe('GrantRevoked')
  expect(await stateOf(village, granted)).toBe('removed')
})

test('no emergency is opened for a patient who allowed it and is suspended', async () => {
  await using village = await testVillage()
  const { app, people } = village
  const [patient, doctor] = [people.patients[0], people.doctors[0]]
  if (!patient || !doctor) throw new Error('The village is empty.')
  await allowEmergencies(village, patient)
  await suspendPatientByHospital(await officeOf(village, patient))
  await village.settle()
  const opening = { healthId: patient.healthId, reason: 'Unconscious after a fall' }
  const opened = await app.actions.openEmergency(doctor.id, opening)
  if ('refused' in opened) throw new Error('The doctor may not open one.')
  await village.settle()
  // The doctor's page is that of a health ID that is nobody's, and nothing was sent.
  expect(await app.store.operations.ofRequest(opened.requestId, 'openEmergency')).toBeNull()
})

test.each(['the doctor', "the doctor's hospital"])('whoever suspends %s closes the page that is open', async (whom) => {
  await using village = await testVillage()
  const granted = await asked(village)
  await answer(village, granted, `${granted.number} 1`)
  const { actions } = village.app
  const begun = await actions.startLook(granted.doctor.id, granted.requestId)
  if ('refused' in begun) throw new Error('The look was refused.')
  const isOpen = () => actions.open(granted.doctor.id, begun.lookId, 8_000)
  expect(await isOpen()).toMatchObject({ status: 'open' })
  const changed: string[] = []
  const stop = actions.watch(granted.doctor.id, (id) => changed.push(id))
  await (whom === 'the doctor' ? suspendDoctor(village) : suspendHospital(village))
  await expect.poll(() => changed).toContain(granted.requestId)
  stop()
  expect(await isOpen()).toMatchObject({ status: 'refused', reason: 'refusedOnChain' })
})

async function suspendHospital({ world }: Village): Promise<void> {
  const wallet = createWalletClient({ account: world.governor, chain: anvil, transport: http(world.chain.url) })
  const { address } = world.deployment.consentLedger
  const args = [world.hospital.address] as const
  const hash = await wallet.writeContract({ address, abi: consentLedgerAbi, functionName: 'suspendHospital', args })
  await world.chainClient.waitForTransactionReceipt({ hash })
}

async function officeOf({ world, app }: Village, { id }: SeededPatient) {
  const patient = await app.store.people.patient(id)
  const keyFile = join(app.config.dataFolder, 'keys', 'hospital')
  const ledger = world.deployment.consentLedger.address
  return { rpc: world.chain.url, ledger, keyFile, patientAccount: patient?.account as Hex }
}

async function answer({ world, settle }: Village, { patient }: Asked, text: string): Promise<void> {
  world.phones.text(patient.phone, text)
  await settle()
}

async function stateOf({ app }: Village, { requestId }: Asked): Promise<string | undefined> {
  return (await app.store.requests.get(requestId))?.state
}

/** How a look at what she granted ends. */
async function look(village: Village, granted: Asked): Promise<string> {
  const { doctor, requestId } = granted
  const begun = await village.app.actions.startLook(doctor.id, requestId)
  if ('refused' in begun) return begun.refused.code
  return (await village.app.actions.open(doctor.id, begun.lookId, 8_000)).status
}
