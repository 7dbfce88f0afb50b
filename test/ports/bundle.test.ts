import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import {
  createWalletClient,
  decodeFunctionData,
  http,
  type PublicClient,
  parseEther,
  parseGwei,
  parseTransaction,
} from 'viem'
import { anvil } from 'viem/chains'
import { bytesToHex } from 'viem/utils'
import { describe, expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { type BundleParts, submitPrepared } from '../../src/accounts/bundle.ts'
import {
  consentLedgerAbi,
  entryPointAbi,
  providerRegistryAbi,
  sponsorPaymasterAbi,
} from '../../src/accounts/contracts.generated.ts'
import { readOrMakeKeyFile } from '../../src/accounts/keyFile.ts'
import { openOperator } from '../../src/accounts/operator.ts'
import { handleMessage } from '../../src/bot/handleMessage.ts'
import type { ConsentRequestId } from '../../src/core/people.ts'
import type { ConsentRequestRow, OperatorTransactionRow, UserOperationRow } from '../../src/core/rows.ts'
import { testVillage } from '../support/testVillage.ts'

/** RequestState of IConsentLedger. */
const onChain = { open: 1, refused: 3, granted: 4, revoked: 5 }

describe('a bundle', () => {
  test('carries the grants of several patients in one handleOps', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')

    const { parts, transactions } = await bundler(village)
    expect(await submitPrepared(parts)).toEqual({ sent: 4, refused: [] })
    const [bundle] = await transactions()
    expect(await transactions()).toHaveLength(1)
    expect(operationsIn(bundle)).toHaveLength(4)
    expect(new Set(operationsIn(bundle).map(({ sender }) => sender)).size).toBe(4)

    await village.settle()
    expect(await Promise.all(requests.map((request) => stateOf(village, request)))).toEqual(
      requests.map(() => ({ database: 'granted', ledger: onChain.granted })),
    )
    expect(await transactions()).toHaveLength(1)
    for (const { patient } of requests)
      expect(
        textsTo(village, patient.phone).filter((text) => /allowed to see|ameruhusiwa kuona/.test(text)),
      ).toHaveLength(1)
  })

  test('leaves out what the ledger would refuse, by the name of its error, and sends the others', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')
    const [gone] = requests
    const stranger = `0x${'99'.repeat(32)}` as const
    await village.app.store.requests.update(gone.id, { ledgerRequestId: stranger })

    const { parts, operationOf, transactions } = await bundler(village)
    const refusedId = (await operationOf(gone.id, 'openGrant')).id
    expect(await submitPrepared(parts)).toEqual({
      sent: 3,
      refused: [{ operationId: refusedId, reason: 'RequestUnknown' }],
    })
    const [bundle] = await transactions()
    expect(operationsIn(bundle)).toHaveLength(3)

    await village.settle()
    expect((await village.app.store.requests.get(gone.id))?.state).toBe('failed')
    expect(await village.app.store.operations.get(refusedId)).toMatchObject({
      status: 'refused',
      failure: 'RequestUnknown',
      hash: null,
    })
    expect(textsTo(village, gone.patient.phone).at(-1)).toMatch(/Nothing was opened/)
    for (const request of requests.slice(1))
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
  })

  test('takes one operation of a sender; the next one follows in the next', async () => {
    await using village = await quietVillage()
    const [first, other] = await askEverybody(village)
    const second = await ask(village, first.patient, 1)
    await village.settle()
    await reply(village, [first, second], '1')
    await reply(village, [other], '2')

    const { parts, operationOf, transactions } = await bundler(village)
    expect(await submitPrepared(parts)).toEqual({ sent: 2, refused: [] })
    expect((await operationOf(first.id, 'openGrant')).status).toBe('submitted')
    expect((await operationOf(second.id, 'openGrant')).status).toBe('prepared')
    // The first is not known to be in a block yet, so the next nonce of its lane waits.
    expect(await submitPrepared(parts)).toEqual({ sent: 0, refused: [] })

    await village.settle()
    expect(await transactions()).toHaveLength(2)
    for (const request of [first, second])
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
    expect(await stateOf(village, other)).toEqual({ database: 'refused', ledger: onChain.refused })
  })

  test('that another process took is forgotten, and happens once', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')
    const { parts, transactions } = await bundler(village)
    const other = await bundler(village)
    const both = await Promise.allSettled([submitPrepared(parts), submitPrepared(other.parts)])
    const sent = both.map((one) => (one.status === 'fulfilled' ? one.value.sent : 0)).sort()
    expect(sent).toEqual([0, 4])
    await village.settle()
    expect(await transactions()).toHaveLength(1)
    for (const request of requests)
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
  })

  test('that was stored and never sent is sent later, and happens once', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')
    const { parts, transactions } = await bundler(village)
    const crashing = await bundler(village, () => Promise.reject(new RangeError('the process is gone')))
    await expect(submitPrepared(crashing.parts)).rejects.toThrow('the process is gone')

    const [stored] = await transactions()
    expect(stored).toMatchObject({ status: 'sent', blockNumber: null })
    expect(await village.app.client.getTransactionCount({ address: parts.operator.address })).toBe(stored?.nonce)
    // Another round finds nothing to bundle: these operations belong to the stored one.
    expect(await submitPrepared(parts)).toEqual({ sent: 0, refused: [] })

    await village.advance(11_000)
    await village.settle()
    expect(await transactions()).toEqual([expect.objectContaining({ id: stored?.id, status: 'included' })])
    for (const request of requests) {
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
      expect(await grantsOnChain(village, request.id)).toBe(1)
    }
    // Sent twice more, as a node that forgot would have us do: nothing happens again.
    for (let again = 0; again < 2; again += 1) await parts.operator.send({ raw: stored?.raw ?? '0x' })
    await village.settle()
    for (const request of requests) expect(await grantsOnChain(village, request.id)).toBe(1)
  })

  test('that reverts as a whole is prepared again, and goes once the cause is gone', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')
    const { parts, transactions, operationOf } = await bundler(village)
    await village.world.chain.setAutomine(false)
    expect((await submitPrepared(parts)).sent).toBe(4)
    // In the same block, ahead of the bundle: the paymaster has no deposit any more.
    await governor(village, 'withdraw')
    await village.world.chain.mine(1)
    await village.world.chain.setAutomine(true)
    await village.app.worker.settleOnce(0)

    const [reverted] = await transactions()
    const receipt = await village.app.client.getTransactionReceipt({ hash: reverted?.hash ?? '0x' })
    expect(receipt.status).toBe('reverted')
    for (const request of requests) {
      expect(await operationOf(request.id, 'openGrant')).toMatchObject({ status: 'prepared', bundleId: null })
      expect(await stateOf(village, request)).toEqual({ database: 'granting', ledger: onChain.open })
    }
    // Without a deposit nothing is sent and nothing is given up.
    expect(await submitPrepared(parts)).toEqual({ sent: 0, refused: [] })

    await governor(village, 'deposit')
    await village.settle()
    for (const request of requests) {
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
      expect(await grantsOnChain(village, request.id)).toBe(1)
      expect(textsTo(village, request.patient.phone).join('\n')).not.toMatch(
        /Nothing was opened|Hakuna kilichofunguliwa/,
      )
    }
  })

  test('whose inner call fails tells the patient that nothing was opened', async () => {
    await using village = await quietVillage()
    const [request] = await askEverybody(village)
    await reply(village, [request], '1')
    const { parts, operationOf } = await bundler(village)
    await village.world.chain.setAutomine(false)
    expect((await submitPrepared(parts)).sent).toBe(1)
    await suspendDoctorFirst(village)
    await village.world.chain.mine(1)
    await village.world.chain.setAutomine(true)
    await village.settle()
    expect(await operationOf(request.id, 'openGrant')).toMatchObject({ status: 'reverted' })
    expect(await stateOf(village, request)).toEqual({ database: 'failed', ledger: onChain.open })
    expect(textsTo(village, request.patient.phone).at(-1)).toMatch(/Nothing was opened/)
  })

  test('lets a removal go beside a grant that is still on its way', async () => {
    await using village = await quietVillage()
    const [request] = await askEverybody(village)
    await reply(village, [request], '1')
    await village.settle()
    // The account is on chain now; a second request is granted and taken away in one breath.
    const second = await ask(village, request.patient, 1)
    await village.settle()
    await reply(village, [second], '1')
    const { parts, operationOf } = await bundler(village)
    await village.world.chain.setAutomine(false)
    expect((await submitPrepared(parts)).sent).toBe(1)
    village.world.phones.text(second.patient.phone, `REMOVE ${second.number}`)
    await answersAreRead(village)
    expect((await submitPrepared(parts)).sent).toBe(1)
    expect((await operationOf(second.id, 'revokeGrant')).status).toBe('submitted')
    await village.world.chain.mine(1)
    await village.world.chain.setAutomine(true)
    await village.settle()
    expect(await stateOf(village, second)).toEqual({ database: 'removed', ledger: onChain.revoked })
    expect(textsTo(village, second.patient.phone).at(-1)).toMatch(/can no longer see/)
  })
})

