import { copyFile, readFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { printCard, registerCard } from '../../local/printCard.ts'
import type { Village } from '../../local/village.ts'
import { consentLedgerAbi } from '../../src/accounts/contracts.generated.ts'
import { openBrowser } from '../support/browser.ts'
import { ask, signIn, signInWithPasskey, untilState } from '../support/doctorsBrowser.ts'
import { numberOf, openPhone } from '../support/patientsPhone.ts'
import { testVillage } from '../support/testVillage.ts'
import { firstOf, secondDoctor } from '../support/villagers.ts'

const makingTimeoutMs = 60_000

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test('a card made by the offline page, printed and registered, opens the record with the code of the line asked for', async () => {
  await using village = await testVillage()
  const { world, app } = village
  const { doctor, patient } = firstOf(village)

  const context = await browser.newContext({ acceptDownloads: true })
  const shelf = await context.newPage()
  await shelf.goto(`${world.serverUrl}/code-card`)
  const ledgerName = await shelf.locator('[data-ledger]').textContent()
  const [saved] = await Promise.all([shelf.waitForEvent('download'), shelf.getByText('Save the file').click()])

  // From the file that was saved, without a network.
  const hospital = await browser.newContext({ acceptDownloads: true, offline: true })
  const page = await hospital.newPage()
  const reached: string[] = []
  page.on('request', (request) => reached.push(request.url()))
  const address = `file://${await asHtml(await saved.path())}`
  await page.goto(address)
  await page.getByLabel('Ledger').fill(ledgerName ?? '')
  await page.getByRole('button', { name: 'Make a card' }).click()
  await page.locator('#card').waitFor({ timeout: makingTimeoutMs })
  const codes = await printed(page)
  expect(codes).toHaveLength(20)
  expect(new Set(codes).size).toBe(20)
  for (const code of codes) expect(code).toMatch(/^\d{4} \d{4} \d{4} \d{2}$/)
  expect(await sheets(page)).toBe(1)

  await page.getByRole('button', { name: 'wipe the codes' }).click()
  const left = await page.content()
  for (const code of codes) for (const way of [code, code.replaceAll(' ', '')]) expect(left).not.toContain(way)
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('Save the file').click()])
  const file = await readFile(await download.path(), 'utf8')
  for (const code of codes) expect(file).not.toContain(code.replaceAll(' ', ''))
  expect(reached).toEqual([address])

  await registerCard(app, world, patient.healthId, file)
  const portal = await signIn(browser, world.serverUrl, doctor)
  const phone = await openPhone(browser, world.phonePage.url, patient.phone)
  await ask(portal.page, patient.healthId, 'LAB RESULTS')
  await untilState(portal.page, 'asked')
  const [prompt] = await phone.received(1)
  expect(prompt?.text).toMatch(/code on line 1\..*Staff must never ask for your code\.$/)
  expect(prompt?.size).toMatch(/1 part/)
  const number = numberOf(prompt?.text)

  await phone.types(`${number} 1`)
  expect((await phone.received(2))[1]?.text).toMatch(/Nothing was allowed/)
  await phone.types(`${number} ${codes[0]}`)
  await untilState(portal.page, 'granted')
  await portal.page.getByRole('button', { name: 'Open LAB RESULTS' }).click()
  await portal.page.locator('[data-record]').waitFor()

  const client = world.chainClient
  const ledger = { abi: consentLedgerAbi, address: world.deployment.consentLedger.address } as const
  const [grant] = await client.getContractEvents({ ...ledger, eventName: 'GrantOpened', fromBlock: 0n })
  expect(grant?.args.codeChecked).toBe(true)
  const [request] = await app.store.requests.ofDoctor(doctor.id, 1)
  const evidence = app.vault.columns.open(request?.artefactSealed ?? new Uint8Array(), 'consent_request.artefact')
  expect(JSON.parse(evidence)).toMatchObject({ answer: 'allow', assurance: 'A1' })

  // The chain rests: a freeze closes the page before any block says so, and tells the doctor no reason.
  await world.chain.setAutomine(false)
  await phone.types('FREEZE')
  await portal.page.locator('[data-closed-because="paused"]').waitFor({ timeout: 5_000 })
  expect(await portal.page.getByRole('heading', { level: 1 }).textContent()).toBe('Sharing is paused for this patient')
  expect(await portal.page.content()).not.toMatch(/Cholesterol|froze|code|stopped/i)
  expect((await portal.page.reload())?.status()).toBe(403)
  await portal.page.goto(`${world.serverUrl}/requests/${request?.id}`)
  await untilState(portal.page, 'paused')
  expect(await portal.page.getByRole('button', { name: 'Open LAB RESULTS' }).count()).toBe(0)
  await world.chain.setAutomine(true)
  await world.chain.mine(1)
  expect((await phone.received(4))[3]?.text).toMatch(/^Sharing is stopped\./)
})

