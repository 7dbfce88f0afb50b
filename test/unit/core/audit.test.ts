import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type AuditEvent,
  auditLedger,
  type Finding,
  type LedgerHistory,
  type StoredPost,
  type StoredRequest,
} from '../../../src/core/audit.ts'
import type { Hex } from '../../../src/core/rows.ts'

const dayS = 86_400
const ledger: Hex = `0x${'1e'.repeat(20)}`
const writers: readonly [Hex, Hex] = [`0x${'a1'.repeat(20)}`, `0x${'a2'.repeat(20)}`]
const nobody: Hex = `0x${'0'.repeat(40)}`
const stranger: Hex = `0x${'ee'.repeat(20)}`
const hospital: Hex = `0x${'c1'.repeat(20)}`
const doctorOf = (post: number): Hex => `0x${(0xdd00 + post).toString(16).padStart(40, '0')}`
const hex32 = (number: number): Hex => `0x${number.toString(16).padStart(64, '0')}`
const patientOf = (request: number): Hex => `0x${(0xbb00 + request).toString(16).padStart(40, '0')}`

type Place = 'address' | 'blockNumber' | 'logIndex' | 'transactionHash' | 'timestamp' | 'sender'
type Said = AuditEvent extends infer Event ? (Event extends AuditEvent ? Omit<Event, Place> : never) : never

/** A ledger that keeps its own rules: it says and stores what the contract would. */
function lawfulLedger() {
  const events: AuditEvent[] = []
  const stored = new Map<Hex, StoredRequest>()
  const times = new Map<Hex, { openedAt: number; grantedAt: number }>()
  const posts = new Map<number, StoredPost>()
  const suspended = new Set<Hex>()
  let now = 1_795_000_000
  let writer: Hex = nobody
  let entries = 0

  function say(said: Said, sender: Hex = stranger): void {
    const blockNumber = events.length + 1
    const place = {
      address: ledger,
      blockNumber,
      logIndex: 0,
      transactionHash: hex32(blockNumber),
      timestamp: now,
      sender,
    }
    events.push({ ...place, ...said } as AuditEvent)
  }

  /** Requests 1 and 3 are under post 2, the others under post 1. */
  const postOf = (request: number) => (request % 2) + 1
  const hasEnded = (request: number) => posts.get(postOf(request))?.endedAt !== 0

  const model = {
    pass: (seconds: number) => {
      now += seconds
    },
    nameWriter(next: Hex) {
      say({ kind: 'accessWriterChanged', previous: writer, current: next })
      writer = next
    },
    addPost() {
      const affiliationId = posts.size + 1
      const post = { doctor: doctorOf(affiliationId), hospital }
      posts.set(affiliationId, { ...post, endedAt: 0 })
      say({ kind: 'doctorAdded', ...post, affiliationId })
    },
    suspend(affiliationId: number) {
      const post = posts.get(affiliationId)
      if (post?.endedAt !== 0) return
      post.endedAt = now
      say({ kind: 'doctorSuspended', affiliationId })
    },
    suspendHospital() {
      for (const post of posts.values()) if (post.endedAt === 0) post.endedAt = now
      say({ kind: 'hospitalSuspended', hospital })
    },
    open(request: number, uses = 0) {
      const requestId = hex32(request)
      const affiliationId = postOf(request)
      const patient = patientOf(request)
      if (stored.has(requestId) || hasEnded(request) || suspended.has(patient)) return
      stored.set(requestId, {
        state: 'open',
        patient,
        affiliationId,
        rights: 7,
        uses,
        codeRequired: false,
        codeChecked: false,
        until: 0,
        accessCount: 0,
      })
      times.set(requestId, { openedAt: now, grantedAt: 0 })
      say({ kind: 'requestOpened', requestId, patient, affiliationId })
    },
    /** Or adds her again, where she is suspended. */
    suspendPatient(request: number) {
      const patient = patientOf(request)
      if (suspended.delete(patient)) return say({ kind: 'patientAdded', patient, hospital })
      suspended.add(patient)
      say({ kind: 'patientSuspended', patient, hospital })
      const requestId = hex32(request)
      const found = stored.get(requestId)
      if (found?.state !== 'open') return
      found.state = 'revoked'
      say({ kind: 'grantEndedByHospital', requestId, patient, hospital })
    },
    answer(request: number, kind: 'requestRefused' | 'requestWithdrawn') {
      const requestId = hex32(request)
      const found = stored.get(requestId)
      if (found?.state !== 'open') return
      found.state = kind === 'requestRefused' ? 'refused' : 'withdrawn'
      say({ kind, requestId, patient: found.patient })
    },
    grant(request: number, days = 7) {
      const requestId = hex32(request)
      const found = stored.get(requestId)
      const time = times.get(requestId)
      if (found?.state !== 'open' || !time || now > time.openedAt + 3 * dayS || hasEnded(request)) return
      found.state = 'granted'
      found.until = Math.ceil((now + days * dayS) / dayS) * dayS
      time.grantedAt = now
      say({ kind: 'grantOpened', requestId, patient: found.patient, until: found.until, codeChecked: false })
    },
    revoke(request: number) {
      const requestId = hex32(request)
      const found = stored.get(requestId)
      if (!found || found.state === 'revoked') return
      const wasGranted = found.until !== 0
      found.state = 'revoked'
      if (wasGranted) found.until = Math.min(found.until, now)
      say({ kind: 'grantRevoked', requestId, patient: found.patient })
    },
    look(request: number, right = 1) {
      const requestId = hex32(request)
      const found = stored.get(requestId)
      const time = times.get(requestId)
      entries += 1
      const entry = { requestId, entryId: hex32(1_000_000 + entries) }
      const isUsedUp = found !== undefined && found.uses !== 0 && found.accessCount >= found.uses
      const isClosed = found === undefined || suspended.has(found.patient) || isUsedUp
      if (isClosed || !time || found.until === 0) return say({ kind: 'accessRefused', ...entry }, writer)
      if (found.state === 'granted' && now < found.until && !hasEnded(request)) {
        found.accessCount += 1
        const kind = right === 1 ? 'accessLogged' : 'recordChanged'
        return say({ kind, ...entry, right, count: found.accessCount }, right === 1 ? writer : stranger)
      }
      const lookedAt = Math.min(found.until, posts.get(postOf(request))?.endedAt || found.until) - 1
      if (lookedAt < time.grantedAt) return say({ kind: 'accessRefused', ...entry }, writer)
      found.accessCount += 1
      say({ kind: 'accessLoggedLate', ...entry, right: 1, count: found.accessCount, lookedAt }, writer)
    },
    events,
    history: (change: Partial<LedgerHistory> = {}): LedgerHistory => ({
      ledger,
      events,
      stored,
      posts,
      accessWriter: writer,
      contractWriters: new Set(),
      ...change,
    }),
  }
  model.nameWriter(writers[0])
  model.addPost()
  model.addPost()
  for (const patient of [1, 2, 3, 4].map(patientOf)) say({ kind: 'patientAdded', patient, hospital })
  return model
}

