import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { auditVerify } from '../../src/cli/auditVerify.ts'
import { listEmergencies, reviewEmergency } from '../../src/cli/emergency.ts'
import { presetClasses } from '../../src/core/classes.ts'
import { day, type EpochMs, hour } from '../../src/core/people.ts'
import type { Hex } from '../../src/core/rows.ts'
import { commitToFinding } from '../../src/core/scope.ts'
import { allowEmergencies } from '../support/allowEmergencies.ts'
import { textsOn } from '../support/asked.ts'
import { openBrowser } from '../support/browser.ts'
import { signIn, signInWithPasskey, untilState } from '../support/doctorsBrowser.ts'
import { countEvents, ledgerEvents } from '../support/ledgerEvents.ts'
import { numberOf, openPhone } from '../support/patientsPhone.ts'
import { testVillage } from '../support/testVillage.ts'
import { firstOf, patientNamed, secondDoctor } from '../support/villagers.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const reason = 'Unconscious after a fall, no relative reached'

test('a doctor opens a record in an emergency; the patient is told, disputes it, and the hospital reviews it', async () => {
  await using village = await testVillage()
  const { world, app } = village
  const { doctor, patient } = firstOf(village)
  await allowEmergencies(village, patient)
  const { page } = await signIn(browser, world.serverUrl, doctor)
  const phone = await openPhone(browser, world.phonePage.url, patient.phone)

  // One of her visits was about what is PRIVATE.
  const lastYear = (village.now() - 365 * day) as EpochMs
  const [visit] = await app.store.records.ofPatient(patient.id, ['encounters'], lastYear, village.now())
  if (!visit) throw new Error('She has been nowhere.')
  await app.database.kysely.updateTable('record').set({ class: 'hiv' }).where('id', '=', visit.recordId).execute()
  expect(await app.store.records.ofPatient(patient.id, presetClasses.PRIVATE, lastYear, village.now())).toHaveLength(1)
  const earlier = textsOn(village, patient.phone).length
  await openEmergency(page, patient.healthId)
  await untilState(page, 'granted')
  const requestUrl = page.url()
  // She was told before that she allowed it.
  const told = (await phone.received(earlier + 1))[earlier]
  const number = numberOf(told?.text)
  expect(told?.text).toBe(
    `${number}: Emergency: Dr Achieng Otieno, Kisumu County Hosp, opened your record for 24 hours. Reply ${number} 9 if this is wrong. To end it: REMOVE ${number}`,
  )
  expect(told?.size).toMatch(/1 part/)
  const [opened] = (await ledgerEvents(world)).filter(({ eventName }) => eventName === 'EmergencyOpened')
  if (!opened) throw new Error('The chain holds no emergency.')
  const { timestamp } = await world.chainClient.getBlock({ blockNumber: opened.blockNumber })
  const sent = world.phones.messages(patient.phone).find(({ text }) => text === told?.text)
  expect(Number(new Date(sent?.at ?? 0)) / 1000 - Number(timestamp)).toBeLessThan(60)

  // Everything but PRIVATE, and each look is logged.
  await page.getByRole('button', { name: 'Open ALL' }).click()
  await page.getByRole('row').filter({ hasText: 'Cholesterol' }).first().waitFor()
  const ofAll = await app.store.records.ofPatient(patient.id, presetClasses.ALL, lastYear, village.now())
  expect(await page.locator('article.record').count()).toBe(ofAll.length)
  expect(await countEvents(world)).toMatchObject({ EmergencyOpened: 1, AccessLogged: 1 })

  // The chain rests: the gate closes, and with it the page, before any block says so.
  await world.chain.setAutomine(false)
  await phone.types(`${number} 9`)
  await page.locator('[data-closed-because="disputed"]').waitFor({ timeout: 1_000 })
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('The patient disputed this emergency')
  expect((await page.reload())?.status()).toBe(403)
  await world.chain.setAutomine(true)
  await world.chain.mine(1)
  expect((await phone.received(earlier + 2))[earlier + 1]?.text).toBe(
    `${number}: closed. Dr Achieng Otieno can no longer see your record, and the hospital must look into it. Your care must not change because of it.`,
  )
  expect(await countEvents(world)).toMatchObject({ EmergencyDisputed: 1 })

  // No other one before the review: the page says so plainly, and where it stands.
  await openEmergency(page, patient.healthId)
  await page.getByText('Your last emergency with this patient has not been reviewed yet').waitFor()
  await page.getByRole('link', { name: 'See that emergency' }).click()
  await page.locator('[data-review]', { hasText: 'To be reviewed until' }).waitFor()
  expect(await page.locator('[data-reason]').textContent()).toBe(reason)

  const queue = await cli(village, ['list'])
  expect(queue).toMatchObject({ code: 0, stdout: expect.stringContaining('1 emergencies are not reviewed, 0 of them') })
  for (const part of ['DISPUTED', '1 looks', world.hospital.address]) expect(queue.stdout).toContain(part)
  const requestId = idOf(opened)
  const review = (key: string, finding: string, out: string) => reviewBy(village, { key, requestId, finding, out })
  expect(await review('operator', 'It was none.', 'no.json')).toMatchObject({
    reviewed: false,
    said: expect.stringContaining('NotReviewer'),
  })
  await world.chain.fund(world.hospital.address, 0n)
  expect((await review('hospital', 'It was none.', 'poor.json')).said).toContain('no money for gas')
  await world.chain.fund(world.hospital.address, 10n ** 18n)
  expect(await typedReview(village, requestId, 'It was none.\n')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Reviewed in transaction'),
  })
  expect(await review('governor', 'It was one.', 'late.json')).toMatchObject({
    reviewed: false,
    said: expect.stringContaining('NotReviewable'),
  })
  expect((await review('hospital', 'It was one.', 'finding.json')).said).toContain('holds another review')
  const kept = JSON.parse(await readFile(join(village.app.config.dataFolder, 'finding.json'), 'utf8'))
  const [reviewed] = (await ledgerEvents(world)).filter(({ eventName }) => eventName === 'EmergencyReviewed')
  expect(reviewed?.args).toMatchObject({ requestId, findingCommitment: commitToFinding('It was none.', kept.salt) })
  await village.settle()
  await page.goto(requestUrl)
  await page.locator('[data-review]', { hasText: 'Reviewed on' }).waitFor()

  // The next one waits for nobody, and becomes the governor's after 72 hours.
  await openEmergency(page, patient.healthId)
  await untilState(page, 'granted')
  await village.advance(73 * hour)
  await village.settle()
  expect((await app.actions.requests(doctor.id))[0]).toMatchObject({ state: 'expired', emergency: { isOverdue: true } })
  let printed = ''
  const place = { rpc: world.chain.url, ledger: world.deployment.consentLedger.address, fromBlock: 0 }
  expect(await listEmergencies({ ...place, asJson: true }, (line) => (printed += line))).toBe(1)
  const { emergencies } = JSON.parse(printed) as { emergencies: { requestId: Hex }[] }
  expect(emergencies).toMatchObject([{ isOverdue: true, isDisputed: false, looks: 0 }])
  const second = { requestId: emergencies[0]?.requestId ?? '0x', finding: 'Nobody reviewed it.', out: 'overdue.json' }
  expect((await reviewBy(village, { ...second, key: 'hospital' })).said).toContain('NotReviewer')
  expect((await reviewBy(village, { ...second, key: 'governor' })).reviewed).toBe(true)
  expect(await audit(village)).toEqual([0, expect.stringContaining('2 emergencies, 1 looks')])
})

