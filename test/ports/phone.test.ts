import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterEach, describe, expect, test } from 'vitest'
import { createPhones } from '../../local/phone/createPhones.ts'
import type { PhoneMessage, PhoneSummary } from '../../local/phone/phoneTypes.ts'
import { startPhonePage } from '../../local/phone/startPhonePage.ts'
import { createSchedule } from '../../local/twilio/schedule.ts'
import { measureSms, type SmsSize } from '../../local/twilio/smsSize.ts'
import { startTwilio } from '../../local/twilio/startTwilio.ts'
import type { WebhookLogEntry } from '../../local/twilio/webhooks.ts'
import { openBrowser } from '../support/browser.ts'

const accountSid = 'AC00000000000000000000000000000001'
const authToken = 'twilio_test_auth_token_32chars_xx'
const service = '+254711000100'
const achieng = '+254700000001'

const cleanUps: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** The simulator with a service behind it that accepts every webhook; time passes only when told. */
async function startSimulator() {
  let now = Date.UTC(2026, 10, 22, 8)
  const clock = () => now
  const schedule = createSchedule({ clock })
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/xml' })
      response.end('<Response/>')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const serviceUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const phones = createPhones({ clock, schedule })
  const standIn = await startTwilio({
    port: 0,
    accountSid,
    authToken,
    phoneNumber: service,
    inboundUrl: `${serviceUrl}/sms`,
    carrier: phones,
    clock,
    schedule,
  })
  const page = await startPhonePage({ port: 0, phones, twilio: standIn, title: 'Phones of <Kisumu>' })
  cleanUps.push(async () => {
    await page.stop()
    await standIn.stop()
    schedule.stop()
    await new Promise((resolve) => server.close(resolve))
  })
  async function ask<Body>(path: string, body?: unknown): Promise<{ status: number; body: Body }> {
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await fetch(page.url + path, body === undefined ? {} : post)
    return { status: response.status, body: (await response.json()) as Body }
  }
  return {
    ask,
    phones,
    standIn,
    url: page.url,
    /** The service texts a handset. */
    send: async (to: string, text: string) => {
      const response = await fetch(`${standIn.url}/2010-04-01/Accounts/${accountSid}/Messages.json`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}` },
        body: new URLSearchParams({ To: to, From: service, Body: text, StatusCallback: `${serviceUrl}/status` }),
      })
      expect(response.status).toBe(201)
    },
    pass: (ms: number) => {
      now += ms
      schedule.runDue()
    },
  }
}

const messagesOf = `/api/phones/${encodeURIComponent(achieng)}/messages`
const switchesOf = `/api/phones/${encodeURIComponent(achieng)}/switches`

describe("the simulator's API", () => {
  test('a handset is registered, sends a text and shows the answer', async () => {
    const { ask, send, standIn } = await startSimulator()
    const registered = await ask<PhoneSummary>('/api/phones', { address: achieng, name: 'Achieng' })
    expect(registered).toEqual({
      status: 201,
      body: {
        address: achieng,
        name: 'Achieng',
        switches: { signal: true, delayMs: 0, duplicate: false, channel: 'sms' },
        waiting: 0,
        lost: 0,
      },
    })
    expect((await ask<PhoneMessage>(messagesOf, { text: '47 1' })).body).toMatchObject({ state: 'sent' })
    await send(achieng, 'Dr Otieno can see LAB RESULTS.')
    await standIn.settle()
    expect((await ask<PhoneMessage[]>(messagesOf)).body).toEqual([
      {
        id: expect.any(String),
        direction: 'sent',
        text: '47 1',
        at: '2026-11-22T08:00:00.000Z',
        parts: 1,
        encoding: 'GSM-7',
        units: 4,
        limit: 160,
        state: 'sent',
      },
      expect.objectContaining({ direction: 'received', text: 'Dr Otieno can see LAB RESULTS.', state: 'delivered' }),
    ])
    const { body: webhooks } = await ask<WebhookLogEntry[]>('/api/webhooks')
    expect(webhooks.map((entry) => [entry.kind, entry.status])).toEqual([
      ['inbound', 200],
      ['status', 200],
      ['status', 200],
      ['status', 200],
    ])
  })

  test('a delay holds texts back in both directions', async () => {
    const { ask, send, phones, standIn, pass } = await startSimulator()
    phones.register({ address: achieng, name: 'Achieng' })
    await ask(switchesOf, { delayMs: 10_000 })
    await ask(messagesOf, { text: '47 1' })
    await send(achieng, 'Habari')
    await expect.poll(() => phones.list()[0]?.waiting).toBe(1)
    expect(phones.messages(achieng)).toMatchObject([{ text: '47 1', state: 'queued' }])
    pass(9_999)
    expect(phones.messages(achieng)).toHaveLength(1)
    pass(1)
    await standIn.settle()
    expect(phones.messages(achieng).map((message) => message.state)).toEqual(['sent', 'delivered'])
  })

  test('a text typed without a signal leaves when the signal is back', async () => {
    const { ask, phones, standIn, pass } = await startSimulator()
    phones.register({ address: achieng, name: 'Achieng' })
    await ask(switchesOf, { signal: false })
    expect((await ask<PhoneMessage>(messagesOf, { text: 'LOG' })).body.state).toBe('queued')
    await standIn.settle()
    expect(standIn.webhooks()).toEqual([])
    await ask(switchesOf, { signal: true })
    pass(0)
    await standIn.settle()
    expect(standIn.webhooks()).toMatchObject([{ fields: { Body: 'LOG' } }])
  })

  test('a signal that goes while a text is on its way keeps the text at the carrier', async () => {
    const { send, phones, standIn, pass } = await startSimulator()
    phones.register({ address: achieng, name: 'Achieng' })
    phones.setSwitches(achieng, { delayMs: 10_000 })
    await send(achieng, 'Habari')
    await expect.poll(() => phones.list()[0]?.waiting).toBe(1)
    phones.setSwitches(achieng, { signal: false })
    pass(60_000)
    await standIn.settle()
    expect(phones.messages(achieng)).toEqual([])
    phones.setSwitches(achieng, { signal: true, delayMs: 0 })
    pass(0)
    await standIn.settle()
    expect(phones.messages(achieng)).toHaveLength(1)
  })

  test('a text that the provider hands over twice arrives once', async () => {
    const { phones } = await startSimulator()
    phones.register({ address: achieng, name: 'Achieng' })
    const message = { id: 'SM1', from: service, to: achieng, text: 'Habari', validityMs: 60_000 }
    expect(await phones.deliver(message)).toEqual({ state: 'delivered' })
    expect(await phones.deliver(message)).toEqual({ state: 'delivered' })
    expect(phones.messages(achieng)).toHaveLength(1)
  })

  test('nonsense is refused in words that hold no number', async () => {
    const { ask, phones } = await startSimulator()
    phones.register({ address: achieng, name: 'Achieng' })
    expect((await ask<{ error: string }>('/api/phones', { address: '0700000001', name: 'A' })).status).toBe(400)
    expect((await ask(messagesOf, { text: '' })).status).toBe(400)
    expect((await ask(messagesOf, { text: 'x'.repeat(1_601) })).status).toBe(400)
    expect((await ask(switchesOf, { delayMs: -1 })).status).toBe(400)
    expect((await ask(switchesOf, { channel: 'whatsapp' })).status).toBe(400)
    const unknown = await ask<{ error: string }>('/api/phones/+254700000009/messages')
    expect(unknown).toEqual({
      status: 404,
      body: { error: 'No handset has this address. Do: register it with POST /api/phones.' },
    })
  })

  test('a form on another site can not make a handset speak', async () => {
    const { url, phones } = await startSimulator()
    phones.register({ address: achieng, name: 'Achieng' })
    const post = (type: string) =>
      fetch(url + messagesOf, { method: 'POST', headers: { 'content-type': type }, body: '{"text":"47 1"}' })
    expect((await post('text/plain')).status).toBe(415)
    expect((await post('application/x-www-form-urlencoded')).status).toBe(415)
    expect(phones.messages(achieng)).toEqual([])
  })
})

test('the size shown while typing is the size that is billed', async () => {
  const href = new URL('../../local/phone/assets/smsSize.js', import.meta.url).href
  const { smsSize }: { smsSize: (text: string) => SmsSize } = await import(href)
  const texts = [
    '',
    '47 1',
    'a'.repeat(160),
    'a'.repeat(161),
    `${'a'.repeat(152)}€${'a'.repeat(20)}`,
    '^{}\\[~]|€'.repeat(18),
  ]
  texts.push(
    'ũ'.repeat(70),
    'ũ'.repeat(71),
    `${'ũ'.repeat(66)}👍${'ũ'.repeat(10)}`,
    'é\n'.repeat(60),
    'Ọmọ wa dára'.repeat(9),
  )
  for (const text of texts) expect(smsSize(text)).toEqual(measureSms(text))
})

describe('the page, in Chromium', () => {
  async function openPage(url: string): Promise<Page> {
    const browser = await openBrowser()
    cleanUps.push(() => browser.close())
    const page = await browser.newPage({ viewport: { width: 360, height: 800 } })
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    cleanUps.push(async () => expect(complaints).toEqual([]))
    await page.goto(url)
    await page.waitForSelector('[data-connection="live"]')
    return page
  }

  test('a patient answers on the keys, and both texts are on the screen', { timeout: 30_000 }, async () => {
    const { url, send, phones, standIn } = await startSimulator()
    for (const digit of [1, 2, 3, 4, 5]) phones.register({ address: `+25470000000${digit}`, name: `Patient ${digit}` })
    const page = await openPage(url)
    expect(await page.title()).toBe('Phones of <Kisumu>')
    expect(await page.locator('.phone').count()).toBe(4)
    expect(await page.locator('[data-more]').textContent()).toBe('1 more phone answers to the API alone.')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)

    const phone = page.locator(`[data-phone="${achieng}"]`)
    await send(achieng, 'Allow: 47 1. Refuse: 47 2. <b>')
    await phone.locator('[data-message][data-direction="received"]').waitFor()
    expect(await phone.locator('.bubble').textContent()).toBe('Allow: 47 1. Refuse: 47 2. <b>')
    for (const key of ['4', '7', '*', '1']) await phone.locator(`[data-key="${key}"]`).click()
    await phone.getByRole('button', { name: 'Send' }).click()
    const sent = phone.locator('[data-message][data-direction="sent"]')
    await sent.waitFor()
    expect(await sent.locator('.bubble').textContent()).toBe('47 1')
    expect(await sent.locator('.meta').textContent()).toContain('1 part · 4/160 GSM-7')

    await phone.getByLabel('No signal').check()
    await phone.locator('text=No signal').first().waitFor()
    await phone.locator('textarea[name="text"]').fill('LOG')
    await phone.locator('textarea[name="text"]').press('Enter')
    await phone.locator('[data-state="queued"]').waitFor()
    await phone.getByLabel('No signal').uncheck()
    await expect.poll(() => phone.locator('[data-state="queued"]').count()).toBe(0)
    await standIn.settle()

    await page.getByText('Webhooks really sent').click()
    await expect.poll(() => page.locator('[data-webhook]').count()).toBe(5)
    await page.locator('[data-webhook] summary').first().click()
    expect(await page.locator('[data-webhook] dl').first().textContent()).toContain('X-Twilio-Signature')
  })

  test('letters are typed with several taps', { timeout: 30_000 }, async () => {
    const { url, phones } = await startSimulator()
    phones.register({ address: achieng, name: 'Achieng' })
    const page = await openPage(url)
    const phone = page.locator(`[data-phone="${achieng}"]`)
    // # once: letters. "who" is 9, 44, 666; all taps in one go, so that no pause ends a letter.
    await page.evaluate(`for (const key of '#9446660') document.querySelector('[data-key="' + key + '"]').click()`)
    expect(await phone.locator('textarea[name="text"]').inputValue()).toBe('who ')
    await phone.getByRole('button', { name: 'Clear' }).click()
    expect(await phone.locator('textarea[name="text"]').inputValue()).toBe('who')
  })
})
