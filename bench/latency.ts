import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js'
import { parseEventLogs } from 'viem'
import type { SeededPatient } from '../local/seed.ts'
import { postForm } from '../local/twilio/postForm.ts'
import { startVillage, type Village } from '../local/village.ts'
import { serviceNumber } from '../local/world.ts'
import { consentLedgerAbi } from '../src/accounts/contracts.generated.ts'
import type { ConsentRequestId } from '../src/core/people.ts'
import { median, percentile, progress, type Row, toRow } from './row.ts'
import { signIn } from './visitor.ts'

/** As on Lisk. */
const blockTimeS = 2
const rounds = 10
const removals = 4
const inclusionLimitBlocks = 2
const removalLimitMs = 1_000
const webhooks = 200
/** A busy country, and more than the embedded engines carry for long. */
const webhookRates = [20, 50]
const acknowledgedLimitMs = 100
const pollMs = 5
const timeoutMs = 20_000

/** How long people wait: from a reply to the chain, from a removal to the closed door, from a webhook to its 200. */
export async function measure(): Promise<Row[]> {
  progress('  starting a village on the embedded engines')
  await using village = await startVillage()
  const asked = await askAll(village)
  await village.world.chain.setAutomine(false)
  await village.world.chain.setIntervalMining(blockTimeS)

  progress(`  ${rounds} replies, at ${rounds} moments of a block`)
  const included: number[] = []
  const told: number[] = []
  for (const [round, one] of asked.entries()) {
    await untilNewBlock(village)
    await pause((round / rounds) * blockTimeS * 1000)
    const times = await reply(village, one)
    included.push(times.included)
    told.push(times.told)
  }
  progress(`  ${removals} removals`)
  const closed = await removeAll(village, asked.slice(0, removals))
  const acknowledged: Row[] = []
  for (const perSecond of webhookRates) acknowledged.push(...(await acknowledgements(village, perSecond)))

  const inBlocks = { unit: 'blocks', peer: inclusionLimitBlocks, peerName: 'limit', atMost: inclusionLimitBlocks }
  const inMs = { unit: 'ms', peer: removalLimitMs, peerName: 'limit', atMost: removalLimitMs }
  const toBlocks = (ms: number) => ms / (blockTimeS * 1000)
  return [
    toRow({ metric: 'Reply to inclusion, median', ours: toBlocks(median(included)), ...inBlocks }),
    toRow({ metric: 'Reply to inclusion, longest', ours: toBlocks(Math.max(...included)), ...inBlocks }),
    ...[
      { metric: 'Reply to the confirmation on the phone, median', ours: toBlocks(median(told)) },
      { metric: 'Reply to the confirmation on the phone, longest', ours: toBlocks(Math.max(...told)) },
    ].map((row) =>
      toRow({ ...row, unit: 'blocks', peer: toBlocks(median(included)), peerName: 'median to inclusion' }),
    ),
    toRow({ metric: 'Removal to the denied click, median', ours: median(closed), ...inMs }),
    toRow({ metric: 'Removal to the denied click, longest', ours: Math.max(...closed), ...inMs }),
    ...acknowledged,
  ]
}

type Asked = { requestId: ConsentRequestId; patient: SeededPatient; number: number }

/** Doctors ask while the chain makes a block at once; each question gets its number from its text. */
async function askAll(village: Village): Promise<Asked[]> {
  const { patients } = village.people
  const [doctor] = village.people.doctors
  if (!doctor) throw new Error('The village has no doctor.')
  const asked: Asked[] = []
  for (let round = 0; round < rounds; round += 1) {
    const patient = patients[round % patients.length]
    if (!patient) throw new Error('The village has no patient.')
    const answer = await village.app.actions.askForAccess(doctor.id, {
      healthId: patient.healthId,
      preset: 'LAB_RESULTS',
      purpose: 'treatment',
      days: 7,
      oneTime: false,
    })
    if ('refused' in answer) throw new Error(`The doctor may not ask: ${answer.refused.code}.`)
    await village.settle()
    const prompt = village.world.phones.messages(patient.phone).at(-1)?.text ?? ''
    asked.push({ requestId: answer.requestId, patient, number: Number.parseInt(prompt, 10) })
  }
  return asked
}

