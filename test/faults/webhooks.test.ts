import { expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { asked, textsOn } from '../support/asked.ts'
import { countEvents, userOperations } from '../support/ledgerEvents.ts'
import { post, signedWebhook } from '../support/signedWebhook.ts'
import { engines, testVillage } from '../support/testVillage.ts'
import { firstOf } from '../support/villagers.ts'

const stranger = '+254711000099'

test.each(engines)(
  'the same webhook a hundred times at once is one grant and one confirmation, on %s',
  async (engine) => {
    await using village = await testVillage(engine)
    const { world } = village
    const { patient, number, received } = await asked(village)
    const webhook = signedWebhook(world, { from: patient.phone, body: `${number} 1` })
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(world, webhook)))
    await village.settle()

    expect(new Set(answers)).toEqual(new Set([200]))
    expect(await countStored(village)).toBe(1)
    expect(await countEvents(world)).toEqual({ AccessWriterChanged: 1, RequestOpened: 1, GrantOpened: 1 })
    expect(await userOperations(world)).toHaveLength(2)
    expect(received()).toHaveLength(2)
    expect(received()[1]).toMatch(/is allowed to see LAB RESULTS until/)
  },
)

test('a webhook that is unsigned, altered, or signed by somebody else is refused, and nothing of it is kept', async () => {
  await using village = await testVillage()
  const { world } = village
  const { patient, number, received } = await asked(village)
  const text = { from: patient.phone, body: `${number} 2` }
  const genuine = signedWebhook(world, text)
  const alter = (change: Record<string, string>) => ({ ...genuine, fields: { ...genuine.fields, ...change } })
  const forgeries = {
    unsigned: { ...genuine, signature: '' },
    'another answer': alter({ Body: `${number} 1` }),
    'another sender': alter({ From: stranger }),
    'another message id': alter({ MessageSid: `SM${'0'.repeat(32)}` }),
    'one more field': alter({ OptOutType: 'STOP' }),
    'a sign moved between fields': { ...genuine, fields: moveASign(genuine.fields) },
    "another account's token": signedWebhook(world, text, { token: 'f'.repeat(32) }),
    'our token, another account': signedWebhook(world, text, { accountSid: `AC${'9'.repeat(32)}` }),
  }
  for (const [what, forgery] of Object.entries(forgeries))
    expect([what, await post(world, forgery)]).toEqual([what, 403])
  await village.settle()
  expect(await countStored(village)).toBe(0)
  expect(received()).toHaveLength(1)
  expect(await countEvents(world)).toEqual({ AccessWriterChanged: 1, RequestOpened: 1 })
})

test('a replayed webhook is answered 200 and has no effect: a removed grant does not come back', async () => {
  await using village = await testVillage()
  const { world } = village
  const { doctor, patient, number, received } = await asked(village)
  const yes = signedWebhook(world, { from: patient.phone, body: `${number} 1` })
  expect(await post(world, yes)).toBe(200)
  await village.settle()
  world.phones.text(patient.phone, `REMOVE ${number}`)
  await village.settle()
  const before = { events: await countEvents(world), texts: received(), stored: await countStored(village) }

  expect(await post(world, yes)).toBe(200)
  await village.settle()
  expect({ events: await countEvents(world), texts: received(), stored: await countStored(village) }).toEqual(before)
  expect((await village.app.actions.requests(doctor.id))[0]?.state).toBe('removed')
})

test('a stranger gets one neutral answer, however often the stranger writes', async () => {
  await using village = await testVillage()
  const { world } = village
  const { patient } = firstOf(village)
  world.phones.register({ address: stranger, name: 'Stranger' })
  for (let count = 0; count < 10; count += 1) world.phones.text(stranger, `${count + 40} 1`)
  await village.settle()
  expect(textsOn(village, stranger)).toEqual([
    'This number is not known to us. If you are a patient, please ask at your hospital.',
  ])
  expect(textsOn(village, patient.phone)).toEqual([])
  expect(await countEvents(world)).toEqual({ AccessWriterChanged: 1 })
})

async function countStored({ app }: Village): Promise<number> {
  const { count } = await app.database.kysely
    .selectFrom('inboundMessage')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Twilio's signature joins names and values without separators: this text has the same signature. */
function moveASign(fields: Readonly<Record<string, string>>): Record<string, string> {
  const { Body, ...others } = fields
  return { ...others, [`Body${Body?.slice(0, 1)}`]: Body?.slice(1) ?? '' }
}
