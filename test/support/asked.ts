import type { SeededDoctor, SeededPatient } from '../../local/seed.ts'
import type { Village } from '../../local/village.ts'
import type { ConsentRequestId } from '../../src/core/people.ts'
import { numberOf } from './patientsPhone.ts'
import { firstOf } from './villagers.ts'

export type Asked = {
  doctor: SeededDoctor
  patient: SeededPatient
  requestId: ConsentRequestId
  /** As the prompt on her phone gives it. */
  number: string
  /** The texts on her phone, oldest first. */
  received(): string[]
}

/** The village's first doctor has asked its first patient for LAB RESULTS, and she has the prompt. */
export async function asked(village: Village): Promise<Asked> {
  const { doctor, patient } = firstOf(village)
  const answer = await village.app.actions.askForAccess(doctor.id, {
    healthId: patient.healthId,
    preset: 'LAB_RESULTS',
    purpose: 'treatment',
    days: 7,
    oneTime: false,
  })
  if ('refused' in answer) throw new Error('The doctor may not ask.')
  await village.settle()
  const received = () => textsOn(village, patient.phone)
  return { doctor, patient, requestId: answer.requestId, number: numberOf(received().at(-1)), received }
}

/** What a phone received, oldest first. */
export function textsOn({ world }: Pick<Village, 'world'>, address: string): string[] {
  const messages = world.phones.messages(address).filter(({ direction }) => direction === 'received')
  return messages.map(({ text }) => text)
}
