import type { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test, vi } from 'vitest'
import { amina, memoryActions, otieno } from './memoryActions.ts'
import { openPortal, signedIn } from './openPortal.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** Listens as a page does. */
async function listen(server: FastifyInstance, cookies: Record<string, string>, url = '/events') {
  const response = await server.inject({ method: 'GET', url, cookies, payloadAsStream: true })
  const stream: Readable = response.stream()
  const chunks = stream.setEncoding('utf8')[Symbol.asyncIterator]()
  let text = ''
  return {
    response,
    stream,
    /** Reads until the text is there; fails when the stream ends before. */
    until: async (wanted: string) => {
      while (!text.includes(wanted)) {
        const { value, done } = await chunks.next()
        if (done) throw new Error(`The stream ended before it said: ${wanted}`)
        text += value
      }
      return text
    },
    /** Everything up to the end of the stream. */
    rest: async () => {
      for (;;) {
        const { value, done } = await chunks.next()
        if (done) return text
        text += value
      }
    },
  }
}

async function start() {
  const world = memoryActions()
  const server = await openPortal(world)
  const doctor = await signedIn(server)
  return { world, server, doctor }
}

const event = (id: string, state: string) => `data: ${JSON.stringify({ id, state })}\n\n`

test('a page hears how its request stands, and each change', async () => {
  const { world, server, doctor } = await start()
  const { id } = world.add(amina.doctorId)
  const page = await listen(server, doctor.cookies, `/events?request=${id}`)
  expect(page.response.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  })
  await page.until(event(id, 'asked'))
  world.setState(id, 'granting')
  world.setState(id, 'granted')
  await page.until(event(id, 'granted'))
  world.setState(id, 'removed')
  await page.until(event(id, 'removed'))
  await server.close()
})

test("a page never hears of another doctor's request, nor of one it does not show", async () => {
  const { world, server, doctor } = await start()
  const mine = world.add(amina.doctorId)
  const mineToo = world.add(amina.doctorId)
  const foreign = world.add(otieno.doctorId)
  const all = await listen(server, doctor.cookies)
  const one = await listen(server, doctor.cookies, `/events?request=${mine.id}`)
  const stranger = await listen(server, doctor.cookies, `/events?request=${foreign.id}`)
  for (const id of [foreign.id, mineToo.id, mine.id]) world.setState(id, 'granted')
  await all.until(event(mine.id, 'granted'))
  await one.until(event(mine.id, 'granted'))
  await server.close()
  expect(await all.rest()).not.toContain(foreign.id)
  expect(await all.rest()).toContain(event(mineToo.id, 'granted'))
  expect(await one.rest()).not.toContain(mineToo.id)
  expect(await stranger.rest()).not.toContain('data:')
})

test('signing out ends the streams at once and says so', async () => {
  const { world, server, doctor } = await start()
  const page = await listen(server, doctor.cookies)
  await page.until('retry')
  await doctor.submit('/', '/sign-out')
  expect(await page.rest()).toContain('event: signedOut')
  expect(world.watcherCount()).toBe(0)
})

test('a session that ended by itself hears nothing more', async () => {
  const { world, server, doctor } = await start()
  const { id } = world.add(amina.doctorId)
  const page = await listen(server, doctor.cookies)
  await page.until(event(id, 'asked'))
  world.endSessions()
  world.setState(id, 'granted')
  const heard = await page.rest()
  expect(heard).toContain('event: signedOut')
  expect(heard).not.toContain('granted')
})

test('every fifteen seconds the page hears that somebody is there', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const { server, doctor } = await start()
  const page = await listen(server, doctor.cookies)
  await page.until('retry')
  vi.advanceTimersByTime(15_000)
  expect(await page.until('event: alive')).toContain(': still here')
  await server.close()
})

test('a page that goes away stops the watching', async () => {
  const { world, server, doctor } = await start()
  const address = await server.listen({ host: '127.0.0.1', port: 0 })
  const leave = new AbortController()
  const stopped = new Promise<void>((resolve) => world.onWatchEnd(resolve))
  const cookie = `session=${doctor.cookies['session']}`
  const response = await fetch(`${address}/events`, { headers: { cookie }, signal: leave.signal })
  expect(response.status).toBe(200)
  expect(world.watcherCount()).toBe(1)
  leave.abort()
  await stopped
  expect(world.watcherCount()).toBe(0)
  await server.close()
})

test('one session keeps four streams: a fifth ends the oldest', async () => {
  const { world, server, doctor } = await start()
  const pages = []
  for (let count = 0; count < 5; count += 1) pages.push(await listen(server, doctor.cookies))
  expect(await pages[0]?.rest()).toContain('event: replaced')
  expect(world.watcherCount()).toBe(4)
  await server.close()
})

test('closing the server ends all streams at once', async () => {
  const { world, server, doctor } = await start()
  const pages = [await listen(server, doctor.cookies), await listen(server, doctor.cookies)]
  await server.close()
  for (const page of pages) await page.rest()
  expect(world.watcherCount()).toBe(0)
})
