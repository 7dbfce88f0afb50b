import { day } from './people.ts'
import type { Hex } from './rows.ts'

/** Where an event stands, and in whose transaction. */
export type AuditPlace = {
  /** The contract that emitted it. */
  address: Hex
  blockNumber: number
  logIndex: number
  transactionHash: Hex
  /** Block time, Unix seconds. */
  timestamp: number
  /** Who sent the transaction. */
  sender: Hex
}

/** What the ledger's events say of requests, grants and looks. */
export type AuditEvent = AuditPlace &
  (
    | { kind: 'accessWriterChanged'; previous: Hex; current: Hex }
    | { kind: 'doctorAdded'; doctor: Hex; hospital: Hex; affiliationId: number }
    | { kind: 'doctorSuspended'; affiliationId: number }
    | { kind: 'hospitalSuspended'; hospital: Hex }
    | { kind: 'patientAdded' | 'patientSuspended'; patient: Hex; hospital: Hex }
    | { kind: 'patientFrozen' | 'patientUnfrozen'; patient: Hex }
    | { kind: 'requestOpened'; requestId: Hex; patient: Hex; affiliationId: number }
    | { kind: 'requestWithdrawn' | 'requestRefused'; requestId: Hex; patient: Hex }
    | { kind: 'grantOpened'; requestId: Hex; patient: Hex; until: number; codeChecked: boolean }
    | { kind: 'grantRevoked' | 'grantSuperseded'; requestId: Hex; patient: Hex }
    | { kind: 'grantEndedByHospital'; requestId: Hex; patient: Hex; hospital: Hex }
    | { kind: 'emergencyOpened'; requestId: Hex; patient: Hex; affiliationId: number; until: number }
    | { kind: 'emergencyDisputed'; requestId: Hex; patient: Hex }
    | AuditEntry
    | { kind: 'accessRefused'; requestId: Hex; entryId: Hex }
  )

type AuditEntry =
  | { kind: 'accessLogged' | 'recordChanged'; requestId: Hex; entryId: Hex; right: number; count: number }
  | { kind: 'accessLoggedLate'; requestId: Hex; entryId: Hex; right: number; count: number; lookedAt: number }

/** As IConsentLedger.RequestState, in its order. */
export const requestStates = ['unknown', 'open', 'withdrawn', 'refused', 'granted', 'revoked', 'superseded'] as const
type State = (typeof requestStates)[number]

/** What the ledger's storage says of a request, which no list of events can change. */
export type StoredRequest = {
  state: State
  patient: Hex
  affiliationId: number
  rights: number
  uses: number
  codeRequired: boolean
  codeChecked: boolean
  until: number
  accessCount: number
}

/** A doctor's post at a hospital: an affiliation, as the ledger's storage has it. */
export type StoredPost = {
  doctor: Hex
  hospital: Hex
  /** First second in which it was not active any more; zero while it is. */
  endedAt: number
}

/** Everything that was read of one ledger, at one block. */
export type LedgerHistory = {
  ledger: Hex
  events: readonly AuditEvent[]
  stored: ReadonlyMap<Hex, StoredRequest>
  /** By affiliation id. */
  posts: ReadonlyMap<number, StoredPost>
  accessWriter: Hex
  /** Writers whose account is a contract: whoever sends the transaction, the contract acts. */
  contractWriters: ReadonlySet<Hex>
}

/**
 * `hidden`: something that happened is not among the events. `doubled`: something stands twice. `foreign`: an entry that no
 * grant carries, or that is not the writer's or the ledger's. `unlawful`: a request or grant against the ledger's own rules.
 * `unattributed`: a look of a doctor with a passkey that does not open to her word; found with the evidence only.
 */
export type Finding = {
  kind: 'hidden' | 'doubled' | 'foreign' | 'unlawful' | 'unattributed'
  /** One sentence for an auditor. */
  text: string
  requestId: Hex | null
  blockNumber: number | null
  transactionHash: Hex | null
}

