import type { Browser } from 'playwright-core'
import { stringToHex } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { ask, isMarkedDocument, markDocument, signIn, untilState } from '../support/doctorsBrowser.ts'
import { countEvents, countPending, ledgerEvents, rawLedgerEvents } from '../support/ledgerEvents.ts'
import { numberOf, openPhone } from '../support/patientsPhone.ts'
import { engines, testVillage } from '../support/testVillage.ts'
import { firstOf } from '../support/villagers.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test.each(engines)('her text opens LAB RESULTS and nothing else, and no block names her, on %s', async (engine) => {
  await using village = await testVillage(engine)
  const { world } = village
  const { doctor, patient } = firstOf(village)
  const { page } = await signIn(browser, world.serverUrl, doctor)
  const phone = await openPhone(browser, world.phonePage.url, patient.phone)

  await ask(page, patient.healthId, 'LAB RESULTS')
  await untilState(page, 'asked')
  await markDocument(page)
  const [prompt] = await phone.received(1)
  const number = numberOf(prompt?.text)
  expect(prompt?.size).toMatch(/1 part/)
  expect(prompt?.text).toBe(
    `${number}: Dr Achieng Otieno, Kisumu County Hosp, asks to see LAB RESULTS, 7 days. Reply ${number} 1 to allow, ${number} 2 to refuse, ${number} 9 not me.`,
  )

  // No block until we say so: what has not been included must not be said, and must not open anything.
  await world.chain.setAutomine(false)
  await phone.types(`${number} 1`)
  await untilState(page, 'granting')
  await expect.poll(() => countPending(world)).toBe(1)
  expect(await phone.received(1)).toHaveLength(1)
  expect(await page.getByRole('button', { name: 'Open LAB RESULTS' }).count()).toBe(0)
  await world.chain.mine(1)
  await untilState(page, 'granted')
  expect(await isMarkedDocument(page)).toBe(true)
  expect((await phone.received(2))[1]?.text).toMatch(
    new RegExp(`^${number}: Dr Achieng Otieno is allowed to see LAB RESULTS until `),
  )

  // The look is in no block yet: the page does not come, and the server has nothing to show.
  let isOpen = false
  const opened = page
    .locator('[data-record]')
    .waitFor()
    .then(() => {
      isOpen = true
    })
  await page.getByRole('button', { name: 'Open LAB RESULTS' }).click({ noWaitAfter: true })
  await expect.poll(() => countPending(world)).toBe(1)
  const [look] = await village.app.actions.looks(doctor.id)
  if (!look) throw new Error('No look began.')
  expect(await village.app.actions.open(doctor.id, look.id, 0)).toEqual({ status: 'waiting' })
  expect(isOpen).toBe(false)
  await world.chain.mine(1)
  await opened
  await world.chain.setAutomine(true)

  const cholesterol = page.getByRole('row').filter({ hasText: 'Cholesterol' }).first()
  expect(await cholesterol.textContent()).toMatch(/\d+.*mg\/dL/)
  const shown = await page.locator('main').textContent()
  expect(shown).toContain(`You are looking at LAB RESULTS of ${patient.healthId}`)
  expect(shown).not.toMatch(/tablet|capsule|oral/i)
  const transactionHash = await page.locator('[data-transaction]').getAttribute('data-transaction')
  const logged = (await ledgerEvents(world)).filter(({ eventName }) => eventName === 'AccessLogged')
  expect(logged.map((event) => event.transactionHash)).toEqual([transactionHash])
  expect(shown).toContain(`block ${logged[0]?.blockNumber}`)

  // A second request that she has not answered: no button, and a form sent all the same is refused with the reason.
  await ask(page, patient.healthId, 'MEDICINES')
  await untilState(page, 'asked')
  await phone.received(3)
  expect(await page.getByRole('button', { name: /^Open/ }).count()).toBe(0)
  const token = await page.locator('input[name="_csrf"]').first().inputValue()
  const answer = await page.request.post(`${page.url()}/looks`, { form: { _csrf: token } })
  expect(answer.status()).toBe(403)
  expect(await answer.text()).toMatch(/You may not open this record now[\s\S]*has gone to the patient/)

  await village.settle()
  expect(await countEvents(world)).toEqual({
    AccessWriterChanged: 1,
    RequestOpened: 2,
    GrantOpened: 1,
    AccessLogged: 1,
  })
  const chain = (await rawLedgerEvents(world)).toLowerCase()
  for (const word of [patient.phone.slice(1), patient.phone.slice(4), patient.name, patient.healthId, 'LAB', 'MEDIC'])
    expect(chain).not.toContain(stringToHex(word).slice(2))
  expect(chain).not.toContain(patient.phone.slice(1))
})

test('a doctor whose computer runs no scripts asks, waits and opens the record all the same', async () => {
  await using village = await testVillage()
  const { world } = village
  const { doctor, patient } = firstOf(village)
  const { page } = await signIn(browser, world.serverUrl, doctor, { javaScriptEnabled: false })
  const phone = await openPhone(browser, world.phonePage.url, patient.phone)

  await ask(page, patient.healthId, 'LAB RESULTS')
  const [prompt] = await phone.received(1)
  const number = numberOf(prompt?.text)
  await phone.types(`${number} 1`)
  await phone.received(2)
  // The page asks again by itself.
  await untilState(page, 'granted')
  await page.getByRole('button', { name: 'Open LAB RESULTS' }).click()
  await page.locator('[data-record]').waitFor()
  expect(await page.getByRole('row').filter({ hasText: 'Cholesterol' }).count()).toBeGreaterThan(0)

  await phone.types(`REMOVE ${number}`)
  await phone.received(3)
  await page.reload()
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Access was removed by the patient')
  expect(await page.locator('main').textContent()).not.toContain('Cholesterol')
})
