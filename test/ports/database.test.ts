import { randomInt, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportEvidence } from '../../src/cli/exportEvidence.ts'
import type { ConsentRequestId, DoctorId, EpochMs, HospitalId, PatientId } from '../../src/core/people.ts'
import type {
  ConsentRequestRow,
  Hex,
  OperatorTransactionRow,
  SafeguardChangeRow,
  SafeguardEventRow,
} from '../../src/core/rows.ts'
import type { Store } from '../../src/core/store.ts'
import { newSafeguardOperation, newUserOperation } from '../../src/core/userOperation.ts'
import { type Database, migrate } from '../../src/db/database.ts'
import { openStore } from '../../src/db/openStore.ts'
import { FolderInUseError, openPglite } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { engines, freshDatabaseUrl } from '../support/testVillage.ts'

const now = 1_795_000_000_123 as EpochMs
const later = (ms: number) => (now + ms) as EpochMs
const hex = (bytes = 20): Hex => `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex')}`

describe.each(engines)('on %s', (engine) => {
  let folder: string
  let open: () => Promise<Database>
  let database: Database
  let store: Store
  let people: Awaited<ReturnType<typeof addPeople>>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'healthchain-database-'))
    const url = await freshDatabaseUrl()
    open = () => (engine === 'embedded' ? openPglite(folder) : openPostgres(url))
    database = await open()
    store = openStore(database.kysely)
    people = await addPeople(store)
  })

  afterAll(async () => {
    await database?.close()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  test('migrating again changes nothing', async () => {
    const tables = async () => (await database.kysely.introspection.getTables()).map(({ name }) => name).sort()
    const before = await tables()
    await migrate(database.kysely)
    expect(await tables()).toEqual(before)
    expect(before).toContain('consent_request')
    expect(await store.people.hospital(people.hospitalId)).not.toBeNull()
  })

  test('a provider’s message is stored once, whatever comes with it the second time', async () => {
    const providerId = `SM${randomUUID()}`
    expect(await store.messages.receive(inbound(people.addressId, { providerId }))).toBe(true)
    expect(await store.messages.receive(inbound(people.addressId, { providerId }))).toBe(false)
    const both = await Promise.all(
      [1, 2, 3, 4].map(() => store.messages.receive(inbound(people.addressId, { providerId: `${providerId}b` }))),
    )
    expect(both.filter((isNew) => isNew)).toHaveLength(1)
  })

  test('messages of an address wait in the order in which they came', async () => {
    const address = await anAddress(store)
    const rows = [1, 2, 3].map(() => inbound(address))
    for (const row of rows) await store.messages.receive(row)
    const [first, second, third] = rows
    await store.messages.markHandled(second?.id ?? '', now)
    expect((await store.messages.waiting(address)).map(({ id }) => id)).toEqual([first?.id, third?.id])
  })

  test('a transaction that fails leaves nothing behind', async () => {
    const address = await anAddress(store)
    const row = inbound(address)
    const due = await store.outbox.countDue(now)
    const work = store.transaction(async (inside) => {
      expect(await inside.messages.receive(row)).toBe(true)
      await inside.people.setUnreachable(address, now)
      await inside.outbox.add('handleMessage', row.id, now)
      throw new RangeError('the last step failed')
    })
    await expect(work).rejects.toThrow('the last step failed')
    expect(await store.messages.inbound(row.id)).toBeNull()
    expect((await store.people.address(address))?.unreachableSince).toBeNull()
    expect(await store.outbox.countDue(now)).toBe(due)
  })

  test('two transactions that lock one address run one after the other', async () => {
    const address = await anAddress(store)
    const order: string[] = []
    let second: Promise<void> = Promise.resolve()
    const enter = (name: string, work: (inside: Store) => Promise<void>) =>
      store.transaction(async (inside) => {
        await inside.people.lockAddress(address)
        order.push(`${name} in`)
        await work(inside)
        order.push(`${name} out`)
      })
    await enter('first', async (inside) => {
      second = enter('second', async (again) => {
        expect((await again.people.address(address))?.unreachableSince).toBe(now)
      })
      // Time enough for the second to come in, if it could.
      for (let query = 0; query < 100; query += 1) await inside.people.address(address)
      await inside.people.setUnreachable(address, now)
    })
    await second
    expect(order).toEqual(['first in', 'first out', 'second in', 'second out'])
  })

  test('a code card is kept with its lines, once for a patient, and says which requests and loosenings wait for a line', async () => {
    const own = await addPeople(store)
    const id = hex(16)
    const lines = [1, 2].map((line) => ({ line, lineHash: hex(32), nextLink: hex(32) }))
    const card = {
      id,
      patientId: own.patientId,
      tip: hex(32),
      nextLine: 1,
      standing: 'current' as const,
      registeredAt: now,
    }
    await store.cards.add(card, lines)
    expect(await store.cards.ofPatient(own.patientId)).toEqual(card)
    expect(await store.cards.lines(id)).toEqual(lines)
    await expect(store.cards.add({ ...card, id: hex(16) }, [])).rejects.toThrow()
    await store.transaction(async (inside) => {
      expect(await inside.cards.lockOfPatient(own.patientId)).toEqual(card)
      await inside.cards.setNextLine(id, 3)
    })
    expect((await store.cards.ofPatient(own.patientId))?.nextLine).toBe(3)
    const second = await aRequest(store, own, { cardId: id, cardLine: 2, state: 'asking' })
    const first = await aRequest(store, own, { cardId: id, cardLine: 1, state: 'asking' })
    await aRequest(store, own, { cardId: id, cardLine: 3, state: 'asked' })
    const third = await aChange(store, own, { cardId: id, cardLine: 4, state: 'asking' })
    await aChange(store, own, { cardId: id, cardLine: 5, state: 'asked' })
    expect(await store.cards.waiting(id)).toEqual([
      { id: first, cardLine: 1 },
      { id: second, cardLine: 2 },
      { id: third, cardLine: 4 },
    ])
  })

  test('a card that waits takes the place of the one that counts, by its tip, and another one drops it', async () => {
    const own = await addPeople(store)
    const card = (standing: 'current' | 'pending') =>
      ({ id: hex(16), patientId: own.patientId, tip: hex(32), nextLine: 1, standing, registeredAt: now }) as const
    const line = () => ({ line: 1, lineHash: hex(32), nextLink: hex(32) })
    const [first, dropped, second] = [card('current'), card('pending'), card('pending')]
    await store.cards.add(first, [line()])
    await store.cards.add(dropped, [line()])
    await expect(store.cards.add(second, [line()])).rejects.toThrow()
    await store.cards.dropPending(own.patientId)
    await store.cards.add(second, [line()])
    expect((await store.cards.pendingOf(own.patientId))?.id).toBe(second.id)
    await store.cards.replace(own.patientId, dropped.tip)
    expect((await store.cards.ofPatient(own.patientId))?.id).toBe(first.id)
    for (const _ of [1, 2]) await store.cards.replace(own.patientId, second.tip)
    expect((await store.cards.ofPatient(own.patientId))?.id).toBe(second.id)
    expect((await store.transaction((inside) => inside.cards.lockOfPatient(own.patientId)))?.id).toBe(second.id)
    expect(await store.cards.pendingOf(own.patientId)).toBeNull()
  })

  test('an operation is about a request or about a change, one of a kind each, and comes with its subject', async () => {
    const own = await addPeople(store)
    const holder = own.patient
    const change = await aChange(store, own, { step: 'tighten', state: 'standing' })
    const freeze = () => newSafeguardOperation(randomUUID(), 'freeze', change, holder, now)
    const operation = freeze()
    expect(await store.operations.add(operation)).toBe(true)
    expect(await store.operations.add(freeze())).toBe(false)
    expect((await store.operations.ofChange(change)).map(({ id }) => id)).toEqual([operation.id])
    const request = await aRequest(store, own, { state: 'asked' })
    await store.operations.add(newUserOperation(randomUUID(), 'openGrant', request, holder, now))
    const prepared = (await store.operations.prepared(1_000, now)).filter(({ sender }) => sender === holder.account)
    expect(prepared.map(({ kind, request, change }) => [kind, request?.id, change?.id])).toEqual([
      ['freeze', undefined, change],
      ['openGrant', request, undefined],
    ])
    const orphan = { ...freeze(), safeguardChangeId: null }
    await expect(store.operations.add(orphan)).rejects.toThrow()
    await expect(store.operations.add({ ...freeze(), consentRequestId: request })).rejects.toThrow()
  })

  test('what protects a patient is what the chain said in its order, and what she tightened; a reorganisation takes it back', async () => {
    const own = await addPeople(store)
    const account = (await store.people.patient(own.patientId))?.account ?? '0x'
    const say = (blockNumber: number, logIndex: number, news: SafeguardEventRow['news']) =>
      store.safeguards.addEvent({
        transactionHash: hex(32),
        logIndex,
        blockNumber,
        account,
        news,
        safeguard: 'unfreeze',
      })
    const isFrozen = async () => (await store.safeguards.standing(own.patientId)).frozen
    expect(await isFrozen()).toBe(false)
    await say(12, 0, 'looseningExecuted')
    await say(11, 4, 'frozen')
    expect(await isFrozen()).toBe(false)
    await say(12, 1, 'frozen')
    expect(await isFrozen()).toBe(true)
    await store.safeguards.takeBackAfter(11)
    await say(12, 0, 'looseningExecuted')
    expect(await isFrozen()).toBe(false)
    const change = await aChange(store, own, { step: 'tighten', state: 'standing' })
    expect(await isFrozen()).toBe(true)
    await store.safeguards.updateChange(change, { state: 'loosened' })
    expect(await isFrozen()).toBe(false)
    expect((await store.people.patientByAccount(account))?.id).toBe(own.patientId)
    expect((await store.safeguards.standing(people.patientId)).frozen).toBe(false)
  })

  test('one transaction puts a waiting loosening into force', async () => {
    const own = await addPeople(store)
    const id = await aChange(store, own, { state: 'confirming' })
    const [first, second] = [await aTransaction(store), await aTransaction(store)]
    expect(await store.safeguards.claimExecution(id, first)).toBe(false)
    await store.safeguards.updateChange(id, { state: 'waiting', readyAt: now })
    expect(await store.safeguards.claimExecution(id, first)).toBe(true)
    expect(await store.safeguards.claimExecution(id, second)).toBe(false)
    expect((await store.safeguards.executedIn(first))?.id).toBe(id)
    expect(await store.safeguards.executedIn(second)).toBeNull()
    expect((await store.safeguards.openChanges(own.patientId)).map((change) => change.id)).toEqual([id])
    await store.transaction(async (inside) => {
      expect((await inside.safeguards.lockChange(id))?.readyAt).toBe(now)
      await inside.safeguards.updateChange(id, { state: 'executed' })
    })
    expect(await store.safeguards.openChanges(own.patientId)).toEqual([])
    expect((await store.safeguards.change(id))?.state).toBe('executed')
  })

  test('missed codes are counted once per message until they are cleared, and a pause ends at its time', async () => {
    const own = await addPeople(store)
    const consentRequestId = await aRequest(store, own)
    const messages = [inbound(own.addressId), inbound(own.addressId)]
    for (const message of messages) await store.messages.receive(message)
    const miss = (at: number) => ({
      inboundMessageId: messages[at]?.id ?? '',
      patientId: own.patientId,
      consentRequestId,
      safeguardChangeId: null,
      missedAt: now,
    })
    for (const which of [0, 0, 1]) await store.cards.addMiss(miss(which))
    expect(await store.cards.countMisses(own.patientId)).toBe(2)
    await store.cards.clearMisses(own.patientId)
    expect(await store.cards.countMisses(own.patientId)).toBe(0)

    expect(await store.cards.pausedUntil(own.patientId, now)).toBeNull()
    await store.cards.addPause({
      id: randomUUID(),
      patientId: own.patientId,
      reason: 'codesMissed',
      pausedAt: now,
      pausedUntil: later(1_000),
      healthWorkerToldAt: null,
    })
    expect(await store.cards.pausedUntil(own.patientId, later(999))).toBe(later(1_000))
    expect(await store.cards.pausedUntil(own.patientId, later(1_000))).toBeNull()
    expect(await store.cards.pausedUntil(people.patientId, now)).toBeNull()
  })

  test('the last emergency of an account with a patient is the last that stood on chain', async () => {
    const healthId = 'HC-EMER-GENC'
    const doctorAccount = hex(20)
    const emergency = { healthId, doctorAccount, preset: 'ALL', purpose: 'emergency' } as const
    const until = (grantedUntil: number) => ({ grantedUntil: grantedUntil as EpochMs, state: 'expired' as const })
    await aRequest(store, people, { ...emergency, ...until(1) })
    const last = await aRequest(store, people, { ...emergency, ...until(2), reasonSealed: Uint8Array.of(0, 255) })
    await aRequest(store, people, { ...emergency, state: 'failed' })
    await aRequest(store, people, { ...emergency, ...until(3), state: 'failed' })
    await aRequest(store, people, { ...emergency, ...until(4), purpose: 'treatment' })
    await aRequest(store, people, { ...emergency, ...until(5), doctorAccount: hex(20) })
    await aRequest(store, people, { ...emergency, ...until(6), healthId: 'HC-EMER-OTHR' })
    const found = await store.requests.lastEmergency(doctorAccount, healthId)
    expect(found).toMatchObject({ id: last, reviewedAt: null })
    expect(Buffer.from(found?.reasonSealed ?? [])).toEqual(Buffer.of(0, 255))
    expect(await store.requests.lastEmergency(hex(20), healthId)).toBeNull()
  })

  test('a change is announced once it is committed, never after a rollback', async () => {
    const heard: string[] = []
    const stop = await database.listen('request', (id) => heard.push(id))
    const failing = store.transaction(async (inside) => {
      await inside.announce('request', 'rolled back')
      throw new RangeError('no')
    })
    await expect(failing).rejects.toThrow(RangeError)
    await store.transaction(async (inside) => {
      await inside.announce('request', 'committed')
      for (let query = 0; query < 20; query += 1) await inside.people.hospital(people.hospitalId)
      expect(heard).toEqual([])
    })
    await store.announce('request', 'last')
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual(['committed', 'last'])
    await stop()
    const marker = await database.listen('request', (id) => heard.push(`another heard ${id}`))
    await store.announce('request', 'after the stop')
    await expect.poll(() => heard.at(-1), { timeout: 5_000 }).toBe('another heard after the stop')
    expect(heard).toEqual(['committed', 'last', 'another heard after the stop'])
    await marker()
  })

  test('times, bytes and the absence of both come back as they went in', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, value) => value)
    for (const time of [0, 1, now, 2 ** 43, Number.MAX_SAFE_INTEGER] as EpochMs[]) {
      const row = inbound(people.addressId, { textSealed: bytes, receivedAt: time })
      await store.messages.receive(row)
      const read = await store.messages.inbound(row.id)
      expect(read?.receivedAt).toBe(time)
      expect(read?.handledAt).toBeNull()
      expect(read?.textSealed).toBeInstanceOf(Uint8Array)
      expect(Buffer.from(read?.textSealed ?? []).equals(Buffer.from(bytes))).toBe(true)
      expect(typeof read?.sequence).toBe('number')
    }
  })

  test('counts are numbers and yes or no is a boolean', async () => {
    const id = await aRequest(store, people, { oneTime: true })
    const request = await store.requests.get(id)
    expect(request).toMatchObject({ oneTime: true, doctorShortName: 'Dr Otieno', hospitalShortName: 'Kisumu' })
    const since = { dayAgo: later(-1), weekAgo: later(-1) }
    const facts = await store.requests.askFacts(people.doctorId, request?.healthId ?? '', since)
    expect(facts).toEqual({ open: 1, refusedAt: null, patientsToday: expect.any(Number), askedToday: true })
  })

  test('an outbox row is due at its time, not again while the queue holds it, and again once that is stale', async () => {
    const address = await anAddress(store)
    await store.outbox.add('sendMessage', address, now, later(1_000))
    const due = async (at: EpochMs, staleSince: EpochMs) =>
      (await store.outbox.due(at, staleSince, 1_000)).filter((row) => row.subjectId === address)
    expect(await due(later(999), now)).toEqual([])
    const [row] = await due(later(1_000), now)
    expect(row).toMatchObject({ job: 'sendMessage', relayedAt: null, doneAt: null, failedAt: null, attempts: 0 })
    const id = row?.id ?? ''
    await store.outbox.update(id, { relayedAt: later(1_000) })
    expect(await due(later(2_000), later(1_000))).toEqual([])
    expect(await due(later(2_000), later(1_001))).toHaveLength(1)
    await store.outbox.update(id, { failedAt: later(2_000) })
    expect(await due(later(9_000), later(9_000))).toEqual([])
    await store.outbox.update(id, { failedAt: null, doneAt: later(2_000) })
    expect(await due(later(9_000), later(9_000))).toEqual([])
  })

  test('a job that waits for its turn is due once its turn has come; one that waits for anything else is not', async () => {
    const [turn, fee] = [`turn-${randomUUID()}`, `fee-${randomUUID()}`]
    for (const subject of [turn, fee]) await store.outbox.add('submitUserOperations', subject, now, later(500))
    const waiting = async (at: EpochMs) =>
      (await store.outbox.due(at, now, 1_000)).filter(({ subjectId }) => subjectId === turn || subjectId === fee)
    for (const { id, subjectId } of await waiting(later(500)))
      await store.outbox.update(id, { lastError: subjectId === turn ? 'waitsForItsTurn' : 'feesAreHigh' })
    await store.outbox.hasten([turn, fee], 'waitsForItsTurn', later(100))
    await store.outbox.hasten([], 'waitsForItsTurn', later(100))
    expect(await waiting(later(99))).toEqual([])
    expect((await waiting(later(100))).map(({ subjectId }) => subjectId)).toEqual([turn])
    for (const { id } of await waiting(later(500))) await store.outbox.update(id, { doneAt: later(500) })
    await store.outbox.hasten([turn], 'waitsForItsTurn', now)
    expect(await waiting(later(500))).toEqual([])
  })

  test('the oldest outbox rows come first, and no more than asked for', async () => {
    const subjects = ['a', 'b', 'c'].map((name) => `${name}-${randomUUID()}`)
    for (const subject of subjects) await store.outbox.add('logAccess', subject, 5 as EpochMs)
    const first = await store.outbox.due(5 as EpochMs, 0 as EpochMs, 2)
    expect(first.map(({ subjectId }) => subjectId)).toEqual(subjects.slice(0, 2))
    for (const { id } of await store.outbox.due(5 as EpochMs, 0 as EpochMs, 10))
      await store.outbox.update(id, { doneAt: now })
  })

  test('an operation is claimed by one bundle only', async () => {
    const operations = await Promise.all([1, 2, 3].map(() => anOperation(store, people)))
    const [first = '', second = '', third = ''] = operations
    const [one, two] = [await aTransaction(store), await aTransaction(store)]
    const claim = (id: string, bundleId: string) => store.operations.claim(signed(id), bundleId, now)
    expect(await Promise.all([claim(first, one), claim(second, one)])).toEqual([true, true])
    expect(await Promise.all([claim(second, two), claim(third, two)])).toEqual([false, true])
    const bundle = async (id: string) => (await store.operations.get(id))?.bundleId
    expect(await Promise.all(operations.map(bundle))).toEqual([one, one, two])
    expect(await store.operations.get(second)).toMatchObject({ status: 'submitted', attempts: 1, updatedAt: now })
    expect((await store.operations.inBundle(one)).map(({ id }) => id).sort()).toEqual([first, second].sort())
  })

  test('what was sent is given back under the hash it has now, and not from a block; every hash it had finds it', async () => {
    const id = await anOperation(store, people)
    const [before, after] = [signed(id), signed(id)]
    await store.operations.claim(before, null, now)
    expect(await store.operations.giveBack(id, after.hash, { updatedAt: later(1) })).toBe(false)
    expect(await store.operations.giveBack(id, before.hash, { attempts: 0, updatedAt: later(1) })).toBe(true)
    expect(await store.operations.get(id)).toMatchObject({ status: 'prepared', attempts: 0, updatedAt: later(1) })
    await store.operations.claim(before, null, now)
    expect((await store.operations.get(id))?.earlierHashes).toBe('')
    await store.operations.giveBack(id, before.hash, {})
    await store.operations.claim(after, null, now)
    expect(await store.operations.get(id)).toMatchObject({ ...after, earlierHashes: before.hash, attempts: 2 })
    expect((await store.operations.byHash(before.hash))?.id).toBe(id)
    expect(await store.operations.giveBack(id, before.hash, {})).toBe(false)
    await store.operations.update(id, { status: 'included' })
    expect(await store.operations.giveBack(id, after.hash, {})).toBe(false)
    expect((await store.operations.get(id))?.status).toBe('included')
  })

  test('a request has one operation of each kind', async () => {
    const requestId = await aRequest(store, people)
    const add = (kind: 'openGrant' | 'revokeGrant') =>
      store.operations.add(newUserOperation(randomUUID(), kind, requestId, people.patient, now))
    expect(await add('openGrant')).toBe(true)
    expect(await add('openGrant')).toBe(false)
    expect(await add('revokeGrant')).toBe(true)
  })

  test('a nonce belongs to one transaction of the operator while it is out', async () => {
    const operator = hex()
    const first = transaction({ operator, nonce: 7 })
    await store.transactions.add(first)
    await expect(store.transactions.add(transaction({ operator, nonce: 7 }))).rejects.toThrow()
    await store.transactions.add(transaction({ operator: hex(), nonce: 7 }))
    expect(await store.transactions.highestNonce(operator)).toBe(7)
    expect(await store.transactions.highestNonce(hex())).toBeNull()
    await store.transactions.update(first.id, { status: 'replaced' })
    await store.transactions.add(transaction({ operator, nonce: 7 }))
    await store.transactions.update(first.id, { hash: hex(32) })
    expect(await store.transactions.highestNonce(operator)).toBe(7)
  })

  test('a refused nonce takes the whole transaction with it', async () => {
    const operator = hex()
    await store.transactions.add(transaction({ operator, nonce: 1 }))
    const operationId = await anOperation(store, people)
    const bundling = store.transaction(async (inside) => {
      await inside.operations.update(operationId, { hash: hex(32) })
      await inside.transactions.add(transaction({ operator, nonce: 1 }))
    })
    await expect(bundling).rejects.toThrow()
    expect((await store.operations.get(operationId))?.hash).toBeNull()
  })

  test('a sender is one address, however often she is seen for the first time', async () => {
    const index = randomUUID()
    const seen = await Promise.all([1, 2, 3].map(() => store.people.findOrAddAddress(address({ addressIndex: index }))))
    expect(new Set(seen.map(({ id }) => id)).size).toBe(1)
  })

  test('a session ends at its time', async () => {
    const tokenHash = randomUUID()
    await store.people.addSession({ tokenHash, doctorId: people.doctorId, sessionGrantId: null, expiresAt: now })
    expect(await store.people.session(tokenHash, later(-1))).toMatchObject({
      doctorId: people.doctorId,
      expiresAt: now,
    })
    expect(await store.people.session(tokenHash, now)).toBeNull()
    await store.people.dropSession(tokenHash)
    expect(await store.people.session(tokenHash, later(-1))).toBeNull()
  })

  test('the last text to an address is the last that was not held back', async () => {
    const to = await anAddress(store)
    for (const [phrase, state] of [
      ['prompt', 'delivered'],
      ['menu', 'suppressed'],
    ] as const)
      await store.messages.addOutbound({
        id: randomUUID(),
        addressId: to,
        phrase,
        textSealed: Uint8Array.of(1),
        textIndex: 'same',
        consentRequestId: null,
        parts: 1,
        state,
        providerId: null,
        errorCode: null,
        createdAt: now,
        sentAt: null,
      })
    expect((await store.messages.lastOutbound(to))?.phrase).toBe('prompt')
    expect(await store.messages.countIdentical(to, 'same', now)).toBe(2)
    expect(await store.messages.countIdentical(to, 'same', later(1))).toBe(0)
    expect(await store.messages.countPhrase(to, 'menu', now)).toBe(1)
  })

  test('where the chain was read to is kept once', async () => {
    await store.chain.setCursor({ name: 'test', blockNumber: 7, blockHash: hex(32) })
    const last = { name: 'test', blockNumber: 8, blockHash: hex(32) }
    await store.chain.setCursor(last)
    expect(await store.chain.cursor('test')).toEqual(last)
    expect(await store.chain.cursor('other')).toBeNull()
  })

  test('what was committed is there after the database was closed and opened', async () => {
    await database.close()
    database = await open()
    store = openStore(database.kysely)
    expect(await store.people.doctorByLogin(people.login)).toMatchObject({ id: people.doctorId })
  })
})

