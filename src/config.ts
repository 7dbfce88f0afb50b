import { join, resolve } from 'node:path'
import { parsePhone } from './core/phone.ts'

/** What the server is told that anyone may read. */
export type Config = {
  role: 'web' | 'worker' | 'both'
  host: string
  port: number
  /** As browsers and Twilio reach the server, without a slash at its end. */
  publicUrl: string
  trustProxy: boolean
  dataFolder: string
  databaseUrl: string | null
  redisUrl: string | null
  chainId: number
  chainRpcUrl: string
  /** Another's bundler, by its JSON-RPC; null: our own keys bundle. */
  bundlerUrl: string | null
  deploymentsFolder: string
  explorerUrl: string | null
  twilioAccountSid: string
  twilioFrom: string
  twilioApiUrl: string
  storage: 'lighthouse' | 'local'
  lighthouseUploadUrl: string
  lighthouseApiUrl: string
  lighthouseGatewayUrls: string[]
  logLevel: string
}

/** What it is told that nobody else may read. A type of its own, so that no log or page is handed one by mistake. */
export type Secrets = {
  twilioAuthToken: string
  lighthouseApiKey: string
  /** 32 bytes, or null: then a key file in the data folder, made at the first start. */
  vaultKey: Uint8Array | null
  operatorKey: Uint8Array | null
  /** Keys that bundle beside it. */
  moreOperatorKeys: Uint8Array[]
}

/** A configuration the server cannot run on. One line, which names the variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

type Variable = { name: string; meaning: string; default: string | null; secret?: true }

/** Every variable the server reads; the README's table is made from this. `null`: must be set. */
export const variables = [
  { name: 'ROLE', meaning: '`web`, `worker` or `both` in one process', default: 'both' },
  { name: 'HOST', meaning: 'address to listen on', default: '127.0.0.1' },
  { name: 'PORT', meaning: 'port to listen on', default: '7100' },
  {
    name: 'PUBLIC_URL',
    meaning: 'the server as browsers and Twilio reach it; https, except on this machine',
    default: null,
  },
  { name: 'TRUST_PROXY', meaning: '`yes` behind a proxy that sets X-Forwarded-For', default: 'no' },
  { name: 'DATA_FOLDER', meaning: 'key files, sealed files on their way, the embedded database', default: './data' },
  {
    name: 'DATABASE_URL',
    meaning: 'PostgreSQL; empty: the embedded PGlite (for trying: it survives kill -9, not a power cut)',
    default: '',
  },
  {
    name: 'REDIS_URL',
    meaning: "Redis for the job queue; empty: BullMQ's Postgres backend in the database",
    default: '',
  },
  { name: 'CHAIN_ID', meaning: '1135 Lisk, 4202 Lisk Sepolia, 31337 local', default: null },
  { name: 'CHAIN_RPC_URL', meaning: "JSON-RPC of the chain's node", default: null },
  {
    name: 'DEPLOYMENTS_FOLDER',
    meaning: 'folder of `<chain id>.json`, where the contracts are',
    default: './deployments',
  },
  {
    name: 'BUNDLER_URL',
    meaning: "JSON-RPC of another's ERC-4337 bundler; empty: our own operator keys call `handleOps`",
    default: '',
  },
  { name: 'EXPLORER_URL', meaning: 'block explorer that transactions link to', default: '' },
  { name: 'TWILIO_ACCOUNT_SID', meaning: 'Twilio account', default: null },
  { name: 'TWILIO_AUTH_TOKEN', meaning: 'signs webhooks and our calls', default: null, secret: true },
  { name: 'TWILIO_FROM', meaning: 'our number, in international form', default: null },
  { name: 'TWILIO_API_URL', meaning: "Twilio's API, or a stand-in", default: 'https://api.twilio.com' },
  {
    name: 'STORAGE',
    meaning: '`lighthouse`, or `local` where records may not leave the country',
    default: 'lighthouse',
  },
  { name: 'LIGHTHOUSE_API_KEY', meaning: 'needed with `STORAGE=lighthouse`', default: '', secret: true },
  {
    name: 'LIGHTHOUSE_UPLOAD_URL',
    meaning: 'upload node, or a stand-in',
    default: 'https://upload.lighthouse.storage',
  },
  { name: 'LIGHTHOUSE_API_URL', meaning: "Lighthouse's API, or a stand-in", default: 'https://api.lighthouse.storage' },
  {
    name: 'LIGHTHOUSE_GATEWAY_URLS',
    meaning: 'IPFS gateways asked in this order, with commas between',
    default: 'https://gateway.lighthouse.storage',
  },
  {
    name: 'VAULT_KEY',
    meaning: '64 hexadecimal digits; empty: `keys/vault` in the data folder, mode 0600, made at the first start',
    default: '',
    secret: true,
  },
  {
    name: 'OPERATOR_KEY',
    meaning: 'private key that bundles and pays; empty: `keys/operator` in the data folder, on chain 31337 only',
    default: '',
    secret: true,
  },
  {
    name: 'MORE_OPERATOR_KEYS',
    meaning:
      'private keys that bundle beside it, with commas between; empty: none, or `keys/operator-2` and `-3` on chain 31337',
    default: '',
    secret: true,
  },
  { name: 'LOG_LEVEL', meaning: '`error`, `warn`, `info` or `debug`', default: 'info' },
] as const satisfies readonly Variable[]