const allTransactions = (village: Village): Promise<OperatorTransactionRow[]> =>
  village.app.database.kysely
    .selectFrom('operatorTransaction')
    .selectAll()
    .where('kind', '=', 'handleOps')
    .orderBy('sequence')
    .execute()

const allOperations = (village: Village): Promise<UserOperationRow[]> =>
  village.app.database.kysely.selectFrom('userOperation').selectAll().execute()

type Patient = Village['people']['patients'][number]
type Asked = { id: ConsentRequestId; number: number; patient: Patient }

/** A village whose worker does only what `settle` or the test itself makes it do. */
async function quietVillage(): Promise<Village> {
  const village = await testVillage()
  await village.app.worker.stop()
  return village
}

type SendRaw = PublicClient['sendRawTransaction']

/** The bundling parts of a server process, for one step at a time; its node may be one that takes no transaction. */
async function bundler(village: Village, sendRawTransaction: SendRaw = village.app.client.sendRawTransaction) {
  const { deployment, store, vault, config } = village.app
  const client: PublicClient = { ...village.app.client, sendRawTransaction }
  const known = new Set((await allTransactions(village)).map(({ id }) => id))
  const operator = openOperator({
    client,
    deployment,
    privateKey: bytesToHex(await readOrMakeKeyFile(join(config.dataFolder, 'keys', 'operator'))),
    store,
    clock: village.now,
    newId: randomUUID,
  })
  const parts: BundleParts = { client, deployment, operator, store, vault, clock: village.now }
  return {
    parts,
    /** Bundles made since now. */
    transactions: async () => (await allTransactions(village)).filter(({ id }) => !known.has(id)),
    async operationOf(requestId: ConsentRequestId, kind: string) {
      const found = (await allOperations(village)).find(
        (one) => one.consentRequestId === requestId && one.kind === kind,
      )
      if (!found) throw new Error(`The request has no operation ${kind}.`)
      return found
    },
  }
}

