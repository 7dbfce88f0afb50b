import { join } from 'node:path'
import { bytesToHex, createTestClient, createWalletClient, http, parseGwei, parseTransaction } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { submitPrepared } from '../../src/accounts/bundle.ts'
import { readOrMakeKeyFile } from '../../src/accounts/keyFile.ts'
import type { OperatorTransactionRow } from '../../src/core/rows.ts'
import {
  answersAreRead,
  askEverybody,
  bundler,
  grantsOnChain,
  onChain,
  quietVillage,
  reply,
  stateOf,
} from '../support/bundling.ts'

const granted = { database: 'granted', ledger: onChain.granted }
const removed = { database: 'removed', ledger: onChain.revoked }

test('a transaction that the node took and lost is replaced within three blocks: same nonce, same call, more offered', async () => {
  await using village = await quietVillage()
  const requests = await askEverybody(village)
  await reply(village, requests, '1')
  const { parts, transactions } = await bundler(village)
  await village.world.chain.setAutomine(false)
  await submitPrepared(parts)
  const lost = the(await transactions())
  await forget(village, lost)

  await emptyBlock(village)
  expect(the(await transactions()).hash).toBe(lost.hash)
  await emptyBlock(village)
  const replaced = the(await transactions())
  expect(replaced).toMatchObject({ id: lost.id, nonce: lost.nonce, earlierHashes: lost.hash, status: 'sent' })
  const [before, after] = [parseTransaction(lost.raw), parseTransaction(replaced.raw)]
  expect({ to: after.to, data: after.data, nonce: after.nonce }).toEqual({
    to: before.to,
    data: before.data,
    nonce: before.nonce,
  })
  expect(Number(after.maxFeePerGas)).toBeGreaterThanOrEqual(1.1 * Number(before.maxFeePerGas))
  expect(Number(after.maxPriorityFeePerGas)).toBeGreaterThanOrEqual(1.1 * Number(before.maxPriorityFeePerGas))
  await village.world.chain.mine(1)
  await village.world.chain.setAutomine(true)
  await village.settle()
  expect(the(await transactions()).status).toBe('included')
  for (const request of requests) {
    expect(await stateOf(village, request)).toEqual(granted)
    expect(await grantsOnChain(village, request.id)).toBe(1)
  }
})

test('the transaction that was replaced may be the one that a block takes after all', async () => {
  await using village = await quietVillage()
  const requests = await askEverybody(village)
  await reply(village, requests, '1')
  const { parts, transactions } = await bundler(village)
  await village.world.chain.setAutomine(false)
  await submitPrepared(parts)
  const first = the(await transactions())
  await forget(village, first)
  for (let blocks = 0; blocks < 2; blocks += 1) await emptyBlock(village)
  const latest = the(await transactions())
  expect(latest.earlierHashes).toBe(first.hash)
  await forget(village, latest)
  await village.app.client.sendRawTransaction({ serializedTransaction: first.raw })
  await village.world.chain.mine(1)
  await village.world.chain.setAutomine(true)
  await village.settle()
  expect(the(await transactions()).status).toBe('included')
  for (const request of requests) {
    expect(await stateOf(village, request)).toEqual(granted)
    expect(await grantsOnChain(village, request.id)).toBe(1)
  }
})

test('a nonce that another process with the same key took is given up after twelve blocks, and all that it carried goes anew', async () => {
  await using village = await quietVillage()
  const requests = await askEverybody(village)
  await reply(village, requests, '1')
  const { parts, transactions } = await bundler(village)
  await village.world.chain.setAutomine(false)
  await submitPrepared(parts)
  const ours = the(await transactions())
  await forget(village, ours)
  await useNonce(village, ours.nonce)
  for (let blocks = 0; blocks < 12; blocks += 1) await emptyBlock(village)
  expect(the(await transactions()).status).toBe('sent')

  await emptyBlock(village)
  expect(the(await transactions())).toMatchObject({ id: ours.id, status: 'abandoned', earlierHashes: '' })
  for (const { id } of requests)
    expect(await village.app.store.operations.ofRequest(id, 'openGrant')).toMatchObject({
      status: 'prepared',
      bundleId: null,
      reverts: 0,
    })
  await village.world.chain.setAutomine(true)
  await village.settle()
  for (const request of requests) {
    expect(await stateOf(village, request)).toEqual(granted)
    expect(await grantsOnChain(village, request.id)).toBe(1)
  }
})