type VariableName = (typeof variables)[number]['name']
/** The chain that a development machine runs by itself. */
export const localChainId = 31337
/** Key files of the operators beside the first on that chain. */
export const localOperatorNames = ['operator-2', 'operator-3'] as const

/**
 * Reads the environment; nothing else in the house does.
 *
 * @throws {ConfigError} for the first variable that is missing, wrong or at odds with another
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): { config: Config; secrets: Secrets } {
  const read = (name: VariableName): string => {
    const variable: Variable | undefined = variables.find((known) => known.name === name)
    const value = env[name]?.trim() || variable?.default
    if (value === null || value === undefined) throw new ConfigError(`${name} is not set: ${variable?.meaning}.`)
    return value
  }
  const choose = <Choice extends string>(name: VariableName, choices: readonly Choice[]): Choice => {
    const found = choices.find((choice) => choice === read(name))
    if (found === undefined) throw new ConfigError(`${name} must be one of ${choices.join(', ')}.`)
    return found
  }
  const number = (name: VariableName, max: number): number => {
    const value = Number(read(name))
    if (!Number.isInteger(value) || value < 0 || value > max)
      throw new ConfigError(`${name} must be a whole number from 0 to ${max}.`)
    return value
  }
  const toUrl = (name: VariableName, value: string, protocols: readonly string[] = ['http:', 'https:']): string => {
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol))
      throw new ConfigError(`${name} must be an address that starts with ${protocols.join('// or ')}//.`)
    return value.replace(/\/+$/, '')
  }
  const url = (name: VariableName, protocols?: readonly string[]) => toUrl(name, read(name), protocols)
  const optionalUrl = (name: VariableName, protocols?: readonly string[]) =>
    read(name) === '' ? null : url(name, protocols)
  const toKey = (name: VariableName, value: string): Uint8Array => {
    const digits = value.trim().replace(/^0x/, '')
    if (!/^[0-9a-f]{64}$/i.test(digits)) throw new ConfigError(`${name} must be 64 hexadecimal digits.`)
    return Buffer.from(digits, 'hex')
  }
  const key = (name: VariableName) => (read(name) === '' ? null : toKey(name, read(name)))
  const keys = (name: VariableName) =>
    read(name) === ''
      ? []
      : read(name)
          .split(',')
          .map((one) => toKey(name, one))

  const config: Config = {
    role: choose('ROLE', ['web', 'worker', 'both']),
    host: read('HOST'),
    port: number('PORT', 65_535),
    publicUrl: url('PUBLIC_URL'),
    trustProxy: choose('TRUST_PROXY', ['yes', 'no']) === 'yes',
    dataFolder: resolve(read('DATA_FOLDER')),
    databaseUrl: optionalUrl('DATABASE_URL', ['postgres:', 'postgresql:']),
    redisUrl: optionalUrl('REDIS_URL', ['redis:', 'rediss:']),
    chainId: number('CHAIN_ID', Number.MAX_SAFE_INTEGER),
    chainRpcUrl: url('CHAIN_RPC_URL'),
    bundlerUrl: optionalUrl('BUNDLER_URL'),
    deploymentsFolder: resolve(read('DEPLOYMENTS_FOLDER')),
    explorerUrl: optionalUrl('EXPLORER_URL'),
    twilioAccountSid: read('TWILIO_ACCOUNT_SID'),
    twilioFrom: read('TWILIO_FROM'),
    twilioApiUrl: url('TWILIO_API_URL'),
    storage: choose('STORAGE', ['lighthouse', 'local']),
    lighthouseUploadUrl: url('LIGHTHOUSE_UPLOAD_URL'),
    lighthouseApiUrl: url('LIGHTHOUSE_API_URL'),
    lighthouseGatewayUrls: read('LIGHTHOUSE_GATEWAY_URLS')
      .split(',')
      .map((address) => toUrl('LIGHTHOUSE_GATEWAY_URLS', address.trim())),
    logLevel: choose('LOG_LEVEL', ['error', 'warn', 'info', 'debug']),
  }
  const secrets: Secrets = {
    twilioAuthToken: read('TWILIO_AUTH_TOKEN'),
    lighthouseApiKey: read('LIGHTHOUSE_API_KEY'),
    vaultKey: key('VAULT_KEY'),
    operatorKey: key('OPERATOR_KEY'),
    moreOperatorKeys: keys('MORE_OPERATOR_KEYS'),
  }
  refuseContradictions(config, secrets)
  return { config, secrets }
}

function refuseContradictions(config: Config, secrets: Secrets): void {
  const { hostname, protocol, pathname } = new URL(config.publicUrl)
  const isThisMachine = hostname === 'localhost' || hostname === '127.0.0.1'
  if (protocol !== 'https:' && !isThisMachine)
    throw new ConfigError('PUBLIC_URL must start with https://: sessions and consents would travel in clear.')
  if (pathname !== '/')
    throw new ConfigError('PUBLIC_URL must have no path: webhook signatures are checked against it.')
  if (config.databaseUrl === null && config.role !== 'both')
    throw new ConfigError('DATABASE_URL must be set when ROLE is web or worker: the embedded database has one process.')
  if (config.chainId !== localChainId && secrets.operatorKey === null)
    throw new ConfigError('OPERATOR_KEY must be set: a key file made by this server is for the local chain only.')
  const operatorKeys = [secrets.operatorKey, ...secrets.moreOperatorKeys].flatMap((key) => (key ? [String(key)] : []))
  if (new Set(operatorKeys).size < operatorKeys.length)
    throw new ConfigError('MORE_OPERATOR_KEYS must all differ, from OPERATOR_KEY too: each key counts its own nonces.')
  if (config.chainId !== localChainId && config.databaseUrl === null)
    throw new ConfigError('DATABASE_URL must be set: the embedded database is for the local chain only.')
  if (config.storage === 'lighthouse' && secrets.lighthouseApiKey === '')
    throw new ConfigError('LIGHTHOUSE_API_KEY must be set, or STORAGE=local.')
  if (parsePhone(config.twilioFrom) !== config.twilioFrom && !/^\d{3,8}$/.test(config.twilioFrom))
    throw new ConfigError('TWILIO_FROM must be a number like +254700000001, or a short code.')
}

/** Where the server keeps what on its disk. */
export function foldersOf(config: Pick<Config, 'dataFolder'>) {
  return {
    keys: join(config.dataFolder, 'keys'),
    database: join(config.dataFolder, 'database'),
    spool: join(config.dataFolder, 'spool'),
    localStore: join(config.dataFolder, 'records'),
    downloads: join(config.dataFolder, 'downloads'),
  }
}
