import { randomUUID } from 'node:crypto'
import type { Phrase } from '../core/effects.ts'
import type { ConsentRequestId } from '../core/people.ts'
import { type EpochMs, type Language, minute } from '../core/people.ts'
import type { PhoneAddressRow } from '../core/rows.ts'
import { countSmsParts } from '../core/sms.ts'
import type { Store } from '../core/store.ts'
import type { ColumnVault } from '../core/vault.ts'
import { renderPhrase } from './phrases/phrases.ts'

/** Robots of banks and carriers answer answers: at most this many identical texts in this time. */
const identicalTexts = { limit: 5, withinMs: 30 * minute }
/** A stranger hears from us once in this time, whatever she sends. */
const strangerWithinMs = 24 * 60 * minute

export type SayParts = { columns: ColumnVault; clock: () => EpochMs }
export type Saying = {
  to: PhoneAddressRow
  phrase: Phrase
  language: Language
  timeZone: string
  consentRequestId?: ConsentRequestId
  /** Not before this time: reminders and what is not for treatment keep the night quiet. */
  notBefore?: EpochMs
}

/**
 * Puts a text on its way: a row and a job in the caller's transaction, sent after the commit. Says nothing where the same
 * text went too often.
 */
export async function say(store: Store, { columns, clock }: SayParts, saying: Saying): Promise<void> {
  const { to, phrase, language, timeZone, consentRequestId, notBefore } = saying
  const now = clock()
  const text = renderPhrase(phrase, language, timeZone)
  const textIndex = columns.index(text, 'outbound_message.text')
  const since = (now - identicalTexts.withinMs) as EpochMs
  if ((await store.messages.countIdentical(to.id, textIndex, since)) >= identicalTexts.limit) return
  if (phrase.name === 'unknownSender') {
    const lately = (now - strangerWithinMs) as EpochMs
    if ((await store.messages.countPhrase(to.id, phrase.name, lately)) > 0) return
  }
  const id = randomUUID()
  const isBlocked = to.unreachableSince !== null
  await store.messages.addOutbound({
    id,
    addressId: to.id,
    phrase: phrase.name,
    textSealed: columns.seal(text, 'outbound_message.text'),
    textIndex,
    consentRequestId: consentRequestId ?? null,
    parts: countSmsParts(text),
    state: isBlocked ? 'suppressed' : 'queued',
    providerId: null,
    errorCode: null,
    createdAt: now,
    sentAt: null,
  })
  if (!isBlocked) await store.outbox.add('sendMessage', id, now, notBefore)
}
