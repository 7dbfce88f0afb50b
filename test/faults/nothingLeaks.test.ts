import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { stringToHex } from 'viem'
import { expect, test } from 'vitest'
import { printCard } from '../../local/printCard.ts'
import type { Village } from '../../local/village.ts'
import { codeStretch, groupCode } from '../../src/core/codeCard.ts'
import { allowEmergencies } from '../support/allowEmergencies.ts'
import { engines, testVillage } from '../support/testVillage.ts'

const reason = 'Unconscious after a fall'

test.each(engines)(
  'after a whole story no log, row or block holds a name, a number, a text or a key, on %s',
  async (engine) => {
    const lines: string[] = []
    await using village = await testVillage(engine, { log: (line) => lines.push(line) })
    await liveThroughTheStory(village)
    const codes = await liveThroughTheCardStory(village)
    await liveThroughTheEmergency(village)

    const secrets = [...(await secretsOf(village)), ...codes]
    const rows = await everyRow(village)
    expect(rows.length).toBeGreaterThan(10_000)
    for (const [what, secret] of secrets) {
      expect(rows.includes(secret), `the database holds ${what}`).toBe(false)
      expect(rows.includes(Buffer.from(secret).toString('hex')), `the database holds ${what} as bytes`).toBe(false)
      expect(lines.join('').includes(secret), `the log holds ${what}`).toBe(false)
    }
    const chain = await everyBlock(village)
    expect(chain.length).toBeGreaterThan(10_000)
    const onChain = [...secrets, ...(await idsOf(village))]
    for (const [what, secret] of onChain)
      expect(chain.includes(stringToHex(secret).slice(2)), `the chain holds ${what}`).toBe(false)
  },
)

async function liveThroughTheStory(village: Village): Promise<void> {
  const [doctor] = village.people.doctors
  const [patient] = village.people.patients
  if (!doctor || !patient) throw new Error('The village is empty.')
  const { actions } = village.app
  const ask = { preset: 'LAB_RESULTS', purpose: 'treatment', days: 7, oneTime: false } as const
  const asked = await actions.askForAccess(doctor.id, { ...ask, healthId: patient.healthId })
  if ('refused' in asked) throw new Error('The doctor may not ask.')
  await village.settle()
  const number = /^(\d+):/.exec(village.world.phones.messages(patient.phone)[0]?.text ?? '')?.[1]
  for (const text of [`${number} 1`, 'WHO', 'my pin is 4821 and I am ill', `REMOVE ${number}`]) {
    village.world.phones.text(patient.phone, text)
    await village.settle()
    if (!text.startsWith(`${number}`)) continue
    const look = await actions.startLook(doctor.id, asked.requestId)
    if ('refused' in look) throw new Error('The look was refused.')
    expect((await actions.open(doctor.id, look.lookId, 8_000)).status).toBe('open')
  }
}

async function liveThroughTheEmergency(village: Village): Promise<void> {
  const [doctor] = village.people.doctors
  const patient = village.people.patients[1]
  if (!doctor || !patient) throw new Error('The village is empty.')
  await allowEmergencies(village, patient)
  const opened = await village.app.actions.openEmergency(doctor.id, { healthId: patient.healthId, reason })
  if ('refused' in opened) throw new Error('The emergency was refused.')
  await village.settle()
  expect((await village.app.store.requests.get(opened.requestId))?.state).toBe('granted')
}

