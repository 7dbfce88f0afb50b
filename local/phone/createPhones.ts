import { randomUUID } from 'node:crypto'
import type { Carrier, CarrierMessage, DeliveryOutcome, Provider } from '../twilio/carrier.ts'
import { createJsonFile, readJson } from '../twilio/jsonFile.ts'
import { createSchedule, type Schedule } from '../twilio/schedule.ts'
import { measureSms } from '../twilio/smsSize.ts'
import { createWork } from '../twilio/work.ts'
import { PhoneError, type PhoneMessage, type PhoneSummary, type Switches } from './phoneTypes.ts'

/** The most a provider takes in one message. */
const maxTextLength = 1_600
const maxDelayMs = 24 * 60 * 60 * 1_000

/** A text that the carrier holds for a handset. */
type Waiting = { readonly id: string; readonly text: string; readonly expiresAt: number; dueAt: number }

type StoredPhone = {
  readonly address: string
  name: string
  switches: Switches
  messages: PhoneMessage[]
  waiting: Waiting[]
  /** Provider's ids of texts that expired, so that a repeated delivery is answered alike. */
  lost: string[]
}

/** The handsets, and the network they are on. */
export type Phones = Carrier & {
  /** Adds a handset, or renames it. @throws {PhoneError} when the address is not a + and 7 to 15 digits */
  register(phone: { readonly address: string; readonly name: string }): PhoneSummary
  list(): PhoneSummary[]
  /** What is on the handset, oldest first. @throws {PhoneError} for an unknown handset */
  messages(address: string): PhoneMessage[]
  /**
   * Sends a text from the handset to the service's number.
   *
   * @throws {PhoneError} for an unknown handset, an empty text, or one above 1,600 characters
   */
  text(address: string, text: string): PhoneMessage
  /** @throws {PhoneError} for an unknown handset or a delay outside 0 to 24 hours */
  setSwitches(address: string, change: Partial<Switches>): PhoneSummary
  /** Hears of each handset that changed. @returns a function that stops listening */
  onChange(listener: (address: string) => void): () => void
  /** Stops the timers and writes the state. */
  stop(): void
}

/**
 * Makes the handsets of the village.
 *
 * @param options stateFile: kept across restarts; clock: milliseconds since 1970; schedule: by the clock unless given
 * @throws when the state file is not JSON
 */