const kindsOf = (findings: readonly Finding[]) => [...new Set(findings.map(({ kind }) => kind))].toSorted()
const texts = (findings: readonly Finding[]) => findings.map(({ kind, text }) => `${kind}: ${text}`)

/** A grant with three looks, which the tests then falsify. */
function threeLooks({ uses = 0 } = {}) {
  const model = lawfulLedger()
  model.open(1, uses)
  model.grant(1)
  for (let count = 0; count < 3; count += 1) {
    model.pass(60)
    model.look(1)
  }
  return model
}

type EventOf<Kind> = AuditEvent extends infer Event
  ? Event extends { kind: unknown }
    ? Kind extends Event['kind']
      ? Omit<Event, 'kind'> & { kind: Kind }
      : never
    : never
  : never

const isOf =
  <Kind extends AuditEvent['kind']>(kind: Kind) =>
  (event: AuditEvent): event is AuditEvent & EventOf<Kind> =>
    event.kind === kind

/** The last event of a kind. */
function lastOf<Kind extends AuditEvent['kind']>(
  events: readonly AuditEvent[],
  kind: Kind,
): AuditEvent & EventOf<Kind> {
  const found = events.findLast(isOf(kind))
  if (!found) throw new Error(`The history has no ${kind}.`)
  return found
}

/** The same event a block later, changed. */
function later<Event extends AuditEvent>(event: Event, change: Partial<Event>): Event {
  return { ...event, blockNumber: event.blockNumber + 1000, transactionHash: hex32(9_999), ...change }
}

