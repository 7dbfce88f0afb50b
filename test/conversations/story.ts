import type { Village } from '../../local/village.ts'
import { consentLedgerAbi } from '../../src/accounts/contracts.generated.ts'
import type { AskedPurpose, Preset } from '../../src/core/classes.ts'
import { type ConsentRequestId, day, type EpochMs, hour, type Language, minute } from '../../src/core/people.ts'
import type { Standing } from '../../src/core/safeguards.ts'
import type { PortalActions } from '../../src/portal/actions.ts'
import { shownState } from '../../src/portal/requestSummary.ts'
import { testVillage } from '../support/testVillage.ts'

const zone = 'Africa/Nairobi'
/** Request numbers are random; in a story they are these, so that a transcript reads the same each time. */
const numbers = [47, 52, 63, 71]

export type Asked = { id: ConsentRequestId; number: number; by: number }

/** One patient's story with her phone, as it is written down. */
export type Story = {
  readonly language: Language
  readonly village: Village
  readonly phone: string
  /** A doctor asks; what follows reaches the phone before this resolves. */
  asks(
    ask?: Partial<{ by: number; preset: Preset; purpose: AskedPurpose; days: number; oneTime: boolean }>,
  ): Promise<Asked>
  /** A doctor opens the record in an emergency. */
  opens(by?: number): Promise<Asked>
  /** The same, where a rule may stop it. Writes down by which. */
  triesToAsk(by?: number): Promise<void>
  texts(text: string): Promise<void>
  /** Moves the clock, and lets everything happen that it brings. */
  passes(ms: number): Promise<void>
  /** Moves the clock to the next time that a clock in Nairobi shows this hour. */
  untilHour(hourOfDay: number): Promise<void>
  /** The doctor opens the record; writes down what came of it. */
  looks(asked: Asked): Promise<void>
  /** Writes down what the doctor's page shows of a request. */
  shows(asked: Asked): Promise<void>
  /** Writes down what protects her, as the database and the ledger say. */
  protection(): Promise<void>
  written(): string
}

/** A village whose jobs are done when a story lets them, at nine in the morning in Nairobi. */
export async function storyVillage(): Promise<Village> {
  const village = await testVillage()
  await village.app.worker.stop()
  return village
}

