import { BaseError, ContractFunctionRevertedError, decodeErrorResult, type PublicClient } from 'viem'
import type { EpochMs } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'
import type { OperationWithRequest, Store } from '../core/store.ts'
import { laneOf } from '../core/userOperation.ts'
import type { Vault } from '../core/vault.ts'
import { consentLedgerAbi, entryPointAbi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'
import { encodeLedgerCall } from './ledgerRequest.ts'
import type { Operator } from './operator.ts'
import {
  gasLimitOf,
  hashUserOperation,
  type PackedUserOperation,
  packUserOperation,
  prepareUserOperation,
} from './userOperation.ts'

/** Lisk takes no transaction above 16.78 M gas; the rest is handleOps' own. */
const bundleGasLimit = 16_000_000n
const bundleOverhead = 120_000n
const bundleOperations = 100

type Signed = { row: OperationWithRequest; packed: PackedUserOperation; gas: bigint; hash: Hex }

/** Why an operation will never go: what the ledger or the entry point said, without the caller's data. */
export type Refusal = { operationId: string; reason: string }

/**
 * Gathers the prepared operations of all accounts into one `handleOps`: signs each, leaves out what the ledger would refuse
 * or the entry point would not validate, stores bundle and signatures, and only then sends.
 *
 * At once when nothing else is in flight; what arrives meanwhile is the next bundle. One operation per sender.
 *
 * @returns what was refused for good; how many were sent
 */
export async function submitPrepared(parts: BundleParts): Promise<{ sent: number; refused: Refusal[] }> {
  const { store, operator, clock } = parts
  const refused: Refusal[] = []
  const signed: Signed[] = []
  let gas = bundleOverhead
  // Side by side, so that the client puts their calls into a few requests.
  const candidates = oneBySender(await store.operations.prepared(bundleOperations))
  if (candidates.length === 0) return { sent: 0, refused }
  const fees = await operator.fees()
  for (const judged of await Promise.all(candidates.map((row) => judge(parts, row, fees)))) {
    if (judged === 'waits') continue
    if ('reason' in judged) refused.push(judged)
    else if (gas + judged.gas <= bundleGasLimit) {
      gas += judged.gas
      signed.push(judged)
    }
  }
  // Simulate the whole; the entry point names the first that fails, which goes, until all pass.
  while (signed.length > 0) {
    const failed = await simulate(parts, signed, gas)
    if (!failed) break
    const [out] = signed.splice(failed.index, 1)
    if (!out) throw new RangeError(`The entry point refused operation ${failed.index} of ${signed.length}.`)
    gas -= out.gas
    if (!mayPassLater(failed.reason)) refused.push({ operationId: out.row.id, reason: failed.reason })
  }
  if (signed.length === 0) return { sent: 0, refused }

  const data = operator.encodeHandleOps(signed.map((one) => one.packed))
  const sent = await operator.transact('handleOps', data, gas, async (inside, bundleId) => {
    for (const { row, packed, hash } of signed)
      await inside.operations.update(row.id, { signed: JSON.stringify(packed, asHex), hash, updatedAt: clock() })
    const ids = signed.map(({ row }) => row.id)
    return (await inside.operations.claim(ids, bundleId, clock())) === ids.length
  })
  return { sent: sent ? signed.length : 0, refused }
}

export type BundleParts = {
  client: PublicClient
  deployment: Deployment
  operator: Operator
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
  return reason ? { operationId: row.id, reason } : sign(parts, row, fees)
}

type Fees = Awaited<ReturnType<Operator['fees']>>

async function sign(
  { client, deployment, vault }: BundleParts,
  row: OperationWithRequest,
  fees: Fees,
): Promise<Signed> {
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
  return { row, packed: packUserOperation(operation), gas: gasLimitOf(operation), hash }
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
  { client, operator }: BundleParts,
  signed: readonly Signed[],
  gas: bigint,
): Promise<{ index: number; reason: string } | null> {
  const data = operator.encodeHandleOps(signed.map((one) => one.packed))
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
 * Verdicts that pass by themselves: a nonce another bundle is about to use, a paymaster's empty deposit or spent budget.
 * Source: ERC-4337, EntryPoint v0.7 error codes.
 */
function mayPassLater(reason: string): boolean {
  return /^AA(25|3[1-3]|9[0-9])/.test(reason)
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

function asHex(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : value
}
