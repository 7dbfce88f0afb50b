import { randomBytes } from 'node:crypto'
import type { Browser, Page } from 'playwright-core'
import {
  bytesToHex,
  createWalletClient,
  encodeFunctionData,
  http,
  keccak256,
  parseEventLogs,
  toHex,
  zeroHash,
} from 'viem'
import { anvil } from 'viem/chains'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { accountFactoryAbi, consentLedgerAbi, entryPointAbi } from '../../src/accounts/contracts.generated.ts'
import { readDoctorAccounts } from '../../src/accounts/doctorAccounts.ts'
import { completeRotation, type Office, proposePasskey } from '../../src/accounts/hospitalOffice.ts'
import { encodePasskeySignature, openPasskeyCheck } from '../../src/accounts/passkey.ts'
import { encodeSecondPasskey, encodeVeto, readHeldPasskeys } from '../../src/accounts/passkeyChanges.ts'
import { hashUserOperation, packUserOperation, prepareUserOperation } from '../../src/accounts/userOperation.ts'
import type { StoredRequest } from '../../src/core/audit.ts'
import type { Passkey } from '../../src/core/passkey.ts'
import { hour } from '../../src/core/people.ts'
import type { Hex } from '../../src/core/rows.ts'
import { addAuthenticator, callPasskeyModule } from '../support/authenticator.ts'
import { openBrowser } from '../support/browser.ts'
import { testVillage } from '../support/testVillage.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

const requestZero: Hex = zeroHash
/** RequestState.Open of IConsentLedger. */
const openState = 1
const randomChallenge = (): Hex => bytesToHex(randomBytes(32))
const user = { userId: 'doctor-1', userName: 'Dr A. Otieno', known: [] }
const fees = { maxFeePerGas: 3_000_000_000n, maxPriorityFeePerGas: 1_000_000n }

