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
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { bytesToHex } from 'viem/utils'
import type { Village } from '../../local/village.ts'
import type { BundleParts } from '../../src/accounts/bundle.ts'
import { accountFactoryAbi, consentLedgerAbi, entryPointAbi } from '../../src/accounts/contracts.generated.ts'
import { readOrMakeKeyFile } from '../../src/accounts/keyFile.ts'
import { openOperators } from '../../src/accounts/operators.ts'
import { ownBundler } from '../../src/accounts/ownBundler.ts'
import { handleMessage } from '../../src/bot/handleMessage.ts'
import { stretchCode } from '../../src/bot/stretchCode.ts'
import type { localOperatorNames } from '../../src/config.ts'
import type { ConsentRequestId } from '../../src/core/people.ts'
import type { ConsentRequestRow, OperatorTransactionRow, UserOperationRow } from '../../src/core/rows.ts'
import { testVillage } from './testVillage.ts'

/** RequestState of IConsentLedger. */
export const onChain = { open: 1, refused: 3, granted: 4, revoked: 5 }

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
/** Asked for LAB RESULTS; `number` is the one on her phone. */
export type AskedOf = { id: ConsentRequestId; number: number; patient: Patient }

/** A village whose worker does only what `settle` or the test itself makes it do. */
export async function quietVillage(): Promise<Village> {
  const village = await testVillage()
  await village.app.worker.stop()
  return village
}

export type BundlerOptions = {
  /** Gas that a bundle may ask for. */
  gasLimit?: bigint
  sendRaw?: PublicClient['sendRawTransaction']
  /** Key files, the access log's writer first. */
  keys?: readonly ['operator', ...(typeof localOperatorNames)[number][]]
}

/** The bundling parts of a server process, for one step at a time; its node may be one that takes no transaction. */
export async function bundler(village: Village, { sendRaw, keys = ['operator'], gasLimit }: BundlerOptions = {}) {
  const { deployment, store, vault, config } = village.app
  const client: PublicClient = {
    ...village.app.client,
    sendRawTransaction: sendRaw ?? village.app.client.sendRawTransaction,
  }
  const known = new Set((await allTransactions(village)).map(({ id }) => id))
  const [first, ...others] = await Promise.all(
    keys.map(async (name) => bytesToHex(await readOrMakeKeyFile(join(config.dataFolder, 'keys', name)))),
  )
  if (!first) throw new Error('A bundler has a key.')
  const chain = { client, deployment, store, clock: village.now, newId: randomUUID }
  const operators = openOperators(chain, [first, ...others])
  const bundler = ownBundler({ client, operators, clock: village.now, ...(gasLimit === undefined ? {} : { gasLimit }) })
  const parts: BundleParts = { client, deployment, bundler, store, vault, clock: village.now }
  return {
    parts,
    operators,
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

export async function ask(village: Village, patient: Patient, by = 0): Promise<AskedOf> {
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

export async function askEverybody(village: Village): Promise<[AskedOf, AskedOf, ...AskedOf[]]> {
  const asked: AskedOf[] = []
  for (const patient of village.people.patients) asked.push(await ask(village, patient))
  await village.settle()
  const [first, second, ...others] = asked
  if (!first || !second) throw new Error('The village has four patients.')
  return [first, second, ...others]
}

export async function reply(village: Village, requests: readonly AskedOf[], answer: string): Promise<void> {
  for (const { patient, number } of requests) village.world.phones.text(patient.phone, `${number} ${answer}`)
  await answersAreRead(village)
}

/** Texts become decisions and prepared operations; nothing is sent to the chain yet. */
export async function answersAreRead(village: Village): Promise<void> {
  const { store, vault } = village.app
  await village.world.twilio.settle()
  for (const row of await store.outbox.due(village.now(), village.now(), 1_000)) {
    if (row.job !== 'handleMessage') continue
    await handleMessage({ store, columns: vault.columns, clock: village.now, stretchCode }, row.subjectId)
    await store.outbox.update(row.id, { doneAt: village.now() })
  }
}

export async function stateOf(village: Village, { id }: { id: ConsentRequestId }) {
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

export async function grantsOnChain(village: Village, id: ConsentRequestId): Promise<number> {
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

export const textsTo = (village: Village, phone: string) =>
  village.world.phones
    .messages(phone)
    .filter(({ direction }) => direction === 'received')
    .map(({ text }) => text)

export function operationsIn(transaction: OperatorTransactionRow | undefined) {
  const { data } = parseTransaction(transaction?.raw ?? '0x')
  const call = decodeFunctionData({ abi: entryPointAbi, data: data ?? '0x' })
  if (call.functionName !== 'handleOps') throw new Error(`The transaction calls ${call.functionName}.`)
  return call.args[0]
}

/** The hospital suspends the first doctor; offered a tip above every other. */
export async function suspendDoctor(village: Village): Promise<void> {
  const { chain, hospital, deployment } = village.world
  const [doctor] = village.people.doctors
  const row = doctor && (await village.app.store.people.doctor(doctor.id))
  if (!row) throw new Error('The village has two doctors.')
  const wallet = createWalletClient({ account: hospital, chain: anvil, transport: http(chain.url) })
  await wallet.writeContract({
    address: deployment.consentLedger.address,
    abi: consentLedgerAbi,
    functionName: 'suspendDoctor',
    args: [row.affiliationId],
    maxPriorityFeePerGas: parseGwei('10'),
    maxFeePerGas: parseGwei('20'),
  })
}

/** A stranger pays for a patient's account, and more than we do for its place in the block. */
export async function makeAccount({ world, app }: Village, { patient }: AskedOf): Promise<void> {
  const stranger = privateKeyToAccount(generatePrivateKey())
  await world.chain.fund(stranger.address, parseEther('1'))
  const row = await app.store.people.patient(patient.id)
  const wallet = createWalletClient({ account: stranger, chain: anvil, transport: http(world.chain.url) })
  await wallet.writeContract({
    address: app.deployment.accountFactory.address,
    abi: accountFactoryAbi,
    functionName: 'createPatientAccount',
    args: [row?.owner ?? '0x'],
    // Not estimated: in the pending block our bundle has made the account already.
    gas: 300_000n,
    maxPriorityFeePerGas: parseGwei('10'),
    maxFeePerGas: parseGwei('20'),
  })
}
