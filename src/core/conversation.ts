import type { Preset, Purpose } from './classes.ts'
import { lineHashOf } from './codeCard.ts'
import { missCode } from './codeMiss.ts'
import { type Answer, parseCommand } from './commands.ts'
import {
  bareReplyAddressAgeMs,
  bareReplyMaxDays,
  isLive,
  isOpen,
  nextState,
  type RequestState,
  undoTimeMs,
} from './consent.ts'
import type { Effect, Phrase } from './effects.ts'
import type { ConsentRequestId, EpochMs, Language } from './people.ts'
import type { Hex } from './rows.ts'
import { changeSafeguard, type SafeguardFacts } from './safeguardConversation.ts'
import { sharesNothing } from './safeguards.ts'

/** A request as the conversation sees it: open, live, or ended within the time its number rests. */
export type RequestFacts = {
  id: ConsentRequestId
  number: number
  state: RequestState
  doctor: string
  preset: Preset
  purpose: Purpose
  days: number
  askedAt: EpochMs
  answerBy: EpochMs
  answeredAt: EpochMs | null
  grantedUntil: EpochMs | null
  /** The line of her card that the request took; null where a bare reply answers it. */
  card: { cardId: Hex; line: number; lineHash: Hex } | null
}

/** Everything `converse` may know; read in the same transaction that stores what it decides. */
export type ConversationFacts = {
  now: EpochMs
  /** Null for a sender who is no patient of ours. */
  patient: { language: Language; addressSince: EpochMs } | null
  requests: readonly RequestFacts[]
  /** The request whose prompt or reminder was the last thing we sent to this address, or the emergency we told of. */
  lastPrompted: ConsentRequestId | null
  /** A code of this message that was stretched, with what it was stretched for. */
  stretched: StretchedCode | null
  /** Codes that were not those of their lines, since the last right one. */
  misses: number
  /** Until when nobody looks and nothing is granted; null where sharing is not paused. */
  pausedUntil: EpochMs | null
  safeguards: SafeguardFacts
  looks: readonly { number: number; doctor: string; at: EpochMs }[]
}

export type StretchedCode = { cardId: Hex; line: number; code: string; stretched: Hex }

/**
 * Decides what one message does. Pure: the same facts and text always give the same effects.
 *
 * A grant is opened by `NUMBER 1` for an open request of this very address, or by a bare `1` when exactly one request is
 * open and its prompt was the last thing we sent; where the request took a line of her card, by that line's code alone.
 * Everything else gets one helpful line or nothing.
 */
export function converse(facts: ConversationFacts, text: string): Effect[] {
  const { patient } = facts
  if (!patient) return [say({ name: 'unknownSender' })]
  const command = parseCommand(text, patient.language)
  switch (command.kind) {
    case 'answer':
      return answer(facts, patient, find(facts, command.number), command.answer)
    case 'bareAnswer':
      return bareAnswer(facts, patient, command.answer)
    case 'code':
      return code(facts, find(facts, command.number), command.code)
    case 'remove':
      return remove(find(facts, command.number))
    case 'about':
      return about(facts.now, find(facts, command.number))
    case 'log':
      return [say({ name: 'log', looks: facts.looks.slice(0, 3) })]
    case 'who':
      return who(facts)
    case 'menu':
      return [say({ name: 'menu' })]
    case 'tighten':
    case 'loosen':
    case 'loosenWithCode':
    case 'aboutLoosening':
    case 'keep':
    case 'safety':
      return changeSafeguard(facts, command)
    case 'providerWord':
      return []
    case 'unclear':
      return whichOne(facts)
  }
}

