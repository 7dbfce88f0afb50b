import { HttpRpcClient } from '@account-abstraction/sdk'
import { type Hex, parseEther, parseGwei } from 'viem'
import { formatUserOperationRequest } from 'viem/account-abstraction'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { describe, expect, test } from 'vitest'
import { type BundlerStandIn, startBundler } from '../../local/bundler/startBundler.ts'
import type { Village } from '../../local/village.ts'
import type { World } from '../../local/world.ts'
import { readUserOperation } from '../../src/accounts/userOperation.ts'
import { day } from '../../src/core/people.ts'
import {
  type AskedOf,
  ask,
  askEverybody,
  grantsOnChain,
  makeAccount,
  onChain,
  stateOf,
  textsTo,
} from '../support/bundling.ts'
import { type Alto, startAlto } from '../support/startAlto.ts'
import { testVillage } from '../support/testVillage.ts'

const granted = { database: 'granted', ledger: onChain.granted }

/** The same sentences hold whoever bundles. `hold` keeps what is sent out of the blocks until `letGo`; `lose` loses it. */
type Bundling = { village: Village; hold(): Promise<void>; letGo(): Promise<void>; lose(): Promise<void> }

const bundlers: Record<string, () => Promise<Bundling>> = {
  'our own keys': async () => {
    const village = await testVillage()
    const { chain } = village.world
    return {
      village,
      hold: () => chain.setAutomine(false),
      async letGo() {
        await chain.mine(1)
        await chain.setAutomine(true)
      },
      lose: () => rpc(village.world, 'anvil_dropAllTransactions'),
    }
  },
  "another's bundler": async () => {
    const { village, vendor } = await withVendor()
    const countSent = () => vendor.calls.filter((method) => method === 'eth_sendUserOperation').length
    let sentBefore = 0
    return {
      village,
      async hold() {
        sentBefore = countSent()
        await vendor.setBundling(false)
      },
      letGo: () => vendor.setBundling(true),
      async lose() {
        // The row is written before the bundler is asked: it must have answered before it can forget.
        await expect.poll(countSent).toBeGreaterThan(sentBefore)
        vendor.forget()
      },
    }
  },
}

/** A real one, in a process of its own; installed by `bin/test --long` only. */
if (process.env['LONG_TESTS'] === 'yes')
  bundlers['@pimlico/alto'] = async () => {
    let started: Alto | null = null
    const village = await testVillage('embedded', {
      async bundler(world) {
        started = await startAlto(world)
        return started
      },
    })
    const alto = started as unknown as Alto
    return {
      village: {
        ...village,
        // It judges by its machine's clock whether an operation's day is over.
        async advance(ms) {
          await village.advance(ms)
          alto.moveClock(village.now() - Date.now())
        },
      },
      async hold() {
        await alto.call('debug_bundler_setBundlingMode', ['manual'])
      },
      async letGo() {
        await alto.call('debug_bundler_setBundlingMode', ['auto'])
      },
      async lose() {
        await alto.call('debug_bundler_clearState')
      },
    }
  }