const step = fc.record({
  what: fc.constantFrom(
    'open',
    'grant',
    'look',
    'look',
    'look',
    'change',
    'refuse',
    'withdraw',
    'revoke',
    'writer',
    'ending',
    'suspendPatient',
  ),
  request: fc.integer({ min: 1, max: 3 }),
  // Mostly minutes: a request that waits for days is never granted.
  seconds: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1, max: 600 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 * dayS }) },
  ),
  days: fc.integer({ min: 1, max: 365 }),
  uses: fc.integer({ min: 0, max: 3 }),
})

function play(steps: readonly { what: string; request: number; seconds: number; days: number; uses: number }[]) {
  const model = lawfulLedger()
  let writerIndex = 0
  for (const { what, request, seconds, days, uses } of steps) {
    model.pass(seconds)
    if (what === 'open') model.open(request, uses)
    if (what === 'grant') model.grant(request, days)
    if (what === 'look') model.look(request)
    if (what === 'change') model.look(request, 2)
    if (what === 'refuse') model.answer(request, 'requestRefused')
    if (what === 'withdraw') model.answer(request, 'requestWithdrawn')
    if (what === 'revoke') model.revoke(request)
    if (what === 'suspendPatient') model.suspendPatient(request)
    if (what === 'ending' && days < 150) model.suspend((request % 2) + 1)
    if (what === 'ending' && days > 340) model.suspendHospital()
    if (what === 'writer') {
      writerIndex = 1 - writerIndex
      model.nameWriter(writers[writerIndex] ?? nobody)
    }
  }
  return model
}

/**
 * Whether a single missing event must show. What does not: refused looks, a request with nothing after it, and an answer that
 * a removal has overtaken; none of them ever gave access.
 */
function leavesATrace(event: AuditEvent, events: readonly AuditEvent[]): boolean {
  const later = events.filter(
    (other) => 'requestId' in event && 'requestId' in other && other.requestId === event.requestId && other !== event,
  )
  switch (event.kind) {
    case 'accessRefused':
      return false
    case 'patientAdded':
      return (
        !isAddedAgain(event, events) &&
        events.some((other) => other.kind === 'requestOpened' && other.patient === event.patient)
      )
    case 'patientSuspended':
      return events.some(
        (other) =>
          other.kind === 'patientAdded' &&
          other.patient === event.patient &&
          isAddedAgain(other, events) &&
          other.blockNumber > event.blockNumber,
      )
    case 'hospitalSuspended':
      // Its posts may all have ended before.
      return events.filter(({ kind }) => kind === 'hospitalSuspended' || kind === 'doctorSuspended').length === 1
    case 'requestOpened':
      return later.some((other) => other.kind !== 'accessRefused')
    case 'requestWithdrawn':
    case 'requestRefused':
      return !later.some((other) => other.kind === 'grantRevoked')
    default:
      return true
  }
}

function isAddedAgain(
  { patient, blockNumber }: { patient: Hex; blockNumber: number },
  events: readonly AuditEvent[],
): boolean {
  return events.some(
    (other) => other.kind === 'patientSuspended' && other.patient === patient && other.blockNumber < blockNumber,
  )
}

test('nothing is found in any lawful history', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      expect(auditLedger(play(steps).history())).toEqual([])
    }),
    { numRuns: 1_000 },
  )
})

test('whichever event is kept back, something is found hidden', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), fc.nat(), (steps, choice) => {
      const model = play(steps)
      const candidates = model.events.filter((event) => leavesATrace(event, model.events))
      const hidden = candidates[choice % candidates.length]
      const findings = auditLedger(model.history({ events: model.events.filter((event) => event !== hidden) }))
      expect(kindsOf(findings), hidden?.kind).toContain('hidden')
    }),
    { numRuns: 1_000 },
  )
})

test('whichever event is given twice, something is found doubled', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(), (steps, choice) => {
      const { events, history } = play(steps)
      const again = events[choice % events.length]
      expect(kindsOf(auditLedger(history({ events: again ? [...events, again] : events })))).toContain('doubled')
    }),
    { numRuns: 500 },
  )
})

test('whichever look is repeated elsewhere or made up, it is found', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), fc.nat(), fc.boolean(), (steps, choice, isMadeUp) => {
      const { events, history } = play(steps)
      const looks = events.filter(isOf('accessLogged'))
      const look = looks[choice % looks.length]
      fc.pre(look !== undefined)
      const entryId = isMadeUp ? hex32(77) : look.entryId
      const findings = auditLedger(history({ events: [...events, later(look, { entryId, count: look.count + 1 })] }))
      expect(kindsOf(findings).filter((kind) => kind === 'foreign' || kind === 'doubled')).not.toEqual([])
    }),
    { numRuns: 200 },
  )
})

