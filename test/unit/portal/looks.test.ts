import { expect, test } from 'vitest'
import type { OpenedLook } from '../../../src/portal/actions.ts'
import { amina, healthId, lipidPanel, memoryActions, now, transactionHash } from './memoryActions.ts'
import { openPortal, signedIn } from './openPortal.ts'

async function start() {
  const world = memoryActions()
  world.levers.records = [lipidPanel]
  const server = await openPortal(world)
  const doctor = await signedIn(server)
  const { id } = world.add(amina.doctorId)
  world.setState(id, 'granted')
  return { world, doctor, id }
}

test('an allowed record opens with the proof that the look was logged', async () => {
  const { doctor, id } = await start()
  const request = (await doctor.get(`/requests/${id}`)).body
  expect(request).toContain('Allowed until 30 Nov 2026')
  expect(request).toContain('Open LAB RESULTS')
  const started = await doctor.submit(`/requests/${id}`, `/requests/${id}/looks`)
  expect([started.statusCode, started.headers.location]).toEqual([303, '/looks/look_1'])

  const page = (await doctor.get('/looks/look_1')).body
  expect(page).toContain('You are looking at')
  expect(page).toContain('this look is on chain')
  expect(page).toContain('block 14382907')
  expect(page).toContain(`href="https://blockscout.lisk.com/tx/${transactionHash}"`)
  expect(page).toContain('14 Mar 2026')
  expect(page).toContain('Cholesterol, total')
  expect(page).toMatch(/▲<\/span> High/)
  expect(page).toMatch(/▼<\/span> Low/)
  expect(page).toContain('data-closes-in-ms="900000"')
})

test('a record can bring no script with it', async () => {
  const { world, doctor, id } = await start()
  const attack = '<img src=x onerror=alert(1)>'
  world.levers.records = [
    {
      ...lipidPanel,
      view: {
        title: attack,
        date: attack,
        performer: attack,
        rows: [{ name: attack, value: attack, unit: attack, range: attack, flag: null }],
      },
    } as typeof lipidPanel,
  ]
  await doctor.submit('/', `/requests/${id}/looks`)
  expect((await doctor.get('/looks/look_1')).body).not.toContain('<img src=x')
})

test('a record that has no file yet, or none to be had, says so', async () => {
  const { world, doctor, id } = await start()
  world.levers.records = [
    { status: 'notStoredYet', class: 'labs', date: '2026-11-20' },
    { status: 'unavailable', class: 'labs', date: '2026-11-19' },
  ]
  await doctor.submit('/', `/requests/${id}/looks`)
  const page = (await doctor.get('/looks/look_1')).body
  expect(page).toContain('Not stored yet.')
  expect(page).toContain('Not available now.')
})

test('columns that no line fills are left out', async () => {
  const { world, doctor, id } = await start()
  const rows = [{ name: 'Amoxicillin', value: '500 mg, three times a day', unit: '', range: '', flag: null }]
  world.levers.records = [
    {
      status: 'unsealed',
      cid: 'bafy',
      class: 'medications',
      view: { title: 'Medicines', date: '2026-11', performer: null, rows },
    },
  ]
  await doctor.submit('/', `/requests/${id}/looks`)
  const page = (await doctor.get('/looks/look_1')).body
  expect(page).toContain('>Medicine</th>')
  expect(page).not.toContain('>Unit</th>')
  expect(page).not.toContain('>Flag</th>')
})

test('while the entry is not on chain the page waits and asks again', async () => {
  const { world, doctor, id } = await start()
  await doctor.submit('/', `/requests/${id}/looks`)
  world.levers.opened = { status: 'waiting' }
  const page = await doctor.get('/looks/look_1')
  expect(page.statusCode).toBe(200)
  expect(page.body).toContain('<meta http-equiv="refresh" content="1">')
  expect(page.body).not.toContain('Cholesterol')
})

type Reason = Extract<OpenedLook, { status: 'refused' }>['reason']
test.each<[Reason, number, string]>([
  ['removed', 403, 'Access was removed by the patient'],
  ['expired', 403, 'The access has ended'],
  ['usedUp', 403, 'This access was for one look'],
  ['lookEnded', 403, 'This look has ended'],
  ['refusedOnChain', 403, 'The chain refused this look'],
  ['chainUnavailable', 503, 'The chain can&#39;t be asked now'],
  ['notFound', 404, 'There is no such look'],
])('a look that shows nothing says why: %s', async (reason, status, title) => {
  const { world, doctor, id } = await start()
  await doctor.submit('/', `/requests/${id}/looks`)
  world.levers.opened = { status: 'refused', reason }
  const page = await doctor.get('/looks/look_1')
  expect(page.statusCode).toBe(status)
  expect(page.body).toContain(title)
  expect(page.body).toContain('What to do:')
  expect(page.body).not.toContain(reason === 'removed' || reason === 'expired' ? 'Cholesterol' : reason)
})

test('a look without a grant is refused with the reason, and without the chain nothing opens', async () => {
  const { world, doctor, id } = await start()
  world.levers.lookRefusal = { code: 'noGrant', state: 'removed' }
  const removed = await doctor.submit('/', `/requests/${id}/looks`)
  expect(removed.statusCode).toBe(403)
  expect(removed.body).toContain('The patient took the access back.')
  world.levers.lookRefusal = { code: 'chainUnavailable' }
  const silent = await doctor.submit('/', `/requests/${id}/looks`)
  expect(silent.statusCode).toBe(503)
  expect(silent.body).toContain('the answer is no')
})

test("the access log lists the doctor's own looks and nobody else's", async () => {
  const { world, doctor, id } = await start()
  await doctor.submit('/', `/requests/${id}/looks`)
  const page = (await doctor.get('/looks')).body
  expect(page).toContain(healthId)
  expect(page).toContain('0x3fa93f…a93fa9')
  const server = await openPortal(world)
  const other = await signedIn(server, 'otieno')
  expect((await other.get('/looks')).body).toContain('You have not opened a record yet.')
  expect((await other.get('/looks/look_1')).statusCode).toBe(404)
})

test('a page that is reloaded late has less time left, never less than none', async () => {
  const world = memoryActions()
  const server = await openPortal(world, { clock: () => (now + 20 * 60_000) as typeof now })
  const doctor = await signedIn(server)
  const { id } = world.add(amina.doctorId, { state: 'granted' })
  await doctor.submit('/', `/requests/${id}/looks`)
  expect((await doctor.get('/looks/look_1')).body).toContain('data-closes-in-ms="0"')
})
