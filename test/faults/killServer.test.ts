import { expect, test } from 'vitest'
import { signIn, type Visitor } from '../../bench/visitor.ts'
import type { PhoneMessage } from '../../local/phone/phoneTypes.ts'
import type { SeededDoctor, SeededPatient } from '../../local/seed.ts'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { EpochMs } from '../../src/core/people.ts'
import { openLog } from '../../src/log.ts'
import { countEvents, userOperations } from '../support/ledgerEvents.ts'
import { type ServerProcess, startRefused, startServer } from '../support/serverProcess.ts'
import { until } from '../support/until.ts'
import { startVillageOutside, type VillageOutside } from '../support/villageOutside.ts'

/** As if the village were one block a second: the story has moments between sending and inclusion. */
const blockTimeS = 1
const kills = 5
const stepTimeoutMs = 25_000
/** Longer than any job waits before it is tried again, but for reminders and ends. */
const retryHorizonMs = 10_000
const testTimeoutMs = 180_000

test(
  'a server killed at five random moments gives one prompt, one grant, one confirmation and an open record each time',
  async () => {
    await using village = await startVillageOutside()
    const { world, people } = village
    let server = startServer(world.env)
    try {
      await server.healthy()
      await world.chain.setAutomine(false)
      await world.chain.setIntervalMining(blockTimeS)
      const pairs = people.doctors.flatMap((doctor) => people.patients.map((patient) => ({ doctor, patient })))
      const [calm, ...disturbed] = pairs
      if (!calm) throw new Error('The village is empty.')

      const began = performance.now()
      await liveTheStory(village, calm)
      const storyMs = performance.now() - began
      const moments: string[] = []
      for (const pair of disturbed.slice(0, kills)) {
        const afterMs = Math.round(Math.random() * storyMs)
        moments.push(`${afterMs} of ${Math.round(storyMs)} ms`)
        const killed = killAndStartAgain(server, world.env, afterMs)
        const context = `killed after ${moments.join(', ')}`
        const told = await liveTheStory(village, pair).catch((error: Error) => {
          throw new Error(`${context}: ${error.message}`, { cause: error })
        })
        server = await killed
        await server.healthy()
        expect(told, context).toEqual({ prompts: 1, confirmations: 1, others: 0 })
      }

      await server.kill()
      await finishEverything(world.env)
      const stories = kills + 1
      const context = `killed after ${moments.join(', ')}`
      const told = world.phones.list().flatMap(({ address }) => countReceived(world.phones.messages(address)))
      expect(told.reduce(add), context).toEqual({ prompts: stories, confirmations: stories, others: 0 })
      const { AccessLogged = 0, ...events } = await countEvents(world)
      expect(events, context).toEqual({ AccessWriterChanged: 1, RequestOpened: stories, GrantOpened: stories })
      expect(AccessLogged, context).toBeGreaterThanOrEqual(stories)
      const operations = await userOperations(world)
      expect(
        operations.map(({ args }) => args.success),
        context,
      ).toEqual(Array(2 * stories).fill(true))
    } finally {
      await server.kill()
    }
  },
  testTimeoutMs,
)

/** Story 1 as its people live it: who finds the server down tries again; who may have asked looks before asking again. */
async function liveTheStory(
  { world }: VillageOutside,
  { doctor, patient }: { doctor: SeededDoctor; patient: SeededPatient },
) {
  const { phones, serverUrl } = world
  const before = phones.messages(patient.phone).length
  const visitor = await until('a signed-in doctor', stepTimeoutMs, () => signIn(serverUrl, doctor))
  const request = await until('a request', stepTimeoutMs, async () => {
    const known = await openRequest(visitor, patient)
    if (known) return known
    const fields = { healthId: patient.healthId, preset: 'LAB_RESULTS', purpose: 'treatment', days: '7' }
    return (await visitor.submit('/', '/requests', fields)).location
  })
  const received = () =>
    phones
      .messages(patient.phone)
      .slice(before)
      .filter(({ direction }) => direction === 'received')
  const prompt = await until('a prompt', stepTimeoutMs, async () => received()[0]?.text)
  phones.text(patient.phone, `${/^\d+/.exec(prompt)?.[0]} 1`)
  await until('a confirmation', stepTimeoutMs, async () => received()[1])
  await until('an open record', stepTimeoutMs, async () => {
    const { location } = await visitor.submit(request, `${request}/looks`)
    if (!location?.startsWith('/looks/')) return null
    const { status, body } = await visitor.get(location)
    return status === 200 && body.includes('data-record') && body.includes(patient.healthId)
  })
  return countReceived(received())
}

type Told = { prompts: number; confirmations: number; others: number }

function countReceived(messages: readonly PhoneMessage[]): Told {
  const texts = messages.filter(({ direction }) => direction === 'received').map(({ text }) => text)
  const prompts = texts.filter((text) => /asks to see|anaomba kuona/.test(text)).length
  const confirmations = texts.filter((text) => /is allowed to see|ameruhusiwa kuona/.test(text)).length
  return { prompts, confirmations, others: texts.length - prompts - confirmations }
}

function add(one: Told, other: Told): Told {
  return {
    prompts: one.prompts + other.prompts,
    confirmations: one.confirmations + other.confirmations,
    others: one.others + other.others,
  }
}

/** Works off whatever the last process left: a second confirmation that was still to come would come now. */
async function finishEverything(env: Record<string, string>): Promise<void> {
  const { config, secrets } = readConfig(env)
  const app = await createApp(config, secrets, { log: openLog('silent'), clock: () => Date.now() as EpochMs })
  try {
    await app.worker.start()
    await until('nothing left to do', stepTimeoutMs, async () => {
      return (await app.worker.settleOnce(retryHorizonMs)) && (await app.queue.countOpen()) === 0
    })
  } finally {
    await app.close()
  }
}

/** The doctor's own request for this patient, from the list; null where there is none. */
async function openRequest(visitor: Visitor, patient: SeededPatient): Promise<string | null> {
  const { status, body } = await visitor.get('/requests')
  if (status !== 200) throw new Error(`The list of requests was answered with status ${status}.`)
  return new RegExp(`<a href="(/requests/[^"]+)"><span class="code">${patient.healthId}<`).exec(body)?.[1] ?? null
}

async function killAndStartAgain(server: ServerProcess, env: Record<string, string>, afterMs: number) {
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  await server.kill()
  return startServer(env)
}

test('a second server on the same embedded database refuses to start, and after kill -9 everything is found again', async () => {
  await using village = await startVillageOutside()
  const { world, people } = village
  const [doctor] = people.doctors
  const [patient] = people.patients
  if (!doctor || !patient) throw new Error('The village is empty.')
  const first = startServer(world.env)
  try {
    await first.healthy()
    const refused = await startRefused({ ...world.env, PORT: '0' })
    expect(refused).toEqual({
      code: 1,
      lines: [
        expect.stringMatching(
          /^Not started: The data folder .+ is in use by process \d+\. Do: stop that process, or choose another folder with DATA_FOLDER\.$/,
        ),
      ],
    })
    const visitor = await signIn(world.serverUrl, doctor)
    const fields = { healthId: patient.healthId, preset: 'LAB_RESULTS', purpose: 'treatment', days: '7' }
    const { location } = await visitor.submit('/', '/requests', fields)
    await first.kill()

    await using second = startServer(world.env)
    await second.healthy()
    // The same cookie still counts, and the request that was answered with a page is there.
    expect(await openRequest(visitor, patient)).toBe(location)
  } finally {
    await first.kill()
  }
})