/** The story of the patient of the village who reads this language. */
export async function beginStory(village: Village, language: Language): Promise<Story> {
  const patient = village.people.patients.find((one) => one.language === language)
  if (!patient) throw new Error(`Nobody in the village reads ${language}.`)
  const { phones } = village.world
  const { actions, store } = village.app
  const doctorAt = (by: number) => {
    const doctor = village.people.doctors[by]
    if (!doctor) throw new Error('The village has two doctors.')
    return doctor
  }
  const lines: string[] = []
  let read = phones.messages(patient.phone).length
  let asked = 0

  await advanceToHour(village, 9)
  const days = daysFrom(village.now())

  async function settle(): Promise<void> {
    await village.settle()
    const messages = phones.messages(patient?.phone ?? '')
    for (const message of messages.slice(read))
      lines.push(`${message.direction === 'sent' ? '>' : '<'} ${stable(message.text, days)}`)
    read = messages.length
  }

  async function ask(by: number, change: Partial<Parameters<PortalActions['askForAccess']>[1]>) {
    const ask = { preset: 'LAB_RESULTS', purpose: 'treatment', days: 7, oneTime: false, ...change } as const
    const answer = await actions.askForAccess(doctorAt(by).id, { ...ask, healthId: patient?.healthId ?? '' })
    const what = `${ask.preset}, ${ask.purpose}, ${ask.oneTime ? 'once' : inWords(ask.days * day)}`
    lines.push(`· ${doctorAt(by).name} asks: ${what}${'refused' in answer ? ` (stopped: ${answer.refused.code})` : ''}`)
    return answer
  }

  const story: Story = {
    language,
    village,
    phone: patient.phone,
    async asks({ by = 0, ...change } = {}) {
      const answer = await ask(by, change)
      if ('refused' in answer) throw new Error(`The doctor may not ask: ${answer.refused.code}.`)
      const number = numbers[asked] ?? 80 + asked
      asked += 1
      await store.requests.update(answer.requestId, { number })
      await settle()
      return { id: answer.requestId, number, by }
    },
    async opens(by = 0) {
      const opening = { healthId: patient.healthId, reason: 'Unconscious after a fall' }
      const answer = await actions.openEmergency(doctorAt(by).id, opening)
      const stopped = 'refused' in answer ? ` (stopped: ${answer.refused.code})` : ''
      lines.push(`· ${doctorAt(by).name} opens the record in an emergency${stopped}`)
      const id = 'refused' in answer ? ('none' as ConsentRequestId) : answer.requestId
      const number = numbers[asked] ?? 80 + asked
      asked += 1
      await store.requests.update(id, { number })
      await settle()
      return { id, number, by }
    },
    async triesToAsk(by = 0) {
      await ask(by, {})
      await settle()
    },
    async texts(text) {
      phones.text(patient.phone, text)
      await settle()
    },
    async passes(ms) {
      lines.push(`· ${inWords(ms)} later`)
      await village.advance(ms)
      await settle()
    },
    async untilHour(hourOfDay) {
      lines.push(`· at ${String(hourOfDay).padStart(2, '0')}:00`)
      await advanceToHour(village, hourOfDay)
      await settle()
    },
    async looks({ id, by }) {
      const doctor = doctorAt(by)
      const look = await actions.startLook(doctor.id, id)
      if ('refused' in look) {
        const why = 'state' in look.refused ? `${look.refused.code}, ${look.refused.state}` : look.refused.code
        lines.push(`· ${doctor.name} may not open the record: ${why}`)
        return
      }
      await settle()
      const opened = await actions.open(doctor.id, look.lookId, 0)
      lines.push(`· ${doctor.name} opens the record: ${opened.status === 'refused' ? opened.reason : opened.status}`)
    },
    async shows({ id, by }) {
      const request = await actions.request(doctorAt(by).id, id)
      lines.push(
        `· the doctor's page shows: ${request && shownState(request)}${request?.unreachable ? ', not reachable' : ''}`,
      )
    },
    async protection() {
      const row = await store.people.patientByHealthId(patient.healthId)
      if (!row) throw new Error('The village lost a patient.')
      const known = await store.safeguards.standing(row.id)
      const { client, deployment } = village.app
      const onLedger = {
        abi: consentLedgerAbi,
        address: deployment.consentLedger.address,
        args: [row.account],
      } as const
      const { frozenAt, ...safeguards } = await client.readContract({ ...onLedger, functionName: 'safeguards' })
      const suspendedAt = await client.readContract({ ...onLedger, functionName: 'patientSuspendedAt' })
      const { emergencyAllowed, codeRequired } = safeguards
      const onChain = { frozen: frozenAt !== 0, suspended: suspendedAt !== 0, emergencyAllowed, codeRequired }
      lines.push(`· database: ${inNames(known)}; ledger: ${inNames(onChain)}`)
    },
    written: () => `${lines.join('\n')}\n`,
  }
  return story
}

function inNames(standing: Standing): string {
  const names = Object.entries(standing).flatMap(([name, is]) => (is ? [name] : []))
  return names.join(', ') || 'nothing'
}

async function advanceToHour(village: Village, hourOfDay: number): Promise<void> {
  const local = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
  const [h = 0, m = 0, s = 0] = local.format(village.now()).split(':').map(Number)
  const since = h * hour + m * minute + s * 1000
  await village.advance((hourOfDay * hour - since + day) % day || day)
}

/** Names of the days around a story in both languages, so that a date in a text can be told as so many days on. */
function daysFrom(start: EpochMs): ReadonlyMap<string, number> {
  const months = {
    en: 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec',
    sw: 'Jan Feb Mac Apr Mei Jun Jul Ago Sep Okt Nov Des',
  }
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, day: 'numeric', month: 'numeric' })
  const found = new Map<string, number>()
  for (let offset = 40; offset >= -2; offset -= 1) {
    const [dayOfMonth, month] = format
      .format(start + offset * day)
      .split('/')
      .map(Number)
    for (const names of Object.values(months)) found.set(`${dayOfMonth} ${names.split(' ')[(month ?? 1) - 1]}`, offset)
  }
  return found
}

/** Dates and times of the day a test runs on, made the same for every day. */
function stable(text: string, days: ReadonlyMap<string, number>): string {
  return text
    .replace(/\b\d{1,2} [A-Z][a-z]{2}\b/g, (date) => (days.has(date) ? `[day ${days.get(date)}]` : date))
    .replace(/\b\d{2}:\d{2}\b/g, '[time]')
}

function inWords(ms: number): string {
  if (ms % day === 0) return ms === day ? '1 day' : `${ms / day} days`
  return ms % hour === 0 ? `${ms / hour} hours` : `${ms / minute} minutes`
}
