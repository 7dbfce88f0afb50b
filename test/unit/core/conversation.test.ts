import { describe, expect, test } from 'vitest'
import { lineHashOf } from '../../../src/core/codeCard.ts'
import { requestStates } from '../../../src/core/consent.ts'
import { type ConversationFacts, converse, type RequestFacts } from '../../../src/core/conversation.ts'
import type { Effect } from '../../../src/core/effects.ts'
import { type ConsentRequestId, day, type EpochMs, hour, minute } from '../../../src/core/people.ts'
import type { Hex } from '../../../src/core/rows.ts'

const now = Date.UTC(2026, 10, 24, 9) as EpochMs
const id47 = 'request-47' as ConsentRequestId
const id52 = 'request-52' as ConsentRequestId
const at = (ms: number) => (now + ms) as EpochMs

function request(change: Partial<RequestFacts> = {}): RequestFacts {
  return {
    id: id47,
    number: 47,
    state: 'asked',
    doctor: 'Dr Achieng Otieno',
    preset: 'LAB_RESULTS',
    purpose: 'treatment',
    days: 7,
    askedAt: at(-hour),
    answerBy: at(23 * hour),
    answeredAt: null,
    grantedUntil: null,
    card: null,
    ...change,
  }
}

const granted = request({ state: 'granted', answeredAt: at(-5 * minute), grantedUntil: at(7 * day) })
const second = request({ id: id52, number: 52, doctor: 'Dr Peter Mwangi' })

const unguarded: ConversationFacts['safeguards'] = {
  standing: { frozen: false, suspended: false, emergencyAllowed: false, codeRequired: false },
  hasCard: false,
  hasLine: false,
  hasNewCard: false,
  loosenings: [],
}

function facts(requests: readonly RequestFacts[], change: Partial<ConversationFacts> = {}): ConversationFacts {
  return {
    now,
    patient: { language: 'en', addressSince: at(-900 * day) },
    requests,
    lastPrompted: requests.at(-1)?.id ?? null,
    stretched: null,
    misses: 0,
    pausedUntil: null,
    safeguards: unguarded,
    looks: [],
    ...change,
  }
}

const says = (phrase: Extract<Effect, { kind: 'say' }>['phrase']): Effect[] => [{ kind: 'say', phrase }]

describe('one open request', () => {
  const open = facts([request()])

  test.each<[string, Effect[]]>([
    ['47 1', [{ kind: 'openGrant', requestId: id47 }]],
    ['1', [{ kind: 'openGrant', requestId: id47 }]],
    ['47 2', [{ kind: 'refuse', requestId: id47, notMe: false }]],
    ['2', [{ kind: 'refuse', requestId: id47, notMe: false }]],
    ['47 9', [{ kind: 'refuse', requestId: id47, notMe: true }]],
    ['9', [{ kind: 'refuse', requestId: id47, notMe: true }]],
    ['REMOVE 47', [{ kind: 'refuse', requestId: id47, notMe: false }]],
    ['47', says({ name: 'howToAnswer', number: 47 })],
    ['47 1 please', says({ name: 'howToAnswer', number: 47 })],
    ['47 0', says({ name: 'howToAnswer', number: 47 })],
    ['0', says({ name: 'howToAnswer', number: 47 })],
    ['yes', says({ name: 'howToAnswer', number: 47 })],
    ['hello', says({ name: 'howToAnswer', number: 47 })],
    ['48 1', says({ name: 'noSuchNumber' })],
    ['48', says({ name: 'noSuchNumber' })],
    ['REMOVE 48', says({ name: 'noSuchNumber' })],
    ['LOG', says({ name: 'log', looks: [] })],
    ['WHO', says({ name: 'who', grants: [] })],
    ['MENU', says({ name: 'menu' })],
    ['STOP', []],
    ['HELP', []],
  ])('%j', (text, effects) => {
    expect(converse(open, text)).toEqual(effects)
  })

  test('a bare 1 grants nothing when something else was said since the prompt', () => {
    expect(converse(facts([request()], { lastPrompted: null }), '1')).toEqual(says({ name: 'howToAnswer', number: 47 }))
  })

  test('a bare 1 grants nothing when the last prompt was for a request that has ended', () => {
    const ended = request({ id: id52, number: 52, state: 'withdrawn' })
    expect(converse(facts([request(), ended]), '1')).toEqual(says({ name: 'howToAnswer', number: 47 }))
  })

  test('an answer in the last millisecond counts, one after it is told that the request has ended', () => {
    expect(converse(facts([request({ answerBy: now })]), '47 1')).toEqual([{ kind: 'openGrant', requestId: id47 }])
    const late = facts([request({ answerBy: at(-1) })])
    for (const text of ['47 1', '47 2', '47 9', '47', '47 0'])
      expect(converse(late, text)).toEqual(says({ name: 'ended', number: 47 }))
    for (const text of ['1', 'yes']) expect(converse(late, text)).toEqual(says({ name: 'nothingOpen' }))
  })

  test('a request that the chain does not hold yet can be neither answered nor removed', () => {
    const early = facts([request({ state: 'asking' })])
    for (const text of ['47 1', '47 2', '47 9', 'REMOVE 47'])
      expect(converse(early, text)).toEqual(says({ name: 'tooSoon', number: 47 }))
    expect(converse(early, '1')).toEqual(says({ name: 'nothingOpen' }))
  })
})

