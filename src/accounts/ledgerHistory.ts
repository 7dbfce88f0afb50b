import {
  type AbiEvent,
  BaseError,
  type ContractFunctionReturnType,
  createPublicClient,
  http,
  type Log,
  type ParseEventLogsReturnType,
  type PublicClient,
  parseEventLogs,
  type TransactionReceipt,
  toEventSelector,
  zeroAddress,
} from 'viem'
import {
  type AuditEvent,
  type AuditPlace,
  type Finding,
  type LedgerHistory,
  requestStates,
  type StoredPost,
  type StoredRequest,
} from '../core/audit.ts'
import type { Hex } from '../core/rows.ts'
import { consentLedgerAbi } from './contracts.generated.ts'
import { readInPages } from './readInPages.ts'

/** Calls in one HTTP request, and in flight at a time. */
const batchSize = 50
const callTimeoutMs = 30_000
const longestDetail = 160
/** IPatientSafeguards.LooseningKind.Unfreeze */
const unfreezeKind = 3

const names = [
  'AccessWriterChanged',
  'DoctorAdded',
  'DoctorSuspended',
  'HospitalSuspended',
  'PatientAdded',
  'PatientSuspended',
  'PatientFrozen',
  'LooseningExecuted',
  'RequestOpened',
  'RequestWithdrawn',
  'RequestRefused',
  'GrantOpened',
  'GrantRevoked',
  'GrantEndedByHospital',
  'GrantSuperseded',
  'EmergencyOpened',
  'EmergencyDisputed',
  'RecordChanged',
  'AccessLogged',
  'AccessLoggedLate',
  'AccessRefused',
] as const
const watched: readonly AbiEvent[] = consentLedgerAbi.filter(
  (item) => item.type === 'event' && names.some((name) => name === item.name),
) as AbiEvent[]
const watchedTopics: ReadonlySet<Hex> = new Set(watched.map(toEventSelector))
const requestTopics: ReadonlySet<Hex> = new Set(
  watched.filter(({ inputs: [first] }) => first?.name === 'requestId').map(toEventSelector),
)

export type UnreadableReason = 'noAnswer' | 'noLedger' | 'beginsTooLate' | 'nodesDisagree' | 'chainMoved'

/** The ledger's history could not be read as a whole, so nothing can be said about it. */
export class LedgerUnreadableError extends Error {
  override readonly name = 'LedgerUnreadableError'
  readonly code: UnreadableReason
  readonly retryHelps: boolean

  constructor(code: UnreadableReason, what: string, why: string, todo: string, options?: ErrorOptions) {
    super(`${what}\n\n${why}\nDo: ${todo}\nDocs: docs/errors.md#ledgerunreadableerror`, options)
    this.code = code
    this.retryHelps = code === 'noAnswer' || code === 'chainMoved'
  }
}

export type ReadOptions = {
  /** Nodes of one chain. The first is read in full; the others must give the same events. */
  rpcUrls: readonly [string, ...string[]]
  ledger: Hex
  /** At or before the block that made the ledger. */
  fromBlock: number
  onProgress?: (step: 'events' | 'transactions' | 'blocks' | 'requests', done: number, total: number) => void
}

export type ReadHistory = LedgerHistory & {
  chainId: number
  toBlock: number
  /** Where nodes, or a node's own answers, differ. */
  differences: Finding[]
}

/**
 * Reads everything that a ledger said, and what its storage says now, from nodes alone.
 *
 * Events are asked for by kind on the whole chain, so that imitations by other contracts show. Each is compared with its
 * transaction's receipt, which nodes keep apart from their index of logs.
 *
 * @throws {LedgerUnreadableError} where a node does not answer, or does not have the whole
 */
export async function readLedgerHistory({
  rpcUrls,
  ledger,
  fromBlock,
  onProgress = () => {},
}: ReadOptions): Promise<ReadHistory> {
  const clients = rpcUrls.map((url) =>
    createPublicClient({ transport: http(url, { batch: { batchSize }, timeout: callTimeoutMs }), cacheTime: 0 }),
  )
  const [client] = clients
  if (!client) throw new TypeError('At least one node is needed.')
  try {
    return await read(clients, client, lower(ledger), fromBlock, onProgress)
  } catch (error) {
    throw noAnswerOf(error)
  }
}

