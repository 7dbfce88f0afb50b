import type { Browser, BrowserContext, Page } from 'playwright-core'
import { addDoctor } from '../../local/addDoctor.ts'
import { officeOf, type SeededDoctor } from '../../local/seed.ts'
import type { Village } from '../../local/village.ts'
import type { Hex } from '../../src/core/rows.ts'
import { addAuthenticator } from './authenticator.ts'

const pageTimeoutMs = 20_000

/** A doctor's own browser, signed in with what the village printed. */
export async function signIn(
  browser: Browser,
  portalUrl: string,
  { login, password }: SeededDoctor,
  options: { javaScriptEnabled?: boolean } = {},
): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ ...options, baseURL: portalUrl })
  context.setDefaultTimeout(pageTimeoutMs)
  const page = await context.newPage()
  await passTheDoor(page, { login, password })
  return { context, page }
}

/** Fills the sign-in page. */
export async function passTheDoor(page: Page, { login, password }: Pick<SeededDoctor, 'login' | 'password'>) {
  await page.goto('/sign-in')
  await page.getByLabel('Login name').fill(login)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('heading', { name: 'Ask a patient for access' }).waitFor()
}

/** Fills the form as a doctor does, for treatment and 7 days, and sends it. */
export async function ask(page: Page, healthId: string, what: string): Promise<void> {
  await page.goto('/')
  await page.getByLabel('Health ID of the patient').fill(healthId)
  await page.getByRole('radio', { name: what, exact: true }).check()
  await page.getByLabel('What for?').selectOption({ label: 'Treatment' })
  await page.getByLabel('For how long?').selectOption({ label: '7 days' })
  await page.getByRole('button', { name: 'Ask the patient' }).click()
}

/** The state that the page of one request shows, waited for. */
export async function untilState(page: Page, state: string): Promise<void> {
  await page.locator(`[data-headline][data-state="${state}"]`).waitFor()
}

/** Marks the document on the screen. A reload would lose the mark. */
export async function markDocument(page: Page): Promise<void> {
  await page.evaluate('document.documentElement.dataset.marked = "yes"')
}

export async function isMarkedDocument(page: Page): Promise<boolean> {
  return (await page.evaluate('document.documentElement.dataset.marked')) === 'yes'
}

/** Makes a passkey on the page for it, has the hospital add its account, and signs in with it. */
export async function signInWithPasskey(
  browser: Browser,
  village: Village,
  doctor: SeededDoctor,
): Promise<{ page: Page; account: Hex }> {
  const { page } = await signIn(browser, village.world.serverUrl, doctor)
  await addAuthenticator(page)
  await page.goto('/passkey')
  await page.getByRole('button', { name: 'Make a passkey' }).click()
  const account = (await page.locator('[data-account]').textContent()) as Hex
  // Before the hospital's word there is no way in with it.
  const { credential } = await addDoctor(officeOf(village.world), account)
  await page.getByLabel("Your hospital's confirmation").fill(credential)
  await page.getByRole('button', { name: 'Check the confirmation' }).click()
  await page.getByRole('heading', { name: 'Your passkey is ready' }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByRole('heading', { name: 'Ask a patient for access' }).waitFor()
  return { page, account }
}