describe('what a bare reply may open', () => {
  const refused = says({ name: 'grantFailed', number: 47 })

  test('not PRIVATE', () => {
    expect(converse(facts([request({ preset: 'PRIVATE' })]), '47 1')).toEqual(refused)
  })

  test('seven days and no more', () => {
    expect(converse(facts([request({ days: 7 })]), '47 1')).toEqual([{ kind: 'openGrant', requestId: id47 }])
    expect(converse(facts([request({ days: 8 })]), '47 1')).toEqual(refused)
  })

  test('nothing from a number younger than thirty days', () => {
    const since = (addressSince: EpochMs) => facts([request()], { patient: { language: 'en', addressSince } })
    expect(converse(since(at(-30 * day)), '47 1')).toEqual([{ kind: 'openGrant', requestId: id47 }])
    expect(converse(since(at(-30 * day + 1)), '47 1')).toEqual(refused)
  })

  test('refusing needs none of this', () => {
    const strict = facts([request({ preset: 'PRIVATE', days: 90 })], { patient: { language: 'en', addressSince: now } })
    expect(converse(strict, '47 2')).toEqual([{ kind: 'refuse', requestId: id47, notMe: false }])
  })
})

describe('a request that took line 7 of her card', () => {
  const cardId: Hex = '0x000102030405060708090a0b0c0d0e0f'
  const stretched: Hex = `0x${'56'.repeat(32)}`
  const right = '83920175520934'
  const card = { cardId, line: 7, lineHash: lineHashOf(stretched) }
  const open = [request({ card })]
  const known = { stretched: { cardId, line: 7, code: right, stretched } }
  const wrong = { stretched: { cardId, line: 7, code: '11111111111111', stretched: cardId } }
  const granted: Effect[] = [{ kind: 'openGrantWithCode', requestId: id47, stretchedCode: stretched }]
  const needed = says({ name: 'codeNeeded', number: 47, line: 7 })

  test.each(['47 1', '1', '47', '47 0', 'yes', 'hello', '83920175520934', '47 8392017552093', '47 839201755209345'])(
    '%j grants nothing: she is told which code is needed',
    (text) => expect(converse(facts(open), text)).toEqual(needed),
  )

  test('its code is stretched first, once, for that card and that line', () => {
    expect(converse(facts(open), `47 ${right}`)).toEqual([{ kind: 'stretchCode', cardId, line: 7, code: right }])
    expect(converse(facts(open, { stretched: { ...known.stretched, line: 8 } }), `47 ${right}`)).toEqual([
      { kind: 'stretchCode', cardId, line: 7, code: right },
    ])
  })

  test.each([
    `47 ${right}`,
    '47 8392 0175 5209 34',
    '47-8392-0175-5209-34',
    ' 47: 8392.0175.5209.34! ',
    '٤٧ ٨٣٩٢٠١٧٥٥٢٠٩٣٤',
  ])('the right code opens it however it is typed: %j', (text) =>
    expect(converse(facts(open, known), text)).toEqual(granted),
  )

  test('a question opens nothing, nor does anything beside the code', () => {
    for (const text of [`47 ${right}?`, `47 ${right} please`, `47 1 ${right}`, `allow 47 ${right}`])
      expect(converse(facts(open, known), text)).toEqual(needed)
  })

  test('a wrong code is a miss, and no digit of it comes back', () => {
    expect(converse(facts(open, wrong), '47 11111111111111')).toEqual([
      { kind: 'missCode', requestId: id47 },
      { kind: 'say', phrase: { name: 'codeWrong', number: 47, line: 7 } },
    ])
  })

  test('the third miss pauses sharing for a day, and then no code is even looked at', () => {
    expect(converse(facts(open, { ...wrong, misses: 2 }), '47 11111111111111')).toEqual([
      { kind: 'missCode', requestId: id47 },
      { kind: 'pauseSharing', until: at(day) },
      { kind: 'say', phrase: { name: 'sharingPaused', until: at(day) } },
    ])
    const paused = facts(open, { ...known, pausedUntil: at(hour) })
    expect(converse(paused, `47 ${right}`)).toEqual(says({ name: 'sharingPaused', until: at(hour) }))
  })

  test('while sharing is paused nothing is allowed without a card either, and refusing and removing work', () => {
    const paused = { pausedUntil: at(hour) }
    expect(converse(facts([request()], paused), '47 1')).toEqual(says({ name: 'sharingPaused', until: at(hour) }))
    expect(converse(facts(open, paused), '47 2')).toEqual([{ kind: 'refuse', requestId: id47, notMe: false }])
    expect(converse(facts([request({ card, state: 'granted' })], paused), 'REMOVE 47')).toEqual([
      { kind: 'revokeGrant', requestId: id47 },
    ])
  })

  test('a number that names nothing, or nothing open, is no miss', () => {
    expect(converse(facts(open, wrong), '48 11111111111111')).toEqual(says({ name: 'noSuchNumber' }))
    for (const state of ['refused', 'lapsed', 'removed'] as const)
      expect(converse(facts([request({ card, state })], wrong), '47 11111111111111')).toEqual(
        says({ name: 'ended', number: 47 }),
      )
    expect(converse(facts([request({ card, answerBy: at(-1) })], known), `47 ${right}`)).toEqual(
      says({ name: 'ended', number: 47 }),
    )
  })

  test('a request that took no line is not opened by a code', () => {
    expect(converse(facts([request()], known), `47 ${right}`)).toEqual(says({ name: 'howToAnswer', number: 47 }))
  })

  test('a code opens thirty days from a number that is new, and PRIVATE never without a witness', () => {
    const patient = { language: 'en', addressSince: now } as const
    expect(converse(facts([request({ card, days: 30 })], { ...known, patient }), `47 ${right}`)).toEqual(granted)
    expect(converse(facts([request({ card, preset: 'PRIVATE' })], known), `47 ${right}`)).toEqual(
      says({ name: 'grantFailed', number: 47 }),
    )
  })

  test('the list of two says that a code is needed', () => {
    expect(converse(facts([...open, second]), '1')).toEqual(says({ name: 'whichOne', numbers: [47, 52], code: true }))
  })
})