test('an embedded database that is open is not opened by a second one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'healthchain-database-'))
  const database = await openPglite(folder)
  await expect(openPglite(folder)).rejects.toThrow(FolderInUseError)
  await database.close()
  await (await openPglite(folder)).close()
  await rm(folder, { recursive: true, force: true })
})

test('what opens entries is written out of the database of a server that is stopped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'healthchain-database-'))
  await mkdir(join(folder, 'database'))
  expect(await exportEvidence(undefined, folder)).toEqual({ sessions: [], looks: [] })
  await rm(folder, { recursive: true, force: true })
})

function inbound(addressId: string, change: Partial<Parameters<Store['messages']['receive']>[0]> = {}) {
  return {
    id: randomUUID(),
    providerId: `SM${randomUUID()}`,
    addressId,
    textSealed: Uint8Array.of(0, 255),
    receivedAt: now,
    handledAt: null,
    ...change,
  }
}

function address(change: { addressIndex?: string } = {}) {
  return {
    id: randomUUID(),
    patientId: null,
    channel: 'sms' as const,
    addressSealed: Uint8Array.of(1, 2, 3),
    addressIndex: randomUUID(),
    since: now,
    unreachableSince: null,
    ...change,
  }
}

async function anAddress(store: Store): Promise<string> {
  const row = address()
  await store.people.addAddress(row)
  return row.id
}