/** Milliseconds from her reply to the block that holds the grant, and to the text that says so. */
async function reply(village: Village, { patient, number }: Asked): Promise<{ included: number; told: number }> {
  const { phones, chainClient, deployment } = village.world
  const fromBlock = (await chainClient.getBlockNumber({ cacheTime: 0 })) + 1n
  const began = performance.now()
  phones.text(patient.phone, `${number} 1`)
  const since = phones.messages(patient.phone).length
  const included = await timeUntil(began, async () => {
    if ((await chainClient.getBlockNumber({ cacheTime: 0 })) < fromBlock) return false
    const logs = await chainClient.getLogs({ address: deployment.consentLedger.address, fromBlock })
    return parseEventLogs({ abi: consentLedgerAbi, eventName: 'GrantOpened', logs }).length > 0
  })
  const told = await timeUntil(began, async () => phones.messages(patient.phone).length > since)
  return { included, told }
}

/** With each record open in a browser: milliseconds from her text to the end of the first click that is denied. */
async function removeAll(village: Village, asked: readonly Asked[]): Promise<number[]> {
  const [doctor] = village.people.doctors
  if (!doctor) throw new Error('The village has no doctor.')
  const { serverUrl, phones } = village.world
  const visitor = await signIn(serverUrl, doctor)
  const paths: string[] = []
  for (const { requestId } of asked) {
    const page = `/requests/${requestId}`
    const { location } = await visitor.submit(page, `${page}/looks`)
    if (location === null) throw new Error('The look was not begun.')
    paths.push(location)
  }
  const times: number[] = []
  for (const [index, path] of paths.entries()) {
    const one = asked[index]
    if (!one) continue
    const opened = await visitor.get(path)
    if (opened.status !== 200) throw new Error(`The record did not open: status ${opened.status}.`)
    const began = performance.now()
    phones.text(one.patient.phone, `REMOVE ${one.number}`)
    times.push(await timeUntil(began, async () => (await visitor.get(path)).status === 403))
  }
  return times
}

async function acknowledgements(village: Village, perSecond: number): Promise<Row[]> {
  progress(`  ${webhooks} webhooks at ${perSecond} a second`)
  const times = await postAll(village, perSecond)
  await village.settle()
  const limit = { unit: 'ms', peer: acknowledgedLimitMs, peerName: 'limit', atMost: acknowledgedLimitMs }
  const what = `${webhooks} webhooks to their 200, ${perSecond} a second`
  return [
    toRow({ metric: `${what}, median`, ours: median(times), ...limit }),
    toRow({ metric: `${what}, p99`, ours: percentile(times, 0.99), ...limit }),
  ]
}

/** Posts signed texts at a fixed rate, whether or not the earlier ones were answered; times count from the moment each was due. */
async function postAll(village: Village, perSecond: number): Promise<number[]> {
  const { env, serverUrl } = village.world
  const url = `${serverUrl}/twilio/inbound`
  const { patients } = village.people
  const signal = new AbortController().signal
  const began = performance.now()
  const post = async (index: number): Promise<number> => {
    const fields = {
      AccountSid: env['TWILIO_ACCOUNT_SID'] ?? '',
      MessageSid: `SM${randomBytes(16).toString('hex')}`,
      From: patients[index % patients.length]?.phone ?? '',
      To: serviceNumber,
      Body: 'LOG',
      NumSegments: '1',
    }
    const signature = getExpectedTwilioSignature(env['TWILIO_AUTH_TOKEN'] ?? '', url, fields)
    const form = new URLSearchParams(fields).toString()
    const headers = { 'X-Twilio-Signature': signature }
    const dueAt = began + (index * 1000) / perSecond
    await pause(Math.max(0, dueAt - performance.now()))
    const limits = { connectTimeoutMs: timeoutMs, readTimeoutMs: timeoutMs, signal }
    const answer = await postForm(url, form, { headers, ...limits })
    if (answer.kind !== 'answer' || answer.status !== 200)
      throw new Error('A signed webhook was not answered with 200.')
    return performance.now() - dueAt
  }
  return Promise.all(Array.from({ length: webhooks }, (_, index) => post(index)))
}

async function untilNewBlock({ world }: Village): Promise<void> {
  const before = await world.chainClient.getBlockNumber({ cacheTime: 0 })
  await timeUntil(performance.now(), async () => (await world.chainClient.getBlockNumber({ cacheTime: 0 })) > before)
}

/** Milliseconds from `began` until the condition holds. */
async function timeUntil(began: number, holds: () => Promise<boolean>): Promise<number> {
  while (!(await holds())) {
    if (performance.now() - began > timeoutMs) throw new Error(`Nothing happened within ${timeoutMs} ms.`)
    await pause(pollMs)
  }
  return performance.now() - began
}
