import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import twilio from 'twilio'
import { afterEach, describe, expect, test } from 'vitest'
import { createPhones } from '../../local/phone/createPhones.ts'
import { readConnectionOverrides } from '../../local/twilio/connectionOverrides.ts'
import type { MessageResource } from '../../local/twilio/message.ts'
import { createSchedule } from '../../local/twilio/schedule.ts'
import { startTwilio, type TwilioOptions } from '../../local/twilio/startTwilio.ts'
import { readTwiml } from '../../local/twilio/twiml.ts'

const accountSid = 'AC00000000000000000000000000000001'
const authToken = 'twilio_test_auth_token_32chars_xx'
const service = '+254711000100'
const achieng = '+254700000001'
const baraka = '+254700000002'
const noBody = '<Response/>'

const cleanUps: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

type Post = { path: string; headers: IncomingHttpHeaders; fields: Record<string, string>; body: string }

/** A service that keeps every webhook and answers as told, 200 with an empty Response otherwise. */
async function startService() {
  const posts: Post[] = []
  const answers: Array<{ status: number; body?: string }> = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const fields = Object.fromEntries(new URLSearchParams(body))
      posts.push({ path: request.url ?? '', headers: request.headers, fields, body })
      const answer = request.url?.startsWith('/sms') ? answers.shift() : undefined
      response.writeHead(answer?.status ?? 200, { 'content-type': 'text/xml' })
      response.end(answer?.body ?? noBody)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const stop = () => new Promise((resolve) => server.close(resolve))
  cleanUps.push(stop)
  return {
    url,
    posts,
    answers,
    stop,
    texts: () => posts.filter((post) => post.path.startsWith('/sms')),
    statuses: () => posts.filter((post) => post.path.startsWith('/status')),
  }
}

