import { lineHashOf } from './codeCard.ts'
import { missCode } from './codeMiss.ts'
import type { Command } from './commands.ts'
import type { StretchedCode } from './conversation.ts'
import type { Effect, Phrase } from './effects.ts'
import type { EpochMs } from './people.ts'
import type { Hex } from './rows.ts'
import type { ChangeState, SafeguardKind, Standing } from './safeguards.ts'

/** What the conversation may know of what protects her. */
export type SafeguardFacts = {
  standing: Standing
  hasCard: boolean
  /** A line of her card is left for a loosening to take. */
  hasLine: boolean
  /** Her hospital has handed her another card, which waits for her word. */
  hasNewCard: boolean
  /** Those under way; at most one of a kind. */
  loosenings: readonly LooseningFacts[]
}

export type LooseningFacts = {
  id: string
  safeguard: SafeguardKind
  state: ChangeState
  /** The line it took; null for one that her guardians began. */
  card: { cardId: Hex; line: number; lineHash: Hex } | null
  readyAt: EpochMs | null
}

type Facts = {
  now: EpochMs
  safeguards: SafeguardFacts
  stretched: StretchedCode | null
  misses: number
  pausedUntil: EpochMs | null
}

export type SafeguardCommand = Extract<
  Command,
  { kind: 'tighten' | 'loosen' | 'loosenWithCode' | 'aboutLoosening' | 'keep' | 'safety' }
>

/** Tightening is instant; loosening takes a line of her card, that line's code, and 72 hours in which KEEP stops it. */
export function changeSafeguard(facts: Facts, command: SafeguardCommand): Effect[] {
  switch (command.kind) {
    case 'tighten':
      return tighten(facts.safeguards, command.safeguard)
    case 'loosen':
      return loosen(facts, command.safeguard)
    case 'loosenWithCode':
      return loosenWithCode(facts, command.safeguard, command.code)
    case 'aboutLoosening': {
      const known = find(facts.safeguards, command.safeguard)
      return [say(known?.state === 'asked' ? whereItStands(known) : { name: 'safety' })]
    }
    case 'keep': {
      const changeIds = facts.safeguards.loosenings.map(({ id }) => id)
      return changeIds.length === 0 ? [say({ name: 'nothingToKeep' })] : [{ kind: 'keep', changeIds }]
    }
    case 'safety':
      return [say({ name: 'safety' })]
  }
}

function tighten(safeguards: SafeguardFacts, safeguard: SafeguardKind): Effect[] {
  if (safeguard === 'lowerAssurance' && !safeguards.hasCard) return [say({ name: 'needsCard' })]
  const already = tightened(safeguards)[safeguard]
  if (already && !isLoose(safeguards, safeguard) && !find(safeguards, safeguard)) return [say(already)]
  return [{ kind: 'tighten', safeguard }]
}

function tightened({ hasCard }: SafeguardFacts): Partial<Readonly<Record<SafeguardKind, Phrase>>> {
  return {
    unfreeze: { name: 'frozen', hasCard },
    allowEmergency: { name: 'emergencyOff' },
    lowerAssurance: { name: 'codeOn' },
  }
}

function loosen(facts: Facts, safeguard: SafeguardKind): Effect[] {
  const { safeguards, pausedUntil } = facts
  if (isLoose(safeguards, safeguard)) return [say({ name: 'soAlready' })]
  const known = find(safeguards, safeguard)
  if (known) return [say(whereItStands(known))]
  if (safeguard === 'replaceCard' && !safeguards.hasNewCard) return [say({ name: 'needsNewCard' })]
  if (!safeguards.hasLine) return [say({ name: 'needsCard' })]
  if (pausedUntil !== null) return [say({ name: 'sharingPaused', until: pausedUntil })]
  return [{ kind: 'askLoosening', safeguard }]
}

/** The code of the line that this very loosening took. One that comes before it was asked for is not even looked at. */
function loosenWithCode(facts: Facts, safeguard: SafeguardKind, typed: string): Effect[] {
  const known = find(facts.safeguards, safeguard)
  if (known?.state !== 'asked' || !known.card) return loosen(facts, safeguard)
  if (facts.pausedUntil !== null) return [say({ name: 'sharingPaused', until: facts.pausedUntil })]
  const { cardId, line, lineHash } = known.card
  const { stretched } = facts
  if (stretched?.cardId !== cardId || stretched.line !== line || stretched.code !== typed)
    return [{ kind: 'stretchCode', cardId, line, code: typed }]
  if (lineHashOf(stretched.stretched) === lineHash)
    return [{ kind: 'confirmLoosening', changeId: known.id, stretchedCode: stretched.stretched }]
  const missed: Effect = { kind: 'missLooseningCode', changeId: known.id }
  return missCode(facts, missed, { name: 'looseningCodeWrong', safeguard, line })
}

function whereItStands({ safeguard, state, card, readyAt }: LooseningFacts): Phrase {
  if (state === 'asked' && card) return { name: 'looseningCode', safeguard, line: card.line }
  if (state === 'waiting' && readyAt !== null) return { name: 'looseningWaits', safeguard, at: readyAt }
  return { name: 'changeOnItsWay' }
}

function isLoose({ standing }: SafeguardFacts, safeguard: SafeguardKind): boolean {
  switch (safeguard) {
    case 'unfreeze':
      return !standing.frozen
    case 'allowEmergency':
      return standing.emergencyAllowed
    case 'lowerAssurance':
      return !standing.codeRequired
    case 'replaceCard':
      return false
  }
}

function find({ loosenings }: SafeguardFacts, safeguard: SafeguardKind): LooseningFacts | null {
  return loosenings.find((one) => one.safeguard === safeguard) ?? null
}

function say(phrase: Phrase): Effect {
  return { kind: 'say', phrase }
}