describe("a doctor's passkey in Chromium", () => {
  test('signs a request that the entry point accepts and the ledger holds', async () => {
    await using village = await testVillage()
    const { page, check, passkey } = await doctorWithPasskey(village)
    const { client, deployment } = village.app
    const doctor = await accountOf(village, passkey)
    const affiliationId = await addDoctor(village, doctor)
    const request = await newRequest(village, affiliationId)

    for (const scope of ['with the account made by it', 'with the account there already']) {
      const asked = { ...request, scopeCommitment: keccak256(toHex(scope)) }
      const operation = await prepareUserOperation(client, deployment, {
        kind: 'openRequest',
        sender: doctor,
        owner: passkey,
        callData: encodeFunctionData({ abi: consentLedgerAbi, functionName: 'openRequest', args: [asked] }),
        fees,
      })
      const hash = hashUserOperation(operation, deployment)
      const signature = await check.verify(await sign(page, check.rpId, hash, passkey), hash, passkey)
      if (!signature) throw new Error('The server did not take the signature.')
      passkey.signCount = signature.signCount
      const signed = packUserOperation({ ...operation, signature: encodePasskeySignature(0, signature) })

      // Another request under the same signature: the entry point does not let it pass.
      await expect(
        handle(village, [{ ...signed, callData: `${signed.callData.slice(0, -2)}01` as Hex }]),
      ).rejects.toThrow('AA24 signature error')
      const { logs } = await handle(village, [signed])

      const [verdict] = parseEventLogs({ abi: entryPointAbi, logs, eventName: 'UserOperationEvent' })
      expect(verdict?.args).toMatchObject({ sender: doctor, userOpHash: hash, success: true })
      const [opened] = parseEventLogs({ abi: consentLedgerAbi, logs, eventName: 'RequestOpened' })
      expect(opened?.args).toMatchObject({ patient: request.patient, affiliationId })
      expect(await stateOf(village, opened?.args.requestId)).toBe(openState)
    }
    const call = { abi: accountFactoryAbi, functionName: 'isPasskeyDoctor', args: [doctor] } as const
    expect(await client.readContract({ address: deployment.accountFactory.address, ...call })).toBe(true)
  })

  test('is no passkey of another site, for another challenge, or of another person', async () => {
    await using village = await testVillage()
    const { page, check, passkey, answer, challenge } = await doctorWithPasskey(village)
    const elsewhere = openPasskeyCheck('http://localhost:1')
    expect(await elsewhere.verifyNew(answer, challenge)).toBeNull()
    expect(await check.verifyNew(answer, randomChallenge())).toBeNull()

    const asked = randomChallenge()
    const signed = await sign(page, check.rpId, asked, passkey)
    expect(check.credentialOf(signed)).toBe(passkey.credentialId)
    expect(await elsewhere.verify(signed, asked, passkey)).toBeNull()
    expect(await check.verify(signed, randomChallenge(), passkey)).toBeNull()
    const other = await doctorWithPasskey(village)
    expect(await check.verify(signed, asked, other.passkey)).toBeNull()
    expect(await check.verify(signed, asked, passkey)).not.toBeNull()
  })

  test('is joined by a second one, and replaced by the hospital only where she does not veto for 72 hours', async () => {
    await using village = await testVillage()
    const { client, deployment } = village.app
    const [first, second, third] = [
      await doctorWithPasskey(village),
      await doctorWithPasskey(village),
      await doctorWithPasskey(village),
    ]
    const doctor = await accountOf(village, first.passkey)
    const affiliationId = await addDoctor(village, doctor)

    /** An operation of her account, signed by one of the passkeys. */
    async function operate({ page, check, passkey }: typeof first, slot: 0 | 1, callData: Hex) {
      const parts = { kind: 'setSecondPasskey', sender: doctor, owner: first.passkey, callData, fees } as const
      const operation = await prepareUserOperation(client, deployment, parts)
      const hash = hashUserOperation(operation, deployment)
      const signature = await check.verify(await sign(page, check.rpId, hash, passkey), hash, passkey)
      if (!signature) throw new Error('The server did not take the signature.')
      passkey.signCount = signature.signCount
      const signed = { ...operation, signature: encodePasskeySignature(slot, signature) }
      const { logs } = await handle(village, [packUserOperation(signed)])
      const [verdict] = parseEventLogs({ abi: entryPointAbi, logs, eventName: 'UserOperationEvent' })
      expect(verdict?.args.success).toBe(true)
    }
    const office = officeOf(village)
    const { qx, qy } = first.passkey
    const held = () => readHeldPasskeys(client, { account: doctor, qx, qy })
    const point = ({ passkey }: typeof first) => ({ qx: passkey.qx, qy: passkey.qy })
    const proposal = { affiliationId, passkey: third.passkey }

    expect(await held()).toEqual({ first: point(first), second: null, proposed: null })
    await operate(first, 0, encodeSecondPasskey(second.passkey))
    expect(await proposePasskey(office, doctor, { ...proposal, affiliationId: 1 })).toEqual({
      refused: 'NotHospitalOfDoctor',
    })
    await proposePasskey(office, doctor, proposal)
    await operate(second, 1, encodeVeto())
    expect(await held()).toEqual({ first: point(first), second: point(second), proposed: null })
    expect(await completeRotation(office, doctor)).toEqual({ refused: 'RotationNotProposed' })

    await proposePasskey(office, doctor, proposal)
    const { timestamp } = await client.getBlock()
    expect((await held()).proposed).toEqual({ ...point(third), readyAt: Number(timestamp) * 1000 + 72 * hour })
    expect(await completeRotation(office, doctor)).toEqual({ refused: 'RotationTooEarly' })
    await village.advance(72 * hour)
    await completeRotation(office, doctor)
    expect(await held()).toEqual({ first: point(third), second: null, proposed: null })
    // Both of hers are gone: whoever holds one signs nothing any more.
    const again = encodeSecondPasskey(first.passkey)
    await expect(operate(first, 0, again)).rejects.toThrow('AA24 signature error')
    await expect(operate(second, 1, again)).rejects.toThrow('AA24 signature error')
    await operate(third, 0, again)

    // An auditor reads from the chain which passkey the account obeyed when.
    const stored = new Map([[requestZero, { affiliationId } as StoredRequest]])
    const ledger = deployment.consentLedger.address
    const toBlock = Number(await client.getBlockNumber())
    const accounts = await readDoctorAccounts(client, { ledger, stored, fromBlock: 0, toBlock })
    const ever = accounts.get(affiliationId)?.passkeys ?? []
    const always = Number.POSITIVE_INFINITY
    expect(ever.map(({ qx, until }) => [qx, until < always])).toEqual([
      [second.passkey.qx, true],
      [first.passkey.qx, true],
      [third.passkey.qx, false],
      [first.passkey.qx, false],
    ])
  }, 180_000)

  test('is not made or used by an authenticator that cannot tell who is there', async () => {
    await using village = await testVillage()
    const page = await (await browser.newContext()).newPage()
    await addAuthenticator(page, { isUserVerified: false })
    await page.goto(`${village.world.serverUrl}/sign-in`)
    const made = callPasskeyModule(page, 'makePasskey', { challenge: randomChallenge(), rpId: 'localhost', ...user })
    await expect(made).rejects.toThrow('NotAllowedError')
  })
})

