import { BaseError, http, type PublicClient, RpcRequestError, TransactionReceiptNotFoundError } from 'viem'
import {
  createBundlerClient,
  formatUserOperationRequest,
  UserOperationReceiptNotFoundError,
} from 'viem/account-abstraction'
import type { EpochMs } from '../core/people.ts'
import type { Hex, UserOperationRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import { type Bundler, bundlersOwnReason, claimSigned, mayPassLater, postpone, type Refusal } from './bundler.ts'
import { entryPointAbi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'
import { lastSecondOf, readUserOperation, type SignedUserOperation } from './userOperation.ts'

/** An operation of which no block tells anything is handed over again after this: three blocks' time. */
const resendAfterMs = 6_000
const timeoutMs = 10_000
/** As long as a real one, so that it costs what a real one will. */
const signatureOfNobody: Hex = `0x${'ff'.repeat(64)}`

export type RpcBundlerParts = {
  url: string
  client: PublicClient
  deployment: Deployment
  store: Store
  clock: () => EpochMs
}

/** Another's bundler, spoken to by ERC-4337's JSON-RPC methods. */
export function rpcBundler({ url, client, deployment, store, clock }: RpcBundlerParts): Bundler {
  const entryPoint = deployment.entryPoint.address
  const bundler = createBundlerClient({ client, transport: http(url, { timeout: timeoutMs, retryCount: 1 }) })

  /** @returns null where it is taken, now or before; the reason where the bundler says no */
  async function send(operation: SignedUserOperation): Promise<string | null> {
    try {
      const rpcOperation = formatUserOperationRequest(operation)
      await bundler.request({ method: 'eth_sendUserOperation', params: [rpcOperation, entryPoint] }, { retryCount: 0 })
      return null
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === null) throw error
      return isKnown(reason) ? null : reason
    }
  }

  /** Uses of the nonce up to a block whose events are read: an operation that used it would be known. */
  async function isNonceUsed({ sender, nonce }: SignedUserOperation, blockNumber: number): Promise<boolean> {
    const next = await client.readContract({
      address: entryPoint,
      abi: entryPointAbi,
      functionName: 'getNonce',
      args: [sender, nonce >> 64n],
      blockNumber: BigInt(blockNumber),
    })
    return next > nonce
  }

  async function isInBlock(hash: Hex): Promise<boolean> {
    try {
      await bundler.getUserOperationReceipt({ hash })
      return true
    } catch (error) {
      if (error instanceof UserOperationReceiptNotFoundError || error instanceof TransactionReceiptNotFoundError)
        return false
      throw error
    }
  }

  /** @returns why it will never be in a block, or null where that is open */
  async function chaseOne(row: UserOperationRow, headBlock: number): Promise<Refusal | null> {
    const now = clock()
    const { signed, hash } = row
    if (signed === null || hash === null || now - row.updatedAt < resendAfterMs) return null
    await store.operations.update(row.id, { updatedAt: now })
    if (await isInBlock(hash)) return null
    const operation = readUserOperation(signed)
    const { timestamp } = await client.getBlock({ blockNumber: BigInt(headBlock) })
    const isOver = timestamp > lastSecondOf(operation)
    const reason = isOver ? 'AA32 paymaster expired or not due' : await send(operation)
    if (reason === null) return null
    // Our own node may be a block behind the bundler's: what it does not see yet is not over.
    if (/^AA25/.test(reason) && !(await isNonceUsed(operation, headBlock))) return null
    return store.transaction(async (inside) => {
      if (!(await inside.operations.giveBack(row.id, hash, { updatedAt: now }))) return null
      const refusal = mayPassLater(reason, row)
        ? await postpone(inside, row, reason, now)
        : { operationId: row.id, reason }
      if (!refusal) await inside.outbox.add('submitUserOperations', row.id, now)
      return refusal
    })
  }

  return {
    async complete(operation) {
      const unsigned = formatUserOperationRequest({ ...operation, signature: signatureOfNobody })
      try {
        const asked = await bundler.request({
          method: 'eth_estimateUserOperationGas',
          params: [unsigned, entryPoint],
        })
        const theirs = BigInt(asked.preVerificationGas)
        return { ...operation, preVerificationGas: max(theirs, operation.preVerificationGas) }
      } catch (error) {
        // Estimating tries limits that our sponsor refuses; what we measured ourselves is offered then.
        if (reasonOf(error) === null) throw error
        return operation
      }
    },
    async submit(signed) {
      const done = { sent: 0, refused: [] as Refusal[], postponed: [] as Refusal[] }
      for (const one of signed) {
        if (!(await store.transaction((inside) => claimSigned(inside, [one], null, clock())))) continue
        const reason = await send(one.operation)
        if (reason === null) {
          done.sent += 1
          continue
        }
        const { row, hash } = one
        const isBack = await store.operations.giveBack(row.id, hash, { attempts: row.attempts, updatedAt: clock() })
        // Asked a second time meanwhile, the bundler has taken it.
        if (!isBack) continue
        const where = mayPassLater(reason, one.row) ? done.postponed : done.refused
        where.push({ operationId: one.row.id, reason })
      }
      return done
    },
    async chase(headBlock) {
      const refused: Refusal[] = []
      for (const row of await store.operations.alone()) {
        const refusal = await chaseOne(row, headBlock)
        if (refusal) refused.push(refusal)
      }
      return refused
    },
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

/**
 * Why a bundler says no: the entry point's code and words, or the bundler's own number. Null where nothing was answered.
 * Source: ERC-7769, errors -32500 to -32507 and -32602.
 */
function reasonOf(error: unknown): string | null {
  const answer = error instanceof BaseError ? error.walk((cause) => cause instanceof RpcRequestError) : null
  if (!(answer instanceof RpcRequestError)) return null
  const words = answer.details
  return /AA\d\d [a-z0-9 ]+/i.exec(words)?.[0].trim() ?? (isKnown(words) ? words : bundlersOwnReason(answer.code))
}

/** It has this very operation already. */
function isKnown(reason: string): boolean {
  return /already known|already in (the )?mempool|already included/i.test(reason)
}
