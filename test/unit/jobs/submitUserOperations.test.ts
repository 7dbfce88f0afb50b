import { beforeEach, expect, test } from 'vitest'
import { TryAgainError } from '../../../src/core/errors.ts'
import type { EpochMs } from '../../../src/core/people.ts'
import type { OperatorTransactionRow, UserOperationRow } from '../../../src/core/rows.ts'
import type { Store } from '../../../src/core/store.ts'
import { submitUserOperations } from '../../../src/jobs/submitUserOperations.ts'

let now: number
let operations: Map<string, Pick<UserOperationRow, 'kind' | 'status' | 'createdAt'>>
let inFlight: Pick<OperatorTransactionRow, 'kind'>[]
let pauses: number[]
let rounds: string[][]
let arrivesMeanwhile: string[]
let isRush: boolean

beforeEach(() => {
  now = 1_795_000_000_000
  operations = new Map()
  inFlight = []
  pauses = []
  rounds = []
  arrivesMeanwhile = []
  isRush = false
})

const store = {
  operations: { get: async (id: string) => operations.get(id) ?? null },
  transactions: { sent: async () => inFlight },
} as unknown as Store

function prepare(id: string, kind: UserOperationRow['kind'] = 'openGrant'): void {
  operations.set(id, { kind, status: 'prepared', createdAt: now as EpochMs })
}

const job = () =>
  submitUserOperations({
    store,
    clock: () => now as EpochMs,
    outcomes: { apply: async () => {}, refused: async () => {} },
    async pause(ms) {
      pauses.push(ms)
      now += ms
      for (const id of arrivesMeanwhile) prepare(id)
    },
    async submitPrepared() {
      const going = [...operations].filter(
        ([, { status, kind }]) => status === 'prepared' && !(isRush && kind !== 'revokeGrant'),
      )
      for (const [, operation] of going) operation.status = 'submitted'
      rounds.push(going.map(([id]) => id))
      return { refused: [], isRush }
    },
  })

test('an answer goes at once when no bundle of ours is on its way', async () => {
  prepare('a')
  await job()('a')
  expect({ pauses, rounds }).toEqual({ pauses: [], rounds: [['a']] })
})

test('while a bundle waits for its block, answers gather for half a second from the first, and go together', async () => {
  inFlight = [{ kind: 'handleOps' }]
  prepare('a')
  now += 100
  arrivesMeanwhile = ['b', 'c']
  const submit = job()
  await submit('a')
  await Promise.all(['b', 'c'].map((id) => submit(id)))
  expect({ pauses, rounds }).toEqual({ pauses: [400], rounds: [['a', 'b', 'c']] })
})

test('an answer that has waited half a second for its turn waits no longer for company', async () => {
  inFlight = [{ kind: 'handleOps' }]
  prepare('a')
  now += 500
  await job()('a')
  expect({ pauses, rounds }).toEqual({ pauses: [], rounds: [['a']] })
})

test('looks on their way hold no answer back', async () => {
  inFlight = [{ kind: 'logAccess' }]
  prepare('a')
  await job()('a')
  expect(pauses).toEqual([])
})

test('in a rush a yes is looked at again after five seconds, and a removal goes', async () => {
  isRush = true
  prepare('yes')
  prepare('removal', 'revokeGrant')
  const submit = job()
  await expect(submit('yes')).rejects.toMatchObject(new TryAgainError('feesAreHigh', 5_000))
  await submit('removal')
  expect(operations.get('removal')?.status).toBe('submitted')
})
