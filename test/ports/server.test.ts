import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { buildServer } from '../../src/server.ts'

test('a server that ends answers what was asked, and waits for nothing else', async () => {
  const server = buildServer({
    log: pino({ level: 'silent' }),
    trustProxy: false,
    webhook: async () => {},
    portal: async (scope) => {
      scope.get('/slow', async () => {
        await pause(200)
        return 'answered'
      })
    },
    did: async () => {},
    isHealthy: async () => true,
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const spare = connect(Number(new URL(url).port), '127.0.0.1')
  await once(spare, 'connect')
  const spareEnds = once(spare.resume(), 'close')
  const asked = fetch(`${url}/slow`)
  await pause(50)
  await server.close()
  expect(await (await asked).text()).toBe('answered')
  await spareEnds
}, 5_000)