describe('two open requests', () => {
  const two = facts([request(), second])

  test.each(['1', '2', '9', '0', 'yes', 'hello', 'allow both'])('%j grants nothing and the list comes', (text) => {
    expect(converse(two, text)).toEqual(says({ name: 'whichOne', numbers: [47, 52], code: false }))
  })

  test('the named one is opened alone', () => {
    expect(converse(two, '52 1')).toEqual([{ kind: 'openGrant', requestId: id52 }])
  })

  test('one that ran out does not count as open', () => {
    const mixed = facts([request({ answerBy: at(-1) }), second])
    expect(converse(mixed, '1')).toEqual([{ kind: 'openGrant', requestId: id52 }])
  })
})

describe('a standing grant', () => {
  const standing = facts([granted], { lastPrompted: null })
  const revoked: Effect[] = [{ kind: 'revokeGrant', requestId: id47 }]

  test('REMOVE, and 2 or 9 with its number, take it away', () => {
    for (const text of ['REMOVE 47', '47 2', '47 9']) expect(converse(standing, text)).toEqual(revoked)
  })

  test('0 undoes it within ten minutes, to the millisecond', () => {
    const answered = (ms: number) => facts([{ ...granted, answeredAt: at(-ms) }])
    expect(converse(answered(10 * minute), '47 0')).toEqual(revoked)
    expect(converse(answered(10 * minute + 1), '47 0')).toEqual(says({ name: 'undoTooLate', number: 47 }))
  })

  test('a grant without a time of answer is not undone by 0', () => {
    expect(converse(facts([{ ...granted, answeredAt: null }]), '47 0')).toEqual(
      says({ name: 'undoTooLate', number: 47 }),
    )
  })

  test('allowing again says until when it is allowed', () => {
    const { doctor } = granted
    expect(converse(standing, '47 1')).toEqual(says({ name: 'alreadyAllowed', number: 47, doctor, until: at(7 * day) }))
  })

  test('its number alone tells how to remove it', () => {
    expect(converse(standing, '47')).toEqual(says({ name: 'howToRemove', number: 47, doctor: granted.doctor }))
  })

  test('a bare number does nothing to it', () => {
    for (const text of ['1', '2', '9', '0']) expect(converse(standing, text)).toEqual(says({ name: 'nothingOpen' }))
  })

  test('WHO names it until its end', () => {
    const grants = [{ number: 47, doctor: granted.doctor, until: at(7 * day) }]
    expect(converse(standing, 'WHO')).toEqual(says({ name: 'who', grants }))
  })
})

