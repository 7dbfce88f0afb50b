import { expect, test } from 'vitest'
import { type ConsentRequestId, day, type EpochMs } from '../../../src/core/people.ts'
import type { EmergencyRefusal } from '../../../src/portal/actions.ts'
import { amina, emergency, healthId, memoryActions, now } from './memoryActions.ts'
import { openPortal, signedIn } from './openPortal.ts'

const form = { healthId: 'hc 1234 5671', reason: 'Unconscious after a fall' }

async function start() {
  const world = memoryActions()
  const server = await openPortal(world)
  return { world, doctor: await signedIn(server) }
}

test('a doctor finds the emergency beside the question, says why, and is led to the page that waits for the chain', async () => {
  const { doctor } = await start()
  expect((await doctor.get('/')).body).toContain('href="/emergency"')
  const opened = await doctor.submit('/emergency', '/emergency', form)
  expect([opened.statusCode, opened.headers.location]).toEqual([303, '/requests/req_1'])
  const page = (await doctor.get('/requests/req_1')).body
  for (const words of ['Being opened', 'Unconscious after a fall', '24 hours', healthId]) expect(page).toContain(words)
  for (const words of ['Withdraw', 'Open ALL', 'Answer by', 'The patient answers']) expect(page).not.toContain(words)
})

test.each<[EmergencyRefusal, string]>([
  [{ code: 'reasonMissing', min: 10, max: 500 }, 'id="reason-error"'],
  [{ code: 'tooManyPatientsToday', limit: 20 }, 'asked 20 new patients today'],
  [
    { code: 'emergencyUnreviewed', requestId: 'req_7' as ConsentRequestId, reviewBy: now },
    'has not been reviewed yet, and the chain takes no other one before',
  ],
])('a rule that stops it is said plainly, and nothing typed is lost: %j', async (refusal, words) => {
  const { world, doctor } = await start()
  world.levers.emergencyRefusal = refusal
  const refused = await doctor.submit('/emergency', '/emergency', { ...form, reason: '</textarea><script>' })
  expect(refused.statusCode).toBe(422)
  expect(refused.body).toContain(words)
  expect(refused.body).toContain('hc 1234 5671')
  expect(refused.body).toContain('&lt;/textarea&gt;&lt;script&gt;')
  expect(refused.body.includes('href="/requests/req_7"')).toBe(refusal.code === 'emergencyUnreviewed')
})

test('its page says until when it is open and to be reviewed, who ended it, and what was found', async () => {
  const { world, doctor } = await start()
  const reviewBy = (now + 3 * day) as EpochMs
  const show = async (change: object, state: 'granted' | 'disputed' | 'removed' | 'expired' | 'failed') => {
    const base = emergency(form.reason)
    const { id } = world.add(amina.doctorId, {
      ...base,
      state,
      grantedUntil: state === 'failed' ? null : ((now + day) as EpochMs),
      emergency: { ...base.emergency, ...change } as NonNullable<typeof base.emergency>,
    })
    return (await doctor.get(`/requests/${id}`)).body
  }
  const open = await show({ reviewBy }, 'granted')
  for (const words of ['Open until 23 Nov 2026, 15:12', 'To be reviewed until 25 Nov 2026, 15:12', 'Open ALL'])
    expect(open).toContain(words)
  const disputed = await show({ reviewBy, isOverdue: true }, 'disputed')
  for (const words of ['Disputed by the patient', 'Overdue: it was to be reviewed until 25 Nov 2026'])
    expect(disputed).toContain(words)
  expect(await show({ reviewBy, reviewedAt: now }, 'expired')).toContain('Reviewed on 22 Nov 2026')
  expect(await show({ reviewBy }, 'removed')).toContain('Ended by the patient')
  const failed = await show({}, 'failed')
  expect(failed).toContain(
    'has not allowed emergency access or has stopped all sharing, nobody has this health ID, or the chain did not',
  )
  expect(await show({ isRefusedForReview: true }, 'failed')).toContain('has not been reviewed yet')
  const list = (await doctor.get('/requests')).body
  expect(list).toContain('Emergency · 24 hours · sent')
  expect(list).toContain('To be reviewed until 25 Nov 2026')
})
