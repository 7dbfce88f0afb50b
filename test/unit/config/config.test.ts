import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, foldersOf, readConfig, variables } from '../../../src/config.ts'

const key = 'ab'.repeat(32)
const needed = {
  PUBLIC_URL: 'https://consent.example.org',
  CHAIN_ID: '31337',
  CHAIN_RPC_URL: 'http://127.0.0.1:8545',
  TWILIO_ACCOUNT_SID: 'AC00000000000000000000000000000001',
  TWILIO_AUTH_TOKEN: 'token',
  TWILIO_FROM: '+254700000001',
  LIGHTHOUSE_API_KEY: 'key-of-the-store',
}
const onLisk = { ...needed, CHAIN_ID: '1135', DATABASE_URL: 'postgres://db/healthchain', OPERATOR_KEY: key }

function refusal(env: Record<string, string>): string {
  try {
    readConfig(env)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return error instanceof Error ? error.message : ''
  }
  throw new Error('The configuration was accepted.')
}

test('the smallest environment is enough to start', () => {
  const { config, secrets } = readConfig(needed)
  expect(config).toMatchObject({
    role: 'both',
    host: '127.0.0.1',
    port: 7100,
    publicUrl: 'https://consent.example.org',
    trustProxy: false,
    databaseUrl: null,
    redisUrl: null,
    chainId: 31337,
    explorerUrl: null,
    storage: 'lighthouse',
    logLevel: 'info',
  })
  expect(secrets).toEqual({
    twilioAuthToken: 'token',
    lighthouseApiKey: 'key-of-the-store',
    vaultKey: null,
    operatorKey: null,
    moreOperatorKeys: [],
  })
})

test.each(Object.keys(needed).filter((name) => name !== 'LIGHTHOUSE_API_KEY'))(
  'a start without %s stops with one line that names it',
  (name) => {
    for (const empty of [undefined, '', '   ']) {
      const env: Record<string, string> = { ...needed, ...(empty === undefined ? {} : { [name]: empty }) }
      if (empty === undefined) delete env[name]
      const message = refusal(env)
      expect(message).toMatch(new RegExp(`^${name} is not set: `))
      expect(message).not.toContain('\n')
    }
  },
)

test.each([
  ['ROLE', 'boss'],
  ['PORT', '70000'],
  ['PORT', 'http'],
  ['PORT', '1.5'],
  ['PORT', '-1'],
  ['PUBLIC_URL', 'consent.example.org'],
  ['PUBLIC_URL', 'ftp://consent.example.org'],
  ['TRUST_PROXY', 'maybe'],
  ['DATABASE_URL', 'mysql://db/healthchain'],
  ['REDIS_URL', 'http://redis'],
  ['CHAIN_ID', 'lisk'],
  ['CHAIN_RPC_URL', 'ws://127.0.0.1:8545'],
  ['EXPLORER_URL', 'blockscout'],
  ['TWILIO_API_URL', 'api.twilio.com'],
  ['TWILIO_FROM', '0700000001'],
  ['TWILIO_FROM', '+254 700 000 001'],
  ['TWILIO_FROM', '12'],
  ['STORAGE', 'dropbox'],
  ['LIGHTHOUSE_UPLOAD_URL', 'upload'],
  ['LIGHTHOUSE_API_URL', 'api'],
  ['LIGHTHOUSE_GATEWAY_URLS', 'https://gateway.lighthouse.storage,gateway'],
  ['LIGHTHOUSE_GATEWAY_URLS', 'https://gateway.lighthouse.storage,'],
  ['VAULT_KEY', 'secret'],
  ['VAULT_KEY', key.slice(1)],
  ['OPERATOR_KEY', `${key}00`],
  ['MORE_OPERATOR_KEYS', `${key},secret`],
  ['LOG_LEVEL', 'loud'],
])('%s=%s is refused by name, and a secret is not repeated', (name, value) => {
  const message = refusal({ ...needed, [name]: value })
  expect(message.startsWith(`${name} must `)).toBe(true)
  expect(message).not.toContain('\n')
  if (/_KEYS?$/.test(name)) expect(message).not.toContain(value)
})

