import { describe, expect, test } from 'vitest'
import { lineHashOf } from '../../../src/core/codeCard.ts'
import { type ConversationFacts, converse } from '../../../src/core/conversation.ts'
import type { Effect } from '../../../src/core/effects.ts'
import { day, type EpochMs } from '../../../src/core/people.ts'
import type { Hex } from '../../../src/core/rows.ts'
import type { LooseningFacts } from '../../../src/core/safeguardConversation.ts'
import { changeStates, nextChangeState, safeguardKindOf, standingOf } from '../../../src/core/safeguards.ts'

const now = Date.UTC(2026, 10, 22, 12, 0) as EpochMs
const until = (now + day) as EpochMs
const stretched: Hex = `0x${'5c'.repeat(32)}`
const card = { cardId: `0x${'ca'.repeat(16)}`, line: 8, lineHash: lineHashOf(stretched) } as const
const code = '83920175520934'
const known = { stretched: { cardId: card.cardId, line: 8, code, stretched } }
const wrong = {
  stretched: { cardId: card.cardId, line: 8, code: '1'.repeat(14), stretched: `0x${'00'.repeat(32)}` as Hex },
}

const asked: LooseningFacts = { id: 'c1', safeguard: 'unfreeze', state: 'asked', card, readyAt: null }
const frozen = { frozen: true, suspended: false, emergencyAllowed: false, codeRequired: true }
const calm = { frozen: false, suspended: false, emergencyAllowed: false, codeRequired: true }

function facts(
  safeguards: Partial<ConversationFacts['safeguards']>,
  change: Partial<ConversationFacts> = {},
): ConversationFacts {
  return {
    now,
    patient: { language: 'en', addressSince: (now - 900 * day) as EpochMs },
    requests: [],
    lastPrompted: null,
    stretched: null,
    misses: 0,
    pausedUntil: null,
    safeguards: { standing: calm, hasCard: true, hasLine: true, hasNewCard: false, loosenings: [], ...safeguards },
    looks: [],
    ...change,
  }
}

const says = (phrase: Extract<Effect, { kind: 'say' }>['phrase']): Effect[] => [{ kind: 'say', phrase }]
const withoutCard = { standing: { ...frozen, codeRequired: false }, hasCard: false, hasLine: false }

describe('tightening is instant', () => {
  test('FREEZE needs nothing, with or without a card', () => {
    for (const safeguards of [{}, { ...withoutCard, standing: { ...calm, codeRequired: false } }])
      expect(converse(facts(safeguards), 'FREEZE')).toEqual([{ kind: 'tighten', safeguard: 'unfreeze' }])
  })

  test('what is so already is said again, and goes to no chain', () => {
    expect(converse(facts({ standing: frozen }), 'FREEZE')).toEqual(says({ name: 'frozen', hasCard: true }))
    expect(converse(facts({}), 'EMERGENCY OFF')).toEqual(says({ name: 'emergencyOff' }))
    expect(converse(facts({}), 'CODE ON')).toEqual(says({ name: 'codeOn' }))
  })

  test('a loosening under way is a reason to tighten again', () => {
    for (const state of ['asking', 'asked', 'confirming', 'waiting'] as const)
      expect(converse(facts({ standing: frozen, loosenings: [{ ...asked, state }] }), 'FREEZE')).toEqual([
        { kind: 'tighten', safeguard: 'unfreeze' },
      ])
  })

  test('a pause after three misses keeps nobody from it', () => {
    expect(converse(facts({}, { pausedUntil: until }), 'FREEZE')).toEqual([{ kind: 'tighten', safeguard: 'unfreeze' }])
  })

  test('CODE ON without a card is a health worker’s', () => {
    expect(converse(facts(withoutCard), 'CODE ON')).toEqual(says({ name: 'needsCard' }))
  })
})