/** What a call to a node failed with, in words that do not hold the node's address, and with it a key. */
export function noAnswerOf(error: unknown): unknown {
  if (!(error instanceof BaseError)) return error
  return new LedgerUnreadableError(
    'noAnswer',
    'A node did not answer.',
    `${error.name}: ${firstLine(error.details) || firstLine(error.shortMessage)}`,
    'check the address, ask a node that keeps all logs, or try again.',
    { cause: error },
  )
}

/** Of a web page that answered in a node's place, its beginning. */
function firstLine(text: string): string {
  const [first = ''] = text.trim().split('\n')
  return first.length <= longestDetail ? first : `${first.slice(0, longestDetail)}…`
}

type Progress = NonNullable<ReadOptions['onProgress']>
type WatchedLog = ParseEventLogsReturnType<typeof consentLedgerAbi, (typeof names)[number][], true>[number]

async function read(
  clients: PublicClient[],
  client: PublicClient,
  ledger: Hex,
  fromBlock: number,
  onProgress: Progress,
): Promise<ReadHistory> {
  const chainId = await client.getChainId()
  const head = await commonHead(clients)
  const at = { blockNumber: head.number }
  if ((await client.getCode({ address: ledger, ...at })) === undefined)
    throw new LedgerUnreadableError(
      'noLedger',
      'There is no contract at the address of the ledger.',
      `Chain ${chainId}, block ${head.number}.`,
      'compare address and network with the deployment.',
    )

  const lists = []
  for (const each of clients) lists.push(await readLogs(each, BigInt(fromBlock), head.number, onProgress))
  const [logs = [], ...others] = lists
  const ours = logs.filter((log) => lower(log.address) === ledger)
  requireBeginning(ours, fromBlock, head.number)

  const receipts = await readAll(
    ours.map((log) => log.transactionHash),
    (hash) => client.getTransactionReceipt({ hash }),
    (done, total) => onProgress('transactions', done, total),
  )
  const blocks = await readAll(
    ours.map((log) => log.blockNumber),
    (blockNumber) => client.getBlock({ blockNumber }),
    (done, total) => onProgress('blocks', done, total),
  )
  const events = logs.flatMap((log): AuditEvent[] => {
    const event = toEvent(log, {
      address: lower(log.address),
      blockNumber: Number(log.blockNumber),
      logIndex: log.logIndex,
      transactionHash: log.transactionHash,
      timestamp: Number(blocks.get(log.blockNumber)?.timestamp ?? 0n),
      sender: lower(receipts.get(log.transactionHash)?.from ?? zeroAddress),
    })
    return event ? [event] : []
  })
  const contract = { address: ledger, abi: consentLedgerAbi, ...at } as const
  const stored = await readAll(
    events.flatMap((event) => ('requestId' in event ? [event.requestId] : [])),
    async (id) => toStored(await client.readContract({ ...contract, functionName: 'requestState', args: [id] })),
    (done, total) => onProgress('requests', done, total),
  )
  const posts = await readPosts(async (affiliationId) => {
    const call = { ...contract, args: [affiliationId] } as const
    const [[doctor, hospital], endedAt] = await Promise.all([
      client.readContract({ ...call, functionName: 'affiliation' }),
      client.readContract({ ...call, functionName: 'affiliationEndedAt' }),
    ])
    return { doctor: lower(doctor), hospital: lower(hospital), endedAt }
  })
  const accessWriter = lower(await client.readContract({ ...contract, functionName: 'accessWriter' }))
  const codes = await readAll(
    events.flatMap((event) => (event.kind === 'accessWriterChanged' ? [event.current] : [])),
    (address) => client.getCode({ address, ...at }),
  )
  if ((await client.getBlock(at)).hash !== head.hash)
    throw new LedgerUnreadableError(
      'chainMoved',
      'The chain changed while it was read.',
      `Block ${head.number} was replaced.`,
      'try again.',
    )
  return {
    chainId,
    toBlock: Number(head.number),
    ledger,
    events,
    stored,
    posts,
    accessWriter,
    contractWriters: new Set([...codes].filter(([, code]) => code !== undefined).map(([address]) => address)),
    differences: [
      ...others.flatMap((other, index) => compareNodes(logs, other, index + 2)),
      ...[...receipts.values()].flatMap((receipt) => compareReceipt(receipt, ours, ledger)),
    ],
  }
}

