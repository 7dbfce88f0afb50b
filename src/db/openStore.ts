import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Store } from '../core/store.ts'
import { cardQueries } from './cards.ts'
import { chainQueries } from './chain.ts'
import { lookQueries } from './looks.ts'
import { messageQueries } from './messages.ts'
import { operationQueries, transactionQueries } from './operations.ts'
import { outboxQueries } from './outbox.ts'
import { peopleQueries } from './people.ts'
import { keyQueries, recordQueries } from './records.ts'
import { requestQueries } from './requests.ts'
import { safeguardQueries } from './safeguards.ts'
import type { Tables } from './schema.ts'

/** The store over an engine, or over one transaction of it. */
export function openStore(db: Kysely<Tables>): Store {
  return {
    transaction: (work) => db.transaction().execute((transaction) => work(openStore(transaction))),
    people: peopleQueries(db),
    messages: messageQueries(db),
    requests: requestQueries(db),
    operations: operationQueries(db),
    transactions: transactionQueries(db),
    looks: lookQueries(db),
    records: recordQueries(db),
    keys: keyQueries(db),
    outbox: outboxQueries(db),
    cards: cardQueries(db),
    safeguards: safeguardQueries(db),
    chain: chainQueries(db),
    async announce(channel, id) {
      await sql`select pg_notify(${channel}, ${id})`.execute(db)
    },
  }
}
