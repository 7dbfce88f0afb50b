import { expect, test } from 'vitest'
import { amina, memoryActions } from './memoryActions.ts'
import { formToken, openPortal, signedIn, visitor } from './openPortal.ts'

test('nobody sees a page without signing in', async () => {
  const server = await openPortal(memoryActions())
  for (const url of ['/', '/requests', '/requests/req_1', '/looks', '/looks/look_1']) {
    const response = await visitor(server).get(url)
    expect([response.statusCode, response.headers.location]).toEqual([303, '/sign-in'])
  }
  expect((await visitor(server).get('/events')).statusCode).toBe(401)
})

test('a doctor signs in, sees her name and how the server signs, and signs out', async () => {
  const server = await openPortal(memoryActions())
  const doctor = visitor(server)
  const response = await doctor.signIn('amina')
  expect([response.statusCode, response.headers.location]).toEqual([303, '/'])
  expect(response.cookies.find(({ name }) => name === 'session')).toMatchObject({
    httpOnly: true,
    sameSite: 'Lax',
    path: '/',
  })
  const home = await doctor.get('/')
  expect(home.body).toContain('Dr Amina Wanjiru')
  expect(home.body).toContain('server-signed')
  expect((await doctor.get('/sign-in')).headers.location).toBe('/')

  const out = await doctor.submit('/', '/sign-out')
  expect(out.headers.location).toBe('/sign-in')
  expect((await doctor.get('/')).headers.location).toBe('/sign-in')
})

test('a wrong password and an unknown name get the same page, and the password never comes back', async () => {
  const server = await openPortal(memoryActions())
  const wrong = await visitor(server).signIn('amina', 'my secret guess')
  const unknown = await visitor(server).signIn('nobody', 'my secret guess')
  expect([wrong.statusCode, unknown.statusCode]).toEqual([401, 401])
  expect(wrong.body).toContain('The login name or the password is wrong.')
  expect(wrong.body).toContain('value="amina"')
  expect(wrong.body).not.toContain('my secret guess')
  const alike = (page: string) =>
    page.replaceAll(/name="_csrf" value="[^"]+"/g, '').replace(/value="(amina|nobody)"/, '')
  expect(alike(unknown.body)).toBe(alike(wrong.body))
})

test.each([
  ['credentialMissing', 403, 'has not signed a confirmation'],
  ['credentialInvalid', 403, 'does not bear your hospital'],
  ['credentialOfAnother', 403, 'about another doctor or another post'],
  ['credentialNotYetValid', 403, 'begins later'],
  ['credentialExpired', 403, 'has ended'],
  ['affiliationEnded', 403, 'your post at this hospital has ended'],
  ['chainUnavailable', 503, 'asked now'],
] as const)(
  'a doctor with the right password and %s is told so, and gets no session',
  async (refusal, status, words) => {
    const world = memoryActions()
    world.levers.affiliationRefusal = refusal
    const doctor = visitor(await openPortal(world))
    const refused = await doctor.signIn('amina')
    expect(refused.statusCode).toBe(status)
    expect(refused.body).toContain(words)
    expect(refused.body).toContain('What to do:')
    expect(refused.headers['retry-after']).toBe(status === 503 ? '60' : undefined)
    expect(doctor.cookies['session']).toBeUndefined()
    expect((await doctor.get('/')).statusCode).toBe(303)
    // Who does not know the password hears nothing of it.
    expect((await doctor.signIn('amina', 'a guess')).statusCode).toBe(401)
  },
)

test('too many tries with one name are stopped, and other names still come in', async () => {
  const server = await openPortal(memoryActions(), {
    signInLimits: { perAddress: 100, perName: 3, windowMs: 60_000 },
  })
  for (const login of ['amina', 'Amina', ' amina ']) {
    expect((await visitor(server).signIn(login, 'guess')).statusCode).toBe(401)
  }
  const stopped = await visitor(server).signIn('amina')
  expect(stopped.statusCode).toBe(429)
  expect(stopped.body).toContain('Too many tries')
  expect(Number(stopped.headers['retry-after'])).toBeGreaterThan(0)
  expect((await visitor(server).signIn('otieno')).statusCode).toBe(303)
})

test('too many tries from one place are stopped', async () => {
  const server = await openPortal(memoryActions(), {
    signInLimits: { perAddress: 2, perName: 100, windowMs: 60_000 },
  })
  await visitor(server).signIn('a', 'guess')
  await visitor(server).signIn('b', 'guess')
  expect((await visitor(server).signIn('amina')).statusCode).toBe(429)
})

test('a form without its token does nothing', async () => {
  const world = memoryActions()
  const server = await openPortal(world)
  const doctor = await signedIn(server)
  const { id } = world.add(amina.doctorId)
  for (const url of ['/sign-in', '/sign-out', '/requests', `/requests/${id}/withdraw`, `/requests/${id}/looks`]) {
    const response = await doctor.post(url, { login: 'amina' })
    expect([url, response.statusCode]).toEqual([url, 403])
    expect(response.body).toContain('reload the page')
  }
  expect((await doctor.get(`/requests/${id}`)).body).toContain('Waiting for the patient')
})

test("a token of another doctor's session does nothing", async () => {
  const server = await openPortal(memoryActions())
  const amina = await signedIn(server, 'amina')
  const otieno = await signedIn(server, 'otieno')
  const token = formToken((await otieno.get('/')).body)
  amina.cookies['_csrf'] = otieno.cookies['_csrf'] ?? ''
  expect((await amina.post('/sign-out', { _csrf: token })).statusCode).toBe(403)
})

test('a form in another format is refused before it is read', async () => {
  const server = await openPortal(memoryActions())
  const response = await server.inject({ method: 'POST', url: '/sign-in', payload: { login: 'amina' } })
  expect(response.statusCode).toBe(400)
})
