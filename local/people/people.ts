import { readFileSync } from 'node:fs'
import type { Bundle } from '@medplum/fhirtypes'
import type { EpochMs, Language, PhoneNumber } from '../../src/core/people.ts'
import { endDaysAgo } from './shiftDates.ts'

/** The people of the village. Nobody here is real; passwords, keys and health IDs are made at seeding. */

export type Hospital = {
  name: string
  /** As text messages name it, at most 18 characters. */
  shortName: string
  timeZone: string
}

export const hospital: Hospital = {
  name: 'Kisumu County Hospital',
  shortName: 'Kisumu County Hosp',
  timeZone: 'Africa/Nairobi',
}

export type Doctor = {
  /** Signs in with it; the password is random and printed once. */
  login: string
  name: string
  /** As text messages name the doctor, at most 19 characters. */
  shortName: string
}

export const doctors: readonly [Doctor, Doctor] = [
  { login: 'otieno', name: 'Dr Achieng Otieno', shortName: 'Dr Achieng Otieno' },
  { login: 'mwangi', name: 'Dr Peter Mwangi', shortName: 'Dr Peter Mwangi' },
]

export type VillagePatient = {
  /** Also the name of the fixture. */
  key: string
  name: string
  language: Language
  phone: PhoneNumber
  /** Days since the number became hers, at seeding: more than the 30 that a bare reply asks for. */
  phoneAgeDays: number
}

/** Shaped like Kenyan mobile numbers, so that they pass every check; texts to them never leave the village. */
const villagePhone = (ending: string) => `+25470000${ending}` as PhoneNumber

/** Four patients, each with a phone of her or his own. */
export const patients: readonly [VillagePatient, VillagePatient, VillagePatient, VillagePatient] = [
  {
    key: 'akinyi',
    name: 'Akinyi Odhiambo',
    language: 'en',
    phone: villagePhone('0011'),
    phoneAgeDays: 900,
  },
  {
    key: 'neema',
    name: 'Neema Wekesa',
    language: 'sw',
    phone: villagePhone('0012'),
    phoneAgeDays: 400,
  },
  {
    key: 'juma',
    name: 'Juma Barasa',
    language: 'sw',
    phone: villagePhone('0013'),
    phoneAgeDays: 1_500,
  },
  {
    key: 'atieno',
    name: 'Atieno Odhiambo',
    language: 'en',
    phone: villagePhone('0014'),
    phoneAgeDays: 900,
  },
]

/** A patient's record as the hospital has it: a FHIR R4 transaction, on the dates of the fixture. */
export function readRecord(patient: VillagePatient): Bundle {
  return JSON.parse(readFileSync(new URL(`./${patient.key}.json`, import.meta.url), 'utf8')) as Bundle
}

/** The same record, its newest day moved to the day before yesterday, so that the last twelve months are never empty. */
export function readRecentRecord(patient: VillagePatient, now: EpochMs): Bundle {
  return endDaysAgo(readRecord(patient), now, 2)
}