describe('loosening is slow', () => {
  test.each([
    ['UNFREEZE', frozen, 'unfreeze'],
    ['EMERGENCY ON', calm, 'allowEmergency'],
    ['CODE OFF', calm, 'lowerAssurance'],
  ] as const)('%s takes a line of her card first', (text, standing, safeguard) => {
    expect(converse(facts({ standing }), text)).toEqual([{ kind: 'askLoosening', safeguard }])
  })

  test('CARD takes a line where a new card waits for her, and nothing otherwise', () => {
    expect(converse(facts({ hasNewCard: true }), 'CARD')).toEqual([{ kind: 'askLoosening', safeguard: 'replaceCard' }])
    expect(converse(facts({}), 'CARD')).toEqual(says({ name: 'needsNewCard' }))
  })

  test('without a card, or a line left on it, nothing is begun', () => {
    for (const safeguards of [withoutCard, { standing: frozen, hasLine: false }])
      expect(converse(facts(safeguards), 'UNFREEZE')).toEqual(says({ name: 'needsCard' }))
  })

  test('what is loose already takes no line', () => {
    expect(converse(facts({}), 'UNFREEZE')).toEqual(says({ name: 'soAlready' }))
    expect(converse(facts({ standing: { ...calm, emergencyAllowed: true } }), 'EMERGENCY ON')).toEqual(
      says({ name: 'soAlready' }),
    )
    expect(converse(facts({ standing: { ...calm, codeRequired: false } }), 'CODE OFF')).toEqual(
      says({ name: 'soAlready' }),
    )
  })

  test('a second word takes no second line: she hears where it stands', () => {
    const under = (change: Partial<LooseningFacts>) =>
      converse(facts({ standing: frozen, loosenings: [{ ...asked, ...change }] }), 'UNFREEZE')
    expect(under({})).toEqual(says({ name: 'looseningCode', safeguard: 'unfreeze', line: 8 }))
    expect(under({ state: 'asking' })).toEqual(says({ name: 'changeOnItsWay' }))
    expect(under({ state: 'confirming' })).toEqual(says({ name: 'changeOnItsWay' }))
    expect(under({ state: 'waiting', readyAt: until })).toEqual(
      says({ name: 'looseningWaits', safeguard: 'unfreeze', at: until }),
    )
  })

  const open = { standing: frozen, loosenings: [asked] }

  test('the code of the line it took is stretched, and then confirms it', () => {
    expect(converse(facts(open), `UNFREEZE ${code}`)).toEqual([{ kind: 'stretchCode', ...lineOf(card), code }])
    expect(converse(facts(open, known), `UNFREEZE ${code}`)).toEqual([
      { kind: 'confirmLoosening', changeId: 'c1', stretchedCode: stretched },
    ])
  })

  test('another code is a miss, and the third pauses sharing', () => {
    const text = `UNFREEZE ${'1'.repeat(14)}`
    const missed: Effect = { kind: 'missLooseningCode', changeId: 'c1' }
    expect(converse(facts(open, wrong), text)).toEqual([
      missed,
      ...says({ name: 'looseningCodeWrong', safeguard: 'unfreeze', line: 8 }),
    ])
    expect(converse(facts(open, { ...wrong, misses: 2 }), text)).toEqual([
      missed,
      { kind: 'pauseSharing', until },
      ...says({ name: 'sharingPaused', until }),
    ])
    expect(converse(facts(open, { ...known, pausedUntil: until }), `UNFREEZE ${code}`)).toEqual(
      says({ name: 'sharingPaused', until }),
    )
  })

  test('a code serves the word whose line it is on, and no other', () => {
    expect(converse(facts(open, known), `CODE OFF ${code}`)).toEqual([
      { kind: 'askLoosening', safeguard: 'lowerAssurance' },
    ])
  })

  test('a code that comes before its line was asked for is not looked at', () => {
    for (const loosenings of [[], [{ ...asked, state: 'asking' as const }]])
      for (const effect of converse(facts({ standing: frozen, loosenings }, known), `UNFREEZE ${code}`))
        expect(['askLoosening', 'say']).toContain(effect.kind)
  })

  test('something that is no code is helped once the line is known, and begins nothing', () => {
    expect(converse(facts(open), 'UNFREEZE 8392')).toEqual(
      says({ name: 'looseningCode', safeguard: 'unfreeze', line: 8 }),
    )
    expect(converse(facts({ standing: frozen }), 'UNFREEZE 8392')).toEqual(says({ name: 'safety' }))
  })

  test('KEEP cancels all that is under way', () => {
    expect(converse(facts(open), 'KEEP')).toEqual([{ kind: 'keep', changeIds: ['c1'] }])
    expect(converse(facts({}), 'KEEP')).toEqual(says({ name: 'nothingToKeep' }))
  })
})

