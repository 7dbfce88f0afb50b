import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { decodeErrorResult, encodeFunctionData, type Hex, parseEther, parseEventLogs, zeroAddress } from 'viem'
import { consentLedgerAbi, patientAccountAbi, sponsorPaymasterAbi } from '../../src/accounts/contracts.generated.ts'
import { type EntryPointVersion, entryPointVersions } from '../../src/accounts/entryPoint.ts'
import { openGrant, startWorld, type World } from './sponsoredWorld.ts'

for (const version of entryPointVersions)
  describe(`our accounts and sponsor on EntryPoint v${version}`, () => accountsAndSponsor(version))

function accountsAndSponsor(version: EntryPointVersion): void {
  let world: World

  before(async () => {
    world = await startWorld(version)
  })

  after(async () => {
    await world.close()
  })

  test("a patient's first yes makes her account and opens the grant, and the sponsor pays", async () => {
    const patient = await world.addPatient()
    const asked = await world.ask(patient.address)
    const depositBefore = await depositOf(world)

    const handled = await world.handle([await world.prepare(patient, openGrant(asked))])

    assert.deepEqual(handled.successes, [true])
    assert.deepEqual(handled.deployed, [patient.address])
    const [granted] = parseEventLogs({ abi: consentLedgerAbi, eventName: 'GrantOpened', logs: handled.logs })
    assert.equal(granted?.args.requestId, asked.requestId)
    assert.equal(granted?.args.patient, patient.address)
    assert.equal(granted?.args.until, asked.until)
    assert.equal(await world.canAccess(asked.requestId), true)
    assert.ok((await depositOf(world)) < depositBefore)
  })

  test('three patients answer in one bundle', async () => {
    const answers = await Promise.all([answer(world), answer(world), answer(world)])
    const handled = await world.handle(answers.map(({ operation }) => operation))
    assert.deepEqual(handled.successes, [true, true, true])
    for (const { asked } of answers) assert.equal(await world.canAccess(asked.requestId), true)
  })

  test('an answer that comes too late fails alone, and says why', async () => {
    const first = await answer(world)
    const second = await answer(world)
    const third = await answer(world)
    await world.doctor.writeContract({
      ...world.ledger,
      functionName: 'withdrawRequest',
      args: [second.asked.requestId],
    })

    const handled = await world.handle([first.operation, second.operation, third.operation])

    assert.deepEqual(handled.successes, [true, false, true])
    const [reason] = handled.reasons
    assert.equal(reason?.sender, second.patient.address)
    assert.deepEqual(decodeErrorResult({ abi: consentLedgerAbi, data: reason?.revertReason ?? '0x' }), {
      abiItem: consentLedgerAbi.find((item) => item.type === 'error' && item.name === 'RequestNotOpen'),
      errorName: 'RequestNotOpen',
      args: [second.asked.requestId, 2],
    })
    assert.equal(await world.canAccess(first.asked.requestId), true)
    assert.equal(await world.canAccess(second.asked.requestId), false)
    assert.equal(await world.canAccess(third.asked.requestId), true)
  })

  test('a doctor asks from an account of his own, sponsored', async () => {
    const owner = world.nextOwner()
    const { publicClient, factory, registry, ledger } = world
    const doctor = await publicClient.readContract({
      ...factory,
      functionName: 'doctorAccountAddress',
      args: [owner.address],
    })
    await world.hospital.writeContract({ ...registry, functionName: 'addDoctor', args: [doctor] })
    const patient = await world.addPatient()
    const { request, requestId } = await world.newRequest(patient.address, 2)
    const createDoctor = encodeFunctionData({
      abi: factory.abi,
      functionName: 'createDoctorAccount',
      args: [owner.address],
    })
    const openRequest = encodeFunctionData({ abi: consentLedgerAbi, functionName: 'openRequest', args: [request] })

    const operation = await world.prepare({ owner, address: doctor }, openRequest, { factoryData: createDoctor })

    assert.deepEqual((await world.handle([operation])).successes, [true])
    const known = await publicClient.readContract({ ...ledger, functionName: 'requestState', args: [requestId] })
    assert.equal(known.state, 1)
    assert.equal(known.patient, patient.address)
  })

  test("whatever else the custodian signs with a patient's key does nothing, whoever pays", async () => {
    const { operation, patient } = await answer(world)
    await world.handle([operation])
    await world.operator.writeContract({
      ...world.entryPoint,
      functionName: 'depositTo',
      args: [patient.address],
      value: parseEther('1'),
    })
    const forged: Hex[] = [
      '0xb61d27f60000', // execute(address,uint256,bytes), as most accounts have it
      '0x8dd7712f', // executeUserOp, which the entry point wraps
      '0x01',
      encodeFunctionData({ abi: consentLedgerAbi, functionName: 'setAccessWriter', args: [zeroAddress] }),
    ]
    for (const callData of forged) {
      const sponsored = await world.prepare(patient, callData)
      const refusal = await world.refusalOf([sponsored])
      assert.equal(refusal.name, 'FailedOpWithRevert')
      assert.equal(refusal.args?.[1], 'AA33 reverted')

      const handled = await world.handle([await unsponsored(world, patient, callData)])
      assert.deepEqual(handled.successes, [false])
      const { errorName } = decodeErrorResult({
        abi: patientAccountAbi,
        data: handled.reasons[0]?.revertReason ?? '0x',
      })
      assert.equal(errorName, 'FunctionNotAllowed')
    }
  })

  test("an operation without a call is not sponsored, and nothing happens when it is the account's own money", async () => {
    const { operation, patient, asked } = await answer(world)
    await world.handle([operation])
    await world.operator.writeContract({
      ...world.entryPoint,
      functionName: 'depositTo',
      args: [patient.address],
      value: parseEther('1'),
    })
    assert.equal((await world.refusalOf([await world.prepare(patient, '0x')])).name, 'FailedOpWithRevert')
    const handled = await world.handle([await unsponsored(world, patient, '0x')])
    assert.equal(parseEventLogs({ abi: consentLedgerAbi, logs: handled.logs }).length, 0)
    assert.equal(await world.canAccess(asked.requestId), true)
  })

  test("another key's signature stops the bundle and names the operation", async () => {
    const good = await answer(world)
    const bad = await answer(world)
    const forged = await world.sign(good.patient.owner, bad.operation)
    assert.deepEqual(await world.refusalOf([good.operation, forged]), {
      name: 'FailedOp',
      args: [1n, 'AA24 signature error'],
    })
  })

  test('the same operation is not handled twice', async () => {
    const { operation } = await answer(world)
    await world.handle([operation])
    const { factory: _, factoryData: __, ...replayed } = operation
    assert.deepEqual(await world.refusalOf([replayed]), {
      name: 'FailedOp',
      args: [0n, 'AA25 invalid account nonce'],
    })
  })

  test('an account that no hospital registered is not sponsored', async () => {
    const owner = world.nextOwner()
    const address = await world.publicClient.readContract({
      ...world.factory,
      functionName: 'patientAccountAddress',
      args: [owner.address],
    })
    const operation = await world.prepare(
      { owner, address },
      openGrant({ requestId: `0x${'01'.repeat(32)}`, until: 86_400 }),
    )
    const { name, args } = await world.refusalOf([operation])
    assert.equal(name, 'FailedOpWithRevert')
    assert.equal(args?.[1], 'AA33 reverted')
    const inner = decodeErrorResult({ abi: sponsorPaymasterAbi, data: hexOf(args?.[2]) })
    assert.equal(inner.errorName, 'AccountNotRegistered')
    assert.deepEqual(inner.args, [address])
  })

  test("an account's operations of a day stay within its budget", async () => {
    const { operation, patient } = await answer(world)
    const { governor, sponsor, publicClient } = world
    const before = await publicClient.readContract({ ...sponsor, functionName: 'limits' })
    const mostWei = 440_000n * operation.maxFeePerGas
    const limits = { ...before, dailyBudgetWei: mostWei }
    await governor.writeContract({ ...sponsor, functionName: 'setLimits', args: [limits] })
    await world.handle([operation])
    assert.equal(
      await publicClient.readContract({ ...sponsor, functionName: 'budgetLeft', args: [patient.address] }),
      0n,
    )
    const next = await world.prepare(patient, openGrant(await world.ask(patient.address)))
    const { args } = await world.refusalOf([next])
    const inner = decodeErrorResult({ abi: sponsorPaymasterAbi, data: hexOf(args?.[2]) })
    assert.equal(inner.errorName, 'BudgetExceeded')
    assert.deepEqual(inner.args, [patient.address, mostWei, 0n])
    await governor.writeContract({ ...sponsor, functionName: 'setLimits', args: [before] })
  })

  test("the sponsor's deposit and stake come back to its owner", async () => {
    const { governor, sponsor, publicClient, testClient } = world
    const to = world.nextOwner().address
    await governor.writeContract({ ...sponsor, functionName: 'withdraw', args: [to, parseEther('1')] })
    assert.equal(await publicClient.getBalance({ address: to }), parseEther('1'))

    await governor.writeContract({ ...sponsor, functionName: 'addStake', args: [60], value: parseEther('2') })
    await governor.writeContract({ ...sponsor, functionName: 'unlockStake' })
    await testClient.increaseTime({ seconds: 60 })
    await governor.writeContract({ ...sponsor, functionName: 'withdrawStake', args: [to] })
    assert.equal(await publicClient.getBalance({ address: to }), parseEther('3'))
  })

  test('a sponsored grant costs at most 113,500 gas alone and 59,000 in a bundle of fifty', async () => {
    const patients = await Promise.all(Array.from({ length: 50 }, () => world.addPatient()))
    const grants = async () =>
      Promise.all(patients.map(async (patient) => world.prepare(patient, openGrant(await world.ask(patient.address)))))
    // Deploy first: an account's second operation is the ordinary one.
    const first = await grants()
    await world.handle(first.slice(0, 25))
    await world.handle(first.slice(25))

    const fifty = await world.handle(await grants())
    assert.equal(fifty.successes.filter(Boolean).length, 50)
    const alone = await world.handle((await grants()).slice(0, 1))
    assert.ok(alone.gasUsed <= 113_500n, `alone: ${alone.gasUsed}`)
    assert.ok(fifty.gasUsed / 50n <= 59_000n, `in fifty: ${fifty.gasUsed / 50n}`)
  })
}

type Answer = Awaited<ReturnType<typeof answer>>

/** A new patient, a request to her, and her yes. */
async function answer(world: World) {
  const patient = await world.addPatient()
  const asked = await world.ask(patient.address)
  return { patient, asked, operation: await world.prepare(patient, openGrant(asked)) }
}

/** An operation that the account pays for from its own deposit. */
async function unsponsored(world: World, patient: Answer['patient'], callData: Hex) {
  const { paymaster, paymasterVerificationGasLimit, paymasterPostOpGasLimit, paymasterData, ...operation } =
    await world.prepare(patient, callData)
  return world.sign(patient.owner, operation)
}

function depositOf({ publicClient, entryPoint, sponsor }: World): Promise<bigint> {
  return publicClient.readContract({ ...entryPoint, functionName: 'balanceOf', args: [sponsor.address] })
}

function hexOf(value: unknown): Hex {
  assert.ok(typeof value === 'string' && value.startsWith('0x'))
  return value as Hex
}