/** The newest block that all nodes have, the same at each. */
async function commonHead(clients: readonly PublicClient[]): Promise<{ number: bigint; hash: Hex }> {
  const heights = await Promise.all(clients.map(async (client) => Number(await client.getBlockNumber())))
  const number = BigInt(Math.min(...heights))
  const hashes = await Promise.all(clients.map(async (client) => (await client.getBlock({ blockNumber: number })).hash))
  const [hash] = hashes
  if (hash === undefined || new Set(hashes).size > 1)
    throw new LedgerUnreadableError(
      'nodesDisagree',
      'The nodes are not on one chain.',
      `Block ${number} is not the same at each.`,
      'ask nodes of one network; if they are, one of them lies or follows a fork.',
    )
  return { number, hash }
}

/** Events of the ledger's kinds on the whole chain. */
function readLogs(client: PublicClient, fromBlock: bigint, toBlock: bigint, onProgress: Progress) {
  const readPage = async (from: bigint, to: bigint) => {
    const page = await client.getLogs({ events: watched, strict: true, fromBlock: from, toBlock: to })
    const ofLedgers = parseEventLogs({ abi: consentLedgerAbi, eventName: [...names], logs: page, strict: true })
    return ofLedgers
  }
  return readInPages(fromBlock, toBlock, readPage, (done, total) => onProgress('events', done, total))
}

function requireBeginning([first]: readonly WatchedLog[], fromBlock: number, toBlock: bigint): void {
  if (first?.eventName === 'AccessWriterChanged' && first.args.previous === zeroAddress) return
  throw new LedgerUnreadableError(
    'beginsTooLate',
    "The ledger's first event is not there.",
    `Read from block ${fromBlock} to ${toBlock}; a ledger begins by naming its access writer.`,
    'give the block of its deployment or an earlier one, and a node that keeps all logs.',
  )
}