describe('a grant on its way to the chain', () => {
  const onItsWay = facts([request({ state: 'granting', answeredAt: at(-1000) })])

  test('a second yes does not open a second one', () => {
    expect(converse(onItsWay, '47 1')).toEqual(says({ name: 'alreadyOnItsWay', number: 47 }))
  })

  test('a removal does not wait for it', () => {
    for (const text of ['REMOVE 47', '47 0', '47 2'])
      expect(converse(onItsWay, text)).toEqual([{ kind: 'revokeGrant', requestId: id47 }])
  })

  test('WHO does not name it yet', () => {
    expect(converse(onItsWay, 'WHO')).toEqual(says({ name: 'who', grants: [] }))
  })
})

describe('what has ended', () => {
  const over = ['refused', 'notMe', 'lapsed', 'withdrawn', 'removed', 'expired', 'usedUp', 'failed'] as const

  test.each(over)('%s stays so, whatever comes', (state) => {
    const ended = facts([request({ state })])
    for (const text of ['47 1', '47 2', '47 9', '47', 'REMOVE 47'])
      expect(converse(ended, text)).toEqual(says({ name: 'ended', number: 47 }))
  })

  test('a refusal is not undone: the doctor asks again', () => {
    for (const state of ['refused', 'notMe'] as const)
      expect(converse(facts([request({ state })]), '47 0')).toEqual(says({ name: 'undoRefusal', number: 47 }))
    expect(converse(facts([request({ state: 'removed' })]), '47 0')).toEqual(says({ name: 'ended', number: 47 }))
  })
})

test('a sender we do not know hears one thing, whatever she sends', () => {
  for (const text of ['47 1', '1', 'LOG', 'STOP', 'hello'])
    expect(converse(facts([request()], { patient: null }), text)).toEqual(says({ name: 'unknownSender' }))
})

test('LOG names the last three looks', () => {
  const looks = [1, 2, 3, 4].map((n) => ({ number: 46 + n, doctor: 'Dr Achieng Otieno', at: at(-n * hour) }))
  expect(converse(facts([], { looks }), 'LOG')).toEqual(says({ name: 'log', looks: looks.slice(0, 3) }))
})