function answer(
  facts: ConversationFacts,
  patient: NonNullable<ConversationFacts['patient']>,
  request: RequestFacts | null,
  reply: Answer,
): Effect[] {
  if (!request) return [say({ name: 'noSuchNumber' })]
  const { number } = request
  if (isEmergency(request)) return answerEmergency(request, reply)
  if (reply === 'undo') return undo(facts.now, request)
  if (isLive(request.state) && reply === 'allow') return alreadyAllowed(request)
  // "Refuse" on a standing grant means what it says: she does not want it.
  if (isLive(request.state)) return remove(request)
  if (!isOpen(request.state) || facts.now > request.answerBy) return [say({ name: 'ended', number })]
  if (nextState(request.state, reply) === null) return [say({ name: 'tooSoon', number })]
  if (reply !== 'allow') return [{ kind: 'refuse', requestId: request.id, notMe: reply === 'notMe' }]
  if (facts.safeguards.standing.frozen) return [say({ name: 'frozen', hasCard: facts.safeguards.hasCard })]
  if (request.card) return [howToAnswer(request)]
  if (facts.pausedUntil !== null) return [say({ name: 'sharingPaused', until: facts.pausedUntil })]
  if (!bareReplySuffices(facts, patient, request)) return [say({ name: 'grantFailed', number })]
  return [{ kind: 'openGrant', requestId: request.id }]
}

/** Nothing of an emergency is hers to allow. "Refuse" takes the access away; "not me" has it looked into as well. */
function answerEmergency(request: RequestFacts, reply: Answer): Effect[] {
  if (reply === 'notMe' && nextState(request.state, 'dispute') !== null)
    return [{ kind: 'disputeEmergency', requestId: request.id }]
  if (!isLive(request.state)) return [say({ name: 'ended', number: request.number })]
  return reply === 'refuse' ? remove(request) : [howToDispute(request)]
}

/** Assurance A1: the code of the line that the request took. A code for another line is a wrong one, whoever sent it. */
function code(facts: ConversationFacts, request: RequestFacts | null, typed: string): Effect[] {
  if (!request) return [say({ name: 'noSuchNumber' })]
  const { number, card, id: requestId } = request
  if (isEmergency(request)) return answerEmergency(request, 'allow')
  if (isLive(request.state)) return alreadyAllowed(request)
  if (!isOpen(request.state) || facts.now > request.answerBy) return [say({ name: 'ended', number })]
  if (nextState(request.state, 'allow') === null) return [say({ name: 'tooSoon', number })]
  if (facts.safeguards.standing.frozen) return [say({ name: 'frozen', hasCard: facts.safeguards.hasCard })]
  if (!card) return [howToAnswer(request)]
  if (facts.pausedUntil !== null) return [say({ name: 'sharingPaused', until: facts.pausedUntil })]
  // PRIVATE needs a witness beside the code, and there is no way to name one yet.
  if (request.preset === 'PRIVATE') return [say({ name: 'grantFailed', number })]
  const { cardId, line } = card
  const known = facts.stretched
  if (known?.cardId !== cardId || known.line !== line || known.code !== typed)
    return [{ kind: 'stretchCode', cardId, line, code: typed }]
  if (lineHashOf(known.stretched) === card.lineHash)
    return [{ kind: 'openGrantWithCode', requestId, stretchedCode: known.stretched }]
  return missCode(facts, { kind: 'missCode', requestId }, { name: 'codeWrong', number, line })
}

/** Assurance A0: ordinary classes, at most 7 days, from an address unchanged for 30 days. */
function bareReplySuffices(
  facts: ConversationFacts,
  patient: NonNullable<ConversationFacts['patient']>,
  request: RequestFacts,
): boolean {
  return (
    request.preset !== 'PRIVATE' &&
    request.days <= bareReplyMaxDays &&
    facts.now - patient.addressSince >= bareReplyAddressAgeMs
  )
}

function bareAnswer(
  facts: ConversationFacts,
  patient: NonNullable<ConversationFacts['patient']>,
  reply: Answer,
): Effect[] {
  const open = facts.requests.filter((request) => isAnswerable(request, facts.now))
  const [only] = open
  if (only && open.length === 1 && facts.lastPrompted === only.id && reply !== 'undo')
    return answer(facts, patient, only, reply)
  const emergency = facts.requests.find((request) => isEmergency(request) && request.id === facts.lastPrompted)
  if (emergency && open.length === 0 && reply === 'notMe') return answerEmergency(emergency, reply)
  return whichOne(facts)
}

