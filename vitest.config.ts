import { defineConfig } from 'vitest/config'

const minuteMs = 60_000

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          isolate: false,
          sequence: { groupOrder: 0 },
          testTimeout: minuteMs / 4,
        },
      },
      {
        test: {
          name: 'world',
          include: [
            'test/ports/**/*.test.ts',
            'test/conversations/**/*.test.ts',
            'test/journeys/**/*.test.ts',
            'test/faults/**/*.test.ts',
          ],
          globalSetup: 'test/support/globalSetup.ts',
          pool: 'forks',
          maxWorkers: 2,
          // After the units: two groups side by side would be four workers on two cores.
          sequence: { groupOrder: 1 },
          testTimeout: 2 * minuteMs,
          hookTimeout: 2 * minuteMs,
        },
      },
    ],
  },
})
