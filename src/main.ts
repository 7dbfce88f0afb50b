import { createApp } from './app.ts'
import { ConfigError, readConfig } from './config.ts'
import type { EpochMs } from './core/people.ts'
import { openLog } from './log.ts'

/** In-flight work gets this long after a signal; then the process ends, and the outbox knows what was left. */
const shutdownLimitMs = 10_000

async function main(): Promise<void> {
  const { config, secrets } = readConfig()
  const log = openLog(config.logLevel)
  const app = await createApp(config, secrets, { log, clock: () => Date.now() as EpochMs })
  await app.start()
  log.info({ role: config.role, chainId: config.chainId, queue: app.queue.engine }, 'HealthChain is up')

  let isStopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) return
      isStopping = true
      setTimeout(() => process.exit(1), shutdownLimitMs).unref()
      void app.close().then(
        () => process.exit(0),
        (err) => {
          log.error({ err }, 'The server did not stop cleanly')
          process.exit(1)
        },
      )
    })
  }
}

try {
  await main()
} catch (error) {
  // A line a person reads: what is wrong and what to do. The stack helps only where the fault is ours.
  const isOurs = error instanceof Error && error.name !== 'Error' && error.name !== 'TypeError'
  console.error(
    error instanceof ConfigError ? `Not started: ${error.message}` : isOurs ? `Not started: ${error.message}` : error,
  )
  process.exit(1)
}