/** Sends the SDK's requests to the stand-in, as the service does by configuration. */
class RedirectedClient extends twilio.RequestClient {
  readonly #base: string
  constructor(base: string) {
    super()
    this.#base = base
  }
  override request<Data>(options: Parameters<InstanceType<typeof twilio.RequestClient>['request']>[0]) {
    return super.request<Data>({ ...options, uri: options.uri.replace('https://api.twilio.com', this.#base) } as never)
  }
}

/** The network, the provider, the service and the SDK; hours pass only when told, seconds at once. */
async function startWorld(options: Partial<TwilioOptions> & { folder?: string; overrides?: string } = {}) {
  const { folder, overrides = '', ...rest } = options
  let now = Date.UTC(2026, 10, 22, 8)
  const clock = () => now
  const schedule = createSchedule({ clock, eagerWithinMs: 60_000 })
  const app = await startService()
  const inFolder = (name: string) => (folder === undefined ? {} : { stateFile: join(folder, name) })
  const phones = createPhones({ clock, schedule, ...inFolder('phones.json') })
  const standIn = await startTwilio({
    port: 0,
    accountSid,
    authToken,
    phoneNumber: service,
    inboundUrl: `${app.url}/sms${overrides}`,
    carrier: phones,
    clock,
    schedule,
    ...inFolder('twilio.json'),
    ...rest,
  })
  phones.register({ address: achieng, name: 'Achieng' })
  phones.register({ address: baraka, name: 'Baraka' })
  const stop = async () => {
    await standIn.stop()
    phones.stop()
    schedule.stop()
  }
  cleanUps.push(stop)
  return {
    app,
    phones,
    standIn,
    stop,
    client: twilio(accountSid, authToken, { httpClient: new RedirectedClient(standIn.url) }),
    statusCallback: `${app.url}/status?from=provider`,
    pass: (ms: number) => {
      now += ms
      schedule.runDue()
    },
  }
}

const makeFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'twilio-'))
  cleanUps.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const codeOf = (sending: Promise<unknown>) =>
  sending.then(
    () => 'accepted',
    (error: unknown) => (error instanceof twilio.RestException ? [error.status, error.code] : error),
  )

describe('the REST API, through the real SDK', () => {
  test('a text is queued, then sent, then on the handset', async () => {
    const { client, standIn, phones } = await startWorld()
    const created = await client.messages.create({ to: achieng, from: service, body: 'Habari' })
    expect(created).toMatchObject({
      status: 'queued',
      direction: 'outbound-api',
      numSegments: '1',
      numMedia: '0',
      price: null,
      priceUnit: 'USD',
      errorCode: null,
      apiVersion: '2010-04-01',
      dateSent: null,
      dateCreated: new Date('2026-11-22T08:00:00Z'),
    })
    expect(created.sid).toMatch(/^SM[0-9a-f]{32}$/)
    await standIn.settle()
    expect(await client.messages(created.sid).fetch()).toMatchObject({ status: 'delivered', body: 'Habari' })
    expect(phones.messages(achieng)).toMatchObject([{ direction: 'received', text: 'Habari', state: 'delivered' }])
  })

  test('a text through the messaging service gets its sender later', async () => {
    const messagingServiceSid = 'MG00000000000000000000000000000001'
    const { client, standIn } = await startWorld({ messagingServiceSid })
    const created = await client.messages.create({ to: achieng, messagingServiceSid, body: 'Habari' })
    expect(created).toMatchObject({ status: 'accepted', from: null, numSegments: '0', messagingServiceSid })
    await standIn.settle()
    expect(await client.messages(created.sid).fetch()).toMatchObject({ from: service, numSegments: '1' })
  })

  test('a list is filtered by numbers and time, newest first, page by page', async () => {
    const { client, standIn, pass } = await startWorld()
    for (let hour = 0; hour < 5; hour += 1) {
      await client.messages.create({ to: hour === 2 ? baraka : achieng, from: service, body: `Text ${hour}` })
      await standIn.settle()
      pass(3_600_000)
    }
    const bodies = async (filter: Parameters<typeof client.messages.list>[0]) =>
      (await client.messages.list(filter)).map((message) => message.body)
    expect(await bodies({ pageSize: 2 })).toEqual(['Text 4', 'Text 3', 'Text 2', 'Text 1', 'Text 0'])
    expect(await bodies({ to: baraka })).toEqual(['Text 2'])
    expect(await bodies({ from: achieng })).toEqual([])
    expect(await bodies({ dateSentAfter: new Date('2026-11-22T10:00:00Z') })).toEqual(['Text 4', 'Text 3', 'Text 2'])
    expect(await bodies({ dateSentBefore: new Date('2026-11-22T09:00:00Z') })).toEqual(['Text 1', 'Text 0'])
    expect(await bodies({ dateSent: new Date('2026-11-22T10:00:00Z') })).toEqual(['Text 2'])

    const first = await client.messages.page({ pageSize: 2 })
    // A text that arrives between two pages repeats nothing.
    standIn.inbound(achieng, 'WHO')
    const second = await first.nextPage()
    expect(second?.instances.map((message) => message.body)).toEqual(['Text 2', 'Text 1'])
  })

  test('a finished text can be blanked and deleted, one on its way can not', async () => {
    const { client, standIn, phones } = await startWorld()
    phones.setSwitches(achieng, { signal: false })
    const { sid } = await client.messages.create({ to: achieng, from: service, body: 'Code 4711' })
    expect(await codeOf(client.messages(sid).update({ body: '' }))).toEqual([409, 20009])
    expect(await codeOf(client.messages(sid).remove())).toEqual([409, 20009])
    expect(await codeOf(client.messages(sid).update({ status: 'canceled' }))).toEqual([409, 30409])
    phones.setSwitches(achieng, { signal: true })
    await standIn.settle()
    expect(await client.messages(sid).update({ body: '' })).toMatchObject({ body: '', status: 'delivered' })
    expect(await client.messages(sid).remove()).toBe(true)
    expect(await codeOf(client.messages(sid).fetch())).toEqual([404, 20404])
  })

  test('a text that came in can be deleted at the provider at once', async () => {
    const { client, standIn } = await startWorld()
    const sid = standIn.inbound(achieng, '4711')
    expect(await client.messages(sid).remove()).toBe(true)
  })

  test.for([
    ['a number that is none', { to: '12345', from: service, body: 'x' }, [400, 21211]],
    ['no text', { to: achieng, from: service }, [400, 21602]],
    ['no recipient', { to: '', from: service, body: 'x' }, [400, 21604]],
    ['no sender', { to: achieng, body: 'x' }, [400, 21603]],
    ["someone else's number", { to: achieng, from: '+14155550100', body: 'x' }, [400, 21606]],
    ['the service itself as recipient', { to: service, from: service, body: 'x' }, [400, 21266]],
    ['a callback that is no URL', { to: achieng, from: service, body: 'x', statusCallback: 'here' }, [400, 21609]],
    ['a text of 1,601 characters', { to: achieng, from: service, body: 'x'.repeat(1_601) }, [400, 21617]],
    ['what is not modelled', { to: achieng, from: service, body: 'x', sendAt: new Date(0) }, [400, 20001]],
  ] as const)('%s is refused as Twilio refuses it', async ([, message, code]) => {
    const { client } = await startWorld()
    expect(await codeOf(client.messages.create({ ...message }))).toEqual(code)
  })

  test('a wrong token is refused, and no message of an error holds a whole number', async () => {
    const { client, standIn } = await startWorld()
    const stranger = twilio(accountSid, 'x'.repeat(32), { httpClient: new RedirectedClient(standIn.url) })
    expect(await codeOf(stranger.messages.list())).toEqual([401, 20003])
    const error = await client.messages.create({ to: '+25470000000199999', from: service, body: 'x' }).catch((e) => e)
    expect(error.message).toBe("Invalid 'To' Phone Number: +2547000000019XXXX")
    expect(error.moreInfo).toBe('https://www.twilio.com/docs/errors/21211')
  })

  test.for([
    ['160 plain letters', 'a'.repeat(160), '1'],
    ['161 plain letters', 'a'.repeat(161), '2'],
    ['a euro sign on the edge', `${'a'.repeat(159)}€`, '2'],
    ['307 plain letters', 'a'.repeat(307), '3'],
    ['70 letters, one of them accented beyond GSM-7', `${'a'.repeat(69)}ũ`, '1'],
    ['71 letters, one of them accented beyond GSM-7', `${'a'.repeat(70)}ũ`, '2'],
    ['accents that GSM-7 knows', 'é'.repeat(160), '1'],
  ] as const)('%s: counted in parts', async ([, body, parts]) => {
    const { client } = await startWorld()
    expect((await client.messages.create({ to: achieng, from: service, body })).numSegments).toBe(parts)
  })
})

describe("answers conform to Twilio's own description", () => {
  type Schema = {
    $ref?: string
    type?: string
    nullable?: boolean
    format?: string
    pattern?: string
    minLength?: number
    maxLength?: number
    enum?: string[]
    items?: Schema
    properties?: Record<string, Schema>
  }
  const formats: Record<string, (text: string) => boolean> = {
    'date-time-rfc-2822': (text) => /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/.test(text),
    'phone-number': (text) => /^\+\d{7,15}$/.test(text),
    currency: (text) => /^[A-Z]{3}$/.test(text),
    uri: (text) => URL.canParse(text, 'https://api.twilio.com'),
  }

  /** Lists where a value leaves the schema; a name the schema lacks or the value lacks counts too. */
  function check(schemas: Record<string, Schema>, schema: Schema, value: unknown, path = '$'): string[] {
    if (schema.$ref !== undefined) {
      const name = schema.$ref.split('/').at(-1) ?? ''
      return check(schemas, schemas[name] ?? { type: 'never' }, value, path)
    }
    if (value === null) return schema.nullable ? [] : [`${path} is null`]
    const type = Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value
    if (type !== schema.type) return [`${path} is ${type}, not ${schema.type}`]
    const problems: string[] = []
    if (typeof value === 'string') {
      const isFormat = formats[schema.format ?? ''] ?? (() => true)
      if (schema.enum && !schema.enum.includes(value)) problems.push(`${path} is none of the values`)
      if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value)) problems.push(`${path}: pattern`)
      if (value.length < (schema.minLength ?? 0)) problems.push(`${path} is too short`)
      if (value.length > (schema.maxLength ?? Number.POSITIVE_INFINITY)) problems.push(`${path} is too long`)
      if (!isFormat(value)) problems.push(`${path} is no ${schema.format}`)
    }
    if (Array.isArray(value) && schema.items) {
      const { items } = schema
      problems.push(...value.flatMap((item, index) => check(schemas, items, item, `${path}[${index}]`)))
    }
    if (type === 'object' && schema.properties) {
      const known = Object.entries(schema.properties)
      const fields = value as Record<string, unknown>
      const extra = Object.keys(fields).filter((name) => !(name in (schema.properties ?? {})))
      problems.push(...extra.map((name) => `${path}.${name} is unknown`))
      for (const [name, inner] of known) {
        if (name in fields) problems.push(...check(schemas, inner, fields[name], `${path}.${name}`))
        else problems.push(`${path}.${name} is missing`)
      }
    }
    return problems
  }