test('a look that the node keeps back is named by its count', () => {
  const { events, history } = threeLooks()
  const second = events.filter(({ kind }) => kind === 'accessLogged')[1]
  const findings = auditLedger(history({ events: events.filter((event) => event !== second) }))
  expect(texts(findings)).toEqual(['hidden: The ledger counts 3 looks and changes; missing: 2.'])
  expect(findings[0]?.requestId).toBe(hex32(1))
})

test('the last looks kept back are found by the counter in storage', () => {
  const { events, history } = threeLooks()
  const findings = auditLedger(history({ events: events.slice(0, -2) }))
  expect(texts(findings)).toEqual(['hidden: The ledger counts 3 looks and changes; missing: 2 to 3.'])
})

test('a removal that the node keeps back is found by the state in storage', () => {
  const model = threeLooks()
  model.revoke(1)
  const findings = auditLedger(model.history({ events: model.events.slice(0, -1) }))
  expect(texts(findings)).toEqual(['hidden: The ledger says that the request is revoked; events lead to granted.'])
})

test('an entry whose number stands twice is doubled, under the same grant or another', () => {
  const model = threeLooks()
  model.open(2)
  model.grant(2)
  model.look(2)
  const [first, ...others] = model.events.filter(isOf('accessLogged'))
  const copied = model.events.map((event) =>
    event === others.at(-1) && first ? { ...event, entryId: first.entryId } : event,
  )
  expect(texts(auditLedger(model.history({ events: copied as AuditEvent[] })))).toEqual([
    `doubled: The entry ${first?.entryId} stands already in transaction ${first?.transactionHash}.`,
  ])
})

test('a look by anybody but the access writer of its time is foreign', () => {
  const model = threeLooks()
  const before = lastOf(model.events, 'accessLogged')
  const forged = model.events.map((event) => (event === before ? { ...event, sender: stranger } : event))
  expect(texts(auditLedger(model.history({ events: forged })))).toEqual([
    `foreign: The entry was sent by ${stranger}; the access writer was ${writers[0]}.`,
  ])
  model.nameWriter(writers[1])
  model.look(1)
  expect(auditLedger(model.history())).toEqual([])
  const byFormer = model.events.map((event) =>
    event === model.events.at(-1) ? { ...event, sender: writers[0] } : event,
  )
  expect(kindsOf(auditLedger(model.history({ events: byFormer })))).toEqual(['foreign'])
})

test('a writer whose account is a contract may be called by anybody', () => {
  const { events, history } = threeLooks()
  const relayed = events.map((event) => (event.kind === 'accessLogged' ? { ...event, sender: stranger } : event))
  expect(auditLedger(history({ events: relayed, contractWriters: new Set([writers[0]]) }))).toEqual([])
})

test('a change of writer that is kept back, or that storage does not know, is found', () => {
  const model = threeLooks()
  model.nameWriter(writers[1])
  model.nameWriter(writers[0])
  const change = model.events.at(-2)
  expect(kindsOf(auditLedger(model.history({ events: model.events.filter((event) => event !== change) })))).toEqual([
    'hidden',
  ])
  expect(kindsOf(auditLedger(model.history({ accessWriter: stranger })))).toEqual(['hidden'])
})

test('looks under no request, an unanswered one, or an ended one are foreign', () => {
  const model = threeLooks()
  const look = lastOf(model.events, 'accessLogged')
  const find = (change: Partial<typeof look>, history = model.history()) =>
    texts(auditLedger({ ...history, events: [...model.events, later(look, { entryId: hex32(5), ...change })] }))
  expect(find({ requestId: hex32(99), count: 1 })).toContain(
    'foreign: The entry stands under a request that nobody made.',
  )
  model.open(2)
  expect(find({ requestId: hex32(2), count: 1 })).toContain(
    'foreign: The entry stands under a request that was not granted before.',
  )
  expect(find({ count: 4, timestamp: look.timestamp + 30 * dayS })).toEqual([
    'foreign: The entry came after the end of the grant, and is not marked late.',
    'foreign: Entries go to count 4; the ledger counts 3.',
  ])
  model.revoke(1)
  expect(find({ count: 4 })).toContain('foreign: The entry came after the grant was revoked, and is not marked late.')
})