describe('contradictions', () => {
  test('a public address without https is for this machine only', () => {
    expect(refusal({ ...needed, PUBLIC_URL: 'http://consent.example.org' })).toMatch(
      /^PUBLIC_URL must start with https/,
    )
    for (const local of ['http://127.0.0.1:7100', 'http://localhost:7100/'])
      expect(readConfig({ ...needed, PUBLIC_URL: local }).config.publicUrl).toBe(local.replace(/\/$/, ''))
  })

  test('a public address has no path', () => {
    expect(refusal({ ...needed, PUBLIC_URL: 'https://example.org/consent' })).toMatch(/^PUBLIC_URL must have no path/)
  })

  test('two processes need a database server', () => {
    for (const ROLE of ['web', 'worker']) {
      expect(refusal({ ...needed, ROLE })).toMatch(/^DATABASE_URL must be set when ROLE/)
      expect(readConfig({ ...needed, ROLE, DATABASE_URL: 'postgres://db/h' }).config.role).toBe(ROLE)
    }
  })

  test('on a real chain the operator’s key and the database are not made by the way', () => {
    expect(readConfig(onLisk).config.chainId).toBe(1135)
    expect(refusal({ ...onLisk, OPERATOR_KEY: '' })).toMatch(/^OPERATOR_KEY must be set/)
    expect(refusal({ ...onLisk, DATABASE_URL: '' })).toMatch(/^DATABASE_URL must be set: the embedded database/)
  })

  test('no two operator keys are the same', () => {
    const others = ['11', '22'].map((byte) => byte.repeat(32))
    const read = (keys: readonly string[]) => readConfig({ ...onLisk, MORE_OPERATOR_KEYS: keys.join(', ') })
    expect(read(others).secrets.moreOperatorKeys.map((one) => Buffer.from(one).toString('hex'))).toEqual(others)
    for (const keys of [[key], ['11'.repeat(32), '11'.repeat(32)]])
      expect(refusal({ ...onLisk, MORE_OPERATOR_KEYS: keys.join(',') })).toMatch(/^MORE_OPERATOR_KEYS must all differ/)
  })

  test('Lighthouse needs its key, a store of our own does not', () => {
    expect(refusal({ ...needed, LIGHTHOUSE_API_KEY: '' })).toMatch(/^LIGHTHOUSE_API_KEY must be set, or STORAGE=local/)
    expect(readConfig({ ...needed, LIGHTHOUSE_API_KEY: '', STORAGE: 'local' }).config.storage).toBe('local')
  })
})

test('keys are read with and without 0x, and are not part of the configuration', () => {
  const { config, secrets } = readConfig({ ...onLisk, VAULT_KEY: `0x${key}` })
  for (const read of [secrets.vaultKey, secrets.operatorKey]) expect(Buffer.from(read ?? []).toString('hex')).toBe(key)
  const shown = JSON.stringify(config)
  for (const secret of [key, 'token', 'key-of-the-store']) expect(shown).not.toContain(secret)
})

test('addresses lose the slash at their end, gateways keep their order', () => {
  const { config } = readConfig({
    ...needed,
    CHAIN_RPC_URL: 'http://127.0.0.1:8545/',
    LIGHTHOUSE_GATEWAY_URLS: 'https://b.example/ , https://a.example',
  })
  expect(config.chainRpcUrl).toBe('http://127.0.0.1:8545')
  expect(config.lighthouseGatewayUrls).toEqual(['https://b.example', 'https://a.example'])
})

test('a short code is a sender too', () => {
  expect(readConfig({ ...needed, TWILIO_FROM: '22141' }).config.twilioFrom).toBe('22141')
})

test('everything on disk is below the data folder, the keys in a folder of their own', () => {
  const { config } = readConfig({ ...needed, DATA_FOLDER: './somewhere' })
  const folders = Object.values(foldersOf(config))
  expect(new Set(folders).size).toBe(folders.length)
  for (const folder of folders) expect(folder.startsWith(`${resolve('./somewhere')}/`)).toBe(true)
})

test('every variable has a meaning, and secrets have no default worth guessing', () => {
  for (const variable of variables) {
    expect(variable.meaning.length).toBeGreaterThan(5)
    if ('secret' in variable) expect(variable.default || '').toBe('')
  }
})
