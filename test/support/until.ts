import { setTimeout as pause } from 'node:timers/promises'

const pollMs = 25

/**
 * Asks again until there is an answer. A server that is down, or breaks off in the middle, is asked again too.
 *
 * @param what for the failure: what never came
 * @throws when the time is up
 */
export async function until<Answer>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<Answer | null | undefined | false>,
): Promise<Answer> {
  const deadline = Date.now() + timeoutMs
  let lastError: unknown
  while (Date.now() < deadline) {
    try {
      const answer = await ask()
      if (answer) return answer
    } catch (error) {
      lastError = error
    }
    await pause(pollMs)
  }
  throw new Error(`In ${timeoutMs} ms there was never ${what}.`, { cause: lastError })
}
