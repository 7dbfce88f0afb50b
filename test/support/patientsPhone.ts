import type { Browser, Page } from 'playwright-core'

/** A phone in the simulator's page, read and typed on as a person does. */
export type PatientsPhone = {
  page: Page
  /** Types a text into the phone's box and sends it. */
  types(text: string): Promise<void>
  /** What the patient got, oldest first, waited for until there are that many. */
  received(count: number): Promise<{ text: string; size: string }[]>
  /** The newest text she got. */
  newest(): Promise<string>
  deliversTwice(): Promise<void>
}

export async function openPhone(browser: Browser, phonesUrl: string, address: string): Promise<PatientsPhone> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 } })
  const page = await context.newPage()
  await page.goto(phonesUrl)
  const phone = page.locator(`[data-phone="${address}"]`)
  await phone.waitFor()
  const received = phone.locator('[data-message][data-direction="received"]')
  return {
    page,
    async types(text) {
      const box = phone.getByRole('textbox')
      await box.fill(text)
      await box.press('Enter')
      await phone.locator('[data-direction="sent"][data-state="sent"]', { hasText: text }).last().waitFor()
    },
    async received(count) {
      await received.nth(count - 1).waitFor()
      return Promise.all(
        (await received.all()).map(async (message) => ({
          text: (await message.locator('[data-text]').textContent()) ?? '',
          size: (await message.locator('[data-size]').textContent()) ?? '',
        })),
      )
    },
    newest: async () => (await received.last().locator('[data-text]').textContent()) ?? '',
    async deliversTwice() {
      await phone.getByLabel('Deliver twice').check()
    },
  }
}

/** The number that a prompt begins with. */
export function numberOf(prompt: string | undefined): string {
  const number = /^(\d{2,}): /.exec(prompt ?? '')?.[1]
  if (number === undefined) throw new Error('The text is no prompt.')
  return number
}
