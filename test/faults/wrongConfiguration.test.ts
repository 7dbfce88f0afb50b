import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startVillage } from '../../local/village.ts'
import { startRefused } from '../support/serverProcess.ts'
import { copyOfPrepared } from '../support/testVillage.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'healthchain-config-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const complete = {
  PORT: '0',
  PUBLIC_URL: 'http://127.0.0.1:7100',
  CHAIN_ID: '31337',
  CHAIN_RPC_URL: 'http://127.0.0.1:1',
  TWILIO_ACCOUNT_SID: 'AC00000000000000000000000000000001',
  TWILIO_AUTH_TOKEN: '00000000000000000000000000000001',
  TWILIO_FROM: '+254700000001',
  LIGHTHOUSE_API_KEY: 'none',
}

const faults: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ['is missing', 'TWILIO_AUTH_TOKEN', { TWILIO_AUTH_TOKEN: '' }],
  ['is no number', 'CHAIN_ID', { CHAIN_ID: 'lisk' }],
  ['would send sessions in clear', 'PUBLIC_URL', { PUBLIC_URL: 'http://portal.example.org' }],
  ['is at odds with another', 'DATABASE_URL', { ROLE: 'worker' }],
  ['holds no contracts', 'DEPLOYMENTS_FOLDER', {}],
]

test.each(faults)(
  'a server whose configuration %s (%s) does not start, and says so in one line',
  async (_, name, wrong) => {
    const env = { ...complete, DATA_FOLDER: folder, DEPLOYMENTS_FOLDER: folder, ...wrong }
    const { code, lines } = await startRefused(env)
    expect({ code, lines }).toEqual({ code: 1, lines: [expect.stringMatching(new RegExp(`^Not started: ${name} `))] })
  },
)

test('a village whose people have accounts of other contracts does not start, and keeps them', async () => {
  const prepared = await copyOfPrepared()
  const file = join(prepared, 'deployments', '31337.json')
  const made = await readFile(file, 'utf8')
  const ledger = JSON.parse(made).consentLedger.address as string
  const others = made.replaceAll(ledger, '0x000000000000000000000000000000000000dEaD')
  await writeFile(file, others)
  await expect(startVillage({ folder: prepared })).rejects.toThrow('Do: start with --fresh')
  expect(await readFile(file, 'utf8')).toBe(others)
  await writeFile(file, made)
  await using village = await startVillage({ folder: prepared })
  expect(village.people.patients.length).toBeGreaterThan(0)
})
