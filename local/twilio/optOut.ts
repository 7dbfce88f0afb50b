/** The value of the webhook field `OptOutType`. */
type OptOutType = 'STOP' | 'START' | 'HELP'

const stopWords = new Set(['STOP', 'UNSUBSCRIBE', 'END', 'QUIT', 'STOPALL', 'REVOKE', 'OPTOUT', 'CANCEL'])
const startWords = new Set(['START', 'UNSTOP'])
const helpWords = new Set(['HELP', 'INFO'])

/** What the provider itself answers; the service never sees these texts. */
export const optOutReplies: Readonly<Record<OptOutType, string>> = {
  STOP: 'You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START to resubscribe.',
  START:
    'You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.',
  HELP: 'Reply STOP to unsubscribe. Msg&Data Rates May Apply.',
}

/**
 * Reads a text as one of the words that the provider keeps for itself.
 *
 * Only the word alone counts, in any case, with spaces around it: "STOP PLEASE" is an ordinary text. YES is an ordinary
 * answer too while nobody has opted out; it brings back only a person who had. Source: Twilio, "Support for opt-out
 * keywords (SMS STOP filtering)" and "Advanced Opt-Out".
 */
export function readOptOut(text: string, isOptedOut: boolean): OptOutType | undefined {
  const word = text.trim().toUpperCase()
  if (stopWords.has(word)) return 'STOP'
  if (startWords.has(word) || (word === 'YES' && isOptedOut)) return 'START'
  if (helpWords.has(word)) return 'HELP'
  return undefined
}