test('a passkey signs the emergency too, and nobody learns from it whether a patient allowed any', async () => {
  await using village = await testVillage()
  const { world, app } = village
  const { doctor, patient } = firstOf(village)
  await allowEmergencies(village, patient)
  const { page, account } = await signInWithPasskey(browser, village, doctor)
  await openEmergency(page, patient.healthId)
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Sign to open it in an emergency')
  const words = await page.locator('main').textContent()
  for (const word of [patient.healthId, 'ALL', 'Emergency', '24 hours']) expect(words).toContain(word)
  await page.getByRole('button', { name: 'Sign with your passkey' }).click()
  await untilState(page, 'granted')
  const [request] = await app.actions.requests(doctor.id)
  expect(request && (await app.store.requests.get(request.id))).toMatchObject({ doctorAccount: account })
  await page.getByRole('button', { name: 'Open ALL' }).click()
  await page.locator('[data-record]').waitFor()

  // Of one who has not allowed any, and of nobody at all, a doctor sees the same, at the same time.
  const other = secondDoctor(village)
  const tries = [patientNamed(village, 'neema').healthId, 'HC-1234-5671'].map((healthId) =>
    app.actions.openEmergency(other.id, { healthId, reason }),
  )
  for (const tried of await Promise.all(tries)) expect(tried).toHaveProperty('requestId')
  await village.settle()
  const seen = async () =>
    (await app.actions.requests(other.id)).map(({ id: _, healthId: __, askedAt, answerBy, ...rest }) => ({
      ...rest,
      waits: answerBy - askedAt,
    }))
  const [first, second] = await seen()
  expect(first).toMatchObject({ state: 'asking', unreachable: false })
  expect(second).toEqual(first)
  await village.advance(31_000)
  await village.settle()
  const [later, andLater] = await seen()
  expect(later).toMatchObject({ state: 'failed', grantedUntil: null })
  expect(andLater).toEqual(later)
  expect(await countEvents(world)).toMatchObject({ EmergencyOpened: 1, AccessLogged: 1 })
  expect(world.phones.messages(patientNamed(village, 'neema').phone)).toEqual([])
})