test('a look before its grant is foreign', () => {
  const { events, history } = threeLooks()
  const grant = lastOf(events, 'grantOpened')
  const early = events.map((event) => (event === grant ? { ...event, blockNumber: 500 } : event))
  expect(texts(auditLedger(history({ events: early })))).toEqual(
    Array(3).fill('foreign: The entry stands under a request that was not granted before.'),
  )
})

test('a late look must say a time within its grant', () => {
  const model = threeLooks()
  model.revoke(1)
  model.pass(60)
  model.look(1)
  expect(auditLedger(model.history())).toEqual([])
  const late = lastOf(model.events, 'accessLoggedLate')
  const said = (lookedAt: number) =>
    texts(
      auditLedger(
        model.history({ events: model.events.map((event) => (event === late ? { ...late, lookedAt } : event)) }),
      ),
    )
  expect(said(late.timestamp + 1)).toEqual(['foreign: The late entry says that it looked in the future.'])
  expect(said(late.timestamp)).toEqual(['foreign: The late entry says that it looked after the end of the grant.'])
  expect(said(1)).toEqual(['foreign: The late entry says that it looked before the grant.'])
})

test('a look beyond the uses that were asked for is foreign', () => {
  const model = threeLooks({ uses: 3 })
  const look = lastOf(model.events, 'accessLogged')
  const findings = auditLedger(
    model.history({ events: [...model.events, later(look, { entryId: hex32(5), count: 4 })] }),
  )
  expect(texts(findings)).toContain("foreign: Count 4 is beyond the grant's 3 uses.")
})

test('looks are judged to the second: the last one of a grant counts, the next does not', () => {
  const model = lawfulLedger()
  model.open(1)
  model.grant(1)
  model.look(1)
  const grant = lastOf(model.events, 'grantOpened')
  const look = lastOf(model.events, 'accessLogged')
  const at = (timestamp: number) =>
    kindsOf(
      auditLedger(
        model.history({ events: model.events.map((event) => (event === look ? { ...look, timestamp } : event)) }),
      ),
    )
  expect([at(grant.until - 1), at(grant.until)]).toEqual([[], ['foreign']])
})

test('a late look may say its time up to a minute before the grant, for clocks, and not its end', () => {
  const model = threeLooks()
  model.revoke(1)
  model.pass(60)
  model.look(1)
  const grant = lastOf(model.events, 'grantOpened')
  const removal = lastOf(model.events, 'grantRevoked')
  const late = lastOf(model.events, 'accessLoggedLate')
  const said = (lookedAt: number) =>
    kindsOf(
      auditLedger(
        model.history({ events: model.events.map((event) => (event === late ? { ...late, lookedAt } : event)) }),
      ),
    )
  expect([said(grant.timestamp - 60), said(grant.timestamp - 61)]).toEqual([[], ['foreign']])
  expect([said(removal.timestamp - 1), said(removal.timestamp)]).toEqual([[], ['foreign']])
})

test('counts out of their order, and a right that was not asked for, are foreign', () => {
  const { events, history } = threeLooks()
  const [first, second, third] = events.filter(isOf('accessLogged'))
  if (!first || !second || !third) throw new Error('There are three looks.')
  const swapped = events.map((event) => {
    if (event === second) return { ...second, count: 3 }
    return event === third ? { ...third, count: 2 } : event
  })
  expect(texts(auditLedger(history({ events: swapped })))).toEqual(['foreign: Count 2 stands after count 3.'])
  const wider = events.map((event) => (event === third ? { ...third, right: 8 } : event))
  expect(texts(auditLedger(history({ events: wider })))).toEqual([
    'foreign: The entry uses a right that was not asked for.',
  ])
})

test('a request that is made twice is doubled, one that was answered can not be answered again', () => {
  const model = lawfulLedger()
  model.open(1)
  const opened = lastOf(model.events, 'requestOpened')
  expect(texts(auditLedger(model.history({ events: [...model.events, later(opened, {})] })))).toEqual([
    'doubled: The same request was opened twice.',
  ])
  model.answer(1, 'requestRefused')
  const refused = lastOf(model.events, 'requestRefused')
  expect(texts(auditLedger(model.history({ events: [...model.events, later(refused, {})] })))).toEqual([
    'unlawful: A request that is refused was answered.',
  ])
})

