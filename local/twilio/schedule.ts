/** The longest real pause before the clock is read again, so that a clock which was moved by hand is noticed. */
const pollMs = 1_000

/** Things to do later, by a clock that a test or the village may move. */
export type Schedule = {
  /**
   * Runs something once the clock reads `dueAt` or later, never in the same turn.
   *
   * @param dueAt milliseconds since 1970
   * @returns a function that cancels it
   */
  at(dueAt: number, run: () => void): () => void
  /** Runs what is due now: call it after moving the clock. */
  runDue(): void
  stop(): void
}

/**
 * Makes a schedule over a clock.
 *
 * @param options clock: milliseconds since 1970; eagerWithinMs: what is due this soon runs at once, so that tests need
 *   not wait for retries and delays while hours still take moving the clock
 */
export function createSchedule(options: { clock: () => number; eagerWithinMs?: number }): Schedule {
  const { clock, eagerWithinMs = 0 } = options
  const entries = new Set<{ dueAt: number; run: () => void }>()
  let timer: NodeJS.Timeout | undefined

  function runDue(): void {
    const now = clock() + eagerWithinMs
    const due = [...entries].filter((entry) => entry.dueAt <= now).sort((a, b) => a.dueAt - b.dueAt)
    for (const entry of due) {
      // An earlier entry of this round may have cancelled a later one.
      if (entries.delete(entry)) entry.run()
    }
    arm()
  }

  function arm(): void {
    clearTimeout(timer)
    timer = undefined
    if (entries.size === 0) return
    const next = Math.min(...[...entries].map((entry) => entry.dueAt)) - eagerWithinMs - clock()
    timer = setTimeout(runDue, Math.max(0, Math.min(next, pollMs)))
    timer.unref()
  }

  return {
    at(dueAt, run) {
      const entry = { dueAt, run }
      entries.add(entry)
      arm()
      return () => {
        entries.delete(entry)
      }
    },
    runDue,
    stop() {
      clearTimeout(timer)
      entries.clear()
    },
  }
}