describe.each(Object.keys(bundlers))('with %s', (name) => {
  const start = async () => {
    const bundling = await (bundlers[name] as () => Promise<Bundling>)()
    return { ...bundling, [Symbol.asyncDispose]: () => bundling.village.stop() }
  }

  test('a yes of everybody is one grant each, and its status goes as far as the block does', async () => {
    await using bundling = await start()
    const { village, hold, letGo } = bundling
    const requests = await askEverybody(village)
    await hold()
    for (const { patient, number } of requests) village.world.phones.text(patient.phone, `${number} 1`)
    await allHaveStatus(village, requests, 'submitted')
    expect(textsTo(village, requests[0].patient.phone)).toHaveLength(1)
    await letGo()
    await village.settle()
    await allHaveStatus(village, requests, 'included')
    for (const request of requests) {
      expect(await stateOf(village, request)).toEqual(granted)
      expect(await grantsOnChain(village, request.id)).toBe(1)
    }
    await village.world.chain.mine(100)
    await village.settle()
    await allHaveStatus(village, requests, 'succeeded')
  })

  test('one operation with a wrong signature is refused, and every other goes through', async () => {
    await using bundling = await start()
    const { village } = bundling
    const requests = await askEverybody(village)
    const [, poisoned, ...others] = requests
    // The vault is made to sign with somebody else's key.
    const { kysely } = village.app.database
    const someone = await kysely
      .selectFrom('patient')
      .selectAll()
      .where('healthId', '=', requests[0].patient.healthId)
      .executeTakeFirstOrThrow()
    await kysely
      .updateTable('patient')
      .set({ keyId: someone.keyId })
      .where('healthId', '=', poisoned.patient.healthId)
      .execute()
    for (const { patient, number } of requests) village.world.phones.text(patient.phone, `${number} 1`)
    await village.settle()
    const operation = await village.app.store.operations.ofRequest(poisoned.id, 'openGrant')
    expect(operation).toMatchObject({ status: 'refused', failure: expect.stringMatching(/^AA24/) })
    expect(await stateOf(village, poisoned)).toEqual({ database: 'failed', ledger: onChain.open })
    for (const request of [requests[0], ...others]) {
      expect(await stateOf(village, request)).toEqual(granted)
      // It was in no transaction with the others: theirs did not fail first.
      expect((await village.app.store.operations.ofRequest(request.id, 'openGrant'))?.attempts).toBe(1)
    }
  })

  test('two answers of one patient go one after the other', async () => {
    await using bundling = await start()
    const { village } = bundling
    const [first] = await askEverybody(village)
    const second = await ask(village, first.patient, 1)
    await village.settle()
    for (const { number } of [first, second]) village.world.phones.text(first.patient.phone, `${number} 1`)
    await village.settle()
    for (const request of [first, second]) expect(await stateOf(village, request)).toEqual(granted)
    const [one, other] = await Promise.all(
      [first, second].map(({ id }) => village.app.store.operations.ofRequest(id, 'openGrant')),
    )
    expect(one?.transactionHash).not.toBe(other?.transactionHash)
  })

  test('an account that a stranger made before changes nothing', async () => {
    await using bundling = await start()
    const { village } = bundling
    const [request] = await askEverybody(village)
    await makeAccount(village, request)
    village.world.phones.text(request.patient.phone, `${request.number} 1`)
    await village.settle()
    expect(await stateOf(village, request)).toEqual(granted)
  })

  test('an account that a stranger makes in the same block, and before, costs one more try', async () => {
    await using bundling = await start()
    const { village, hold, letGo } = bundling
    const [first, second] = await askEverybody(village)
    await hold()
    for (const { patient, number } of [first, second]) village.world.phones.text(patient.phone, `${number} 1`)
    await allHaveStatus(village, [first, second], 'submitted')
    await makeAccount(village, first)
    await letGo()
    await village.advance(7_000)
    await village.settle()
    for (const request of [first, second]) {
      expect(await stateOf(village, request)).toEqual(granted)
      expect(await grantsOnChain(village, request.id)).toBe(1)
      expect(textsTo(village, request.patient.phone)).toHaveLength(2)
    }
    const operation = await village.app.store.operations.ofRequest(first.id, 'openGrant')
    expect(operation?.attempts).toBe(2)
    expect(readUserOperation(operation?.signed ?? '').factory).toBeUndefined()
  })

  test('what was sent and got lost is sent again, and happens once', async () => {
    await using bundling = await start()
    const { village, hold, letGo, lose } = bundling
    const [first, second] = await askEverybody(village)
    await hold()
    for (const { patient, number } of [first, second]) village.world.phones.text(patient.phone, `${number} 1`)
    await allHaveStatus(village, [first, second], 'submitted')
    await lose()
    await letGo()
    await village.advance(7_000)
    await village.settle()
    for (const request of [first, second]) {
      expect(await stateOf(village, request)).toEqual(granted)
      expect(await grantsOnChain(village, request.id)).toBe(1)
    }
  })

  test('an answer that was signed before midnight and is in no block ten minutes after is signed for the new day', async () => {
    await using bundling = await start()
    const { village, hold, letGo, lose } = bundling
    const now = village.now()
    // At half past eleven in the evening, of tomorrow where that is over.
    const evening = Math.ceil(now / day) * day - 30 * 60_000
    await village.advance(evening > now ? evening - now : evening + day - now)
    const [request] = await askEverybody(village)
    await hold()
    village.world.phones.text(request.patient.phone, `${request.number} 1`)
    await allHaveStatus(village, [request], 'submitted')
    const before = await village.app.store.operations.ofRequest(request.id, 'openGrant')
    await lose()
    await village.advance(45 * 60_000)
    await letGo()
    await village.advance(7_000)
    await village.settle()
    expect(await stateOf(village, request)).toEqual(granted)
    expect(textsTo(village, request.patient.phone)).toHaveLength(2)
    const after = await village.app.store.operations.ofRequest(request.id, 'openGrant')
    const [signed, anew] = [before, after].map((row) => readUserOperation(row?.signed ?? ''))
    expect(Number(anew?.paymasterData)).toBe(Number(signed?.paymasterData) + 1)
    expect(after?.earlierHashes).toBe(before?.hash)
  })
})

