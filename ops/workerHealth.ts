/**
 * Ends with 0 while a worker relays the outbox, with 1 when work that was due a minute ago has never been handed to the queue.
 * A worker has no port to ask; the database knows whether it does its work.
 */
import pg from 'pg'

const lateAfterMs = 60_000
const timeoutMs = 5_000

const client = new pg.Client({
  connectionString: process.env['DATABASE_URL'],
  connectionTimeoutMillis: timeoutMs,
  statement_timeout: timeoutMs,
})
try {
  await client.connect()
  const { rows } = await client.query(
    `select job from outbox
     where done_at is null and failed_at is null and greatest(not_before, coalesce(relayed_at, 0)) < $1 limit 1`,
    [Date.now() - lateAfterMs],
  )
  process.exitCode = rows.length === 0 ? 0 : 1
} catch (error) {
  process.stderr.write(`The database cannot be asked: ${error instanceof Error ? error.name : 'unknown'}\n`)
  process.exitCode = 1
} finally {
  await client.end().catch(() => {})
}
