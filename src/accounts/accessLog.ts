import { rightBits } from '../core/classes.ts'
import type { Store } from '../core/store.ts'
import { encodeLogAccess, type Operator } from './operator.ts'

const entriesPerTransaction = 200
/** Measured 14k to 16k gas an entry; a refused one is cheaper. */
const gasPerEntry = 40_000n
const gasOverhead = 60_000n

/** Writes the waiting looks to the ledger's access log: rows first, then the transaction. @returns how many */
export async function submitLooks({ store, writer }: { store: Store; writer: Operator }): Promise<number> {
  const looks = await store.looks.unsent(entriesPerTransaction)
  if (looks.length === 0) return 0
  const entries = looks.map(({ ledgerRequestId, entryId, createdAt }) => ({
    ledgerRequestId,
    entryId,
    right: rightBits.VIEW,
    lookedAt: Math.floor(createdAt / 1000),
  }))
  const gas = gasOverhead + gasPerEntry * BigInt(looks.length)
  const ids = looks.map((look) => look.id)
  const sent = await writer.transact({
    kind: 'logAccess',
    data: encodeLogAccess(entries),
    gas,
    urgent: true,
    claim: async (inside, transactionId) => (await inside.looks.claim(ids, transactionId)) === ids.length,
  })
  return sent ? looks.length : 0
}