describe("another's bundler that answers late", () => {
  test('and refuses what has gone through meanwhile, at a second asking, changes nothing', async () => {
    const { village: started, vendor } = await withVendor()
    await using village = started
    const [request] = await askEverybody(village)
    const letIn = vendor.keepWaiting()
    village.world.phones.text(request.patient.phone, `${request.number} 1`)
    await allHaveStatus(village, [request], 'submitted')
    await village.advance(7_000)
    await allHaveStatus(village, [request], 'included')
    letIn()
    await village.settle()
    expect(await stateOf(village, request)).toEqual(granted)
    const operation = await village.app.store.operations.ofRequest(request.id, 'openGrant')
    expect(operation).toMatchObject({ status: 'included', failure: null, refusals: 0 })
    expect(textsTo(village, request.patient.phone)).toHaveLength(2)
  })
})

describe("another's bundler that refuses for reasons of its own", () => {
  test('is asked later each time; after ten minutes she is told that nothing was opened; a removal is never given up', async () => {
    const { village: started, vendor } = await withVendor()
    await using village = started
    const countSent = () => vendor.calls.filter((method) => method === 'eth_sendUserOperation').length
    const [patient, another] = await askEverybody(village)
    const text = ({ patient: { phone } }: AskedOf, words: string) => village.world.phones.text(phone, words)
    const before = countSent()

    vendor.setRefusal(-32602)
    text(patient, `${patient.number} 1`)
    await village.settle()
    const waiting = await village.app.store.operations.ofRequest(patient.id, 'openGrant')
    expect(waiting).toMatchObject({ status: 'prepared', failure: 'bundler -32602', refusals: countSent() - before })
    vendor.setRefusal(null)
    await village.advance(30_000)
    await village.settle()
    expect(await stateOf(village, patient)).toEqual(granted)

    vendor.setRefusal(-32521)
    text(another, `${another.number} 1`)
    text(patient, `REMOVE ${patient.number}`)
    const sentBefore = countSent()
    await village.settle()
    for (let halfMinutes = 0; halfMinutes < 26; halfMinutes += 1) {
      await village.advance(30_000)
      await village.settle()
    }
    const refused = await village.app.store.operations.ofRequest(another.id, 'openGrant')
    expect(refused).toMatchObject({ status: 'refused', failure: 'bundler -32521', refusals: 24 })
    expect(await stateOf(village, another)).toEqual({ database: 'failed', ledger: onChain.open })
    expect(textsTo(village, another.patient.phone).at(-1)).toMatch(/Nothing was opened|Hakuna kilichofunguliwa/)
    const removal = await village.app.store.operations.ofRequest(patient.id, 'revokeGrant')
    expect(removal).toMatchObject({ status: 'prepared', failure: 'bundler -32521' })
    expect(countSent() - sentBefore).toBe(24 + (removal?.refusals ?? 0))

    vendor.setRefusal(null)
    await village.advance(30_000)
    await village.settle()
    expect(await stateOf(village, patient)).toEqual({ database: 'removed', ledger: onChain.revoked })
  })
})

