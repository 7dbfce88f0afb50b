import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRefused } from '../support/serverProcess.ts'

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