test('a doctor’s passkey signs for the next line of the card, and for the one after it where that was taken meanwhile', async () => {
  await using village = await testVillage()
  const { world, app } = village
  const { doctor, patient } = firstOf(village)
  const codes = await printCard(app, world, patient.healthId)
  const { page } = await signInWithPasskey(browser, village, doctor)

  await ask(page, patient.healthId, 'MEDICINES')
  const waiting = page.url()
  const { requestId } = await askByPassword(village)
  await page.goto(waiting)
  await page.getByRole('button', { name: 'Sign with your passkey' }).click()
  await untilState(page, 'asked')
  await village.settle()
  const [request] = await app.store.requests.ofDoctor(doctor.id, 1)
  expect([(await app.store.requests.get(requestId))?.cardLine, request?.cardLine]).toEqual([1, 2])

  world.phones.text(patient.phone, `${request?.number} ${codes[1]}`)
  await untilState(page, 'granted')
  const ledger = { abi: consentLedgerAbi, address: world.deployment.consentLedger.address } as const
  const [grant] = await world.chainClient.getContractEvents({ ...ledger, eventName: 'GrantOpened', fromBlock: 0n })
  expect(grant?.args).toMatchObject({ requestId: request?.ledgerRequestId, codeChecked: true })
  expect(request?.signing).toBe('passkey')
})

test('the page refuses a ledger that was mistyped', async () => {
  const page = await browser.newPage()
  await page.goto(new URL('../../src/portal/card/card.generated.html', import.meta.url).href)
  for (const typed of [
    '',
    'eip155:1135',
    `eip155:1135:0x${'ab'.repeat(19)}`,
    'eip155:1135:0x52908400098527886E0F7030069857D2E4169Ee7',
  ]) {
    await page.getByLabel('Ledger').fill(typed)
    await page.getByRole('button', { name: 'Make a card' }).click()
    await page.getByRole('alert').waitFor()
    expect(await page.locator('#card').isVisible()).toBe(false)
  }
})

/** Another doctor of the village asks the same patient; what follows reaches the chain. */
async function askByPassword(village: Village) {
  const { patient } = firstOf(village)
  const ask = { preset: 'LAB_RESULTS', purpose: 'treatment', days: 7, oneTime: false } as const
  const asked = await village.app.actions.askForAccess(secondDoctor(village).id, { ...ask, healthId: patient.healthId })
  if ('refused' in asked) throw new Error(`The doctor may not ask: ${asked.refused.code}.`)
  await village.settle()
  return asked
}

/** What a browser takes for a page is named so. */
async function asHtml(path: string): Promise<string> {
  await copyFile(path, `${path}.html`)
  return `${path}.html`
}

function printed(page: Page): Promise<string[]> {
  return page.locator('#codes span').allTextContents()
}

/** Pages of the print view. */
async function sheets(page: Page): Promise<number> {
  const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1')
  expect(pdf).toMatch(/\/MediaBox \[0 0 29[78]/)
  return (pdf.match(/\/Type \/Page\b/g) ?? []).length
}