/** The hospital suspends the doctor in the very block of the bundle, and before it. */
async function suspendDoctorFirst(village: Village): Promise<void> {
  const { chain, hospital, deployment } = village.world
  const [doctor] = village.people.doctors
  const row = doctor && (await village.app.store.people.doctor(doctor.id))
  if (!row) throw new Error('The village has two doctors.')
  const wallet = createWalletClient({ account: hospital, chain: anvil, transport: http(chain.url) })
  await wallet.writeContract({
    address: deployment.providerRegistry.address,
    abi: providerRegistryAbi,
    functionName: 'suspendDoctor',
    args: [row.affiliationId],
    maxPriorityFeePerGas: parseGwei('10'),
    maxFeePerGas: parseGwei('20'),
  })
}

async function ask(village: Village, patient: Patient, by = 0): Promise<Asked> {
  const doctor = village.people.doctors[by]
  if (!doctor) throw new Error('The village has two doctors.')
  const asked = await village.app.actions.askForAccess(doctor.id, {
    healthId: patient.healthId,
    preset: 'LAB_RESULTS',
    purpose: 'treatment',
    days: 7,
    oneTime: false,
  })
  if ('refused' in asked) throw new Error('The doctor may not ask.')
  const row = await village.app.store.requests.get(asked.requestId)
  return { id: asked.requestId, number: row?.number ?? 0, patient }
}