const dayS = day / 1000
/** IConsentLedger: the longest grant, the longest time to answer, and an emergency's length. */
const maxGrantS = 365 * dayS
const maxAnswerS = 3 * dayS
const emergencyS = dayS
/** The access writer before the first one is named, and after none is. */
const nobody: Hex = `0x${'0'.repeat(40)}`
const unknownRequest: StoredRequest = {
  state: 'unknown',
  patient: nobody,
  affiliationId: 0,
  rights: 0,
  uses: 0,
  codeRequired: false,
  codeChecked: false,
  until: 0,
  accessCount: 0,
}
/** The writer's clock and the chain's may differ by this. */
const clockSkewS = 60

/** What the events said of one request so far. */
type Trail = {
  state: State
  patient: Hex | null
  affiliationId: number
  openedAt: number
  grantedAt: number
  /** First second without access. */
  end: number
  counts: Set<number>
  highest: number
  /** Entries that came before any grant; whether they are foreign shows when all events are known. */
  ungranted: (AuditPlace & AuditEntry)[]
  /** Patients who barred it before it was made. */
  barredBy: Set<Hex>
}

/**
 * Finds what is hidden, doubled or foreign in a ledger's history. Counts of looks have no gap and end at the ledger's own
 * counter; each state that events lead to is the one in storage; each look stands under a grant and a post of its time, by the
 * writer of its time.
 *
 * A look that its writer never logged leaves no trace anywhere and can't be found.
 */