test('a request of another patient or post than the ledger holds is foreign', () => {
  const model = lawfulLedger()
  model.open(1)
  const opened = lastOf(model.events, 'requestOpened')
  for (const change of [{ patient: patientOf(2) }, { affiliationId: 1 }])
    expect(
      texts(
        auditLedger(
          model.history({ events: model.events.map((event) => (event === opened ? { ...opened, ...change } : event)) }),
        ),
      ),
    ).toEqual(['foreign: The request in the ledger is of another patient or post than the event says.'])
})

test('a grant on a code that the ledger does not know of, or without the code that it asks for, is found', () => {
  const model = lawfulLedger()
  model.open(1)
  model.grant(1)
  const grant = lastOf(model.events, 'grantOpened')
  const stored = model.history().stored.get(hex32(1))
  if (!stored) throw new Error('The ledger stored the request.')
  const claimed = model.events.map((event) => (event === grant ? { ...grant, codeChecked: true } : event))
  expect(texts(auditLedger(model.history({ events: claimed })))).toEqual([
    'hidden: Event and ledger differ on whether a code was shown.',
  ])
  const withCard = new Map([[hex32(1), { ...stored, codeRequired: true }]])
  expect(texts(auditLedger(model.history({ stored: withCard })))).toEqual([
    'unlawful: The request took a line of the code card, and no code was shown.',
  ])
})

test('an emergency lasts 24 hours and no longer', () => {
  const model = lawfulLedger()
  const requestId = hex32(1)
  const opened: AuditEvent = {
    ...later(lastOf(model.events, 'accessWriterChanged'), {}),
    kind: 'emergencyOpened',
    requestId,
    patient: patientOf(1),
    affiliationId: 1,
    until: 0,
  }
  const find = (lengthS: number) => {
    const until = opened.timestamp + lengthS
    const found: StoredRequest = {
      state: 'granted',
      patient: patientOf(1),
      affiliationId: 1,
      rights: 1,
      uses: 0,
      codeRequired: false,
      codeChecked: false,
      until,
      accessCount: 0,
    }
    const events = [...model.events, { ...opened, until }]
    return texts(auditLedger(model.history({ events, stored: new Map([[requestId, found]]) })))
  }
  expect(find(dayS)).toEqual([])
  expect(find(dayS + 1)).toEqual(['unlawful: An emergency lasts longer than 24 hours.'])
})

test('a look while the patient had frozen all sharing is foreign', () => {
  const { events, history } = threeLooks()
  const look = lastOf(events, 'accessLogged')
  const freeze: AuditEvent = {
    ...look,
    kind: 'patientFrozen',
    patient: patientOf(1),
    blockNumber: look.blockNumber - 1,
    logIndex: 1,
  }
  expect(texts(auditLedger(history({ events: [...events, freeze] })))).toEqual([
    'foreign: The entry came while the patient had frozen all sharing.',
  ])
  const thaw: AuditEvent = { ...freeze, kind: 'patientUnfrozen', logIndex: 2 }
  expect(auditLedger(history({ events: [...events, freeze, thaw] }))).toEqual([])
})

test('nothing is opened to a suspended patient, and her hospital removes what she was asked', () => {
  const model = lawfulLedger()
  model.open(1)
  model.suspendPatient(1)
  const { events, history } = model
  expect(auditLedger(history())).toEqual([])
  const removal = lastOf(events, 'grantEndedByHospital')
  const suspension = lastOf(events, 'patientSuspended')
  const audit = (change: (event: AuditEvent) => AuditEvent[]) =>
    texts(auditLedger(history({ events: events.flatMap(change) })))
  // The suspending hospital is another than that of the doctor, or than that of the patient.
  const byAnother = { ...removal, hospital: stranger }
  expect(audit((event) => (event === removal ? [byAnother] : [event]))).toEqual([
    `unlawful: It was ended by ${stranger}, which is not the doctor's hospital.`,
  ])
  const suspendedByAnother = { ...suspension, hospital: stranger }
  expect(audit((event) => (event === suspension ? [suspendedByAnother] : [event]))).toEqual([
    `hidden: No event says that ${stranger}, which suspended a patient, added her before.`,
  ])
  const adding = events.find((event): event is EventOf<'patientAdded'> => event.kind === 'patientAdded')
  const both = (event: AuditEvent): AuditEvent[] => {
    if (adding && event === adding) return [{ ...adding, hospital: stranger }]
    if (event === suspension) return [suspendedByAnother]
    return event === removal ? [byAnother] : [event]
  }
  expect(audit(both)).toEqual([])
  // Without her suspension it ends nothing, nor what she granted before it.
  const ending = `unlawful: It was ended by ${stranger}, which is not the doctor's hospital.`
  expect(audit((event) => (event === suspension ? [] : both(event)))).toEqual([ending])
  const yes: AuditEvent = {
    ...suspension,
    ...{ kind: 'grantOpened', requestId: removal.requestId, until: untilOf(suspension), codeChecked: false },
    blockNumber: suspension.blockNumber - 1,
    logIndex: 9,
  }
  expect(audit((event) => (event === suspension ? [yes, suspendedByAnother] : both(event)))).toContain(ending)
})