  test('a message, a list and each state of a message', async () => {
    const fixture = new URL('../fixtures/twilio/messages.openapi.json', import.meta.url)
    const { components } = JSON.parse(await readFile(fixture, 'utf8')) as {
      components: { schemas: Record<string, Schema> }
    }
    const { schemas } = components
    const ofMessage = { $ref: '#/api.v2010.account.message' }
    const ofList = { $ref: '#/ListMessageResponse' }
    const { standIn, phones, pass } = await startWorld()
    const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`
    const path = `/2010-04-01/Accounts/${accountSid}/Messages.json`
    const ask = async (uri: string, form?: Record<string, string>) => {
      const post = form && { method: 'POST', body: new URLSearchParams(form) }
      const response = await fetch(standIn.url + uri, { headers: { authorization }, ...post })
      type Body = { messages: MessageResource[]; next_page_uri: string; media_list: unknown[] }
      return { status: response.status, body: (await response.json()) as Body }
    }

    phones.setSwitches(baraka, { signal: false })
    for (const to of [achieng, baraka, '+254700000009']) {
      const created = await ask(path, { To: to, From: service, Body: 'Habari' })
      expect(created.status).toBe(201)
      expect(check(schemas, ofMessage, created.body)).toEqual([])
    }
    standIn.inbound(achieng, 'HELP')
    await standIn.settle()
    pass(4 * 3_600_000)
    await standIn.settle()

    const list = await ask(`${path}?PageSize=2`)
    expect(check(schemas, ofList, list.body)).toEqual([])
    const next = await ask(list.body.next_page_uri)
    expect(check(schemas, ofList, next.body)).toEqual([])
    const all = [...list.body.messages, ...next.body.messages, ...(await ask(next.body.next_page_uri)).body.messages]
    expect(all.map((message) => [message.direction, message.status, message.error_code])).toEqual([
      ['outbound-reply', 'delivered', null],
      ['inbound', 'received', null],
      ['outbound-api', 'undelivered', 30005],
      ['outbound-api', 'undelivered', 30003],
      ['outbound-api', 'delivered', null],
    ])
    for (const message of all) {
      expect(check(schemas, ofMessage, (await ask(message.uri)).body)).toEqual([])
      expect((await ask(message.subresource_uris.media)).body.media_list).toEqual([])
    }
    expect(check(schemas, ofMessage, { ...all[0], status: 'lost', date_created: 'today', surplus: 1 })).toEqual([
      '$.surplus is unknown',
      '$.status is none of the values',
      '$.date_created is no date-time-rfc-2822',
    ])
  })
})

describe('status callbacks', () => {
  test('tell queued, sent and delivered in this order, each signed', async () => {
    const { client, standIn, app, statusCallback } = await startWorld()
    const { sid } = await client.messages.create({ to: achieng, from: service, body: 'Habari', statusCallback })
    await standIn.settle()
    expect(app.statuses().map((post) => post.fields['MessageStatus'])).toEqual(['queued', 'sent', 'delivered'])
    for (const post of app.statuses()) {
      const signature = String(post.headers['x-twilio-signature'])
      expect(twilio.validateRequest(authToken, signature, statusCallback, post.fields)).toBe(true)
    }
    expect(app.statuses()[2]?.fields).toEqual({
      SmsSid: sid,
      SmsStatus: 'delivered',
      MessageStatus: 'delivered',
      RawDlrDoneDate: '2611220800',
      To: achieng,
      MessageSid: sid,
      AccountSid: accountSid,
      From: service,
      ApiVersion: '2010-04-01',
    })
  })

  test('tell 30005 for a number that no handset has', async () => {
    const { client, standIn, app, statusCallback } = await startWorld()
    await client.messages.create({ to: '+254700000009', from: service, body: 'Habari', statusCallback })
    await standIn.settle()
    expect(app.statuses().at(-1)?.fields).toMatchObject({ MessageStatus: 'undelivered', ErrorCode: '30005' })
  })

  test('a handset without signal gets its text when the signal is back', async () => {
    const { client, standIn, app, phones, statusCallback } = await startWorld()
    phones.setSwitches(achieng, { signal: false })
    const { sid } = await client.messages.create({ to: achieng, from: service, body: 'Habari', statusCallback })
    await standIn.settle()
    expect(phones.messages(achieng)).toEqual([])
    expect((await client.messages(sid).fetch()).status).toBe('sent')
    phones.setSwitches(achieng, { signal: true })
    await standIn.settle()
    expect(phones.messages(achieng)).toHaveLength(1)
    expect(app.statuses().map((post) => post.fields['MessageStatus'])).toEqual(['queued', 'sent', 'delivered'])
  })

  test('after four hours without signal the text is given up with 30003', async () => {
    const { client, standIn, app, phones, pass, statusCallback } = await startWorld()
    phones.setSwitches(achieng, { signal: false })
    await client.messages.create({ to: achieng, from: service, body: 'Habari', statusCallback })
    await standIn.settle()
    pass(4 * 3_600_000 - 120_000)
    await standIn.settle()
    expect(app.statuses().at(-1)?.fields['MessageStatus']).toBe('sent')
    pass(120_000)
    await standIn.settle()
    expect(app.statuses().at(-1)?.fields).toMatchObject({ MessageStatus: 'undelivered', ErrorCode: '30003' })
    phones.setSwitches(achieng, { signal: true })
    await standIn.settle()
    expect(phones.messages(achieng)).toEqual([])
    expect(phones.list()[0]).toMatchObject({ waiting: 0, lost: 1 })
  })

  test('a shorter validity period is kept', async () => {
    const { client, standIn, app, phones, pass, statusCallback } = await startWorld()
    phones.setSwitches(achieng, { signal: false })
    const text = { to: achieng, from: service, body: 'Habari', statusCallback, validityPeriod: 600 }
    await client.messages.create(text)
    await standIn.settle()
    pass(600_000)
    await standIn.settle()
    expect(app.statuses().at(-1)?.fields['ErrorCode']).toBe('30003')
  })
})

describe('texts from the handset', () => {
  test('arrive as a signed webhook with the fields and the headers of the provider', async () => {
    const { standIn, app, phones } = await startWorld({ overrides: '#rc=3&rp=ct,rt,5xx' })
    phones.text(achieng, '47 1')
    await standIn.settle()
    const [post] = app.texts()
    const sid = post?.fields['MessageSid'] ?? ''
    expect(post?.body).toBe(
      `ToCountry=KE&ToState=&SmsMessageSid=${sid}&NumMedia=0&ToCity=&FromZip=&SmsSid=${sid}&FromState=` +
        `&SmsStatus=received&FromCity=&Body=47+1&FromCountry=KE&To=%2B254711000100&ToZip=&NumSegments=1` +
        `&MessageSid=${sid}&AccountSid=${accountSid}&From=%2B254700000001&ApiVersion=2010-04-01`,
    )
    expect(post?.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
      'user-agent': 'TwilioProxy/1.1',
      'i-twilio-idempotency-token': expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    const signature = String(post?.headers['x-twilio-signature'])
    // Signed without the fragment, which never leaves the provider.
    expect(twilio.validateRequest(authToken, signature, `${app.url}/sms`, post?.fields ?? {})).toBe(true)
    expect(standIn.webhooks()).toMatchObject([{ kind: 'inbound', status: 200, attempt: 1, signature, messageSid: sid }])
  })

  test('are posted again after 503, with the same MessageSid', async () => {
    const { standIn, app, phones } = await startWorld({ overrides: '#rc=3&rp=ct,rt,5xx' })
    app.answers.push({ status: 503 }, { status: 503 })
    phones.text(achieng, '47 1')
    await standIn.settle()
    expect(standIn.webhooks().map((entry) => [entry.status, entry.attempt])).toEqual([
      [503, 1],
      [503, 2],
      [200, 3],
    ])
    expect(new Set(app.texts().map((post) => post.fields['MessageSid'])).size).toBe(1)
    expect(new Set(app.texts().map((post) => post.headers['i-twilio-idempotency-token'])).size).toBe(1)
  })

  test('are not posted again after 503 unless the URL asks for it', async () => {
    const { standIn, app, phones } = await startWorld()
    app.answers.push({ status: 503 })
    phones.text(achieng, '47 1')
    await standIn.settle()
    expect(app.texts()).toHaveLength(1)
  })

  test('are tried once more when the service is down, then go to the fallback URL', async () => {
    const { standIn, app, phones } = await startWorld({ fallbackUrl: 'http://127.0.0.1:1/fallback' })
    await app.stop()
    phones.text(achieng, '47 1')
    await standIn.settle()
    expect(standIn.webhooks().map((entry) => [new URL(entry.url).pathname, entry.error, entry.attempt])).toEqual([
      ['/sms', 'ECONNREFUSED', 1],
      ['/sms', 'ECONNREFUSED', 2],
      ['/fallback', 'ECONNREFUSED', 1],
      ['/fallback', 'ECONNREFUSED', 2],
    ])
    expect(standIn.webhooks().at(-1)?.fields).toMatchObject({ ErrorCode: '11205', ErrorUrl: `${app.url}/sms` })
  })

  test('are posted twice with one MessageSid when the handset delivers twice', async () => {
    const { standIn, app, phones } = await startWorld()
    phones.setSwitches(achieng, { duplicate: true })
    phones.text(achieng, '47 1')
    await standIn.settle()
    expect(app.texts()).toHaveLength(2)
    expect(app.texts()[0]?.body).toBe(app.texts()[1]?.body)
  })

  test('are answered with the texts of the TwiML', async () => {
    const { standIn, app, phones } = await startWorld()
    app.answers.push({ status: 200, body: '<Response><Message>Asante &amp; kwaheri</Message></Response>' })
    phones.text(achieng, '47 1')
    await standIn.settle()
    expect(phones.messages(achieng).map((message) => message.text)).toEqual(['47 1', 'Asante & kwaheri'])
  })
})

describe('words that the provider keeps for itself', () => {
  test('STOP ends all texts, START brings them back', async () => {
    const { client, standIn, app, phones } = await startWorld()
    const send = () => codeOf(client.messages.create({ to: achieng, from: service, body: 'Habari' }))
    phones.text(achieng, ' stop ')
    await standIn.settle()
    expect(app.texts()[0]?.fields).toMatchObject({ Body: ' stop ', OptOutType: 'STOP' })
    expect(phones.messages(achieng).at(-1)?.text).toMatch(/^You have successfully been unsubscribed/)
    expect(await send()).toEqual([400, 21610])
    phones.text(achieng, 'START')
    await standIn.settle()
    expect(app.texts()[1]?.fields['OptOutType']).toBe('START')
    expect(phones.messages(achieng).at(-1)?.text).toMatch(/^You have successfully been re-subscribed/)
    expect(await send()).toBe('accepted')
  })

  test.for(['UNSUBSCRIBE', 'END', 'QUIT', 'STOPALL', 'REVOKE', 'OPTOUT', 'CANCEL'])(
    '%s means STOP too',
    async (word) => {
      const { client, standIn, phones } = await startWorld()
      phones.text(achieng, word)
      await standIn.settle()
      expect(await codeOf(client.messages.create({ to: achieng, from: service, body: 'x' }))).toEqual([400, 21610])
      expect(await codeOf(client.messages.create({ to: baraka, from: service, body: 'x' }))).toBe('accepted')
    },
  )

  test('STOP within a sentence and YES without a STOP before are ordinary texts', async () => {
    const { standIn, app, phones } = await startWorld()
    phones.text(achieng, 'stop 47')
    phones.text(achieng, 'YES')
    await standIn.settle()
    expect(app.texts().map((post) => post.fields['OptOutType'])).toEqual([undefined, undefined])
    expect(phones.messages(achieng)).toHaveLength(2)
  })

  test('YES after STOP brings the texts back', async () => {
    const { standIn, app, phones } = await startWorld()
    phones.text(achieng, 'STOP')
    await standIn.settle()
    phones.text(achieng, 'yes')
    await standIn.settle()
    expect(app.texts().map((post) => post.fields['OptOutType'])).toEqual(['STOP', 'START'])
  })

  test('HELP is answered by the provider, and the service is told', async () => {
    const { standIn, app, phones } = await startWorld()
    phones.text(achieng, 'INFO')
    await standIn.settle()
    expect(app.texts()[0]?.fields['OptOutType']).toBe('HELP')
    expect(phones.messages(achieng).at(-1)?.text).toBe('Reply STOP to unsubscribe. Msg&Data Rates May Apply.')
  })

  test('an answer to someone who texted STOP does not reach her', async () => {
    const { client, standIn, app, phones } = await startWorld()
    app.answers.push({ status: 200, body: '<Response><Message>You have left.</Message></Response>' })
    phones.text(achieng, 'STOP')
    await standIn.settle()
    expect(phones.messages(achieng).map((message) => message.text)).not.toContain('You have left.')
    const [last] = await client.messages.list({ to: achieng, limit: 1 })
    expect(last).toMatchObject({ status: 'failed', errorCode: 21610, direction: 'outbound-reply' })
  })
})

describe('a restart', () => {
  test('keeps messages, opt-outs and texts that wait for a signal', async () => {
    const folder = await makeFolder()
    const before = await startWorld({ folder })
    before.phones.setSwitches(baraka, { signal: false })
    const sent = await before.client.messages.create({ to: achieng, from: service, body: 'Habari' })
    const waiting = await before.client.messages.create({ to: baraka, from: service, body: 'Wewe' })
    before.phones.text(achieng, 'STOP')
    await before.standIn.settle()
    await before.stop()

    const after = await startWorld({ folder })
    await after.standIn.settle()
    expect(await after.client.messages(sent.sid).fetch()).toMatchObject({ status: 'delivered', body: 'Habari' })
    expect((await after.client.messages(waiting.sid).fetch()).status).toBe('sent')
    expect(await codeOf(after.client.messages.create({ to: achieng, from: service, body: 'x' }))).toEqual([400, 21610])
    after.phones.setSwitches(baraka, { signal: true })
    await after.standIn.settle()
    expect((await after.client.messages(waiting.sid).fetch()).status).toBe('delivered')
    expect(after.phones.messages(baraka).map((message) => message.text)).toEqual(['Wewe'])
  })

  test('posts a webhook that was still to be tried again', async () => {
    const folder = await makeFolder()
    const before = await startWorld({ folder, overrides: '#rc=5&rp=5xx', schedule: createSchedule({ clock: () => 0 }) })
    before.app.answers.push({ status: 503 })
    const hasFailed = new Promise<void>((resolve) => before.standIn.onWebhook(() => resolve()))
    const sid = before.standIn.inbound(achieng, '47 1')
    await hasFailed
    await before.stop()

    const after = await startWorld({ folder })
    await after.standIn.settle()
    expect(after.app.texts().map((post) => post.fields['MessageSid'])).toEqual([sid])
  })

  test('refuses a state file that is damaged instead of beginning anew', async () => {
    const folder = await makeFolder()
    const world = await startWorld({ folder })
    await world.stop()
    const stateFile = join(folder, 'damaged.json')
    await writeFile(stateFile, '{"messages":[')
    await expect(startWorld({ stateFile })).rejects.toThrow(/is not JSON/)
  })
})

test('connection overrides are read within their documented ranges', () => {
  const read = (fragment: string) => readConnectionOverrides(`https://example.org/sms?a=1${fragment}`)
  expect(read('#rc=3&rp=ct,rt,5xx&ct=200')).toEqual({
    url: 'https://example.org/sms?a=1',
    overrides: {
      retries: 3,
      retryOn: new Set(['ct', 'rt', '5xx']),
      connectTimeoutMs: 200,
      readTimeoutMs: 15_000,
      totalTimeMs: 15_000,
    },
  })
  expect(read('').overrides).toMatchObject({ retries: 1, retryOn: new Set(['ct']), connectTimeoutMs: 5_000 })
  expect(read('#rc=9&rp=all').overrides).toMatchObject({ retries: 1, retryOn: new Set(['ct', 'rt', '4xx', '5xx']) })
})

test('TwiML is read as far as its texts', () => {
  const read = (body: string) => readTwiml('text/xml; charset=utf-8', body)
  expect(read('<?xml version="1.0" encoding="UTF-8"?>\n<Response/>\n')).toEqual([])
  expect(read('<Response></Response>')).toEqual([])
  expect(read('<Response><Message>a &lt; b &#8364;</Message><Message><Body>two</Body></Message></Response>')).toEqual([
    'a < b €',
    'two',
  ])
  expect(read('<html></html>')).toBeNull()
  expect(readTwiml('application/json', '{}')).toBeNull()
  expect(readTwiml('text/plain', 'Asante')).toEqual(['Asante'])
  expect(readTwiml('', '')).toEqual([])
})
