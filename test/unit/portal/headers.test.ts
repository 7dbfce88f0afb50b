import { expect, test } from 'vitest'
import { portalScope } from '../../../src/portal/portalScope.ts'
import { amina, lipidPanel, memoryActions } from './memoryActions.ts'
import { openPortal, signedIn, testOptions, visitor } from './openPortal.ts'

test('every answer forbids foreign content and is kept by no cache', async () => {
  const world = memoryActions()
  const server = await openPortal(world)
  const doctor = await signedIn(server)
  const { id } = world.add(amina.doctorId)
  for (const url of ['/', '/requests', `/requests/${id}`, '/looks', '/looks/nothing', '/nowhere', '/sign-in']) {
    const { headers } = await doctor.get(url)
    expect(headers['content-security-policy']).toBe(
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';form-action 'self';base-uri 'none';frame-ancestors 'none'",
    )
    expect(headers['cache-control']).toBe('no-store')
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['referrer-policy']).toBe('no-referrer')
    expect(headers['strict-transport-security']).toBeUndefined()
  }
})

test('behind https the cookies are secure and the browser stays on https', async () => {
  const server = await openPortal(memoryActions(), { publicUrl: 'https://portal.example' })
  const response = await visitor(server).signIn('amina')
  expect(response.headers['strict-transport-security']).toContain('max-age=31536000')
  for (const cookie of response.cookies) expect(cookie).toMatchObject({ secure: true, httpOnly: true })
})

test('no page carries script or style of its own, which the policy would stop', async () => {
  const world = memoryActions()
  world.levers.records = [lipidPanel]
  const server = await openPortal(world)
  const doctor = await signedIn(server)
  const { id } = world.add(amina.doctorId, { state: 'granted' })
  await doctor.submit('/', `/requests/${id}/looks`)
  for (const url of ['/', `/requests/${id}`, '/looks', '/looks/look_1']) {
    const { body } = await doctor.get(url)
    expect(body).not.toMatch(/<script(?! type="module" src=)/)
    expect(body).not.toMatch(/<style|\sstyle=|\son\w+=/)
  }
})

test('assets are kept for ever under a name that changes with them', async () => {
  const server = await openPortal(memoryActions())
  const page = (await visitor(server).get('/sign-in')).body
  const urls = [...page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, url]) => url ?? '')
  expect(urls.length).toBeGreaterThan(2)
  for (const url of urls) {
    const response = await visitor(server).get(url)
    expect([response.statusCode, response.headers['cache-control']]).toEqual([
      200,
      'public, max-age=31536000, immutable',
    ])
  }
  expect((await visitor(server).get('/assets/000000000000/portal.css')).statusCode).toBe(404)
  expect((await visitor(server).get(`${urls[0]}/../../words.ts`)).statusCode).toBe(404)
})

test('each page with everything it needs is at most 30 KB', async () => {
  const world = memoryActions()
  world.levers.records = [lipidPanel, lipidPanel, lipidPanel]
  for (let count = 0; count < 40; count += 1) world.add(amina.doctorId, { state: 'asked' })
  const server = await openPortal(world)
  const doctor = await signedIn(server)
  const { id } = world.add(amina.doctorId, { state: 'granted' })
  await doctor.submit('/', `/requests/${id}/looks`)
  const sizes = new Map<string, number>()
  for (const url of ['/', '/requests', `/requests/${id}`, '/looks', '/looks/look_1']) {
    sizes.set(url, await weight(url, doctor.get))
  }
  for (const [url, bytes] of sizes) expect(bytes, `${url} has ${bytes} bytes`).toBeLessThanOrEqual(30 * 1024)
})

/** Bytes of a page and all that it loads, modules of modules included. */
async function weight(page: string, get: (url: string) => Promise<{ body: string; rawPayload: Buffer }>) {
  const waiting = [page]
  const loaded = new Map<string, number>()
  for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
    if (loaded.has(url)) continue
    const { body, rawPayload } = await get(url)
    loaded.set(url, rawPayload.length)
    for (const [, asset] of body.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) waiting.push(asset ?? '')
    for (const [, name] of body.matchAll(/ from '\.\/([\w.]+)'/g)) waiting.push(url.replace(/[^/]+$/, name ?? ''))
  }
  return [...loaded.values()].reduce((sum, bytes) => sum + bytes, 0)
}

test('a short cookie secret is refused at the start', () => {
  expect(() => portalScope(memoryActions().actions, { ...testOptions, cookieSecret: 'short' })).toThrow('too short')
})

test('an unforeseen error says nothing of what it was, on the page or in the log', async () => {
  const world = memoryActions()
  const server = await openPortal(world)
  const doctor = await signedIn(server)
  world.levers.failing = true
  const response = await doctor.get('/')
  expect(response.statusCode).toBe(500)
  expect(response.body).toContain('Something went wrong here')
  expect(response.body).toContain('Reference: <code>req-')
  expect(response.body).not.toContain('+254')
})
