import { decodeErrorResult, type PublicClient } from 'viem'
import type { EpochMs } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'
import type { OperationWithSubject, Store } from '../core/store.ts'
import { changesPasskeys, isUrgent, laneOf, opensGrant } from '../core/userOperation.ts'
import type { Vault } from '../core/vault.ts'
import { type Bundler, postpone, type Refusal, type SignedRow } from './bundler.ts'
import { consentLedgerAbi, doctorAccountAbi, sponsorPaymasterAbi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'
import { type Fees, readFees } from './fees.ts'
import { encodeLedgerCall } from './ledgerRequest.ts'
import { revertDataOf } from './revertData.ts'
import { encodeSafeguardCall } from './safeguardCall.ts'
import { hashUserOperation, prepareUserOperation, readUserOperation } from './userOperation.ts'

/** Prepared operations looked at in one round: two full bundles. */
const roundOperations = 200
/** IConsentLedger.RequestState.Granted */
const grantedState = 4

export type Submitted = {
  sent: number
  /** Refused for good. */
  refused: Refusal[]
  /** True where fees are so high that only what is urgent was looked at. */
  isRush: boolean
}

/**
 * Gathers the prepared operations of all accounts: signs each, leaves out what the ledger would refuse, and hands them to
 * the bundler, which stores bundle and signatures, and only then sends.
 *
 * One operation per sender in a round; what takes access away goes first, and at any fee.
 */
export async function submitPrepared(parts: BundleParts): Promise<Submitted> {
  const candidates = oneBySender(await parts.store.operations.prepared(roundOperations, parts.clock()))
  if (candidates.length === 0) return { sent: 0, refused: [], isRush: false }
  const { isHigh, ...offered } = await offeredFees(parts)
  const going = candidates.filter((row) => !isHigh || isUrgent(row.kind))
  const signed: SignedRow[] = []
  const refused: Refusal[] = []
  // Side by side, so that the client puts their calls into a few requests.
  for (const judged of await Promise.all(going.map((row) => judge(parts, row, offered)))) {
    if (judged === 'waits') continue
    if ('reason' in judged) refused.push(judged)
    else signed.push(judged)
  }
  const { sent, postponed, ...done } = await parts.bundler.submit(signed)
  const givenUp = await postponeAll(parts, signed, postponed)
  return { sent, refused: [...refused, ...done.refused, ...givenUp], isRush: isHigh }
}

async function postponeAll({ store, clock }: BundleParts, signed: readonly SignedRow[], postponed: readonly Refusal[]) {
  const reasons = new Map(postponed.map(({ operationId, reason }) => [operationId, reason]))
  const refused: Refusal[] = []
  for (const { row } of signed) {
    const reason = reasons.get(row.id)
    const refusal = reason === undefined ? null : await postpone(store, row, reason, clock())
    if (refusal) refused.push(refusal)
  }
  return refused
}

/** The sponsor pays up to a price; above it the operator pays the rest, which the entry point allows. */
export async function offeredFees({ client, deployment }: Pick<BundleParts, 'client' | 'deployment'>) {
  const { address } = deployment.sponsorPaymaster
  const [fees, { maxFeePerGasWei }] = await Promise.all([
    readFees(client),
    client.readContract({ address, abi: sponsorPaymasterAbi, functionName: 'limits' }),
  ])
  const isDearer = fees.maxFeePerGas > maxFeePerGasWei
  return isDearer ? { ...fees, maxFeePerGas: maxFeePerGasWei } : fees
}

export type BundleParts = {
  client: PublicClient
  deployment: Deployment
  bundler: Bundler
  store: Store
  vault: Vault
  clock: () => EpochMs
}

/** A removal goes before everything else of its sender. */
function oneBySender(rows: readonly OperationWithSubject[]): OperationWithSubject[] {
  const removalsFirst = rows.toSorted((a, b) => laneOf(b.kind) - laneOf(a.kind))
  const bySender = new Map<string, OperationWithSubject>()
  for (const row of removalsFirst) if (!bySender.has(row.sender)) bySender.set(row.sender, row)
  return [...bySender.values()]
}

/** Signs an operation, unless it has to wait for another or the ledger would refuse it. */
async function judge(
  parts: BundleParts,
  row: OperationWithSubject,
  fees: Fees,
): Promise<SignedRow | Refusal | 'waits'> {
  if (await mustWait(parts, row)) return 'waits'
  const reason = await refusalOfLedger(parts, row)
  if (reason) return (await isGranted(parts, row)) ? 'waits' : { operationId: row.id, reason }
  return row.signedBy === 'owner' ? readSigned(row) : sign(parts, row, fees)
}

/** An operation that its owner signed when it was prepared goes as it is, or not at all. */
function readSigned(row: OperationWithSubject): SignedRow {
  if (row.signed === null || row.hash === null) throw new TypeError(`Operation ${row.id} lacks its owner's signature.`)
  return { row, operation: readUserOperation(row.signed), hash: row.hash }
}

async function sign(
  { client, deployment, vault, bundler }: BundleParts,
  row: OperationWithSubject,
  fees: Fees,
): Promise<SignedRow> {
  if (row.owner === null || row.keyId === null) throw new TypeError(`Operation ${row.id} is its owner's to sign.`)
  const callData = encodeCall(row, deployment, vault)
  const prepared = await prepareUserOperation(client, deployment, {
    kind: row.kind,
    sender: row.sender,
    owner: row.owner,
    callData,
    fees,
  })
  const operation = await bundler.complete(prepared)
  const hash = hashUserOperation(operation, deployment)
  operation.signature = await vault.signHash(row.keyId, hash)
  return { row, operation, hash }
}

/** The grant stands already, under a signature of ours that somebody else has sent: its event is about to be read. */
async function isGranted({ client, deployment }: BundleParts, row: OperationWithSubject): Promise<boolean> {
  if (!row.request || !opensGrant(row.kind)) return false
  const { state } = await client.readContract({
    address: deployment.consentLedger.address,
    abi: consentLedgerAbi,
    functionName: 'requestState',
    args: [row.request.ledgerRequestId],
  })
  return state === grantedState
}

/** Asks the ledger as the account itself, or the account as the entry point, whether the call would go through; saves the gas of one that would not. */
async function refusalOfLedger(
  { client, deployment, vault }: BundleParts,
  row: OperationWithSubject,
): Promise<string | null> {
  const [account, to, data] = changesPasskeys(row.kind)
    ? ([deployment.entryPoint.address, row.sender, ownCallOf(row)] as const)
    : ([row.sender, deployment.consentLedger.address, encodeCall(row, deployment, vault)] as const)
  try {
    await client.call({ account, to, data })
    return null
  } catch (error) {
    const revertData = revertDataOf(error)
    if (revertData === null) throw error
    return decodeErrorResult({ abi: [...consentLedgerAbi, ...doctorAccountAbi], data: revertData }).errorName
  }
}

/**
 * An operation waits for the one before it in its lane, whose nonce it follows. A removal does not wait for a grant, unless
 * that grant is still making the account.
 */
async function mustWait({ client, store }: BundleParts, row: OperationWithSubject): Promise<boolean> {
  const inFlight = await store.operations.inFlight(row.sender)
  if (inFlight.length === 0) return false
  if (inFlight.some((other) => laneOf(other.kind) === laneOf(row.kind))) return true
  return (await client.getCode({ address: row.sender })) === undefined
}

/** What its owner signed: a function of the account itself. */
function ownCallOf(row: OperationWithSubject): Hex {
  return readSigned(row).operation.callData
}

function encodeCall(row: OperationWithSubject, { chainId, consentLedger }: Deployment, { columns }: Vault): Hex {
  const stretchedCode = row.codeSealed && (columns.open(row.codeSealed, 'user_operation.code') as Hex)
  if (row.change !== null) return encodeSafeguardCall(row.kind, row.change, stretchedCode)
  if (row.request === null) return ownCallOf(row)
  const { patientAccount, request } = row
  const { affiliationId } = request
  const parties = { patientAccount, affiliationId, chainId, ledger: consentLedger.address, stretchedCode }
  return encodeLedgerCall(row.kind, request, parties)
}