async function askEverybody(village: Village): Promise<[Asked, Asked, ...Asked[]]> {
  const asked: Asked[] = []
  for (const patient of village.people.patients) asked.push(await ask(village, patient))
  await village.settle()
  const [first, second, ...others] = asked
  if (!first || !second) throw new Error('The village has four patients.')
  return [first, second, ...others]
}

async function reply(village: Village, requests: readonly Asked[], answer: string): Promise<void> {
  for (const { patient, number } of requests) village.world.phones.text(patient.phone, `${number} ${answer}`)
  await answersAreRead(village)
}

/** Texts become decisions and prepared operations; nothing is sent to the chain yet. */
async function answersAreRead(village: Village): Promise<void> {
  const { store, vault } = village.app
  await village.world.twilio.settle()
  for (const row of await store.outbox.due(village.now(), village.now(), 1_000)) {
    if (row.job !== 'handleMessage') continue
    await handleMessage({ store, columns: vault.columns, clock: village.now }, row.subjectId)
    await store.outbox.update(row.id, { doneAt: village.now() })
  }
}

async function stateOf(village: Village, { id }: { id: ConsentRequestId }) {
  const row = await village.app.store.requests.get(id)
  const { address } = village.app.deployment.consentLedger
  const { state } = await village.app.client.readContract({
    address,
    abi: consentLedgerAbi,
    functionName: 'requestState',
    args: [row?.ledgerRequestId ?? '0x'],
  })
  return { database: row?.state, ledger: state }
}

async function grantsOnChain(village: Village, id: ConsentRequestId): Promise<number> {
  const row = await village.app.store.requests.get(id)
  const events = await village.app.client.getContractEvents({
    address: village.app.deployment.consentLedger.address,
    abi: consentLedgerAbi,
    eventName: 'GrantOpened',
    args: { requestId: (row as ConsentRequestRow).ledgerRequestId },
    fromBlock: 0n,
  })
  return events.length
}

const textsTo = (village: Village, phone: string) =>
  village.world.phones
    .messages(phone)
    .filter(({ direction }) => direction === 'received')
    .map(({ text }) => text)

function operationsIn(transaction: OperatorTransactionRow | undefined) {
  const { data } = parseTransaction(transaction?.raw ?? '0x')
  const call = decodeFunctionData({ abi: entryPointAbi, data: data ?? '0x' })
  if (call.functionName !== 'handleOps') throw new Error(`The transaction calls ${call.functionName}.`)
  return call.args[0]
}

/** The sponsor's owner takes all of its deposit out, or pays it in again; offered a tip above every other. */
async function governor(village: Village, what: 'withdraw' | 'deposit'): Promise<void> {
  const { client, deployment } = village.app
  const wallet = createWalletClient({
    account: village.world.governor,
    chain: anvil,
    transport: http(village.world.chain.url),
  })
  const sponsor = { address: deployment.sponsorPaymaster.address, abi: sponsorPaymasterAbi } as const
  const fees = { maxFeePerGas: parseGwei('50'), maxPriorityFeePerGas: parseGwei('10'), gas: 200_000n }
  if (what === 'deposit') {
    const hash = await wallet.writeContract({ ...sponsor, functionName: 'deposit', value: parseEther('10') })
    await client.waitForTransactionReceipt({ hash })
    return
  }
  const balance = await client.readContract({
    address: deployment.entryPoint.address,
    abi: entryPointAbi,
    functionName: 'balanceOf',
    args: [sponsor.address],
  })
  await wallet.writeContract({
    ...sponsor,
    ...fees,
    functionName: 'withdraw',
    args: [village.world.governor.address, balance],
  })
}