/** A page of the portal with an authenticator, and the passkey it made there. */
async function doctorWithPasskey({ world }: Village) {
  const page = await (await browser.newContext()).newPage()
  await addAuthenticator(page)
  await page.goto(`${world.serverUrl}/sign-in`)
  const check = openPasskeyCheck(world.serverUrl)
  const challenge = randomChallenge()
  const answer = await callPasskeyModule(page, 'makePasskey', { challenge, rpId: check.rpId, ...user })
  const passkey = await check.verifyNew(answer, challenge)
  if (!passkey) throw new Error('The server did not take the new passkey.')
  return { page, check, passkey, answer, challenge }
}

const sign = (page: Page, rpId: string, challenge: Hex, { credentialId }: Passkey) =>
  callPasskeyModule(page, 'signWithPasskey', { challenge, rpId, known: [credentialId] })

function accountOf({ app }: Village, { qx, qy }: Passkey): Promise<Hex> {
  const { address } = app.deployment.accountFactory
  const call = { abi: accountFactoryAbi, functionName: 'passkeyDoctorAccountAddress', args: [qx, qy] } as const
  return app.client.readContract({ address, ...call })
}

/** The hospital's own transaction: nobody else can say who works there. */
async function addDoctor({ app, world }: Village, doctor: Hex): Promise<number> {
  const wallet = createWalletClient({ account: world.hospital, chain: anvil, transport: http(world.chain.url) })
  const hash = await wallet.writeContract({
    address: app.deployment.consentLedger.address,
    abi: consentLedgerAbi,
    functionName: 'addDoctor',
    args: [doctor],
  })
  const { logs } = await app.client.waitForTransactionReceipt({ hash })
  const [added] = parseEventLogs({ abi: consentLedgerAbi, logs, eventName: 'DoctorAdded' })
  if (!added) throw new Error('The registry did not add the doctor.')
  return added.args.affiliationId
}

function officeOf({ app, world }: Village): Office {
  const wallet = createWalletClient({ account: world.hospital, chain: anvil, transport: http(world.chain.url) })
  return { client: app.client, wallet, account: world.hospital }
}

async function newRequest({ app, people }: Village, affiliationId: number) {
  const [first] = people.patients
  const patient = first && (await app.store.people.patientByHealthId(first.healthId))
  if (!patient) throw new Error('The village is empty.')
  const { timestamp } = await app.client.getBlock()
  return {
    patient: patient.account,
    affiliationId,
    rights: 1,
    uses: 0,
    durationDays: 7,
    answerBy: Number(timestamp + 86_400n),
    scopeCommitment: zeroHash as Hex,
    replaces: zeroHash,
    lineHash: zeroHash,
    nextLink: zeroHash,
  }
}

/** One handleOps of the real entry point, paid for by a stranger. */
async function handle({ app, world }: Village, operations: ReturnType<typeof packUserOperation>[]) {
  const wallet = createWalletClient({ account: world.governor, chain: anvil, transport: http(world.chain.url) })
  const { request } = await app.client.simulateContract({
    address: app.deployment.entryPoint.address,
    abi: entryPointAbi,
    functionName: 'handleOps',
    args: [operations, world.governor.address],
    account: world.governor,
    gas: 5_000_000n,
  })
  return app.client.waitForTransactionReceipt({ hash: await wallet.writeContract(request) })
}

async function stateOf({ app }: Village, requestId: Hex = '0x'): Promise<number> {
  const { address } = app.deployment.consentLedger
  const call = { abi: consentLedgerAbi, functionName: 'requestState', args: [requestId] } as const
  return (await app.client.readContract({ address, ...call })).state
}
