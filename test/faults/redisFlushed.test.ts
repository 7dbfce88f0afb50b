import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { asked } from '../support/asked.ts'
import { countEvents } from '../support/ledgerEvents.ts'
import { testVillage } from '../support/testVillage.ts'

/** After this long the outbox takes what the queue holds without an end for lost. */
const staleAfterMs = 5_000

test('a Redis that loses everything while an answer waits in it loses no answer', async () => {
  await using village = await testVillage('postgresAndRedis')
  const { world, app } = village
  const { patient, number, received } = await asked(village)
  const connection = new Redis(app.config.redisUrl ?? '', { maxRetriesPerRequest: null })
  const queue = new Queue('healthchain', { connection })
  try {
    // Held, so that the answer is in Redis and nowhere else of the queue when Redis forgets.
    await queue.pause()
    world.phones.text(patient.phone, `${number} 1`)
    await expect.poll(() => queue.getWaitingCount(), { timeout: 10_000 }).toBeGreaterThan(0)
    expect(received()).toHaveLength(1)
    await connection.flushdb()
    expect(await queue.getWaitingCount()).toBe(0)

    await village.advance(staleAfterMs + 1_000)
    await village.settle()
    expect(received().slice(1)).toEqual([expect.stringMatching(/is allowed to see LAB RESULTS until/)])
    expect(await countEvents(world)).toEqual({ AccessWriterChanged: 1, RequestOpened: 1, GrantOpened: 1 })
  } finally {
    await queue.close()
    connection.disconnect()
  }
})
