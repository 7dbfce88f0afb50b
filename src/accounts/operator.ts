import { encodeFunctionData, keccak256, type PublicClient, type TransactionSerializableEIP1559 } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import type { EpochMs } from '../core/people.ts'
import type { Hex, OperatorTransactionRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import { consentLedgerAbi, entryPointAbi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'
import type { PackedUserOperation } from './userOperation.ts'

/** Tip offered; the sequencer of an OP-stack chain takes transactions in the order of their tips. */
const priorityFeeWei = 1_000_000n

/** A transaction not in a block after this long is sent again as it is, should the node have lost it. */
const resendAfterMs = 10_000

/** Our own account: it bundles user operations and writes the access log, and pays for both first. */
export type Operator = {
  address: Hex
  fees(): Promise<{ maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }>
  encodeHandleOps(operations: readonly PackedUserOperation[]): Hex
  encodeLogAccess(entries: readonly { ledgerRequestId: Hex; entryId: Hex; right: number; lookedAt: number }[]): Hex
  to: Readonly<Record<OperatorTransactionRow['kind'], Hex>>
  /**
   * Signs a transaction with the next nonce, stores it in one transaction with what `claim` says of it, and only then sends
   * it. One at a time, since the next nonce follows from the rows.
   *
   * @param claim marks what the transaction carries; false where another process has taken some of it
   * @returns false where nothing was stored or sent
   */
  transact(
    kind: OperatorTransactionRow['kind'],
    data: Hex,
    gas: bigint,
    claim: (store: Store, transactionId: string) => Promise<boolean>,
  ): Promise<boolean>
  /** Sends a stored transaction; sending it twice does nothing more. */
  send(transaction: Pick<OperatorTransactionRow, 'raw'>): Promise<void>
  /** True where a transaction has waited so long that it should be sent again. */
  isOverdue(transaction: Pick<OperatorTransactionRow, 'updatedAt'>): boolean
}

export function openOperator({ client, deployment, privateKey, store, clock, newId }: OperatorParts): Operator {
  const account: PrivateKeyAccount = privateKeyToAccount(privateKey)
  const to = { handleOps: deployment.entryPoint.address, logAccess: deployment.consentLedger.address }

  async function fees() {
    const { baseFeePerGas } = await client.getBlock({ blockTag: 'latest' })
    return { maxFeePerGas: (baseFeePerGas ?? 0n) * 2n + priorityFeeWei, maxPriorityFeePerGas: priorityFeeWei }
  }

  async function nextNonce(): Promise<number> {
    const onChain = await client.getTransactionCount({ address: account.address, blockTag: 'latest' })
    const ours = await store.transactions.highestNonce(account.address)
    return ours === null ? onChain : Math.max(onChain, ours + 1)
  }

  async function sign(kind: OperatorTransactionRow['kind'], data: Hex, gas: bigint): Promise<NewTransaction> {
    const [fee, nonce] = await Promise.all([fees(), nextNonce()])
    const transaction: TransactionSerializableEIP1559 = {
      type: 'eip1559',
      chainId: deployment.chainId,
      to: to[kind],
      data,
      gas,
      nonce,
      ...fee,
    }
    const raw = await account.signTransaction(transaction)
    const now = clock()
    return {
      id: newId(),
      kind,
      operator: account.address,
      nonce,
      raw,
      hash: keccak256(raw),
      status: 'sent',
      maxFeePerGasWei: String(fee.maxFeePerGas),
      blockNumber: null,
      createdAt: now,
      updatedAt: now,
    }
  }

  async function storeWith(
    transaction: NewTransaction,
    claim: (store: Store, transactionId: string) => Promise<boolean>,
  ): Promise<boolean> {
    try {
      await store.transaction(async (inside) => {
        await inside.transactions.add(transaction)
        if (!(await claim(inside, transaction.id))) throw new TakenError()
      })
      return true
    } catch (error) {
      if (error instanceof TakenError || isTaken(error)) return false
      throw error
    }
  }

  async function send({ raw }: Pick<OperatorTransactionRow, 'raw'>): Promise<void> {
    try {
      await client.sendRawTransaction({ serializedTransaction: raw })
    } catch (error) {
      if (!isAlreadyThere(error)) throw error
    }
  }

  let running: Promise<unknown> = Promise.resolve()
  return {
    address: account.address,
    fees,
    to,
    encodeHandleOps: (operations) =>
      encodeFunctionData({
        abi: entryPointAbi,
        functionName: 'handleOps',
        args: [[...operations], account.address],
      }),
    encodeLogAccess: (entries) =>
      encodeFunctionData({
        abi: consentLedgerAbi,
        functionName: 'logAccess',
        args: [entries.map(({ ledgerRequestId, ...entry }) => ({ requestId: ledgerRequestId, ...entry }))],
      }),
    transact(kind, data, gas, claim) {
      const turn = running.then(async () => {
        const transaction = await sign(kind, data, gas)
        const stored = await storeWith(transaction, claim)
        if (stored) await send(transaction)
        return stored
      })
      running = turn.catch(() => {})
      return turn
    },
    send,
    isOverdue: ({ updatedAt }) => clock() - updatedAt > resendAfterMs,
  }
}

export type OperatorParts = {
  client: PublicClient
  deployment: Deployment
  privateKey: Hex
  store: Store
  clock: () => EpochMs
  newId: () => string
}

type NewTransaction = Omit<OperatorTransactionRow, 'sequence'>

/** Another process carries some of this already. Its rows stand; this transaction is forgotten. */
class TakenError extends Error {
  override readonly name = 'TakenError'
}

/** PostgreSQL's unique_violation: another process took the operator's nonce. Source: PostgreSQL, appendix A. */
function isTaken(error: unknown): boolean {
  return (error as { code?: unknown }).code === '23505'
}

/** Nodes say in words that they have a transaction, or that its nonce is used: by it, since every nonce is one row. */
function isAlreadyThere(error: unknown): boolean {
  return /already known|already imported|nonce too low|transaction already/i.test(String((error as Error).message))
}
