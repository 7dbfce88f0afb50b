import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { accountFactoryAbi } from '../src/accounts/contracts.generated.ts'
import { addPatient } from '../src/accounts/hospitalOffice.ts'
import type { App } from '../src/app.ts'
import { newAddress } from '../src/bot/webhook.ts'
import { makeHealthId } from '../src/core/healthId.ts'
import { type DoctorId, day, type EpochMs, type HospitalId, type PatientId } from '../src/core/people.ts'
import type { Hex } from '../src/core/rows.ts'
import { hashPassword } from '../src/portal/signIn.ts'
import { addRecord } from '../src/records/recordShelf.ts'
import { splitBundle } from '../src/records/splitBundle.ts'
import { addDoctor, type Office, signingFor } from './addDoctor.ts'
import { type Doctor, doctors, hospital, patients, readRecentRecord, type VillagePatient } from './people/people.ts'
import type { World } from './world.ts'

export type SeededDoctor = { id: DoctorId; login: string; name: string; password: string }
export type SeededPatient = {
  id: PatientId
  key: string
  name: string
  healthId: string
  phone: string
  language: string
}
export type Seeded = { doctors: SeededDoctor[]; patients: SeededPatient[] }

/**
 * Fills an empty village: a verified hospital, its doctors with random passwords, its patients with their records sealed and
 * uploaded. The chain must mine each transaction at once.
 */
export async function seed(app: App, world: World, onStep: (step: string) => void = () => {}): Promise<Seeded> {
  const hospitalId = randomUUID() as HospitalId
  await app.store.people.addHospital({ ...hospital, id: hospitalId, account: world.hospital.address })
  onStep('Adding doctors and patients')
  const seededDoctors: SeededDoctor[] = []
  for (const doctor of doctors) seededDoctors.push(await seedDoctor(app, world, hospitalId, doctor))
  const seededPatients: SeededPatient[] = []
  for (const [index, patient] of patients.entries()) {
    onStep(`Sealing and storing the records of patient ${index + 1} of ${patients.length}`)
    seededPatients.push(await seedPatient(app, world, hospitalId, patient))
  }
  return { doctors: seededDoctors, patients: seededPatients }
}

async function seedDoctor(app: App, world: World, hospitalId: HospitalId, doctor: Doctor): Promise<SeededDoctor> {
  const key = await app.vault.createAccountKey()
  const account = await accountOf(world, 'doctorAccountAddress', key.address)
  const { affiliationId, credential } = await addDoctor(officeOf(world), account)
  const id = randomUUID() as DoctorId
  const password = randomBytes(9).toString('base64url')
  await app.store.transaction(async (store) => {
    await store.keys.add(key.row)
    await store.people.addDoctor({
      id,
      hospitalId,
      nameSealed: app.vault.columns.seal(doctor.name, 'doctor.name'),
      shortName: doctor.shortName,
      login: doctor.login,
      passwordHash: await hashPassword(password),
      keyId: key.row.id,
      owner: key.address,
      account,
      affiliationId,
      credential,
    })
  })
  return { id, login: doctor.login, name: doctor.name, password }
}

async function seedPatient(
  app: App,
  world: World,
  hospitalId: HospitalId,
  patient: VillagePatient,
): Promise<SeededPatient> {
  const id = randomUUID() as PatientId
  const now = Date.now() as EpochMs
  const key = await app.vault.createAccountKey()
  const dataKey = await app.vault.createPatientKey(id)
  const account = await accountOf(world, 'patientAccountAddress', key.address)
  const added = await addPatient(signingFor(officeOf(world)), world.deployment.consentLedger.address, account)
  if ('refused' in added) throw new Error(`The ledger did not add the patient: ${added.refused}.`)
  const healthId = makeHealthId(Array.from({ length: 7 }, () => randomInt(32)))
  const { columns } = app.vault
  await app.store.transaction(async (store) => {
    await store.keys.add(key.row)
    await store.keys.add(dataKey)
    await store.people.addPatient({
      id,
      healthId,
      nameSealed: columns.seal(patient.name, 'patient.name'),
      language: patient.language,
      hospitalId,
      keyId: key.row.id,
      owner: key.address,
      account,
      dataKeyId: dataKey.id,
      createdAt: now,
    })
    const since = (now - patient.phoneAgeDays * day) as EpochMs
    await store.people.addAddress({ ...newAddress(columns, patient.phone, since), patientId: id })
  })
  for (const document of splitBundle(readRecentRecord(patient, now)).documents)
    await addRecord(app.shelf, { id, dataKeyId: dataKey.id }, document)
  world.phones.register({ address: patient.phone, name: patient.name })
  const { key: name, name: fullName, phone, language } = patient
  return { id, key: name, name: fullName, healthId, phone, language }
}

/** Where an account will be: the clone is made with its first operation. */
function accountOf(
  world: World,
  functionName: 'doctorAccountAddress' | 'patientAccountAddress',
  owner: Hex,
): Promise<Hex> {
  const { address } = world.deployment.accountFactory
  return world.chainClient.readContract({ address, abi: accountFactoryAbi, functionName, args: [owner] })
}

/** The village's hospital, as its administrator sits there. */
export function officeOf({ chain, deployment, hospital }: World): Office {
  return { chainUrl: chain.url, deployment, hospital }
}
