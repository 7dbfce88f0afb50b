import { expect, test } from 'vitest'
import type { EpochMs } from '../../../src/core/people.ts'
import type { AskRefusal } from '../../../src/portal/actions.ts'
import { amina, healthId, memoryActions, otieno } from './memoryActions.ts'
import { openPortal, signedIn } from './openPortal.ts'

const form = { healthId: 'hc 1234 5671', preset: 'LAB_RESULTS', purpose: 'treatment', days: '7' }

async function start() {
  const world = memoryActions()
  const server = await openPortal(world)
  return { world, doctor: await signedIn(server) }
}

test('a doctor asks and is led to the page that waits for the patient', async () => {
  const { doctor } = await start()
  const asked = await doctor.submit('/', '/requests', form)
  expect([asked.statusCode, asked.headers.location]).toEqual([303, '/requests/req_1'])
  const page = (await doctor.get('/requests/req_1')).body
  expect(page).toContain('data-state="asked"')
  expect(page).toContain('Waiting for the patient')
  expect(page).toContain('23 Nov 2026, 15:12')
  expect(page).toContain('<noscript><meta http-equiv="refresh" content="5"></noscript>')
  expect(page).toContain('Withdraw this request')
  expect(page).not.toContain('Open LAB RESULTS')
})

test('a mistyped health ID is explained beside the field, and nothing typed is lost', async () => {
  const { doctor } = await start()
  const typed = { ...form, healthId: 'HC-1234-5672', preset: 'MEDICINES', purpose: 'payment', days: '3' }
  const response = await doctor.submit('/', '/requests', typed)
  expect(response.statusCode).toBe(422)
  expect(response.body).toContain('id="healthId-error"')
  expect(response.body).toContain('was mistyped')
  expect(response.body).toContain('href="#healthId"')
  expect(response.body).toMatch(/id="healthId"[^>]* value="HC-1234-5672"[^>]* aria-invalid="true"/)
  expect(response.body).toMatch(/value="MEDICINES"[^>]* checked/)
  expect(response.body).toContain('<option value="payment" selected>')
  expect(response.body).toContain('<option value="3" selected>')
})

test('an empty form names each missing field', async () => {
  const { doctor } = await start()
  const response = await doctor.submit('/', '/requests', {})
  expect(response.statusCode).toBe(422)
  for (const field of ['healthId', 'preset', 'purpose', 'days']) expect(response.body).toContain(`id="${field}-error"`)
})

test('what was typed can bring no script with it', async () => {
  const { doctor } = await start()
  const response = await doctor.submit('/', '/requests', { ...form, healthId: '"><script>alert(1)</script>' })
  expect(response.body).toContain('&quot;&gt;&lt;script&gt;')
  expect(response.body).not.toContain('<script>alert')
})

test('PRIVATE is shown, cannot be chosen, and is refused when it is sent all the same', async () => {
  const { doctor } = await start()
  expect((await doctor.get('/')).body).toMatch(/value="PRIVATE"[^>]* disabled/)
  const response = await doctor.submit('/', '/requests', { ...form, preset: 'PRIVATE' })
  expect(response.body).toContain('id="preset-error"')
  expect(response.body).toMatch(/needs the patient&#39;s code card/i)
})

test('more than seven days are refused with the rule', async () => {
  const { doctor } = await start()
  const response = await doctor.submit('/', '/requests', { ...form, days: '90' })
  expect(response.body).toContain('Choose from 1 to 7 days.')
})

test('once is one look within 24 hours', async () => {
  const { world, doctor } = await start()
  await doctor.submit('/', '/requests', { ...form, days: 'once' })
  expect(await world.actions.requests(amina.doctorId)).toMatchObject([{ days: 1, oneTime: true }])
})

test.each<[AskRefusal, string]>([
  [
    { code: 'refusedRecently', until: Date.UTC(2026, 10, 27, 9) as EpochMs },
    'The patient refused on 20 Nov 2026, and a refused request can&#39;t be repeated for 7 days. You can ask again after 27 Nov 2026.',
  ],
  [{ code: 'tooManyOpenRequests', limit: 3 }, 'You have 3 requests open for this patient'],
  [{ code: 'tooManyPatientsToday', limit: 20 }, 'You have asked 20 new patients today'],
])('a request against a rule is refused with the rule named: %o', async (refusal, sentence) => {
  const { world, doctor } = await start()
  world.levers.askRefusal = refusal
  const response = await doctor.submit('/', '/requests', form)
  expect(response.statusCode).toBe(422)
  expect(response.body).toContain(sentence)
  expect(response.body).not.toContain(refusal.code)
})

test('a doctor takes a request back', async () => {
  const { world, doctor } = await start()
  const { id } = world.add(amina.doctorId)
  await doctor.submit('/', `/requests/${id}/withdraw`)
  expect((await doctor.get(`/requests/${id}`)).body).toContain('data-state="withdrawn"')
})

test("another doctor's request does not exist for this one", async () => {
  const { world, doctor } = await start()
  const { id } = world.add(otieno.doctorId, { state: 'granted' })
  const foreign = await doctor.get(`/requests/${id}`)
  const nothing = await doctor.get('/requests/req_99')
  expect([foreign.statusCode, nothing.statusCode]).toEqual([404, 404])
  const alike = (page: string) => page.replace(/name="_csrf" value="[^"]+"/g, '')
  expect(alike(foreign.body)).toBe(alike(nothing.body))
  expect((await doctor.submit('/', `/requests/${id}/withdraw`)).statusCode).toBe(404)
  expect((await doctor.submit('/', `/requests/${id}/looks`)).statusCode).toBe(404)
  expect((await doctor.get('/')).body).not.toContain(healthId)
})

test('a patient who cannot be reached is marked as such', async () => {
  const { world, doctor } = await start()
  const { id } = world.add(amina.doctorId, { unreachable: true })
  expect((await doctor.get('/')).body).toContain('Not reachable')
  expect((await doctor.get(`/requests/${id}`)).body).toContain('takes no messages from us now')
})

test('a long list is shown in pages', async () => {
  const { world, doctor } = await start()
  for (let count = 0; count < 30; count += 1) world.add(amina.doctorId)
  const first = (await doctor.get('/requests')).body
  const last = (await doctor.get('/requests?page=99')).body
  expect([first.match(/data-request=/g)?.length, last.match(/data-request=/g)?.length]).toEqual([20, 10])
  expect(first).toContain('Page 1 of 2')
})