function transaction(change: Partial<OperatorTransactionRow> = {}): Omit<OperatorTransactionRow, 'sequence'> {
  return {
    id: randomUUID(),
    kind: 'handleOps',
    operator: hex(),
    nonce: 0,
    raw: '0x02',
    hash: hex(32),
    status: 'sent',
    maxFeePerGasWei: '1000000000000000000000',
    earlierHashes: '',
    sentBlock: null,
    urgent: false,
    blockNumber: null,
    createdAt: now,
    updatedAt: now,
    ...change,
  }
}

async function aTransaction(store: Store): Promise<string> {
  const row = transaction()
  await store.transactions.add(row)
  return row.id
}

type People = Awaited<ReturnType<typeof addPeople>>

async function aRequest(store: Store, people: People, change: Partial<ConsentRequestRow> = {}) {
  const id = randomUUID() as ConsentRequestId
  await store.requests.add({
    id,
    number: 47,
    doctorId: people.doctorId,
    doctorAccount: hex(20),
    affiliationId: 1,
    signing: 'serverSigned',
    patientId: people.patientId,
    healthId: `HC-${randomUUID()}`,
    reasonSealed: null,
    reviewedAt: null,
    preset: 'LAB_RESULTS',
    purpose: 'treatment',
    days: 7,
    oneTime: false,
    rights: 1,
    recordsFrom: now,
    recordsUntil: now,
    scopeSalt: hex(32),
    scopeCommitment: hex(32),
    ledgerRequestId: hex(32),
    cardId: null,
    cardLine: null,
    lineHash: null,
    nextLink: null,
    state: 'asked',
    askedAt: now,
    answerBy: now,
    answeredAt: null,
    endedAt: null,
    grantedUntil: null,
    artefactSealed: null,
    artefactSalt: null,
    artefactCommitment: null,
    ...change,
  })
  return id
}