/** One answer for each key, so many at a time. */
async function readAll<Key, Value>(
  keys: readonly Key[],
  readOne: (key: Key) => Promise<Value>,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Map<Key, Value>> {
  const distinct = [...new Set(keys)]
  const found = new Map<Key, Value>()
  for (let first = 0; first < distinct.length; first += batchSize) {
    const batch = distinct.slice(first, first + batchSize)
    const values = await Promise.all(batch.map(async (key) => [key, await readOne(key)] as const))
    for (const [key, value] of values) found.set(key, value)
    onProgress(found.size, distinct.length)
  }
  return found
}

/** All posts in storage: they are counted from 1, and none is ever taken out. */
async function readPosts(readOne: (affiliationId: number) => Promise<StoredPost>): Promise<Map<number, StoredPost>> {
  const posts = new Map<number, StoredPost>()
  for (;;) {
    const ids = Array.from({ length: batchSize }, (_, index) => posts.size + 1 + index)
    const found = (await Promise.all(ids.map(readOne))).filter(({ doctor }) => doctor !== zeroAddress)
    for (const post of found) posts.set(posts.size + 1, post)
    if (found.length < batchSize) return posts
  }
}

/** What one node gave and another did not. */
function compareNodes(first: readonly WatchedLog[], other: readonly WatchedLog[], position: number): Finding[] {
  const onlyIn = (these: readonly WatchedLog[], those: readonly WatchedLog[], text: string) => {
    const known = new Set(those.map(contentOf))
    return these.filter((log) => !known.has(contentOf(log))).map((log) => differs(log, text))
  }
  return [
    ...onlyIn(other, first, `Node ${position} has this event, node 1 does not.`),
    ...onlyIn(first, other, `Node 1 has this event, node ${position} does not.`),
  ]
}

/** Events that a transaction's receipt has and the list of events does not, and the other way round. */
function compareReceipt(receipt: TransactionReceipt, listed: readonly WatchedLog[], ledger: Hex): Finding[] {
  const events = listed.filter((log) => log.transactionHash === receipt.transactionHash)
  const inReceipt = receipt.logs.filter(
    ({ address, topics }) => lower(address) === ledger && topics[0] !== undefined && watchedTopics.has(topics[0]),
  )
  const listedContents = new Set(events.map(contentOf))
  const receiptContents = new Set(inReceipt.map(contentOf))
  return [
    ...inReceipt
      .filter((log) => !listedContents.has(contentOf(log)))
      .map((log) => differs(log, "The transaction's receipt has an event of the ledger that the node did not list.")),
    ...events
      .filter((log) => !receiptContents.has(contentOf(log)))
      .map(
        (log): Finding => ({ ...differs(log, "The transaction's receipt does not have this event."), kind: 'foreign' }),
      ),
  ]
}

function differs(log: Log<bigint, number, false>, text: string): Finding {
  // All kinds about a request have its id as their first indexed argument; the others' is an account.
  const isOfRequest = log.topics[0] !== undefined && requestTopics.has(log.topics[0])
  const requestId = isOfRequest ? (log.topics[1] ?? null) : null
  return { kind: 'hidden', text, requestId, blockNumber: Number(log.blockNumber), transactionHash: log.transactionHash }
}

function contentOf({ transactionHash, logIndex, address, topics, data }: Log<bigint, number, false>): string {
  return [transactionHash, logIndex, lower(address), ...topics, data].join()
}

function toEvent(log: WatchedLog, place: AuditPlace): AuditEvent | null {
  switch (log.eventName) {
    case 'AccessWriterChanged':
      return {
        ...place,
        kind: 'accessWriterChanged',
        previous: lower(log.args.previous),
        current: lower(log.args.current),
      }
    case 'DoctorAdded': {
      const { doctor, hospital, affiliationId } = log.args
      return { ...place, kind: 'doctorAdded', doctor: lower(doctor), hospital: lower(hospital), affiliationId }
    }
    case 'DoctorSuspended':
      return { ...place, kind: 'doctorSuspended', affiliationId: log.args.affiliationId }
    case 'HospitalSuspended':
      return { ...place, kind: 'hospitalSuspended', hospital: lower(log.args.hospital) }
    case 'PatientAdded':
    case 'PatientSuspended': {
      const { patient, hospital } = log.args
      return { ...place, kind: lowerFirst(log.eventName), patient: lower(patient), hospital: lower(hospital) }
    }
    case 'PatientFrozen':
      return { ...place, kind: 'patientFrozen', patient: lower(log.args.patient) }
    case 'LooseningExecuted':
      return log.args.kind === unfreezeKind
        ? { ...place, kind: 'patientUnfrozen', patient: lower(log.args.patient) }
        : null
    case 'RequestOpened': {
      const { requestId, patient, affiliationId } = log.args
      return { ...place, kind: 'requestOpened', requestId, patient: lower(patient), affiliationId }
    }
    case 'EmergencyOpened': {
      const { requestId, patient, affiliationId, until } = log.args
      return { ...place, kind: 'emergencyOpened', requestId, patient: lower(patient), affiliationId, until }
    }
    case 'GrantOpened': {
      const { requestId, patient, until, codeChecked } = log.args
      return { ...place, kind: 'grantOpened', requestId, patient: lower(patient), until, codeChecked }
    }
    case 'GrantEndedByHospital': {
      const { requestId, patient, hospital } = log.args
      return {
        ...place,
        kind: 'grantEndedByHospital',
        requestId,
        patient: lower(patient),
        hospital: lower(hospital),
      }
    }
    case 'RequestWithdrawn':
    case 'RequestRefused':
    case 'GrantRevoked':
    case 'GrantSuperseded':
    case 'EmergencyDisputed': {
      const { requestId, patient } = log.args
      return { ...place, kind: lowerFirst(log.eventName), requestId, patient: lower(patient) }
    }
    case 'RecordChanged': {
      const { requestId, commitment, right, count } = log.args
      return { ...place, kind: 'recordChanged', requestId, entryId: commitment, right, count }
    }
    case 'AccessLogged': {
      const { requestId, entryId, right, count } = log.args
      return { ...place, kind: 'accessLogged', requestId, entryId, right, count }
    }
    case 'AccessLoggedLate': {
      const { requestId, entryId, right, count, lookedAt } = log.args
      return { ...place, kind: 'accessLoggedLate', requestId, entryId, right, count, lookedAt }
    }
    case 'AccessRefused': {
      const { requestId, entryId } = log.args
      return { ...place, kind: 'accessRefused', requestId, entryId }
    }
  }
}

type StoredOnChain = ContractFunctionReturnType<typeof consentLedgerAbi, 'view', 'requestState'>

function toStored(found: StoredOnChain): StoredRequest {
  const { patient, affiliationId, rights, uses, codeRequired, codeChecked, until, accessCount } = found
  const state = requestStates[found.state] ?? 'unknown'
  return { state, patient: lower(patient), affiliationId, rights, uses, codeRequired, codeChecked, until, accessCount }
}

function lower(address: Hex): Hex {
  return address.toLowerCase() as Hex
}

function lowerFirst<Name extends string>(name: Name): Uncapitalize<Name> {
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}` as Uncapitalize<Name>
}
