import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { ask, signIn, untilState } from '../support/doctorsBrowser.ts'
import { countEvents } from '../support/ledgerEvents.ts'
import { numberOf, openPhone } from '../support/patientsPhone.ts'
import { testVillage } from '../support/testVillage.ts'
import { firstOf, secondDoctor } from '../support/villagers.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test('with two requests open a bare 1 or yes grants nothing, and a numbered yes opens that one alone', async () => {
  await using village = await testVillage()
  const { world } = village
  const { doctor, patient } = firstOf(village)
  const first = await signIn(browser, world.serverUrl, doctor)
  const second = await signIn(browser, world.serverUrl, secondDoctor(village))
  const phone = await openPhone(browser, world.phonePage.url, patient.phone)

  await ask(first.page, patient.healthId, 'LAB RESULTS')
  const firstNumber = numberOf((await phone.received(1))[0]?.text)
  await ask(second.page, patient.healthId, 'MEDICINES')
  const secondPrompt = (await phone.received(2))[1]?.text
  const secondNumber = numberOf(secondPrompt)
  expect(secondPrompt).toContain('Dr Peter Mwangi')
  expect(secondNumber).not.toBe(firstNumber)

  await phone.types('1')
  expect((await phone.received(3))[2]?.text).toBe(
    `Open requests: ${firstNumber}, ${secondNumber}. Nothing was allowed. Answer each with its number first, like ${firstNumber} 1 to allow or ${firstNumber} 2 to refuse.`,
  )
  await phone.types('yes')
  await village.settle()
  for (const { page } of [first, second]) await untilState(page, 'asked')
  expect((await countEvents(world))['GrantOpened']).toBeUndefined()

  await phone.types(`${secondNumber} 1`)
  await untilState(second.page, 'granted')
  await village.settle()
  await untilState(first.page, 'asked')
  expect(await countEvents(world)).toEqual({ AccessWriterChanged: 1, RequestOpened: 2, GrantOpened: 1 })
  expect(await phone.newest()).toMatch(
    new RegExp(`^${secondNumber}: Dr Peter Mwangi is allowed to see MEDICINES until `),
  )
})