test('a key whose transaction is stuck holds no other key', async () => {
  await using village = await quietVillage()
  const [first, second, ...others] = await askEverybody(village)
  const keys = ['operator', 'operator-2', 'operator-3'] as const
  const { parts, transactions } = await bundler(village, { keys })
  await village.world.chain.setAutomine(false)
  await reply(village, [first], '1')
  await submitPrepared(parts)
  const stuck = the(await transactions())
  await forget(village, stuck)
  await village.world.chain.mine(3)
  for (const request of [second, ...others]) {
    await reply(village, [request], '1')
    expect((await submitPrepared(parts)).sent).toBe(1)
  }
  await village.world.chain.mine(1)
  const hashes = (await transactions()).map(({ hash }) => hash)
  const isIncluded = await Promise.all(hashes.map((hash) => hasReceipt(village, hash)))
  expect(isIncluded).toEqual([false, true, true, true])
  const operators = (await transactions()).map(({ operator }) => operator)
  expect(new Set(operators.slice(1)).has(stuck.operator)).toBe(false)
  expect(new Set(operators).size).toBe(3)

  await village.world.chain.setAutomine(true)
  await village.settle()
  for (const request of [first, second, ...others]) expect(await stateOf(village, request)).toEqual(granted)
})

test('with ten times the base fee a yes waits and a removal goes; the yes goes when the rush is over', async () => {
  await using village = await quietVillage()
  const [first, second] = await askEverybody(village)
  await reply(village, [first], '1')
  await village.settle()
  await baseFee(village, '10')
  await reply(village, [second], '1')
  village.world.phones.text(first.patient.phone, `REMOVE ${first.number}`)
  await answersAreRead(village)

  const { parts, transactions } = await bundler(village)
  expect(await submitPrepared(parts)).toEqual({ sent: 1, refused: [], isRush: true })
  expect(await stateOf(village, first)).toEqual(removed)
  expect(await stateOf(village, second)).toEqual({ database: 'granting', ledger: onChain.open })
  // Above the sponsor's own limit the removal goes too: the operator pays what the sponsor does not.
  expect(Number(the(await transactions()).maxFeePerGasWei)).toBeGreaterThan(Number(parseGwei('10')))

  await village.settle()
  expect(await transactions()).toHaveLength(1)
  await baseFee(village, '1')
  await village.advance(6_000)
  await village.settle()
  expect(await stateOf(village, second)).toEqual(granted)
})

test('in a rush a stuck yes is left to wait, until a removal waits behind it', async () => {
  await using village = await quietVillage()
  const [first, second] = await askEverybody(village)
  await reply(village, [first], '1')
  await village.settle()
  const { parts, transactions } = await bundler(village)
  await village.world.chain.setAutomine(false)
  await reply(village, [second], '1')
  await submitPrepared(parts)
  const waiting = the(await transactions())
  await baseFee(village, '10')
  for (let blocks = 0; blocks < 3; blocks += 1) await emptyBlock(village)
  expect(the(await transactions()).hash).toBe(waiting.hash)

  village.world.phones.text(first.patient.phone, `REMOVE ${first.number}`)
  await answersAreRead(village)
  expect(await submitPrepared(parts)).toMatchObject({ sent: 1, isRush: true })
  await emptyBlock(village)
  expect((await transactions())[0]?.hash).not.toBe(waiting.hash)
  await village.world.chain.mine(1)
  await village.world.chain.setAutomine(true)
  await village.settle()
  expect(await stateOf(village, first)).toEqual(removed)
  expect(await stateOf(village, second)).toEqual(granted)
})

function the(transactions: readonly OperatorTransactionRow[]): OperatorTransactionRow {
  const [only, ...others] = transactions
  if (!only || others.length > 0) throw new Error(`One transaction was expected, there are ${transactions.length}.`)
  return only
}

function testClient({ world }: Village) {
  return createTestClient({ mode: 'anvil', chain: anvil, transport: http(world.chain.url) })
}

/** The node said yes to it, and no longer knows it. */
async function forget(village: Village, { hash }: OperatorTransactionRow): Promise<void> {
  await testClient(village).dropTransaction({ hash })
}

/** Another process has the first operator's key too, and was faster. */
async function useNonce({ app, world }: Village, nonce: number): Promise<void> {
  const key = await readOrMakeKeyFile(join(app.config.dataFolder, 'keys', 'operator'))
  const account = privateKeyToAccount(bytesToHex(key))
  const wallet = createWalletClient({ account, chain: anvil, transport: http(world.chain.url) })
  await wallet.sendTransaction({ to: account.address, value: 1n, nonce })
}

/** A block goes by, and the server looks at the chain. */
async function emptyBlock(village: Village): Promise<void> {
  await village.world.chain.mine(1)
  await village.app.worker.settleOnce(0)
}

async function baseFee(village: Village, gwei: string): Promise<void> {
  await testClient(village).setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei(gwei) })
}

async function hasReceipt({ app }: Village, hash: OperatorTransactionRow['hash']): Promise<boolean> {
  return app.client.getTransactionReceipt({ hash }).then(
    () => true,
    () => false,
  )
}