export function auditLedger(history: LedgerHistory): Finding[] {
  const findings: Finding[] = []
  const trails = new Map<Hex, Trail>()
  const entryIds = new Map<Hex, Hex>()
  const places = new Set<string>()
  const frozen = new Set<Hex>()
  const hospitalsOfPatients = new Map<Hex, Hex>()
  const suspended = new Set<Hex>()
  const posts = new Map<number, StoredPost>()
  let writer = nobody

  const report = (kind: Finding['kind'], text: string, where: Partial<AuditPlace> & { requestId?: Hex }) =>
    findings.push({
      kind,
      text,
      requestId: where.requestId ?? null,
      blockNumber: where.blockNumber ?? null,
      transactionHash: where.transactionHash ?? null,
    })

  for (const event of history.events.toSorted(byPlace)) {
    if (event.address !== history.ledger) {
      const isOfOurs = 'requestId' in event && storedOf(event.requestId).state !== 'unknown'
      if (isOfOurs)
        report('foreign', `Another contract, ${event.address}, emitted ${event.kind} for this request.`, event)
      continue
    }
    const place = `${event.blockNumber}/${event.logIndex}`
    if (places.has(place)) {
      report('doubled', `The event ${event.kind} was given twice from one place in its block.`, event)
      continue
    }
    places.add(place)
    switch (event.kind) {
      case 'accessWriterChanged':
        if (event.previous !== writer)
          report('hidden', `The access writer before this change was ${writer}, not ${event.previous}.`, event)
        writer = event.current
        break
      case 'doctorAdded':
        // The ledger counts posts from 1 and leaves none out.
        if (event.affiliationId !== posts.size + 1)
          report('hidden', `Post ${event.affiliationId} follows post ${posts.size}.`, event)
        posts.set(event.affiliationId, { doctor: event.doctor, hospital: event.hospital, endedAt: 0 })
        break
      case 'doctorSuspended':
        endPosts(event, ([affiliationId]) => affiliationId === event.affiliationId)
        break
      case 'hospitalSuspended':
        endPosts(event, ([, { hospital }]) => hospital === event.hospital)
        break
      case 'patientAdded':
        if (hospitalsOfPatients.has(event.patient) && !suspended.delete(event.patient))
          report('hidden', 'A patient was added again, and no event says that she was suspended.', event)
        hospitalsOfPatients.set(event.patient, event.hospital)
        break
      case 'patientSuspended':
        if (hospitalsOfPatients.get(event.patient) !== event.hospital)
          report('hidden', `No event says that ${event.hospital}, which suspended a patient, added her before.`, event)
        suspended.add(event.patient)
        break
      case 'patientFrozen':
        frozen.add(event.patient)
        break
      case 'patientUnfrozen':
        frozen.delete(event.patient)
        break
      case 'accessRefused':
        requireWriter(event)
        break
      case 'accessLogged':
      case 'accessLoggedLate':
      case 'recordChanged':
        followEntry(event, trailOf(event.requestId))
        break
      default:
        followRequest(event, trailOf(event.requestId))
    }
  }
  for (const [requestId, trail] of trails) compareWithStorage(requestId, trail)
  for (const [affiliationId, stored] of history.posts) comparePost(affiliationId, stored)
  if (writer !== history.accessWriter)
    report(
      'hidden',
      `The ledger's access writer is ${history.accessWriter}; the last one that events name is ${writer}.`,
      {},
    )
  return findings

  /** A post ends once, for good: what ended it first counts. */
  function endPosts(event: AuditPlace, isMeant: (entry: [number, StoredPost]) => boolean): void {
    for (const [affiliationId, post] of [...posts].filter(isMeant))
      if (post.endedAt === 0) posts.set(affiliationId, { ...post, endedAt: event.timestamp })
  }

  function comparePost(affiliationId: number, stored: StoredPost): void {
    const said = posts.get(affiliationId)
    if (!said) {
      if (stored.doctor !== nobody) report('hidden', `Post ${affiliationId} was added by no event.`, {})
    } else if (said.doctor !== stored.doctor || said.hospital !== stored.hospital)
      report('foreign', `Post ${affiliationId} is of another doctor or hospital in the ledger than the event says.`, {})
    else if (said.endedAt !== stored.endedAt)
      report(
        'hidden',
        `The ledger ended post ${affiliationId} at ${stored.endedAt}; events lead to ${said.endedAt}.`,
        {},
      )
  }

  /** The end of the request's post so far, zero while it stands. */
  function postEndOf({ affiliationId }: { affiliationId: number }): number {
    return posts.get(affiliationId)?.endedAt ?? 0
  }

  function storedOf(requestId: Hex): StoredRequest {
    return history.stored.get(requestId) ?? unknownRequest
  }

  function trailOf(requestId: Hex): Trail {
    const known = trails.get(requestId)
    if (known) return known
    const fresh: Trail = {
      state: 'unknown',
      patient: null,
      affiliationId: 0,
      openedAt: 0,
      grantedAt: 0,
      end: 0,
      counts: new Set(),
      highest: 0,
      ungranted: [],
      barredBy: new Set(),
    }
    trails.set(requestId, fresh)
    return fresh
  }

  type RequestEvent = Exclude<Extract<AuditEvent, { requestId: Hex }>, { kind: AuditEntry['kind'] | 'accessRefused' }>

  function followRequest(event: RequestEvent, trail: Trail): void {
    switch (event.kind) {
      case 'requestOpened':
      case 'emergencyOpened':
        if (trail.state !== 'unknown') report('doubled', 'The same request was opened twice.', event)
        if (!posts.has(event.affiliationId)) report('hidden', 'No event says that its post was added before.', event)
        else if (postEndOf(event) !== 0) report('unlawful', 'It was opened under a post that had ended.', event)
        if (!hospitalsOfPatients.has(event.patient))
          report('hidden', 'No event says that a hospital added its patient before.', event)
        if (suspended.has(event.patient)) report('unlawful', 'It was opened while its patient was suspended.', event)
        if (trail.barredBy.has(event.patient)) report('unlawful', 'Its patient had barred this request before.', event)
        trail.patient = event.patient
        trail.affiliationId = event.affiliationId
        trail.openedAt = event.timestamp
        trail.state = 'open'
        if (event.kind === 'requestOpened') return
        if (event.until > event.timestamp + emergencyS)
          report('unlawful', 'An emergency lasts longer than 24 hours.', event)
        begin(trail, event)
        return
      case 'grantOpened':
        followGrant(event, trail)
        return
      case 'requestWithdrawn':
      case 'requestRefused':
        requirePatient(event, trail)
        if (trail.state !== 'open') report('unlawful', `A request that is ${trail.state} was answered.`, event)
        trail.state = event.kind === 'requestWithdrawn' ? 'withdrawn' : 'refused'
        return
      case 'grantRevoked':
        // Anybody can bar a request of her own account that is not there yet; it says nothing about another patient's.
        if (trail.state === 'unknown') {
          trail.barredBy.add(event.patient)
          return
        }
        requirePatient(event, trail)
        end(trail, event, 'revoked')
        return
      case 'grantEndedByHospital':
        requirePatient(event, trail)
        if (posts.get(trail.affiliationId)?.hospital !== event.hospital && !isEndedBySuspension(event, trail))
          report('unlawful', `It was ended by ${event.hospital}, which is not the doctor's hospital.`, event)
        end(trail, event, 'revoked')
        return
      case 'emergencyDisputed':
        requirePatient(event, trail)
        end(trail, event, 'revoked')
        return
      case 'grantSuperseded':
        requirePatient(event, trail)
        end(trail, event, 'superseded')
        return
    }
  }

  /** A hospital that suspends its patient removes what was asked of her and not answered. */
  function isEndedBySuspension({ patient, hospital }: { patient: Hex; hospital: Hex }, { state }: Trail): boolean {
    return state === 'open' && suspended.has(patient) && hospitalsOfPatients.get(patient) === hospital
  }

  function followGrant(event: Extract<AuditEvent, { kind: 'grantOpened' }>, trail: Trail): void {
    if (trail.state === 'unknown') {
      if (storedOf(event.requestId).state !== 'unknown')
        report('hidden', "The grant's request is not among the events.", event)
      else report('unlawful', 'A grant stands without a request.', event)
      trail.patient = event.patient
    } else {
      requirePatient(event, trail)
      if (trail.state !== 'open') report('unlawful', `A request that is ${trail.state} was granted.`, event)
      if (event.timestamp > trail.openedAt + maxAnswerS)
        report('unlawful', 'It was granted later than a request can be answered.', event)
      if (postEndOf(trail) !== 0) report('unlawful', 'It was granted after the post of its doctor had ended.', event)
    }
    const latest = Math.ceil((event.timestamp + maxGrantS) / dayS) * dayS
    if (event.until > latest) report('unlawful', 'The grant is longer than 365 days.', event)
    if (event.until <= event.timestamp || event.until % dayS !== 0)
      report('unlawful', 'The grant does not end at a whole day to come.', event)
    const stored = storedOf(event.requestId)
    if (stored.state !== 'unknown' && stored.codeChecked !== event.codeChecked)
      report('hidden', 'Event and ledger differ on whether a code was shown.', event)
    if (stored.codeRequired && !event.codeChecked)
      report('unlawful', 'The request took a line of the code card, and no code was shown.', event)
    begin(trail, event)
  }

  function begin(trail: Trail, event: { timestamp: number; until: number }): void {
    trail.state = 'granted'
    trail.grantedAt = event.timestamp
    trail.end = event.until
  }

  function end(trail: Trail, event: { timestamp: number }, state: State): void {
    trail.end = trail.grantedAt === 0 ? 0 : Math.min(trail.end, event.timestamp)
    trail.state = state
  }

  function requirePatient(event: AuditPlace & { kind: string; requestId: Hex; patient: Hex }, trail: Trail): void {
    if (trail.state === 'unknown') report('hidden', `The event ${event.kind} stands without its request.`, event)
    else if (event.patient !== trail.patient)
      report('unlawful', `The event ${event.kind} is by ${event.patient}, who is not the request's patient.`, event)
  }

  function followEntry(event: AuditPlace & AuditEntry, trail: Trail): void {
    if (event.kind !== 'recordChanged') {
      requireWriter(event)
      const before = entryIds.get(event.entryId)
      if (before !== undefined)
        report('doubled', `The entry ${event.entryId} stands already in transaction ${before}.`, event)
      entryIds.set(event.entryId, event.transactionHash)
    }
    if (trail.counts.has(event.count)) report('doubled', `Count ${event.count} of this grant stands twice.`, event)
    else if (event.count < trail.highest)
      report('foreign', `Count ${event.count} stands after count ${trail.highest}.`, event)
    trail.counts.add(event.count)
    trail.highest = Math.max(trail.highest, event.count)
    const stored = storedOf(event.requestId)
    if (stored.uses !== 0 && event.count > stored.uses)
      report('foreign', `Count ${event.count} is beyond the grant's ${stored.uses} uses.`, event)
    if (stored.state !== 'unknown' && (event.right & stored.rights) !== event.right)
      report('foreign', 'The entry uses a right that was not asked for.', event)
    if (trail.grantedAt === 0) {
      trail.ungranted.push(event)
      return
    }
    const fault = event.kind === 'accessLoggedLate' ? lateFault(event, trail) : timelyFault(event, trail)
    if (fault !== null) report('foreign', fault, event)
  }

  /** Why an entry does not stand under a grant of its time; null when it does. */
  function timelyFault(event: AuditPlace, trail: Trail): string | null {
    if (trail.state !== 'granted') return `The entry came after the grant was ${trail.state}, and is not marked late.`
    if (postEndOf(trail) !== 0) return 'The entry came after the post of its doctor had ended, and is not marked late.'
    if (event.timestamp >= trail.end) return 'The entry came after the end of the grant, and is not marked late.'
    if (trail.patient !== null && frozen.has(trail.patient))
      return 'The entry came while the patient had frozen all sharing.'
    if (trail.patient !== null && suspended.has(trail.patient)) return 'The entry came while the patient was suspended.'
    return null
  }

  function lateFault(event: AuditPlace & { lookedAt: number }, trail: Trail): string | null {
    if (event.lookedAt > event.timestamp) return 'The late entry says that it looked in the future.'
    if (event.lookedAt >= trail.end) return 'The late entry says that it looked after the end of the grant.'
    const postEnd = postEndOf(trail)
    if (postEnd !== 0 && event.lookedAt >= postEnd)
      return 'The late entry says that it looked after the post had ended.'
    if (event.lookedAt + clockSkewS < trail.grantedAt) return 'The late entry says that it looked before the grant.'
    return null
  }

  function requireWriter(event: AuditPlace & { requestId: Hex }): void {
    if (event.sender !== writer && !history.contractWriters.has(writer))
      report('foreign', `The entry was sent by ${event.sender}; the access writer was ${writer}.`, event)
  }

  function compareWithStorage(requestId: Hex, trail: Trail): void {
    const stored = storedOf(requestId)
    const where = { requestId }
    // A grant that the ledger knows and no event tells of is hidden, as the states below say; its looks are not foreign.
    const isGrantHidden = trail.grantedAt === 0 && stored.until !== 0
    for (const entry of isGrantHidden ? [] : trail.ungranted) {
      const request =
        stored.state === 'unknown' ? 'a request that nobody made' : 'a request that was not granted before'
      report('foreign', `The entry stands under ${request}.`, entry)
    }
    if (stored.state !== trail.state) {
      report('hidden', `The ledger says that the request is ${stored.state}; events lead to ${trail.state}.`, where)
    } else if (stored.until !== trail.end) {
      report('hidden', `The ledger ends access at ${stored.until}; events lead to ${trail.end}.`, where)
    }
    if (trail.openedAt !== 0 && stored.state !== 'unknown') {
      if (stored.patient !== trail.patient || stored.affiliationId !== trail.affiliationId)
        report('foreign', 'The request in the ledger is of another patient or post than the event says.', where)
    }
    const missing = missingCounts(trail, stored.accessCount)
    if (missing !== null)
      report('hidden', `The ledger counts ${stored.accessCount} looks and changes; missing: ${missing}.`, where)
    if (trail.highest > stored.accessCount)
      report('foreign', `Entries go to count ${trail.highest}; the ledger counts ${stored.accessCount}.`, where)
  }
}

/** The counts from 1 to the ledger's that no event has, as ranges; null when none is missing. */
function missingCounts(trail: Trail, accessCount: number): string | null {
  const ranges: string[] = []
  for (let count = 1; count <= accessCount; count += 1) {
    if (trail.counts.has(count)) continue
    const first = count
    while (count < accessCount && !trail.counts.has(count + 1)) count += 1
    ranges.push(first === count ? `${first}` : `${first} to ${count}`)
  }
  return ranges.length === 0 ? null : ranges.join(', ')
}

function byPlace(a: AuditPlace, b: AuditPlace): number {
  return a.blockNumber - b.blockNumber || a.logIndex - b.logIndex
}
