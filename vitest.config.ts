import { existsSync, statfsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const minuteMs = 60_000

// A village is a folder of 1,300 files: its copy takes 0.1 s in memory, and 1 to 4 s on a disk.
if (hasRoom('/dev/shm')) process.env['TMPDIR'] = '/dev/shm'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          isolate: false,
          sequence: { groupOrder: 0 },
          testTimeout: minuteMs,
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
          // A process takes one file after the other: what they all import is loaded, and compiled, once. 7 s of CPU a file.
          isolate: false,
          // After the units, where both run: two groups side by side would be four workers on two cores.
          sequence: { groupOrder: 1 },
          testTimeout: 2 * minuteMs,
          hookTimeout: 2 * minuteMs,
        },
      },
    ],
  },
})

/** Two gigabytes: containers often have 64 MB there. */
function hasRoom(folder: string): boolean {
  if (!existsSync(folder)) return false
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize > 2 * 1024 ** 3
}