/** One helpful line, and nothing granted. */
function whichOne(facts: ConversationFacts): Effect[] {
  const open = facts.requests.filter((request) => isAnswerable(request, facts.now))
  const [only] = open
  if (!only) return [say({ name: 'nothingOpen' })]
  if (open.length === 1) return [howToAnswer(only)]
  return [say({ name: 'whichOne', numbers: open.map(({ number }) => number), code: open.some(({ card }) => card) })]
}

function isAnswerable(request: RequestFacts, now: EpochMs): boolean {
  return request.state === 'asked' && now <= request.answerBy
}

function about(now: EpochMs, request: RequestFacts | null): Effect[] {
  if (!request) return [say({ name: 'noSuchNumber' })]
  const { number, doctor } = request
  if (isOpen(request.state) && now <= request.answerBy) return [howToAnswer(request)]
  if (isLive(request.state) && isEmergency(request)) return [howToDispute(request)]
  if (isLive(request.state)) return [say({ name: 'howToRemove', number, doctor })]
  return [say({ name: 'ended', number })]
}

function remove(request: RequestFacts | null): Effect[] {
  if (!request) return [say({ name: 'noSuchNumber' })]
  if (isLive(request.state)) return [{ kind: 'revokeGrant', requestId: request.id }]
  // Taking back what was never given is a refusal.
  if (request.state === 'asked') return [{ kind: 'refuse', requestId: request.id, notMe: false }]
  if (isOpen(request.state)) return [say({ name: 'tooSoon', number: request.number })]
  return [say({ name: 'ended', number: request.number })]
}

function undo(now: EpochMs, request: RequestFacts): Effect[] {
  const { number } = request
  if (isLive(request.state)) {
    const inTime = request.answeredAt !== null && now - request.answeredAt <= undoTimeMs
    return inTime ? [{ kind: 'revokeGrant', requestId: request.id }] : [say({ name: 'undoTooLate', number })]
  }
  if (request.state === 'refused' || request.state === 'notMe') return [say({ name: 'undoRefusal', number })]
  if (isOpen(request.state) && now <= request.answerBy) return [howToAnswer(request)]
  return [say({ name: 'ended', number })]
}

function howToAnswer({ number, card }: RequestFacts): Effect {
  return say(card ? { name: 'codeNeeded', number, line: card.line } : { name: 'howToAnswer', number })
}

function isEmergency({ purpose }: RequestFacts): boolean {
  return purpose === 'emergency'
}

function howToDispute({ number, doctor, grantedUntil }: RequestFacts): Effect {
  return say(
    grantedUntil === null ? { name: 'ended', number } : { name: 'howToDispute', number, doctor, until: grantedUntil },
  )
}

function alreadyAllowed(request: RequestFacts): Effect[] {
  const { number, doctor, grantedUntil } = request
  if (grantedUntil === null) return [say({ name: 'alreadyOnItsWay', number })]
  return [say({ name: 'alreadyAllowed', number, doctor, until: grantedUntil })]
}

function who(facts: ConversationFacts): Effect[] {
  const grants = facts.requests.flatMap(standing)
  if (!sharesNothing(facts.safeguards.standing) && facts.pausedUntil === null) return [say({ name: 'who', grants })]
  return [say({ name: 'whoPaused', numbers: grants.map(({ number }) => number) })]
}

function standing(request: RequestFacts) {
  if (request.state !== 'granted' || request.grantedUntil === null) return []
  return [{ number: request.number, doctor: request.doctor, until: request.grantedUntil }]
}

function find(facts: ConversationFacts, number: number): RequestFacts | null {
  return facts.requests.find((request) => request.number === number) ?? null
}

function say(phrase: Phrase): Effect {
  return { kind: 'say', phrase }
}
