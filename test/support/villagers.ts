import type { SeededDoctor, SeededPatient } from '../../local/seed.ts'
import type { Village } from '../../local/village.ts'

/** The two that most stories need. */
export function firstOf({ people }: Pick<Village, 'people'>): { doctor: SeededDoctor; patient: SeededPatient } {
  const [doctor] = people.doctors
  const [patient] = people.patients
  if (!doctor || !patient) throw new Error('The village is empty.')
  return { doctor, patient }
}

export function patientNamed({ people }: Pick<Village, 'people'>, key: string): SeededPatient {
  const found = people.patients.find((patient) => patient.key === key)
  if (!found) throw new Error(`Nobody in the village is called ${key}.`)
  return found
}

export function secondDoctor({ people }: Pick<Village, 'people'>): SeededDoctor {
  const [, doctor] = people.doctors
  if (!doctor) throw new Error('The village has one doctor only.')
  return doctor
}