/** The second midnight after an event. */
function untilOf({ timestamp }: AuditEvent): number {
  return (Math.ceil(timestamp / dayS) + 1) * dayS
}

test('a request and a look while the patient was suspended are found', () => {
  const { events, history } = threeLooks()
  const before = (event: AuditEvent): AuditEvent => ({
    ...event,
    kind: 'patientSuspended',
    patient: patientOf(1),
    hospital,
    blockNumber: event.blockNumber - 1,
    logIndex: 1,
  })
  const look = lastOf(events, 'accessLogged')
  expect(texts(auditLedger(history({ events: [...events, before(look)] })))).toEqual([
    'foreign: The entry came while the patient was suspended.',
  ])
  const opened = lastOf(events, 'requestOpened')
  expect(texts(auditLedger(history({ events: [...events, before(opened)] })))).toContain(
    'unlawful: It was opened while its patient was suspended.',
  )
})

test('a patient who is added twice was suspended in between, whatever the events say', () => {
  const { events, history } = threeLooks()
  const adding = events.find((event) => event.kind === 'patientAdded')
  if (!adding) throw new Error('No patient was added.')
  expect(texts(auditLedger(history({ events: [...events, { ...adding, blockNumber: 1_000 }] })))).toEqual([
    'hidden: A patient was added again, and no event says that she was suspended.',
  ])
})

test('an imitation by another contract is foreign where it names a request of this ledger, and no matter elsewhere', () => {
  const { events, history } = threeLooks()
  const look = lastOf(events, 'accessLogged')
  const imitation = later(look, { address: stranger })
  expect(texts(auditLedger(history({ events: [...events, imitation] })))).toEqual([
    `foreign: Another contract, ${stranger}, emitted accessLogged for this request.`,
  ])
  const elsewhere = { ...imitation, requestId: hex32(4_000) }
  expect(auditLedger(history({ events: [...events, elsewhere] }))).toEqual([])
})

test('grants against the rules are unlawful', () => {
  const model = lawfulLedger()
  model.open(1)
  model.pass(60)
  model.grant(1)
  const grant = lastOf(model.events, 'grantOpened')
  const find = (change: Partial<typeof grant>) =>
    texts(
      auditLedger(
        model.history({ events: model.events.map((event) => (event === grant ? { ...grant, ...change } : event)) }),
      ),
    )
  expect(find({})).toEqual([])
  const requested = lastOf(model.events, 'requestOpened')
  expect(find({ timestamp: requested.timestamp + 3 * dayS }).filter((line) => line.includes('answered'))).toEqual([])
  const longest = Math.ceil((grant.timestamp + 365 * dayS) / dayS) * dayS
  expect(find({ until: longest }).filter((line) => line.includes('365'))).toEqual([])
  expect(find({ patient: stranger })).toEqual([
    `unlawful: The event grantOpened is by ${stranger}, who is not the request's patient.`,
  ])
  expect(find({ until: grant.until + 400 * dayS })).toContain('unlawful: The grant is longer than 365 days.')
  expect(find({ until: grant.until + 1 })).toContain('unlawful: The grant does not end at a whole day to come.')
  expect(find({ timestamp: grant.timestamp + 4 * dayS })).toContain(
    'unlawful: It was granted later than a request can be answered.',
  )
  expect(find({ requestId: hex32(9) })).toContain('unlawful: A grant stands without a request.')
  const again = auditLedger(model.history({ events: [...model.events, later(grant, {})] }))
  expect(texts(again)).toContain('unlawful: A request that is granted was granted.')
})

