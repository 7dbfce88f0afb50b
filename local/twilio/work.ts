/** Counts what is going on, so that a test can wait for the end of it. */
export type Work = {
  /** Something has begun; call the returned function once it has ended. */
  begin(): () => void
  isBusy(): boolean
  /** Resolves when nothing is going on. */
  idle(): Promise<void>
}

export function createWork(): Work {
  let count = 0
  let waiting: Array<() => void> = []
  return {
    begin() {
      count += 1
      let hasEnded = false
      return () => {
        if (hasEnded) return
        hasEnded = true
        count -= 1
        if (count > 0) return
        const resolvers = waiting
        waiting = []
        for (const resolve of resolvers) resolve()
      }
    },
    isBusy: () => count > 0,
    idle: () => (count === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  }
}