/** A patient with a card: a code for another line, one in groups beside words, and the right one. @returns the codes */
async function liveThroughTheCardStory(village: Village): Promise<[string, string][]> {
  const doctor = village.people.doctors[1]
  const patient = village.people.patients[3]
  if (!doctor || !patient) throw new Error('The village is empty.')
  const codes = await printCard(village.app, village.world, patient.healthId)
  const ask = { preset: 'LAB_RESULTS', purpose: 'treatment', days: 7, oneTime: false } as const
  const asked = await village.app.actions.askForAccess(doctor.id, { ...ask, healthId: patient.healthId })
  if ('refused' in asked) throw new Error('The doctor may not ask.')
  await village.settle()
  const number = /^(\d+):/.exec(village.world.phones.messages(patient.phone).at(-1)?.text ?? '')?.[1]
  for (const text of [
    `${number} ${codes[4]}`,
    `${number} is it ${groupCode(codes[5] ?? '')}`,
    `${number} ${codes[0]}`,
    'CODE OFF',
    `CODE OFF ${codes[1]}`,
  ]) {
    village.world.phones.text(patient.phone, text)
    await village.settle()
  }
  expect((await village.app.store.requests.get(asked.requestId))?.state).toBe('granted')
  // Not even the vault's key opens what she typed any more, nor what the ledger was shown once its block is final.
  const { kysely } = village.app.database
  const texts = await kysely.selectFrom('inboundMessage').select('textSealed').execute()
  const opened = texts.map(({ textSealed }) => village.app.vault.columns.open(textSealed, 'inbound_message.text'))
  expect(opened.filter((text) => text === '')).toHaveLength(4)
  // The provider keeps that they came, not what they said.
  const { messages } = JSON.parse(await readFile(join(village.app.config.dataFolder, 'twilio.json'), 'utf8')) as {
    messages: { body: string; from: string }[]
  }
  const hers = messages.filter(({ from }) => from === patient.phone).map(({ body }) => body)
  expect(hers).toEqual(['', '', '', 'CODE OFF', ''])
  expect((await village.app.store.safeguards.openChanges(patient.id)).map(({ state }) => state)).toEqual(['waiting'])
  // What the ledger is shown stands in clear where it goes to the chain from, and nowhere else: docs/decisions/0016.
  const grant = await village.app.store.operations.ofRequest(asked.requestId, 'openGrantWithCode')
  const shown = village.app.vault.columns.open(grant?.codeSealed ?? new Uint8Array(), 'user_operation.code')
  expect(shown).toMatch(/^0x[0-9a-f]{64}$/)
  const shownOnChain = shown.slice(2, 2 + 2 * codeStretch.bytes)
  expect(await columnsWith(village, shownOnChain)).toEqual(['operator_transaction.raw', 'user_operation.signed'])
  await village.world.chain.mine(200)
  await village.settle()
  const sealed = await kysely.selectFrom('userOperation').select('kind').where('codeSealed', 'is not', null).execute()
  expect(sealed).toEqual([])
  return codes.flatMap((code): [string, string][] => [
    ['a code', code],
    ['a code in groups', groupCode(code)],
  ])
}

/** What must stand nowhere in clear, with the word for it in a failure. */
async function secretsOf(village: Village): Promise<[string, string][]> {
  const keys = ['vault', 'operator'].map(async (name): Promise<[string, string]> => {
    return [`the ${name} key`, (await readFile(join(village.app.config.dataFolder, 'keys', name), 'utf8')).trim()]
  })
  const people = village.people.patients.flatMap(({ name, phone }): [string, string][] => [
    ["a patient's name", name],
    ["a patient's number", phone.slice(4)],
  ])
  const doctors = village.people.doctors.map(({ password }): [string, string] => ['a password', password])
  return [
    ...people,
    ...doctors,
    ...(await Promise.all(keys)),
    ['a text that was sent', 'asks to see'],
    ['a text that came', 'my pin is'],
    ['the reason of an emergency', reason],
    ['a record', 'Cholesterol'],
  ]
}

async function idsOf(village: Village): Promise<[string, string][]> {
  const ids = village.people.patients.map(({ healthId }): [string, string] => ['a health ID', healthId])
  return [
    ...ids,
    ['what was asked', 'LAB_RESULTS'],
    ['what was asked for', 'treatment'],
    ['what was opened for', 'emergency'],
  ]
}

/** All tables, the queue's included, as one text. */
async function everyRow(village: Village): Promise<string> {
  const { kysely } = village.app.database
  let text = ''
  for (const { schema, name } of await tablesOf(village)) {
    const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(`${schema}.${name}`)} t`.execute(
      kysely,
    )
    text += rows.map(({ row }) => row).join('\n')
  }
  return text
}

async function tablesOf(village: Village): Promise<{ schema: string; name: string }[]> {
  const { rows } = await sql<{ schema: string; name: string }>`
    select table_schema as schema, table_name as name from information_schema.tables
    where table_schema in ('public', 'bullmq') and table_type = 'BASE TABLE'`.execute(village.app.database.kysely)
  return rows
}

/** Every column, the queue's included, that holds a text somewhere, as `table.column`. */
async function columnsWith(village: Village, text: string): Promise<string[]> {
  const found = new Set<string>()
  for (const { schema, name } of await tablesOf(village)) {
    const { rows } = await sql<{ column: string }>`
      select distinct field.key as column from ${sql.table(`${schema}.${name}`)} t, jsonb_each_text(to_jsonb(t)) field
      where position(${text} in field.value) > 0`.execute(village.app.database.kysely)
    for (const { column } of rows) found.add(`${name}.${column}`)
  }
  return [...found].sort()
}

/** Every transaction's data and every event since the first block, as one text. */
async function everyBlock(village: Village): Promise<string> {
  const client = village.world.chainClient
  const logs = await client.getLogs({ fromBlock: 0n })
  let text = logs.map(({ data, topics }) => data + topics.join('')).join('\n')
  const head = await client.getBlockNumber()
  for (let number = 1n; number <= head; number += 1n) {
    const block = await client.getBlock({ blockNumber: number, includeTransactions: true })
    text += block.transactions.map(({ input }) => input).join('\n')
  }
  return text
}
