import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { ask, signIn, untilState } from '../support/doctorsBrowser.ts'
import { countEvents } from '../support/ledgerEvents.ts'
import { numberOf, openPhone } from '../support/patientsPhone.ts'
import { engines, testVillage } from '../support/testVillage.ts'
import { firstOf, patientNamed } from '../support/villagers.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test.each(engines)('REMOVE closes the open page by itself, and the next click is denied, on %s', async (engine) => {
  await using village = await testVillage(engine)
  const { world } = village
  const { doctor, patient } = firstOf(village)
  const { context, page } = await signIn(browser, world.serverUrl, doctor)
  const phone = await openPhone(browser, world.phonePage.url, patient.phone)
  await ask(page, patient.healthId, 'LAB RESULTS')
  const number = numberOf((await phone.received(1))[0]?.text)
  await phone.types(`${number} 1`)
  await untilState(page, 'granted')

  // A second window that hears no news, as on a broken link: its button stays.
  const deaf = await context.newPage()
  await deaf.route('**/events*', (route) => route.abort())
  await deaf.goto(page.url())
  await untilState(deaf, 'granted')
  await page.getByRole('button', { name: 'Open LAB RESULTS' }).click()
  await page.getByRole('row').filter({ hasText: 'Cholesterol' }).first().waitFor()

  // The chain rests: the gate closes before any block says so.
  await world.chain.setAutomine(false)
  await phone.types(`REMOVE ${number}`)
  await expect
    .poll(async () => (await village.app.actions.requests(doctor.id))[0]?.state, { interval: 5, timeout: 10_000 })
    .toBe('removed')
  await page.locator('[data-closed-because="removed"]').waitFor({ timeout: 1_000 })
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Access was removed by the patient')
  expect(await page.content()).not.toContain('Cholesterol')
  await deaf.getByRole('button', { name: 'Open LAB RESULTS' }).click()
  expect(await deaf.getByRole('heading', { level: 1 }).textContent()).toBe('You may not open this record now')
  expect((await page.reload())?.status()).toBe(403)
  expect(await phone.received(2)).toHaveLength(2)

  await world.chain.setAutomine(true)
  await world.chain.mine(1)
  expect((await phone.received(3))[2]?.text).toBe(
    `${number}: Dr Achieng Otieno can no longer see your record. Your care must not change because of it.`,
  )
  expect(await countEvents(world)).toMatchObject({ GrantOpened: 1, GrantRevoked: 1, AccessLogged: 1 })
})

test('Neema is asked in Swahili, allows, reads who looked, and takes it back with ONDOA', async () => {
  await using village = await testVillage()
  const { world } = village
  const { doctor } = firstOf(village)
  const neema = patientNamed(village, 'neema')
  const { page } = await signIn(browser, world.serverUrl, doctor)
  const phone = await openPhone(browser, world.phonePage.url, neema.phone)
  await ask(page, neema.healthId, 'VACCINES')
  const [prompt] = await phone.received(1)
  const number = numberOf(prompt?.text)
  expect(prompt?.size).toMatch(/1 part/)
  expect(prompt?.text).toBe(
    `${number}: Dr Achieng Otieno, Kisumu County Hosp, anaomba kuona CHANJO, siku 7. Jibu ${number} 1 ruhusu, ${number} 2 kataa, ${number} 9 si mimi.`,
  )
  await phone.types(`${number} 1`)
  await untilState(page, 'granted')
  expect((await phone.received(2))[1]?.text).toMatch(/^\d+: Dr Achieng Otieno ameruhusiwa kuona CHANJO hadi /)
  await page.getByRole('button', { name: 'Open VACCINES' }).click()
  await page.locator('[data-record] table').first().waitFor()

  await phone.types('HISTORIA')
  expect((await phone.received(3))[2]?.text).toMatch(new RegExp(`^Walioangalia: Dr Achieng Otieno \\(${number}\\) `))
  await phone.types(`ONDOA ${number}`)
  await page.locator('[data-closed-because="removed"]').waitFor()
  expect((await phone.received(4))[3]?.text).toBe(
    `${number}: Dr Achieng Otieno hawezi tena kuona rekodi yako. Matibabu yako hayapaswi kubadilika.`,
  )
})