describe("the stand-in for another's bundler, asked by the account-abstraction SDK", () => {
  test('says which chain and entry point it serves, and refuses to be taken for another', async () => {
    await using bundling = await (bundlers["another's bundler"] as () => Promise<Bundling>)().then(disposable)
    const { village } = bundling
    const url = village.app.config.bundlerUrl ?? ''
    const { entryPoint, chainId } = village.app.deployment
    await new HttpRpcClient(url, entryPoint.address, chainId).validateChainId()
    // Its constructor asks too; that answer is awaited with the first call.
    const wrong = new HttpRpcClient(url, entryPoint.address, 1135)
    await expect(wrong.initializing).rejects.toThrow(/is on chainId 31337, but provider is on chainId 1135/)
    await expect(wrong.validateChainId()).rejects.toThrow(/chainId/)
  })

  test('takes the same operation in its numbers, and answers with the hash that our own code signed', async () => {
    await using bundling = await (bundlers["another's bundler"] as () => Promise<Bundling>)().then(disposable)
    const { village, hold, letGo, lose } = bundling
    const [request] = await askEverybody(village)
    await hold()
    village.world.phones.text(request.patient.phone, `${request.number} 1`)
    await allHaveStatus(village, [request], 'submitted')
    await lose()
    const { entryPoint, chainId } = village.app.deployment
    const client = new HttpRpcClient(village.app.config.bundlerUrl ?? '', entryPoint.address, chainId)
    const row = await village.app.store.operations.ofRequest(request.id, 'openGrant')
    const operation = readUserOperation(row?.signed ?? '')
    // The SDK's own type is v0.6's; it turns whatever fields it is given into hexadecimal and adds none.
    type Given = Parameters<HttpRpcClient['sendUserOpToBundler']>[0]
    const given = operation as unknown as Given
    const estimated = (await client.estimateUserOpGas(given)) as unknown as { preVerificationGas: Hex }
    expect(Number(estimated.preVerificationGas)).toBeLessThanOrEqual(Number(operation.preVerificationGas))
    expect(await client.sendUserOpToBundler(given)).toBe(row?.hash)
    await expect(client.sendUserOpToBundler(given)).rejects.toThrow(/Already known/)
    await letGo()
    await village.settle()
    expect(await stateOf(village, request)).toEqual(granted)
  })

  test('numbers its refusals as ERC-7769 does', async () => {
    await using bundling = await (bundlers["another's bundler"] as () => Promise<Bundling>)().then(disposable)
    const { village, hold, lose } = bundling
    const [request] = await askEverybody(village)
    await hold()
    village.world.phones.text(request.patient.phone, `${request.number} 1`)
    await allHaveStatus(village, [request], 'submitted')
    await lose()
    const { entryPoint } = village.app.deployment
    const row = await village.app.store.operations.ofRequest(request.id, 'openGrant')
    const operation = readUserOperation(row?.signed ?? '')
    const codeOf = async (change: Partial<typeof operation>, target: string = entryPoint.address) => {
      const sent = formatUserOperationRequest({ ...operation, ...change })
      const answer = await post(village.app.config.bundlerUrl ?? '', 'eth_sendUserOperation', [sent, target])
      return answer.error?.code
    }
    expect(await codeOf({}, request.patient.id && village.app.deployment.consentLedger.address)).toBe(-32602)
    expect(await codeOf({ preVerificationGas: 20_000n })).toBe(-32602)
    expect(await codeOf({ nonce: operation.nonce + 1n })).toBe(-32500)
    expect(await codeOf({ callGasLimit: operation.callGasLimit + 1n })).toBe(-32507)
    expect(await codeOf({ maxFeePerGas: parseGwei('1000') })).toBe(-32501)
    expect((await post(village.app.config.bundlerUrl ?? '', 'eth_sendTransaction', [])).error?.code).toBe(-32601)
  })
})

function disposable(bundling: Bundling) {
  return { ...bundling, [Symbol.asyncDispose]: () => bundling.village.stop() }
}

/** A village whose operations go by a vendor's bundler. */
async function withVendor(): Promise<{ village: Village; vendor: BundlerStandIn }> {
  let vendor: BundlerStandIn | null = null
  const village = await testVillage('embedded', {
    async bundler(world) {
      vendor = await startVendor(world)
      return vendor
    },
  })
  return { village, vendor: vendor as unknown as BundlerStandIn }
}

async function startVendor(world: World): Promise<BundlerStandIn> {
  const privateKey = generatePrivateKey()
  await world.chain.fund(privateKeyToAccount(privateKey).address, parseEther('10'))
  return startBundler({ chainUrl: world.chain.url, deployment: world.deployment, privateKey })
}

async function allHaveStatus(village: Village, requests: readonly AskedOf[], status: string): Promise<void> {
  const read = () =>
    Promise.all(requests.map(async ({ id }) => (await village.app.store.operations.ofRequest(id, 'openGrant'))?.status))
  await expect.poll(read, { timeout: 20_000 }).toEqual(requests.map(() => status))
}

async function rpc({ chain }: World, method: string): Promise<void> {
  await post(chain.url, method, [])
}

async function post(url: string, method: string, params: unknown[]): Promise<{ error?: { code: number } }> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  return (await response.json()) as { error?: { code: number } }
}