/** Fills the form as a doctor does who cannot wait. */
async function openEmergency(page: Page, healthId: string): Promise<void> {
  await page.goto('/')
  await page.getByRole('link', { name: 'Open the record in an emergency' }).click()
  await page.getByLabel('Health ID of the patient').fill(healthId)
  await page.getByLabel("Why can't you wait for an answer?").fill(reason)
  await page.getByRole('button', { name: 'Open in an emergency' }).click()
}

async function cli({ world }: Village, [command = '', ...args]: string[], input = '') {
  const place = ['--rpc', world.chain.url, '--ledger', world.deployment.consentLedger.address]
  const file = join(import.meta.dirname, '../../src/cli/healthchain.ts')
  const child = spawn(process.execPath, [file, 'emergency', command, ...place, ...args], {
    env: { PATH: process.env['PATH'] },
  })
  child.stdin.end(input)
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('exit', resolve)),
  ])
  return { code, stdout: stdout.trim(), stderr }
}

type Review = { key: string; requestId: Hex; finding: string; out: string }

function reviewBy({ world, app }: Village, { key, requestId, finding, out }: Review) {
  const { dataFolder } = app.config
  return reviewEmergency({
    rpc: world.chain.url,
    ledger: world.deployment.consentLedger.address,
    requestId,
    keyFile: join(dataFolder, 'keys', key),
    finding,
    outFile: join(dataFolder, out),
  })
}

/** By the hospital, at its terminal. */
function typedReview(village: Village, requestId: Hex, finding: string) {
  const { dataFolder } = village.app.config
  const files = ['--key-file', join(dataFolder, 'keys', 'hospital'), '--out', join(dataFolder, 'finding.json')]
  return cli(village, ['review', '--request', requestId, '--finding', '-', ...files], finding)
}

async function audit({ world }: Village) {
  const printed: string[] = []
  const exitCode = await auditVerify(
    {
      rpcUrls: [world.chain.url],
      ledger: world.deployment.consentLedger.address,
      fromBlock: world.deployment.blockNumber,
      asJson: false,
    },
    { out: (line) => printed.push(line), progress: () => {} },
  )
  return [exitCode, printed.join('\n')]
}

function idOf({ args }: { args: object }): Hex {
  if (!('requestId' in args)) throw new Error('The event is of no request.')
  return args.requestId as Hex
}