async function aChange(store: Store, { patientId }: People, change: Partial<SafeguardChangeRow> = {}): Promise<string> {
  const id = randomUUID()
  await store.safeguards.addChange({
    id,
    patientId,
    step: 'loosen',
    safeguard: 'unfreeze',
    state: 'asking',
    cardId: null,
    cardLine: null,
    lineHash: null,
    nextLink: null,
    newCardTip: null,
    readyAt: null,
    transactionId: null,
    createdAt: now,
    ...change,
  })
  return id
}

/** What is sent of an operation, under a hash of its own. */
function signed(id: string) {
  return { id, signed: '{}', hash: `0x${randomUUID().replaceAll('-', '').repeat(2)}` as const }
}

async function anOperation(store: Store, people: People): Promise<string> {
  const operation = newUserOperation(randomUUID(), 'openGrant', await aRequest(store, people), people.patient, now)
  await store.operations.add(operation)
  return operation.id
}

async function addPeople(store: Store) {
  const hospitalId = randomUUID() as HospitalId
  const doctorId = randomUUID() as DoctorId
  const patientId = randomUUID() as PatientId
  const keyId = randomUUID()
  const login = `doctor-${keyId}`
  const patient = { account: hex(), owner: hex(), keyId }
  await store.people.addHospital({
    id: hospitalId,
    name: 'Kisumu County Hospital',
    shortName: 'Kisumu',
    timeZone: 'Africa/Nairobi',
    account: hex(),
  })
  await store.keys.add({ id: keyId, kind: 'account', sealed: Uint8Array.of(1), createdAt: now })
  await store.people.addDoctor({
    id: doctorId,
    hospitalId,
    nameSealed: Uint8Array.of(1),
    shortName: 'Dr Otieno',
    login,
    passwordHash: 'hash',
    keyId,
    account: hex(),
    owner: hex(),
    affiliationId: randomInt(2 ** 31),
    credential: null,
  })
  await store.people.addPatient({
    ...patient,
    id: patientId,
    healthId: `HC-${randomUUID()}`,
    nameSealed: Uint8Array.of(1),
    language: 'en',
    hospitalId,
    dataKeyId: keyId,
    createdAt: now,
  })
  const addressId = await anAddress(store)
  return { hospitalId, doctorId, patientId, addressId, patient, login }
}
