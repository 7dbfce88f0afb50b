import type { Hex, OperatorTransactionRow } from '../core/rows.ts'
import { type Operator, type OperatorParts, openOperator } from './operator.ts'

/** Transactions of one key that may wait for a block at once; nodes keep sixteen of an account for certain. */
const maxLive = 4
/** A key whose transaction has waited for more blocks than a replacement takes is passed over. */
const stuckBlocks = 3
/** Balance below which a key is passed over: 16 M gas at 1 gwei. */
const minBalanceWei = 16_000_000_000_000_000n

/** Our keys that bundle side by side, each with nonces of its own: one that is stuck holds no other. */
export type Operators = {
  /** The first key, which the ledger names as the writer of the access log. */
  writer: Operator
  /**
   * The key with the least to wait for; the writer last, since pages wait for its looks.
   *
   * @param urgent takes a stuck key where no other is left: what it holds is then replaced at any fee
   * @returns null where every key is stuck, full or out of money
   */
  pick(urgent: boolean): Promise<Operator | null>
  chase: Operator['chase']
}

export function openOperators(parts: Omit<OperatorParts, 'privateKey'>, privateKeys: OperatorKeys): Operators {
  const { client, store } = parts
  const [writerKey, ...otherKeys] = privateKeys
  const writer = openOperator({ ...parts, privateKey: writerKey })
  const operators = [...otherKeys.map((privateKey) => openOperator({ ...parts, privateKey })), writer]
  return {
    writer,
    async pick(urgent) {
      const [sent, head] = await Promise.all([store.transactions.sent(), client.getBlockNumber({ cacheTime: 0 })])
      const standings = await Promise.all(
        operators.map(async (operator) => {
          const live = sent.filter((transaction) => transaction.operator === operator.address)
          const balance = await client.getBalance({ address: operator.address })
          const canPay = balance >= minBalanceWei && live.length < maxLive
          return { operator, canPay, live: live.length, isStuck: live.some((one) => isStuck(one, Number(head))) }
        }),
      )
      const [best] = standings
        .filter(({ canPay, isStuck }) => canPay && (urgent || !isStuck))
        .toSorted((a, b) => Number(a.isStuck) - Number(b.isStuck) || a.live - b.live)
      return best?.operator ?? null
    },
    async chase(transaction, headBlock) {
      const operator = operators.find(({ address }) => address === transaction.operator)
      // A key that is no longer configured can sign nothing; its transactions are what they are.
      return operator ? operator.chase(transaction, headBlock) : true
    },
  }
}

/** The access log's writer first. */
export type OperatorKeys = readonly [Hex, ...Hex[]]

function isStuck({ sentBlock }: OperatorTransactionRow, head: number): boolean {
  return sentBlock !== null && head - sentBlock >= stuckBlocks
}