test('a patient who reads Swahili uses its words and the English ones', () => {
  const swahili = facts([granted], { patient: { language: 'sw', addressSince: at(-900 * day) } })
  for (const text of ['ONDOA 47', 'REMOVE 47'])
    expect(converse(swahili, text)).toEqual([{ kind: 'revokeGrant', requestId: id47 }])
  expect(converse(swahili, 'menyu')).toEqual(says({ name: 'menu' }))
})

test('in every situation, only an exact number or a lawful bare 1 opens a grant, and only of a request asked in time', () => {
  const texts = [
    ...['47 1', '52 1', '1', '47 1 please', '47', '471', '47 2', '47 9', '47 0', '2', '9', '0', 'yes', 'YES', 'ndiyo'],
    ...['REMOVE 47', 'LOG', 'WHO', 'MENU', 'STOP', '', 'hello', '48 1', '1 47', '047 1', '47 1?', '٤٧ ١', '47 1 52 1'],
  ]
  let opened = 0
  for (const state of requestStates)
    for (const other of [null, ...requestStates])
      for (const answerBy of [at(-1), now, at(hour)])
        for (const lastPrompted of [null, id47, id52])
          for (const text of texts) {
            const first = request({ state, answerBy })
            const requests = other === null ? [first] : [first, request({ ...second, state: other })]
            const effects = converse(facts(requests, { lastPrompted }), text)
            expect(effects.length).toBeLessThanOrEqual(1)
            for (const effect of effects) {
              if (effect.kind !== 'openGrant') continue
              opened += 1
              const subject = requests.find((one) => one.id === effect.requestId)
              const answerable = requests.filter((one) => one.state === 'asked' && now <= one.answerBy)
              expect(subject && answerable.includes(subject)).toBe(true)
              const named = text === `${subject?.number} 1` || (subject?.number === 47 && text === '٤٧ ١')
              const bare = text === '1' && answerable.length === 1 && lastPrompted === subject?.id
              expect({ text, lawful: named || bare }).toEqual({ text, lawful: true })
            }
          }
  expect(opened).toBeGreaterThan(100)
})

describe('an emergency', () => {
  const opened = request({ purpose: 'emergency', preset: 'ALL', days: 1, state: 'granted', grantedUntil: at(day) })
  const help = says({ name: 'howToDispute', number: 47, doctor: 'Dr Achieng Otieno', until: at(day) })
  const dispute: Effect[] = [{ kind: 'disputeEmergency', requestId: id47 }]
  const removal: Effect[] = [{ kind: 'revokeGrant', requestId: id47 }]

  test.each<[string, Effect[]]>([
    ['47 9', dispute],
    ['9', dispute],
    ['47 2', removal],
    ['REMOVE 47', removal],
    ['47 1', help],
    ['47 0', help],
    ['47', help],
    ['47 83920175520934', help],
    ['1', says({ name: 'nothingOpen' })],
    ['2', says({ name: 'nothingOpen' })],
  ])('%j', (text, effects) => {
    expect(converse(facts([opened]), text)).toEqual(effects)
  })

  test('a bare 9 disputes nothing when something else was said since, or another request is open', () => {
    expect(converse(facts([opened], { lastPrompted: null }), '9')).toEqual(says({ name: 'nothingOpen' }))
    const withQuestion = facts([second, opened])
    expect(converse(withQuestion, '9')).toEqual(says({ name: 'howToAnswer', number: 52 }))
  })

  test('that is over by time can still be disputed; one that she ended, or disputed, not again', () => {
    expect(converse(facts([request({ ...opened, state: 'expired' })]), '47 9')).toEqual(dispute)
    for (const state of ['removed', 'disputed', 'failed'] as const)
      expect(converse(facts([request({ ...opened, state })]), '47 9')).toEqual(says({ name: 'ended', number: 47 }))
    for (const text of ['47 1', '47 2', 'REMOVE 47', '47'])
      expect(converse(facts([request({ ...opened, state: 'expired' })]), text)).toEqual(
        says({ name: 'ended', number: 47 }),
      )
  })

  test('stands in WHO like every grant', () => {
    const grants = [{ number: 47, doctor: 'Dr Achieng Otieno', until: at(day) }]
    expect(converse(facts([opened]), 'WHO')).toEqual(says({ name: 'who', grants }))
  })
})
