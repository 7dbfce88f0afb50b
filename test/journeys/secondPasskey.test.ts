import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { finishPasskey, passkeysOf, replacePasskey } from '../../src/cli/office.ts'
import { hour } from '../../src/core/people.ts'
import type { Hex } from '../../src/core/rows.ts'
import { addAuthenticator, callPasskeyModule } from '../support/authenticator.ts'
import { openBrowser } from '../support/browser.ts'
import { ask, signIn, signInWithPasskey, untilState } from '../support/doctorsBrowser.ts'
import { numberOf, openPhone } from '../support/patientsPhone.ts'
import { testVillage } from '../support/testVillage.ts'
import { firstOf, secondDoctor } from '../support/villagers.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test('a second passkey signs for a doctor until the first one says no, and then opens no page more', async () => {
  await using village = await testVillage()
  const { doctor, patient } = firstOf(village)
  const { page: first, account } = await signInWithPasskey(browser, village, doctor)
  const phone = await openPhone(browser, village.world.phonePage.url, patient.phone)
  const second = await makeAnother(village)
  expect(await second.locator('[data-kept]').evaluateAll(keptOf)).toEqual(['first', 'none'])
  await enterWithPasskey(second)
  expect(await headingOf(second)).toBe('This passkey does not sign for you')

  await first.goto('/passkey')
  await first.getByRole('button', { name: 'Let it sign too' }).click()
  expect(await headingOf(first)).toBe('Let this passkey sign for you too')
  await first.getByRole('button', { name: 'Sign with your passkey' }).click()
  await first.getByRole('heading', { name: 'Your passkey is ready' }).waitFor()
  await village.settle()
  await first.goto('/passkey')
  expect(await first.locator('[data-kept]').evaluateAll(keptOf)).toEqual(['first', 'second'])
  expect(await passkeysOf({ rpc: village.world.chain.url, doctorAccount: account })).toEqual([
    expect.stringMatching(/^first {5}0x\w{64},0x\w{64}$/),
    expect.stringMatching(/^second {4}0x/),
    'proposed  none',
  ])

  await enterWithPasskey(second)
  await ask(second, patient.healthId, 'LAB RESULTS')
  await second.getByRole('button', { name: 'Sign with your passkey' }).click()
  await untilState(second, 'asked')
  const [prompt] = await phone.received(1)
  await phone.types(`${numberOf(prompt?.text)} 1`)
  await untilState(second, 'granted')
  const request = second.url()
  await second.getByRole('button', { name: 'Open LAB RESULTS' }).click()
  await second.locator('[data-record]').waitFor()

  await first.getByRole('button', { name: 'Take the second passkey away' }).click()
  expect(await headingOf(first)).toBe('Take the second passkey away')
  await first.getByRole('button', { name: 'Sign with your passkey' }).click()
  await first.getByRole('heading', { name: 'Your passkey is ready' }).waitFor()
  await village.settle()
  // Its session lasts, and vouches for nothing.
  await second.goto(request)
  await second.getByRole('button', { name: 'Open LAB RESULTS' }).click()
  expect(await headingOf(second)).toBe('This passkey does not sign for you')
})

test('who has a password only signs nothing with a passkey made now, and lets no passkey of another doctor sign', async () => {
  await using village = await testVillage()
  const { actions, store } = village.app
  const { doctor } = firstOf(village)
  await signInWithPasskey(browser, village, doctor)
  const stranger = await makeAnother(village)
  const [, made] = await store.people.passkeysOf(doctor.id)
  const prepared = await actions.passkeys.prepareSecondPasskey(doctor.id, made?.credentialId ?? '')
  const task = prepared && (await actions.passkeys.signing(doctor.id, prepared.signingId))
  const asked = { challenge: task?.hash, rpId: task?.rpId, known: [made?.credentialId] }
  const answer = await callPasskeyModule(stranger, 'signWithPasskey', asked)
  expect(await actions.passkeys.sign(doctor.id, prepared?.signingId ?? '', answer)).toEqual({ refused: 'notVerified' })
  expect(task?.known).not.toContain(made?.credentialId)

  const other = secondDoctor(village)
  expect(await actions.passkeys.prepareSecondPasskey(other.id, made?.credentialId ?? '')).toBeNull()
  await signInWithPasskey(browser, village, other)
  expect(await actions.passkeys.prepareSecondPasskey(other.id, made?.credentialId ?? '')).toBeNull()
  await village.settle()
  expect(await store.operations.open(task?.account ?? '0x')).toEqual([])
})