test('a grant after the removal is unlawful', () => {
  const model = lawfulLedger()
  model.open(1)
  model.grant(1)
  const grant = lastOf(model.events, 'grantOpened')
  model.revoke(1)
  const events = model.events.map((event) => (event === grant ? later(grant, {}) : event))
  expect(texts(auditLedger(model.history({ events })))).toContain('unlawful: A request that is revoked was granted.')
})

test('a request that its patient had barred is unlawful, and a stranger bars nothing', () => {
  const model = lawfulLedger()
  model.open(1)
  const opened = lastOf(model.events, 'requestOpened')
  const bar: AuditEvent = { ...opened, kind: 'grantRevoked', blockNumber: 1, logIndex: 1 }
  const find = (patient: Hex) => texts(auditLedger(model.history({ events: [...model.events, { ...bar, patient }] })))
  expect(find(opened.patient)).toEqual(['unlawful: Its patient had barred this request before.'])
  expect(find(stranger)).toEqual([])
})

test('a post that ended ends what stands under it: no request, no grant and no look, but for looks of before', () => {
  const model = threeLooks()
  model.pass(60)
  model.suspend(2)
  model.pass(60)
  const look = lastOf(model.events, 'accessLogged')
  const suspended = lastOf(model.events, 'doctorSuspended')
  const after = (event: AuditEvent) => texts(auditLedger(model.history({ events: [...model.events, event] })))
  expect(auditLedger(model.history())).toEqual([])
  expect(after(later(look, { entryId: hex32(5), count: 4, timestamp: suspended.timestamp + 1 }))).toContain(
    'foreign: The entry came after the post of its doctor had ended, and is not marked late.',
  )
  const opened = lastOf(model.events, 'requestOpened')
  expect(after(later(opened, { requestId: hex32(3), patient: patientOf(3) }))).toContain(
    'unlawful: It was opened under a post that had ended.',
  )
  const grant = lastOf(model.events, 'grantOpened')
  const granted = model.events.map((event) => (event === grant ? later(grant, {}) : event))
  expect(texts(auditLedger(model.history({ events: granted })))).toContain(
    'unlawful: It was granted after the post of its doctor had ended.',
  )
  model.look(1)
  const late = lastOf(model.events, 'accessLoggedLate')
  const said = (lookedAt: number) =>
    texts(
      auditLedger(
        model.history({ events: model.events.map((event) => (event === late ? { ...late, lookedAt } : event)) }),
      ),
    )
  expect(said(suspended.timestamp - 1)).toEqual([])
  expect(said(suspended.timestamp)).toEqual(['foreign: The late entry says that it looked after the post had ended.'])
})

test('a post of another doctor than the ledger holds, or one that nobody said was added, is found', () => {
  const model = lawfulLedger()
  const first = model.events.find(isOf('doctorAdded'))
  const change = (changed: Partial<AuditEvent & EventOf<'doctorAdded'>>) =>
    texts(
      auditLedger(
        model.history({ events: model.events.map((event) => (event === first ? { ...first, ...changed } : event)) }),
      ),
    )
  expect(change({ doctor: stranger })).toEqual([
    'foreign: Post 1 is of another doctor or hospital in the ledger than the event says.',
  ])
  expect(change({ hospital: stranger })).toHaveLength(1)
  const without = auditLedger(model.history({ events: model.events.filter((event) => event !== first) }))
  expect(texts(without)).toEqual(['hidden: Post 2 follows post 0.', 'hidden: Post 1 was added by no event.'])
  model.open(2)
  const asked = auditLedger(model.history({ events: model.events.filter((event) => event !== first) }))
  expect(texts(asked)).toContain('hidden: No event says that its post was added before.')
  expect(
    auditLedger(
      model.history({
        posts: new Map([
          ...model.history().posts,
          [3, { doctor: `0x${'0'.repeat(40)}`, hospital: `0x${'0'.repeat(40)}`, endedAt: 0 }],
        ]),
      }),
    ),
  ).toEqual([])
})

test("a grant that another hospital than the doctor's ended is unlawful", () => {
  const model = threeLooks()
  model.revoke(1)
  const removal = lastOf(model.events, 'grantRevoked')
  const by = (ending: Hex) =>
    texts(
      auditLedger(
        model.history({
          events: model.events.map((event) =>
            event === removal ? { ...removal, kind: 'grantEndedByHospital', hospital: ending } : event,
          ),
        }),
      ),
    )
  expect(by(hospital)).toEqual([])
  expect(by(stranger)).toEqual([`unlawful: It was ended by ${stranger}, which is not the doctor's hospital.`])
})
