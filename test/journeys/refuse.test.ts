import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { ask, isMarkedDocument, markDocument, signIn, untilState } from '../support/doctorsBrowser.ts'
import { countEvents } from '../support/ledgerEvents.ts'
import { numberOf, openPhone } from '../support/patientsPhone.ts'
import { testVillage } from '../support/testVillage.ts'
import { firstOf } from '../support/villagers.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test('a refusal stays, and asking again within 7 days is blocked with the rule named', async () => {
  await using village = await testVillage()
  const { world } = village
  const { doctor, patient } = firstOf(village)
  const { page } = await signIn(browser, world.serverUrl, doctor)
  const phone = await openPhone(browser, world.phonePage.url, patient.phone)

  await ask(page, patient.healthId, 'LAB RESULTS')
  await untilState(page, 'asked')
  await markDocument(page)
  const [prompt] = await phone.received(1)
  const number = numberOf(prompt?.text)
  await phone.types(`${number} 2`)
  await untilState(page, 'refused')
  expect(await isMarkedDocument(page)).toBe(true)
  expect(await page.locator('main').textContent()).toContain("A refusal must not change the patient's care.")
  expect((await phone.received(2))[1]?.text).toBe(
    `${number}: refused. Nobody can see this. Your care must not change because of it.`,
  )

  // Her no is final, even for her: a yes after it opens nothing.
  await phone.types(`${number} 1`)
  expect((await phone.received(3))[2]?.text).toBe(`${number}: this request has ended. Nothing was changed.`)

  for (const what of ['LAB RESULTS', 'MEDICINES']) {
    await ask(page, patient.healthId, what)
    const alert = page.getByRole('alert')
    expect(await alert.textContent()).toMatch(
      /Nothing was sent to the patient[\s\S]*a refused request can't be repeated for 7 days/,
    )
  }
  await village.settle()
  expect(await phone.received(3)).toHaveLength(3)
  expect(await countEvents(world)).toEqual({ AccessWriterChanged: 1, RequestOpened: 1, RequestRefused: 1 })

  // The week over, the doctor may ask again.
  await village.advance(7 * 24 * 60 * 60_000)
  const later = await signIn(browser, world.serverUrl, doctor)
  await ask(later.page, patient.healthId, 'LAB RESULTS')
  await untilState(later.page, 'asked')
})