export function createPhones(options: { stateFile?: string; clock?: () => number; schedule?: Schedule } = {}): Phones {
  const { clock = Date.now, stateFile } = options
  const schedule = options.schedule ?? createSchedule({ clock })
  const phones = new Map(readJson<StoredPhone[]>(stateFile, []).map((phone) => [phone.address, phone]))
  const file = createJsonFile(stateFile, () => [...phones.values()])
  const work = createWork()
  const listeners = new Set<(address: string) => void>()
  /** By id of a text that is moving: stops it. */
  const moving = new Map<string, () => void>()
  let provider: Provider | undefined

  function find(address: string): StoredPhone {
    const phone = phones.get(address)
    if (!phone) throw new PhoneError(404, 'No handset has this address. Do: register it with POST /api/phones.')
    return phone
  }

  function changed(phone: StoredPhone): void {
    file.save()
    for (const listener of listeners) listener(phone.address)
  }

  /** Lets a text arrive at `dueAt`, unless the signal goes before. */
  function move(id: string, dueAt: number, arrive: () => void): void {
    if (moving.has(id)) return
    const end = work.begin()
    const done = () => {
      moving.delete(id)
      end()
    }
    const cancel = schedule.at(dueAt, () => {
      done()
      arrive()
    })
    moving.set(id, () => {
      cancel()
      done()
    })
  }

  function moveAll(phone: StoredPhone): void {
    if (!phone.switches.signal) return
    for (const waiting of phone.waiting) move(waiting.id, waiting.dueAt, () => receive(phone, waiting))
    if (!provider) return
    for (const message of phone.messages) {
      if (message.state === 'queued') {
        move(message.id, Date.parse(message.at) + phone.switches.delayMs, () => transmit(phone, message.id))
      }
    }
  }

  function receive(phone: StoredPhone, waiting: Waiting): void {
    phone.waiting = phone.waiting.filter((other) => other.id !== waiting.id)
    const at = new Date(clock()).toISOString()
    phone.messages.push({
      id: waiting.id,
      direction: 'received',
      text: waiting.text,
      at,
      ...measureSms(waiting.text),
      state: 'delivered',
    })
    changed(phone)
    provider?.report(waiting.id, { state: 'delivered' })
  }

  function transmit(phone: StoredPhone, id: string): void {
    const index = phone.messages.findIndex((message) => message.id === id)
    const message = phone.messages[index]
    if (!message || !provider) return
    provider.inbound(phone.address, message.text, { duplicate: phone.switches.duplicate })
    phone.messages[index] = { ...message, state: 'sent' }
    changed(phone)
  }

  function expire(phone: StoredPhone, waiting: Waiting): void {
    if (!phone.waiting.includes(waiting)) return
    moving.get(waiting.id)?.()
    phone.waiting = phone.waiting.filter((other) => other !== waiting)
    phone.lost.push(waiting.id)
    changed(phone)
    provider?.report(waiting.id, { state: 'failed', errorCode: 30003 })
  }

  function deliver(message: CarrierMessage): DeliveryOutcome {
    const phone = phones.get(message.to)
    if (!phone) return { state: 'failed', errorCode: 30005 }
    if (phone.messages.some((other) => other.id === message.id)) return { state: 'delivered' }
    if (phone.lost.includes(message.id)) return { state: 'failed', errorCode: 30003 }
    if (phone.waiting.some((other) => other.id === message.id)) return { state: 'waiting' }
    const now = clock()
    const waiting: Waiting = {
      id: message.id,
      text: message.text,
      expiresAt: now + message.validityMs,
      dueAt: now + phone.switches.delayMs,
    }
    if (phone.switches.signal && phone.switches.delayMs === 0) {
      receive(phone, waiting)
      return { state: 'delivered' }
    }
    phone.waiting.push(waiting)
    schedule.at(waiting.expiresAt, () => expire(phone, waiting))
    moveAll(phone)
    changed(phone)
    return { state: 'waiting' }
  }

  const summarise = (phone: StoredPhone): PhoneSummary => ({
    address: phone.address,
    name: phone.name,
    switches: phone.switches,
    waiting: phone.waiting.length,
    lost: phone.lost.length,
  })

  return {
    connect(to) {
      provider = to
      for (const phone of phones.values()) {
        for (const waiting of phone.waiting) schedule.at(waiting.expiresAt, () => expire(phone, waiting))
        moveAll(phone)
      }
    },
    deliver: async (message) => deliver(message),
    settle: work.idle,
    isBusy: work.isBusy,
    register({ address, name }) {
      if (!/^\+[1-9]\d{6,14}$/.test(address)) {
        throw new PhoneError(
          400,
          'The address is not a number in international form. Do: write a + and 7 to 15 digits.',
        )
      }
      const phone = phones.get(address) ?? {
        address,
        name,
        switches: { signal: true, delayMs: 0, duplicate: false, channel: 'sms' },
        messages: [],
        waiting: [],
        lost: [],
      }
      phone.name = name
      phones.set(address, phone)
      changed(phone)
      return summarise(phone)
    },
    list: () => [...phones.values()].map(summarise),
    messages: (address) => [...find(address).messages],
    text(address, text) {
      const phone = find(address)
      if (text === '') throw new PhoneError(400, 'The text is empty. Do: type something.')
      if (text.length > maxTextLength) {
        throw new PhoneError(400, `The text is too long. Do: keep it to ${maxTextLength} characters.`)
      }
      const message: PhoneMessage = {
        id: randomUUID(),
        direction: 'sent',
        text,
        at: new Date(clock()).toISOString(),
        ...measureSms(text),
        state: 'queued',
      }
      phone.messages.push(message)
      if (phone.switches.signal && phone.switches.delayMs === 0) transmit(phone, message.id)
      else moveAll(phone)
      changed(phone)
      return phone.messages.find((other) => other.id === message.id) ?? message
    },
    setSwitches(address, change) {
      const phone = find(address)
      const { delayMs } = change
      if (delayMs !== undefined && !(Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= maxDelayMs)) {
        throw new PhoneError(400, `The delay is not a whole number of milliseconds from 0 to ${maxDelayMs}.`)
      }
      const hadSignal = phone.switches.signal
      phone.switches = { ...phone.switches, ...change }
      if (hadSignal && !phone.switches.signal) {
        // What was on its way stays at the carrier.
        for (const { id } of [...phone.waiting, ...phone.messages]) moving.get(id)?.()
      }
      if (!hadSignal && phone.switches.signal) {
        for (const waiting of phone.waiting) waiting.dueAt = clock() + phone.switches.delayMs
      }
      moveAll(phone)
      changed(phone)
      return summarise(phone)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    stop() {
      if (options.schedule === undefined) schedule.stop()
      file.flush()
    },
  }
}
