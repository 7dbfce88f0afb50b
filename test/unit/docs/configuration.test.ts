import { parseEnv } from 'node:util'
import { expect, test } from 'vitest'
import { ConfigError, readConfig, variables } from '../../../src/config.ts'
import { envExample, withTable } from '../../../tools/readme.ts'
import { read } from './markdown.ts'
import { filledIn } from './sampleEnv.ts'

test("the README's table and .env.example are as the configuration makes them", () => {
  expect(withTable(read('README.md'), variables)).toBe(read('README.md'))
  expect(envExample(variables)).toBe(read('.env.example'))
})

test('a new variable makes both stale', () => {
  const more = [...variables, { name: 'COFFEE', meaning: 'how strong', default: null }]
  expect(withTable(read('README.md'), more)).toContain('| `COFFEE` | How strong. | **needed** |')
  expect(envExample(more)).toContain('# How strong. Needed.\nCOFFEE=\n')
})

test('.env.example as it comes stops the server with the name of what is needed', () => {
  const env = parseEnv(read('.env.example'))
  expect(() => readConfig(env)).toThrow(ConfigError)
  expect(() => readConfig(env)).toThrow(/^PUBLIC_URL /)
})

test('.env.example, filled in where it says needed, starts the server', () => {
  const { config } = readConfig(filledIn(read('.env.example')))
  expect(config).toMatchObject({ role: 'both', chainId: 31337, twilioFrom: '+254700000001' })
})
