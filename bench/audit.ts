import { type AuditEvent, auditLedger, type LedgerHistory, type StoredRequest } from '../src/core/audit.ts'
import type { Hex } from '../src/core/rows.ts'
import { median, type Row, toRow } from './row.ts'

const eventCount = 100_000
const looksPerGrant = 8
/** Odd, so that the median is a round that was measured. */
const rounds = 5
const secondsPerBlock = 2
const daySeconds = 86_400

/** Lisk's base fee stays where it is up to this much gas. Chain 1135, since July 2026. */
const gasPerSecond = 750_000
/** An entry of a batch of 50, as `bin/bench gas` prints it. */
const gasPerEntry = 15_500

/** How fast a history is judged, beside how fast the chain can write looks at all. */
export async function measure(): Promise<Row[]> {
  const history = lawfulHistory()
  const perSecond: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now()
    const findings = auditLedger(history)
    perSecond.push(history.events.length / ((performance.now() - began) / 1000))
    if (findings.length > 0) throw new Error('The auditor found something in a lawful history.')
  }
  return [
    toRow({
      metric: 'Audit 100,000 events',
      unit: 'events/s',
      ours: median(perSecond),
      peer: gasPerSecond / gasPerEntry,
      peerName: "looks/s at Lisk's gas target",
      atLeast: 100_000,
    }),
  ]
}

/** Grants with looks, one event in each block. */
function lawfulHistory(): LedgerHistory {
  const ledger = address(1)
  const writer = address(2)
  const events: AuditEvent[] = []
  const stored = new Map<Hex, StoredRequest>()
  const place = (sender: Hex) => {
    const blockNumber = events.length + 1
    const timestamp = 1_795_000_000 + blockNumber * secondsPerBlock
    return { address: ledger, blockNumber, logIndex: 0, transactionHash: word(blockNumber), timestamp, sender }
  }
  events.push({ ...place(address(3)), kind: 'accessWriterChanged', previous: address(0), current: writer })
  const post = { doctor: address(6), hospital: address(5) }
  events.push({ ...place(address(5)), kind: 'doctorAdded', ...post, affiliationId: 1 })
  for (let request = 1; events.length < eventCount; request += 1) {
    const requestId = word(request)
    const patient = address(1_000 + request)
    events.push({ ...place(address(5)), kind: 'patientAdded', patient, hospital: post.hospital })
    events.push({ ...place(address(4)), kind: 'requestOpened', requestId, patient, affiliationId: 1 })
    const granted = place(address(4))
    const until = (Math.ceil(granted.timestamp / daySeconds) + 7) * daySeconds
    events.push({ ...granted, kind: 'grantOpened', requestId, patient, until, codeChecked: false })
    for (let count = 1; count <= looksPerGrant; count += 1) {
      const entry = { requestId, entryId: word(1_000_000 + events.length), right: 1, count }
      events.push({ ...place(writer), kind: 'accessLogged', ...entry })
    }
    stored.set(requestId, {
      state: 'granted',
      patient,
      affiliationId: 1,
      rights: 1,
      uses: 0,
      codeRequired: false,
      codeChecked: false,
      until,
      accessCount: looksPerGrant,
    })
  }
  return {
    ledger,
    events,
    stored,
    posts: new Map([[1, { ...post, endedAt: 0 }]]),
    accessWriter: writer,
    contractWriters: new Set(),
  }
}

function address(number: number): Hex {
  return `0x${number.toString(16).padStart(40, '0')}`
}

function word(number: number): Hex {
  return `0x${number.toString(16).padStart(64, '0')}`
}
