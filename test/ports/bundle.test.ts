import { createWalletClient, http, parseEther, parseGwei, parseTransaction } from 'viem'
import { anvil } from 'viem/chains'
import { describe, expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { submitPrepared } from '../../src/accounts/bundle.ts'
import { entryPointAbi, sponsorPaymasterAbi } from '../../src/accounts/contracts.generated.ts'
import { type EpochMs, hour } from '../../src/core/people.ts'
import type { OperatorTransactionRow } from '../../src/core/rows.ts'
import {
  answersAreRead,
  ask,
  askEverybody,
  bundler,
  grantsOnChain,
  makeAccount,
  onChain,
  operationsIn,
  quietVillage,
  reply,
  stateOf,
  suspendDoctor,
  textsTo,
} from '../support/bundling.ts'

describe('a bundle', () => {
  test('carries the grants of several patients in one handleOps', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')

    const { parts, transactions } = await bundler(village)
    expect(await submitPrepared(parts)).toMatchObject({ sent: 4, refused: [] })
    const [bundle] = await transactions()
    expect(await transactions()).toHaveLength(1)
    expect(operationsIn(bundle)).toHaveLength(4)
    expect(new Set(operationsIn(bundle).map(({ sender }) => sender)).size).toBe(4)

    await village.settle()
    expect(await Promise.all(requests.map((request) => stateOf(village, request)))).toEqual(
      requests.map(() => ({ database: 'granted', ledger: onChain.granted })),
    )
    expect(await transactions()).toHaveLength(1)
    for (const { patient } of requests)
      expect(
        textsTo(village, patient.phone).filter((text) => /allowed to see|ameruhusiwa kuona/.test(text)),
      ).toHaveLength(1)
  })

  test('leaves out what the ledger would refuse, by the name of its error, and sends the others', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')
    const [gone] = requests
    const stranger = `0x${'99'.repeat(32)}` as const
    await village.app.store.requests.update(gone.id, { ledgerRequestId: stranger })

    const { parts, operationOf, transactions } = await bundler(village)
    const refusedId = (await operationOf(gone.id, 'openGrant')).id
    expect(await submitPrepared(parts)).toMatchObject({
      sent: 3,
      refused: [{ operationId: refusedId, reason: 'RequestUnknown' }],
    })
    const [bundle] = await transactions()
    expect(operationsIn(bundle)).toHaveLength(3)

    await village.settle()
    expect((await village.app.store.requests.get(gone.id))?.state).toBe('failed')
    expect(await village.app.store.operations.get(refusedId)).toMatchObject({
      status: 'refused',
      failure: 'RequestUnknown',
      hash: null,
    })
    expect(textsTo(village, gone.patient.phone).at(-1)).toMatch(/Nothing was opened/)
    for (const request of requests.slice(1))
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
  })

  test('takes one operation of a sender; the next one follows in the next', async () => {
    await using village = await quietVillage()
    const [first, other] = await askEverybody(village)
    const second = await ask(village, first.patient, 1)
    await village.settle()
    await reply(village, [first, second], '1')
    await reply(village, [other], '2')

    const { parts, operationOf, transactions } = await bundler(village)
    expect(await submitPrepared(parts)).toMatchObject({ sent: 2, refused: [] })
    expect((await operationOf(first.id, 'openGrant')).status).toBe('submitted')
    expect((await operationOf(second.id, 'openGrant')).status).toBe('prepared')
    // The first is not known to be in a block yet, so the next nonce of its lane waits.
    expect(await submitPrepared(parts)).toMatchObject({ sent: 0, refused: [] })
    // Its job does not look at the clock for its turn: it is called when the first's block is read.
    await village.app.database.kysely
      .updateTable('outbox')
      .set({ lastError: 'waitsForItsTurn', notBefore: (village.now() + hour) as EpochMs })
      .where('subjectId', '=', (await operationOf(second.id, 'openGrant')).id)
      .execute()

    await village.settle()
    expect(await transactions()).toHaveLength(2)
    for (const request of [first, second])
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
    expect(await stateOf(village, other)).toEqual({ database: 'refused', ledger: onChain.refused })
  })

  test('that would ask for more gas than a transaction may is split; each part goes by a key of its own', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')
    // Room for two operations with their clones, not for three.
    const keys = ['operator', 'operator-2', 'operator-3'] as const
    const { parts, transactions } = await bundler(village, { keys, gasLimit: 700_000n })
    await village.world.chain.setAutomine(false)
    expect(await submitPrepared(parts)).toMatchObject({ sent: 4, refused: [] })
    const bundles = await transactions()
    expect(bundles.map((one) => operationsIn(one).length)).toEqual([2, 2])
    expect(bundles.every(({ raw }) => Number(parseTransaction(raw).gas) <= 700_000)).toBe(true)
    expect(new Set(bundles.map(({ operator }) => operator)).size).toBe(2)
    await village.world.chain.mine(1)
    await village.world.chain.setAutomine(true)
    await village.settle()
    for (const request of requests)
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
  })

  test('that another process took is forgotten, and happens once', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')
    const { parts, transactions } = await bundler(village)
    const other = await bundler(village)
    const both = await Promise.allSettled([submitPrepared(parts), submitPrepared(other.parts)])
    const sent = both.map((one) => (one.status === 'fulfilled' ? one.value.sent : 0)).sort()
    expect(sent).toEqual([0, 4])
    await village.settle()
    expect(await transactions()).toHaveLength(1)
    for (const request of requests)
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
  })

  test('that was stored and never sent is sent later, and happens once', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')
    const { parts, operators, transactions } = await bundler(village)
    const crashing = await bundler(village, {
      sendRaw: () => Promise.reject(new RangeError('the process is gone')),
    })
    await expect(submitPrepared(crashing.parts)).rejects.toThrow('the process is gone')

    const [stored] = await transactions()
    expect(stored).toMatchObject({ status: 'sent', blockNumber: null })
    expect(await village.app.client.getTransactionCount({ address: operators.writer.address })).toBe(stored?.nonce)
    // Another round finds nothing to bundle: these operations belong to the stored one.
    expect(await submitPrepared(parts)).toMatchObject({ sent: 0, refused: [] })

    await village.advance(11_000)
    await village.settle()
    expect(await transactions()).toEqual([expect.objectContaining({ id: stored?.id, status: 'included' })])
    for (const request of requests) {
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
      expect(await grantsOnChain(village, request.id)).toBe(1)
    }
    // Sent twice more, as a node that forgot would have us do: nothing happens again.
    for (let again = 0; again < 2; again += 1) {
      const row = { ...(stored as OperatorTransactionRow), sentBlock: null }
      expect(await operators.chase(row, row.blockNumber ?? 0)).toBe(true)
    }
    await village.settle()
    for (const request of requests) expect(await grantsOnChain(village, request.id)).toBe(1)
  })

  test('that reverts as a whole is prepared again, and goes once the cause is gone', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    await reply(village, requests, '1')
    const { parts, transactions, operationOf } = await bundler(village)
    await village.world.chain.setAutomine(false)
    expect((await submitPrepared(parts)).sent).toBe(4)
    // In the same block, ahead of the bundle: the paymaster has no deposit any more.
    await governor(village, 'withdraw')
    await village.world.chain.mine(1)
    await village.world.chain.setAutomine(true)
    await village.app.worker.settleOnce(0)

    const [reverted] = await transactions()
    const receipt = await village.app.client.getTransactionReceipt({ hash: reverted?.hash ?? '0x' })
    expect(receipt.status).toBe('reverted')
    for (const request of requests) {
      expect(await operationOf(request.id, 'openGrant')).toMatchObject({ status: 'prepared', bundleId: null })
      expect(await stateOf(village, request)).toEqual({ database: 'granting', ledger: onChain.open })
    }
    // Without a deposit nothing is sent and nothing is given up.
    expect(await submitPrepared(parts)).toMatchObject({ sent: 0, refused: [] })

    await governor(village, 'deposit')
    await village.settle()
    for (const request of requests) {
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
      expect(await grantsOnChain(village, request.id)).toBe(1)
      expect(textsTo(village, request.patient.phone).join('\n')).not.toMatch(
        /Nothing was opened|Hakuna kilichofunguliwa/,
      )
    }
  })

  test('that reverts again and again is taken apart; what reverts twice alone is given up, and she is told', async () => {
    await using village = await quietVillage()
    const requests = await askEverybody(village)
    const [first, ...others] = requests
    await reply(village, requests, '1')
    const { parts, transactions, operationOf } = await bundler(village, { keys: ['operator', 'operator-2'] })
    const operation = () => operationOf(first.id, 'openGrant')
    /** One round of bundles in a block in which something happened before them. */
    const roundAfter = async (what: () => Promise<void>) => {
      await village.advance(30_000)
      await village.world.chain.setAutomine(false)
      const { sent } = await submitPrepared(parts)
      await what()
      await village.world.chain.mine(1)
      await village.world.chain.setAutomine(true)
      await village.app.worker.settleOnce(0)
      return sent
    }
    const withoutDeposit = async () => {
      const sent = await roundAfter(() => governor(village, 'withdraw'))
      await governor(village, 'deposit')
      return sent
    }
    expect([await withoutDeposit(), (await operation()).reverts]).toEqual([4, 1])
    expect([await withoutDeposit(), (await operation()).reverts]).toEqual([4, 2])
    // Now each goes alone, and one that fails stops no other.
    expect(await roundAfter(() => makeAccount(village, first))).toBe(4)
    expect(await operation()).toMatchObject({ status: 'prepared', reverts: 3 })
    for (const request of others)
      expect(await stateOf(village, request)).toEqual({ database: 'granted', ledger: onChain.granted })
    expect([await withoutDeposit(), (await operation()).reverts]).toEqual([1, 4])
    expect((await transactions()).map((one) => operationsIn(one).length)).toEqual([4, 4, 1, 1, 1, 1, 1])

    await village.advance(30_000)
    await village.settle()
    expect(await transactions()).toHaveLength(7)
    expect(await operation()).toMatchObject({ status: 'dropped', failure: 'handleOps reverted' })
    expect(await stateOf(village, first)).toEqual({ database: 'failed', ledger: onChain.open })
    expect(textsTo(village, first.patient.phone).at(-1)).toMatch(/Nothing was opened/)
    for (const request of others) expect(await grantsOnChain(village, request.id)).toBe(1)
  })

  test('whose inner call fails tells the patient that nothing was opened', async () => {
    await using village = await quietVillage()
    const [request] = await askEverybody(village)
    await reply(village, [request], '1')
    const { parts, operationOf } = await bundler(village)
    await village.world.chain.setAutomine(false)
    expect((await submitPrepared(parts)).sent).toBe(1)
    await suspendDoctor(village)
    await village.world.chain.mine(1)
    await village.world.chain.setAutomine(true)
    await village.settle()
    expect(await operationOf(request.id, 'openGrant')).toMatchObject({ status: 'reverted' })
    expect(await stateOf(village, request)).toEqual({ database: 'failed', ledger: onChain.open })
    expect(textsTo(village, request.patient.phone).at(-1)).toMatch(/Nothing was opened/)
  })

  test('lets a removal go beside a grant that is still on its way', async () => {
    await using village = await quietVillage()
    const [request] = await askEverybody(village)
    await reply(village, [request], '1')
    await village.settle()
    // The account is on chain now; a second request is granted and taken away in one breath.
    const second = await ask(village, request.patient, 1)
    await village.settle()
    await reply(village, [second], '1')
    const { parts, operationOf } = await bundler(village)
    await village.world.chain.setAutomine(false)
    expect((await submitPrepared(parts)).sent).toBe(1)
    village.world.phones.text(second.patient.phone, `REMOVE ${second.number}`)
    await answersAreRead(village)
    expect((await submitPrepared(parts)).sent).toBe(1)
    expect((await operationOf(second.id, 'revokeGrant')).status).toBe('submitted')
    await village.world.chain.mine(1)
    await village.world.chain.setAutomine(true)
    await village.settle()
    expect(await stateOf(village, second)).toEqual({ database: 'removed', ledger: onChain.revoked })
    expect(textsTo(village, second.patient.phone).at(-1)).toMatch(/can no longer see/)
  })
})

/** The sponsor's owner takes all of its deposit out, or pays it in again; offered a tip above every other. */
async function governor(village: Village, what: 'withdraw' | 'deposit'): Promise<void> {
  const { client, deployment } = village.app
  const wallet = createWalletClient({
    account: village.world.governor,
    chain: anvil,
    transport: http(village.world.chain.url),
  })
  const sponsor = { address: deployment.sponsorPaymaster.address, abi: sponsorPaymasterAbi } as const
  const fees = { maxFeePerGas: parseGwei('50'), maxPriorityFeePerGas: parseGwei('10'), gas: 200_000n }
  if (what === 'deposit') {
    const hash = await wallet.writeContract({ ...sponsor, functionName: 'deposit', value: parseEther('10') })
    await client.waitForTransactionReceipt({ hash })
    return
  }
  const balance = await client.readContract({
    address: deployment.entryPoint.address,
    abi: entryPointAbi,
    functionName: 'balanceOf',
    args: [sponsor.address],
  })
  await wallet.writeContract({
    ...sponsor,
    ...fees,
    functionName: 'withdraw',
    args: [village.world.governor.address, balance],
  })
}
