import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { ask, signIn, untilState } from '../support/doctorsBrowser.ts'
import { countEvents, userOperations } from '../support/ledgerEvents.ts'
import { numberOf, openPhone } from '../support/patientsPhone.ts'
import { testVillage } from '../support/testVillage.ts'
import { firstOf } from '../support/villagers.ts'

const day = 24 * 60 * 60_000

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test('a yes that comes two days late is told that the request has ended, and opens nothing', async () => {
  await using village = await testVillage()
  const { world } = village
  const { doctor, patient } = firstOf(village)
  const { context, page } = await signIn(browser, world.serverUrl, doctor)
  const phone = await openPhone(browser, world.phonePage.url, patient.phone)
  await ask(page, patient.healthId, 'LAB RESULTS')
  await untilState(page, 'asked')
  const request = page.url()
  const number = numberOf((await phone.received(1))[0]?.text)
  await context.close()

  await village.advance(2 * day)
  await village.settle()
  const before = (await phone.received(1)).length
  await phone.types(`${number} 1`)
  await phone.received(before + 1)
  expect(await phone.newest()).toBe(`${number}: this request has ended. Nothing was changed.`)
  await village.settle()
  expect(await countEvents(world)).toEqual({ AccessWriterChanged: 1, RequestOpened: 1 })
  const later = await signIn(browser, world.serverUrl, doctor)
  await later.page.goto(request)
  await untilState(later.page, 'lapsed')
})

test('a yes that the provider delivers twice is one user operation and one confirmation', async () => {
  await using village = await testVillage()
  const { world } = village
  const { doctor, patient } = firstOf(village)
  const { page } = await signIn(browser, world.serverUrl, doctor)
  const phone = await openPhone(browser, world.phonePage.url, patient.phone)
  await ask(page, patient.healthId, 'LAB RESULTS')
  const number = numberOf((await phone.received(1))[0]?.text)
  await phone.deliversTwice()
  await expect
    .poll(() => world.phones.list().find(({ address }) => address === patient.phone)?.switches.duplicate)
    .toBe(true)
  await phone.types(`${number} 1`)
  await untilState(page, 'granted')
  await village.settle()

  const posted = world.twilio.webhooks().filter(({ kind }) => kind === 'inbound')
  expect(posted.map(({ status }) => status)).toEqual([200, 200])
  expect(new Set(posted.map(({ messageSid }) => messageSid)).size).toBe(1)
  const account = (await village.app.store.people.patient(patient.id))?.account
  expect(await userOperations(world, account)).toHaveLength(1)
  expect(await countEvents(world)).toEqual({ AccessWriterChanged: 1, RequestOpened: 1, GrantOpened: 1 })
  const texts = await phone.received(2)
  expect(texts).toHaveLength(2)
  expect(texts[1]?.text).toMatch(/is allowed to see LAB RESULTS until/)
})
