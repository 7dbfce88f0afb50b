import { encodeFunctionData, keccak256, type PublicClient, parseTransaction } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import type { EpochMs } from '../core/people.ts'
import type { Hex, OperatorTransactionRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import { consentLedgerAbi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'
import { type FeeReading, type Fees, raiseFees, readFees } from './fees.ts'

/** A transaction of which no new block tells anything is offered again as it is, should the node have lost it: three blocks' time. */
const resendAfterMs = 6_000
/** Blocks that went by without it before more is offered, so that the third can have it. */
const replaceAfterBlocks = 2
/** A nonce that was used up this many blocks ago, and not by us, never comes back to us. */
const lostAfterBlocks = 12

/** An account of ours that bundles user operations, or writes the access log, and pays for both first. */
export type Operator = {
  address: Hex
  to: Readonly<Record<OperatorTransactionRow['kind'], Hex>>
  /**
   * Signs a transaction with the next nonce, stores it in one transaction with what `claim` says of it, and only then sends
   * it. One at a time, since the next nonce follows from the rows.
   *
   * @returns false where nothing was stored or sent
   */
  transact(call: OperatorCall): Promise<boolean>
  /**
   * Does what a transaction needs that stands in no block: sends it again, or replaces it by the same call and nonce at a
   * higher fee. Doing so twice does nothing more.
   *
   * @returns false where it can never be in a block: its nonce went to a transaction that is not ours
   */
  chase(transaction: OperatorTransactionRow, headBlock: number): Promise<boolean>
}

export type OperatorCall = {
  kind: OperatorTransactionRow['kind']
  data: Hex
  gas: bigint
  urgent: boolean
  /** Marks what the transaction carries; false where another process has taken some of it. */
  claim(store: Store, transactionId: string): Promise<boolean>
}

export function openOperator({ client, deployment, privateKey, store, clock, newId }: OperatorParts): Operator {
  const account: PrivateKeyAccount = privateKeyToAccount(privateKey)
  const ledger = deployment.consentLedger.address
  const to = { handleOps: deployment.entryPoint.address, logAccess: ledger, executeLoosening: ledger }

  async function nextNonce(): Promise<number> {
    const onChain = await client.getTransactionCount({ address: account.address, blockTag: 'latest' })
    const ours = await store.transactions.highestNonce(account.address)
    return ours === null ? onChain : Math.max(onChain, ours + 1)
  }

  async function signNew({ kind, data, gas, urgent }: OperatorCall): Promise<NewTransaction> {
    const [fees, nonce, head] = await Promise.all([
      readFees(client),
      nextNonce(),
      client.getBlockNumber({ cacheTime: 0 }),
    ])
    const now = clock()
    return {
      id: newId(),
      kind,
      operator: account.address,
      nonce,
      ...(await sign({ to: to[kind], data, gas, nonce }, fees)),
      earlierHashes: '',
      sentBlock: Number(head),
      urgent,
      status: 'sent',
      blockNumber: null,
      createdAt: now,
      updatedAt: now,
    }
  }

  async function sign(call: { to: Hex; data: Hex; gas: bigint; nonce: number }, fees: Fees) {
    const { maxFeePerGas, maxPriorityFeePerGas } = fees
    const { chainId } = deployment
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId,
      ...call,
      maxFeePerGas,
      maxPriorityFeePerGas,
    })
    return { raw, hash: keccak256(raw), maxFeePerGasWei: String(maxFeePerGas) }
  }

  async function storeWith(transaction: NewTransaction, claim: OperatorCall['claim']): Promise<boolean> {
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

  async function sendAgain(transaction: OperatorTransactionRow, headBlock: number): Promise<void> {
    const sentBlock = transaction.sentBlock ?? headBlock
    await store.transactions.update(transaction.id, { sentBlock, updatedAt: clock() })
    await send(transaction)
  }

  /** The higher fee is stored before it is offered, as everything that is sent. */
  async function replace(transaction: OperatorTransactionRow, headBlock: number, fees: Fees): Promise<boolean> {
    const { to, data, gas, nonce, ...before } = parseTransaction(transaction.raw)
    const { maxFeePerGas, maxPriorityFeePerGas } = before as Partial<Fees>
    if (!to || !data || !gas || !maxFeePerGas || !maxPriorityFeePerGas) return false
    const raised = raiseFees({ maxFeePerGas, maxPriorityFeePerGas }, fees)
    if (!raised) return false
    const signed = await sign({ to, data, gas, nonce: nonce ?? 0 }, raised)
    const change = { ...signed, sentBlock: headBlock, updatedAt: clock() }
    if (await store.transactions.replace(transaction.id, transaction.hash, change)) await send(signed)
    return true
  }

  /** In a rush only a nonce that something urgent needs, or waits behind, is worth more. */
  async function mayRaise(fees: FeeReading): Promise<boolean> {
    if (!fees.isHigh) return true
    return (await store.transactions.sent()).some(({ operator, urgent }) => operator === account.address && urgent)
  }

  async function chase(transaction: OperatorTransactionRow, headBlock: number): Promise<boolean> {
    const blocks = transaction.sentBlock === null ? 0 : headBlock - transaction.sentBlock
    if (blocks >= replaceAfterBlocks) {
      if (await isUsedUp(transaction.nonce, headBlock - lostAfterBlocks)) return false
      // By another's transaction, or by one of ours that the node is about to show: a higher fee would buy nothing.
      if (await isUsedUp(transaction.nonce, headBlock)) return true
      const fees = await readFees(client)
      if ((await mayRaise(fees)) && (await replace(transaction, headBlock, fees))) return true
    }
    const isOverdue = transaction.sentBlock === null || clock() - transaction.updatedAt > resendAfterMs
    if (isOverdue) await sendAgain(transaction, headBlock)
    return true
  }

  async function isUsedUp(nonce: number, blockNumber: number): Promise<boolean> {
    if (blockNumber < 0) return false
    const { address } = account
    // A node that no longer has that block tells nothing.
    const used = await client.getTransactionCount({ address, blockNumber: BigInt(blockNumber) }).catch(() => 0)
    return used > nonce
  }

  let running: Promise<unknown> = Promise.resolve()
  return {
    address: account.address,
    to,
    transact(call) {
      const turn = running.then(async () => {
        const transaction = await signNew(call)
        const stored = await storeWith(transaction, call.claim)
        if (stored) await send(transaction)
        return stored
      })
      running = turn.catch(() => {})
      return turn
    },
    chase,
  }
}

export function encodeLogAccess(
  entries: readonly { ledgerRequestId: Hex; entryId: Hex; right: number; lookedAt: number }[],
): Hex {
  return encodeFunctionData({
    abi: consentLedgerAbi,
    functionName: 'logAccess',
    args: [entries.map(({ ledgerRequestId, ...entry }) => ({ requestId: ledgerRequestId, ...entry }))],
  })
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
