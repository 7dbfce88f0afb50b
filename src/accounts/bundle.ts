import { BaseError, ContractFunctionRevertedError, decodeErrorResult, type PublicClient } from 'viem'
import type { EpochMs } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'
import type { OperationWithRequest, Store } from '../core/store.ts'
import { isUrgent, laneOf } from '../core/userOperation.ts'
import type { Vault } from '../core/vault.ts'
import { consentLedgerAbi, entryPointAbi, sponsorPaymasterAbi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'
import { type Fees, readFees } from './fees.ts'
import { encodeLedgerCall } from './ledgerRequest.ts'
import type { Operator } from './operator.ts'
import type { Operators } from './operators.ts'
import {
  gasLimitOf,
  hashUserOperation,
  packUserOperation,
  prepareUserOperation,
  readUserOperation,
  type SignedUserOperation,
  writeUserOperation,
} from './userOperation.ts'

/** Lisk takes no transaction above 16.78 M gas; the rest is handleOps' own. */
const bundleGasLimit = 16_000_000n
const bundleOverhead = 120_000n
/** Prepared operations looked at in one round: two full bundles. */
const roundOperations = 200

type Signed = { row: OperationWithRequest; operation: SignedUserOperation; gas: bigint; hash: Hex }

/** Why an operation will never go: what the ledger or the entry point said, without the caller's data. */
export type Refusal = { operationId: string; reason: string }

export type Submitted = {
  sent: number
  /** Refused for good. */
  refused: Refusal[]
  /** True where fees are so high that only what is urgent was looked at. */
  isRush: boolean
}

/**
 * Gathers the prepared operations of all accounts into as few `handleOps` as a transaction's gas allows: signs each, leaves
 * out what the ledger would refuse or the entry point would not validate, stores bundle and signatures, and only then sends.
 *
 * One operation per sender in a round; what takes access away goes first, and at any fee.
 */
export async function submitPrepared(parts: BundleParts): Promise<Submitted> {
  const candidates = oneBySender(await parts.store.operations.prepared(roundOperations))
  const done: Submitted = { sent: 0, refused: [], isRush: false }
  if (candidates.length === 0) return done
  const { isHigh, ...offered } = await offeredFees(parts)
  done.isRush = isHigh
  const going = candidates.filter((row) => !isHigh || isUrgent(row.kind))
  const signed: Signed[] = []
  // Side by side, so that the client puts their calls into a few requests.
  for (const judged of await Promise.all(going.map((row) => judge(parts, row, offered)))) {
    if (judged === 'waits') continue
    if ('reason' in judged) done.refused.push(judged)
    else signed.push(judged)
  }
  for (const bundle of splitByGas(signed)) {
    const { sent, refused } = await sendBundle(parts, bundle)
    done.sent += sent
    done.refused.push(...refused)
  }
  return done
}

/** As many bundles as it takes for each to stay below the gas that a transaction may ask for. */
export function splitByGas<Part extends { gas: bigint }>(parts: readonly Part[]): Part[][] {
  const bundles: Part[][] = []
  let gas = bundleGasLimit
  for (const part of parts) {
    if (gas + part.gas > bundleGasLimit) {
      bundles.push([])
      gas = bundleOverhead
    }
    bundles.at(-1)?.push(part)
    gas += part.gas
  }
  return bundles
}

async function sendBundle(parts: BundleParts, bundle: readonly Signed[]): Promise<Omit<Submitted, 'isRush'>> {
  const refused: Refusal[] = []
  const urgent = bundle.some(({ row }) => isUrgent(row.kind))
  const operator = await parts.operators.pick(urgent)
  if (!operator) return { sent: 0, refused }
  const signed = [...bundle]
  // Simulate the whole; the entry point names the first that fails, which goes, until all pass.
  while (signed.length > 0) {
    const failed = await simulate(parts, operator, signed)
    if (!failed) break
    const [out] = signed.splice(failed.index, 1)
    if (!out) throw new RangeError(`The entry point refused operation ${failed.index} of ${signed.length}.`)
    if (!mayPassLater(failed.reason, out.row)) refused.push({ operationId: out.row.id, reason: failed.reason })
  }
  if (signed.length === 0) return { sent: 0, refused }
  const now = parts.clock()
  const sent = await operator.transact({
    kind: 'handleOps',
    data: operator.encodeHandleOps(signed.map((one) => packUserOperation(one.operation))),
    gas: gasOf(signed),
    urgent,
    async claim(inside, bundleId) {
      for (const { row, operation, hash } of signed)
        await inside.operations.update(row.id, { signed: writeUserOperation(operation), hash, updatedAt: now })
      const ids = signed.map(({ row }) => row.id)
      return (await inside.operations.claim(ids, bundleId, now)) === ids.length
    },
  })
  return { sent: sent ? signed.length : 0, refused }
}

function gasOf(signed: readonly Signed[]): bigint {
  return signed.reduce((sum, { gas }) => sum + gas, bundleOverhead)
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
  operators: Operators
  store: Store
  vault: Vault
  clock: () => EpochMs
}

/** A removal goes before everything else of its sender. */
function oneBySender(rows: readonly OperationWithRequest[]): OperationWithRequest[] {
  const removalsFirst = rows.toSorted((a, b) => laneOf(b.kind) - laneOf(a.kind))
  const bySender = new Map<string, OperationWithRequest>()
  for (const row of removalsFirst) if (!bySender.has(row.sender)) bySender.set(row.sender, row)
  return [...bySender.values()]
}

/** Signs an operation, unless it has to wait for another or the ledger would refuse it. */
async function judge(parts: BundleParts, row: OperationWithRequest, fees: Fees): Promise<Signed | Refusal | 'waits'> {
  if (await mustWait(parts, row)) return 'waits'
  const reason = await refusalOfLedger(parts, row)
  if (reason) return { operationId: row.id, reason }
  return row.signedBy === 'owner' ? readSigned(row) : sign(parts, row, fees)
}

/** An operation that its owner signed when it was prepared goes as it is, or not at all. */
function readSigned(row: OperationWithRequest): Signed {
  if (row.signed === null || row.hash === null) throw new TypeError(`Operation ${row.id} lacks its owner's signature.`)
  const operation = readUserOperation(row.signed)
  return { row, operation, gas: gasLimitOf(operation), hash: row.hash }
}

async function sign(
  { client, deployment, vault }: BundleParts,
  row: OperationWithRequest,
  fees: Fees,
): Promise<Signed> {
  if (row.owner === null || row.keyId === null) throw new TypeError(`Operation ${row.id} is its owner's to sign.`)
  const callData = encodeLedgerCall(row.kind, row.request, partiesOf(row))
  const operation = await prepareUserOperation(client, deployment, {
    kind: row.kind,
    sender: row.sender,
    owner: row.owner,
    callData,
    fees,
  })
  const hash = hashUserOperation(operation, deployment)
  operation.signature = await vault.signHash(row.keyId, hash)
  return { row, operation, gas: gasLimitOf(operation), hash }
}

/** Asks the ledger, as the account itself, whether the call would go through; saves the gas of one that would not. */
async function refusalOfLedger({ client, deployment }: BundleParts, row: OperationWithRequest): Promise<string | null> {
  const data = encodeLedgerCall(row.kind, row.request, partiesOf(row))
  try {
    await client.call({ account: row.sender, to: deployment.consentLedger.address, data })
    return null
  } catch (error) {
    const revertData = revertDataOf(error)
    if (revertData === null) throw error
    return decodeErrorResult({ abi: consentLedgerAbi, data: revertData }).errorName
  }
}

async function simulate(
  { client }: BundleParts,
  operator: Operator,
  signed: readonly Signed[],
): Promise<{ index: number; reason: string } | null> {
  const gas = gasOf(signed)
  const data = operator.encodeHandleOps(signed.map((one) => packUserOperation(one.operation)))
  try {
    await client.call({ account: operator.address, to: operator.to.handleOps, data, gas })
    return null
  } catch (error) {
    const revertData = revertDataOf(error)
    if (revertData === null) throw error
    const decoded = decodeErrorResult({ abi: entryPointAbi, data: revertData })
    if (decoded.errorName !== 'FailedOp' && decoded.errorName !== 'FailedOpWithRevert') throw error
    return { index: Number(decoded.args[0]), reason: String(decoded.args[1]) }
  }
}

/**
 * Verdicts that pass: the paymaster's empty deposit or spent budget; and what a new signature mends, where we may give one:
 * a clone that somebody else has made meanwhile, a nonce that another bundle is using, a day that is over.
 * Source: ERC-4337, EntryPoint v0.7 error codes.
 */
function mayPassLater(reason: string, { signedBy }: OperationWithRequest): boolean {
  if (/^AA(31|33|9[0-9])/.test(reason)) return true
  return signedBy === 'vault' && /^AA(10|25|32)/.test(reason)
}

/**
 * An operation waits for the one before it in its lane, whose nonce it follows. A removal does not wait for a grant, unless
 * that grant is still making the account.
 */
async function mustWait({ client, store }: BundleParts, row: OperationWithRequest): Promise<boolean> {
  const inFlight = await store.operations.inFlight(row.sender)
  if (inFlight.length === 0) return false
  if (inFlight.some((other) => laneOf(other.kind) === laneOf(row.kind))) return true
  return (await client.getCode({ address: row.sender })) === undefined
}

function partiesOf(row: OperationWithRequest) {
  return { patientAccount: row.patientAccount, affiliationId: row.request.affiliationId }
}

function revertDataOf(error: unknown): Hex | null {
  if (!(error instanceof BaseError)) return null
  const found = error.walk((cause) => typeof (cause as { data?: unknown }).data === 'string') as { data?: Hex } | null
  if (found?.data && found.data !== '0x') return found.data
  const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError)
  return reverted instanceof ContractFunctionRevertedError ? (reverted.raw ?? null) : null
}
