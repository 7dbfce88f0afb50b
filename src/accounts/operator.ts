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
  /** Signs a transaction with the next nonce. It is a row before it is sent: see `send`. */
  sign(kind: OperatorTransactionRow['kind'], data: Hex, gas: bigint): Promise<Omit<OperatorTransactionRow, 'sequence'>>
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
    async sign(kind, data, gas) {
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
    },
    async send({ raw }) {
      try {
        await client.sendRawTransaction({ serializedTransaction: raw })
      } catch (error) {
        if (!isAlreadyThere(error)) throw error
      }
    },
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

/** Nodes say in words that they have a transaction, or that its nonce is used: by it, since every nonce is one row. */
function isAlreadyThere(error: unknown): boolean {
  return /already known|already imported|nonce too low|transaction already/i.test(String((error as Error).message))
}