test('while she has stopped sharing, WHO says that it is paused', () => {
  expect(converse(facts({ standing: frozen }), 'WHO')).toEqual(says({ name: 'whoPaused', numbers: [] }))
  expect(converse(facts({}, { pausedUntil: until }), 'WHO')).toEqual(says({ name: 'whoPaused', numbers: [] }))
})

test('START restores nothing, and no word of a provider does', () => {
  for (const text of ['START', 'UNSTOP', 'YES']) {
    const effects = converse(facts({ standing: frozen }), text)
    expect(effects.every(({ kind }) => kind === 'say')).toBe(true)
  }
})

describe('what protects her', () => {
  const said = (
    ...news: [
      Parameters<typeof standingOf>[0][number]['news'],
      'unfreeze' | 'allowEmergency' | 'lowerAssurance' | null,
    ][]
  ) => news.map(([one, safeguard]) => ({ news: one, safeguard }))

  test('is what the chain said last', () => {
    const freeze = said(['frozen', null])
    const unfreeze = said(['looseningScheduled', 'unfreeze'], ['looseningExecuted', 'unfreeze'])
    expect(standingOf(freeze, [], false).frozen).toBe(true)
    expect(standingOf([...freeze, ...unfreeze.slice(0, 1)], [], false).frozen).toBe(true)
    expect(standingOf([...freeze, ...unfreeze], [], false).frozen).toBe(false)
    expect(standingOf([...freeze, ...unfreeze, ...freeze], [], false).frozen).toBe(true)
    const allowed = said(['looseningExecuted', 'allowEmergency'])
    expect(standingOf(allowed, [], false).emergencyAllowed).toBe(true)
    expect(standingOf([...allowed, ...said(['emergencyForbidden', null])], [], false).emergencyAllowed).toBe(false)
  })

  test('a card requires its codes until she lowers that', () => {
    expect(standingOf([], [], true).codeRequired).toBe(true)
    const lowered = said(['codeRequired', null], ['looseningExecuted', 'lowerAssurance'])
    expect(standingOf(lowered, [], true).codeRequired).toBe(false)
    expect(standingOf(lowered, ['lowerAssurance'], true).codeRequired).toBe(true)
  })

  test('what she tightened counts before the chain says so, and against what it says', () => {
    const allowed = said(['looseningExecuted', 'allowEmergency'])
    expect(standingOf(allowed, ['unfreeze', 'allowEmergency'], false)).toEqual({
      frozen: true,
      suspended: false,
      emergencyAllowed: false,
      codeRequired: false,
    })
  })

  test('a suspension is her hospital’s, lasts until a hospital adds her, and changes nothing that she decided', () => {
    const frozen = said(['added', null], ['frozen', null], ['suspended', null])
    expect(standingOf(frozen, [], false)).toMatchObject({ frozen: true, suspended: true })
    const unfrozen = [...frozen, ...said(['looseningExecuted', 'unfreeze'])]
    expect(standingOf(unfrozen, [], false)).toMatchObject({ frozen: false, suspended: true })
    expect(standingOf([...frozen, ...said(['added', null])], [], false)).toMatchObject({
      frozen: true,
      suspended: false,
    })
  })
})

test('what is cancelled, executed or failed stays so, and only her code takes a loosening from asked to confirming', () => {
  for (const state of ['executed', 'cancelled', 'failed', 'loosened', 'kept'] as const)
    for (const event of ['askedOnChain', 'showCode', 'scheduledOnChain', 'executedOnChain', 'cancel'] as const)
      expect(nextChangeState(state, event)).toBeNull()
  for (const state of changeStates)
    expect(nextChangeState(state, 'showCode')).toBe(state === 'asked' ? 'confirming' : null)
})

test('a loosening that the ledger does not know is an error', () => {
  expect(safeguardKindOf(3)).toBe('unfreeze')
  expect(() => safeguardKindOf(4)).toThrow(RangeError)
})

function lineOf({ cardId, line }: typeof card) {
  return { cardId, line }
}