test('a hospital puts a new passkey in place of a lost one, and a doctor who did not ask for that says no', async () => {
  await using village = await testVillage()
  const { doctor } = firstOf(village)
  const { page: hers, account } = await signInWithPasskey(browser, village, doctor)
  const found = await makeAnother(village)
  await found.getByText('Those that sign for you are lost').click()
  const line = (await found.locator('[data-point]').textContent()) ?? ''
  const { affiliationId } = (await village.app.store.people.passkeyAccount(doctor.id)) ?? {}
  // Not made yet: the account is, with the first operation.
  await ask(hers, village.people.patients[0]?.healthId ?? '', 'MEDICINES')
  await hers.getByRole('button', { name: 'Sign with your passkey' }).click()
  await untilState(hers, 'asked')

  const office = {
    rpc: village.world.chain.url,
    keyFile: join(village.world.env['DATA_FOLDER'] ?? '', 'keys', 'hospital'),
    doctorAccount: account,
  }
  const [qx, qy] = line.split(',') as [Hex, Hex]
  const propose = (affiliation = affiliationId ?? 0) =>
    replacePasskey({ ...office, affiliationId: affiliation, passkey: { qx, qy } })
  expect(await propose(1)).toEqual({ done: false, said: expect.stringContaining('NotHospitalOfDoctor') })
  expect(await propose()).toMatchObject({ done: true })
  expect(await finishPasskey(office)).toEqual({ done: false, said: expect.stringContaining('72 hours are not over') })

  await hers.goto('/')
  await hers.locator('[data-proposed]').getByRole('link').click()
  const proposed = hers.locator('[data-proposed]')
  expect(await proposed.textContent()).toContain('the passkey that you made')
  await proposed.getByRole('button', { name: 'Say no with your passkey' }).click()
  expect(await headingOf(hers)).toBe('Sign against the proposed passkey')
  await hers.getByRole('button', { name: 'Sign with your passkey' }).click()
  await hers.getByRole('heading', { name: 'Your passkey is ready' }).waitFor()
  await village.settle()
  await hers.goto('/passkey')
  expect(await proposed.count()).toBe(0)
  expect(await finishPasskey(office)).toEqual({ done: false, said: expect.stringContaining('RotationNotProposed') })

  expect(await propose()).toMatchObject({ done: true })
  await village.advance(72 * hour)
  expect(await finishPasskey(office)).toMatchObject({ done: true })
  await enterWithPasskey(hers)
  expect(await headingOf(hers)).toBe('This passkey does not sign for you')
  await enterWithPasskey(found)
  expect(await headingOf(found)).toBe('Ask a patient for access')
  await found.goto('/passkey')
  expect(await found.locator('[data-kept]').evaluateAll(keptOf)).toEqual(['none', 'first'])
})

/** On another computer: she comes in by password, and makes a passkey there. */
async function makeAnother(village: Village): Promise<Page> {
  const { page } = await signIn(browser, village.world.serverUrl, firstOf(village).doctor)
  await addAuthenticator(page)
  await page.goto('/passkey')
  await page.getByRole('button', { name: 'Make another passkey' }).click()
  await page.locator('[data-kept="none"]').waitFor()
  return page
}

/** Out, where she is in, and in again by the passkey of this computer. */
async function enterWithPasskey(page: Page): Promise<void> {
  await page.context().clearCookies()
  await page.goto('/sign-in')
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.waitForURL((url) => url.pathname !== '/sign-in')
}

function headingOf(page: Page): Promise<string | null> {
  return page.getByRole('heading', { level: 1 }).textContent()
}

function keptOf(elements: { getAttribute(name: string): string | null }[]): (string | null)[] {
  return elements.map((element) => element.getAttribute('data-kept'))
}
