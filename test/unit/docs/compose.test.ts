import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig, variables } from '../../../src/config.ts'
import { read, root } from './markdown.ts'
import { readYaml, type Yaml } from './readYaml.ts'
import { filledIn } from './sampleEnv.ts'

const source = read('docker-compose.yml')
const compose = asMap(readYaml(source))
const services = Object.fromEntries(
  Object.entries(asMap(compose['services'])).map(([name, service]) => [name, asMap(service)]),
)
const longRunning = ['postgres', 'redis', 'chain', 'web', 'worker']

function asMap(value: Yaml | undefined): { [key: string]: Yaml } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('Not a map.')
  return value
}

function asList(value: Yaml | undefined): string[] {
  return (Array.isArray(value) ? value : []).map(String)
}

function service(name: string): { [key: string]: Yaml } {
  const found = services[name]
  if (!found) throw new RangeError(`No service ${name}.`)
  return found
}

/** Fills `${NAME:?…}` in as docker compose does. */
function interpolate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{(\w+)(?::\?[^}]*)?\}/g, (_match, name: string) => {
    const value = values[name]
    if (!value) throw new RangeError(`${name} is not set.`)
    return value
  })
}

test('the services are those that the runbook names', () => {
  expect(Object.keys(services).sort()).toEqual(['chain', 'contracts', 'postgres', 'redis', 'web', 'worker'])
  expect([service('chain')['profiles'], service('contracts')['profiles']]).toEqual([['trying'], ['trying']])
})

test('no password stands in the file, and none has a default', () => {
  const uses = [...source.matchAll(/\$\{([^}]*)\}/g)].map(([, use = '']) => use)
  expect(uses.length).toBeGreaterThan(3)
  expect(uses.filter((use) => !/^\w+:\?/.test(use))).toEqual([])
  const literal = Object.values(services)
    .flatMap((one) => Object.entries(one['environment'] ? asMap(one['environment']) : {}))
    .filter(([name, value]) => /PASSWORD|KEY|TOKEN|SECRET|AUTH/.test(name) && !String(value).startsWith('${'))
  expect(literal).toEqual([])
})

test('every service that stays has a health check and comes back', () => {
  for (const name of longRunning) {
    expect(asList(asMap(service(name)['healthcheck'])['test'])[0], name).toMatch(/^CMD/)
    expect(service(name)['restart'], name).toBe('unless-stopped')
  }
  expect(service('contracts')['restart']).toBe('no')
})

test('each service waits for what it needs until that is well', () => {
  for (const [name, one] of Object.entries(services)) {
    const needs = one['depends_on'] ? Object.entries(asMap(one['depends_on'])) : []
    for (const [needed, how] of needs) {
      const stays = longRunning.includes(needed)
      const condition = stays ? 'service_healthy' : 'service_completed_successfully'
      expect(services[needed], `${name} needs ${needed}`).toBeDefined()
      expect(asMap(how)['condition'], `${name} needs ${needed}`).toBe(condition)
      // What a profile leaves out must not keep the others from starting.
      if (services[needed]?.['profiles']) expect(asMap(how)['required'], `${name} needs ${needed}`).toBe('false')
    }
  }
  expect(Object.keys(asMap(service('web')['depends_on']))).toEqual(['postgres', 'redis', 'contracts'])
  expect(Object.keys(asMap(service('worker')['depends_on']))).toEqual(['postgres', 'redis', 'web'])
})

test('nothing can be reached from other machines but the portal, through a proxy on this one', () => {
  const published = Object.entries(services).flatMap(([name, one]) => asList(one['ports']).map((port) => [name, port]))
  expect(published).toEqual([['web', '127.0.0.1:7100:7100']])
})

test('every volume is declared, and web and worker share the data folder', () => {
  const declared = Object.keys(asMap(compose['volumes']))
  const used = Object.values(services).flatMap((one) => asList(one['volumes']).map((volume) => volume.split(':')[0]))
  expect([...new Set(used)].sort()).toEqual([...declared].sort())
  for (const name of ['web', 'worker']) expect(asList(service(name)['volumes'])).toContain('data:/data')
})

test.each(['web', 'worker'])('the %s service has a configuration on which the server starts', (name) => {
  const given = asMap(service(name)['environment'])
  const known: readonly string[] = variables.map((variable) => variable.name)
  expect(Object.keys(given).filter((variable) => !known.includes(variable))).toEqual([])
  const passwords = { POSTGRES_PASSWORD: 'oneOfThisTest', REDIS_PASSWORD: 'anotherOne' }
  const env = { ...filledIn(read('.env.example')) }
  for (const [variable, value] of Object.entries(given)) env[variable] = interpolate(String(value), passwords)
  const { config } = readConfig(env)
  expect(config.role).toBe(name)
  expect(new URL(config.databaseUrl ?? '').hostname).toBe('postgres')
  expect(new URL(config.redisUrl ?? '').hostname).toBe('redis')
  expect([config.dataFolder, config.deploymentsFolder]).toEqual(['/data', '/deployments'])
})

test('the server runs without rights to gain and without a disk to write on', () => {
  for (const name of ['web', 'worker'])
    expect(service(name)).toMatchObject({
      read_only: 'true',
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      stop_grace_period: '15s',
    })
})

test('images are built from stages that the Dockerfile has', () => {
  const stages = [...read('Dockerfile').matchAll(/^FROM \S+ AS (\w+)$/gm)].map(([, stage]) => stage)
  const targets = Object.values(services).flatMap((one) =>
    one['build'] ? [String(asMap(one['build'])['target'])] : [],
  )
  expect(targets).toHaveLength(4)
  expect(targets.filter((target) => !stages.includes(target))).toEqual([])
})

test('the files that the commands run are there', () => {
  const commands = Object.values(services).flatMap((one) => [
    asList(one['command']),
    asList(one['healthcheck'] ? asMap(one['healthcheck'])['test'] : null),
  ])
  const files = commands.flat().filter((word) => /^[\w/.]+\.ts$/.test(word) || word.startsWith('node_modules/.bin/'))
  expect(files.sort()).toEqual(['node_modules/.bin/anvil', 'ops/workerHealth.ts', 'tools/deploy.ts'])
  expect(files.filter((file) => !existsSync(resolve(root, file)))).toEqual([])
})

test('what the reader of the file does not know, it refuses', () => {
  expect(readYaml('a:\n  b: ["x", "y"]\n  c:\n    - one\n')).toEqual({ a: { b: ['x', 'y'], c: ['one'] } })
  for (const odd of ['a: &b c\n', 'a: |\n  text\n', 'a: b # c\n', 'a: b\na: c\n', 'a: b\n   c: d\n', 'a: b: c\n'])
    expect(() => readYaml(odd), odd).toThrow(SyntaxError)
})
