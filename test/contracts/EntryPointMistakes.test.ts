import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { decodeErrorResult, encodeFunctionData, type Hex, parseEther, parseSignature, toFunctionSelector } from 'viem'
import { getUserOperationHash, toPackedUserOperation } from 'viem/account-abstraction'
import { sponsorPaymasterAbi } from '../../src/accounts/contracts.generated.ts'
import { type EntryPointVersion, entryPointAddresses, entryPointVersions } from '../../src/accounts/entryPoint.ts'
import { encodeSponsorDay, toCompactSignature } from '../../src/accounts/userOperation.ts'
import { type Operation, openGrant, startWorld, type World } from './sponsoredWorld.ts'

for (const version of entryPointVersions)
  describe(`what others got wrong on ERC-4337, on EntryPoint v${version}`, () => publishedMistakes(version))

/** Published mistakes of ERC-4337 accounts and paymasters, tried on the real entry points. */
function publishedMistakes(version: EntryPointVersion): void {
  let world: World

  before(async () => {
    world = await startWorld(version)
  })

  after(async () => {
    await world.close()
  })

  test('every field but the signature is signed, gas and fees included', async () => {
    const { operation } = await answer(world)
    const changes: Partial<Operation>[] = [
      { callGasLimit: operation.callGasLimit + 1n },
      { verificationGasLimit: operation.verificationGasLimit + 1n },
      { preVerificationGas: operation.preVerificationGas + 1n },
      { maxFeePerGas: operation.maxFeePerGas + 1n },
      { maxPriorityFeePerGas: 1n },
      { paymasterVerificationGasLimit: (operation.paymasterVerificationGasLimit ?? 0n) + 1n },
      { paymasterPostOpGasLimit: 1n },
      { callData: `${operation.callData}00` },
      { nonce: operation.nonce + (1n << 64n) },
    ]
    for (const change of changes)
      assert.deepEqual(await world.refusalOf([{ ...operation, ...change }]), {
        name: 'FailedOp',
        args: [0n, 'AA24 signature error'],
      })
  })

  test('a signature for another chain or entry point counts for nothing', async () => {
    const { operation, patient } = await answer(world)
    const here = { chainId: 31337, entryPointAddress: world.entryPoint.address, entryPointVersion: version }
    const other = version === '0.7' ? '0.8' : '0.7'
    const elsewhere = [
      { ...here, chainId: 1135 },
      { ...here, entryPointAddress: entryPointAddresses[other] },
      { ...here, entryPointVersion: other },
    ] as const
    for (const place of elsewhere) {
      const hash = getUserOperationHash({ userOperation: operation, ...place })
      const signature = toCompactSignature(parseSignature(await patient.owner.sign({ hash })))
      assert.deepEqual((await world.refusalOf([{ ...operation, signature }])).args, [0n, 'AA24 signature error'])
    }
  })

  test('a stranger who makes her account first changes nothing: the operation goes without its initCode', async () => {
    const { operation, patient, asked } = await answer(world)
    await world.operator.writeContract({
      ...world.factory,
      functionName: 'createPatientAccount',
      args: [patient.owner.address],
    })
    assert.deepEqual((await world.refusalOf([operation])).args, [0n, 'AA10 sender already constructed'])
    const again = await world.prepare(patient, openGrant(asked))
    assert.equal(again.factory, undefined)
    assert.deepEqual((await world.handle([again])).successes, [true])
  })

  test('nobody can initialise an account or its implementation', async () => {
    const { operation, patient } = await answer(world)
    await world.handle([operation])
    const implementation = await world.publicClient.readContract({
      ...world.factory,
      functionName: 'patientImplementation',
    })
    const initialisers: Hex[] = ['0x8129fc1c', '0xc4d66de8', '0xf2fde38b', '0x4f1ef286']
    for (const to of [patient.address, implementation])
      for (const data of initialisers)
        await assert.rejects(world.publicClient.call({ to, data: `${data}${'00'.repeat(64)}` }))
  })

  test('no operation can promise the bundler more than caps and budget allow', async () => {
    const { patient, asked } = await answer(world)
    const limits = await world.publicClient.readContract({ ...world.sponsor, functionName: 'limits' })
    const greedy: [Partial<Operation>, string][] = [
      [{ maxFeePerGas: limits.maxFeePerGasWei + 1n }, 'FeeTooHigh'],
      [{ preVerificationGas: BigInt(limits.maxPreVerificationGas) + 1n }, 'PreVerificationGasTooHigh'],
      [{ callGasLimit: BigInt(limits.maxGasPerOperation) }, 'GasTooHigh'],
      [{ verificationGasLimit: BigInt(limits.maxGasPerOperation) }, 'GasTooHigh'],
      [{ paymasterPostOpGasLimit: BigInt(limits.maxGasPerOperation) }, 'GasTooHigh'],
      [{ paymasterData: '0x' }, 'DayMissing'],
    ]
    for (const [change, error] of greedy) {
      const { args } = await world.refusalOf([await world.prepare(patient, openGrant(asked), change)])
      assert.equal(decodeErrorResult({ abi: sponsorPaymasterAbi, data: args?.[2] as Hex }).errorName, error)
    }
  })

  test('an operation for yesterday or tomorrow is not valid today', async () => {
    const { patient, asked } = await answer(world)
    const { timestamp } = await world.publicClient.getBlock()
    for (const days of [-2n, 1n]) {
      const paymasterData = encodeSponsorDay(timestamp + days * 86_400n)
      const operation = await world.prepare(patient, openGrant(asked), { paymasterData })
      assert.deepEqual((await world.refusalOf([operation])).args, [0n, 'AA32 paymaster expired or not due'])
    }
  })

  test('whoever holds her key drains one budget a day and no more, up to its last wei', async () => {
    const { patient, operation } = await answer(world)
    await world.handle([operation])
    const { sponsor, publicClient, entryPoint } = world
    const deposit = () =>
      publicClient.readContract({ ...entryPoint, functionName: 'balanceOf', args: [sponsor.address] })
    const left = () => publicClient.readContract({ ...sponsor, functionName: 'budgetLeft', args: [patient.address] })
    const start = await deposit()
    const budget = await left()
    // The dearest operation the caps allow, again and again, each for a call that fails: preVerificationGas is the bundler's.
    const dear: Partial<Operation> = { maxFeePerGas: 5_000_000_000n, preVerificationGas: 200_000n }
    const call = openGrant({ requestId: `0x${'01'.repeat(32)}`, until: 86_400 })
    for (;;) {
      const next = await world.prepare(patient, call, { ...dear, maxPriorityFeePerGas: 5_000_000_000n })
      const mostWei = 610_000n * 5_000_000_000n
      if ((await left()) < mostWei) {
        const { args } = await world.refusalOf([next])
        const inner = decodeErrorResult({ abi: sponsorPaymasterAbi, data: args?.[2] as Hex })
        assert.equal(inner.errorName, 'BudgetExceeded')
        assert.deepEqual(inner.args, [patient.address, mostWei, await left()])
        break
      }
      assert.deepEqual((await world.handle([next])).successes, [false])
    }
    assert.ok(start - (await deposit()) <= budget, 'the loss stays within the budget')
  })

  test('an operation is handled inside another bundle only whole: starved of gas it reverts the bundle', async () => {
    const { patient, operation: first } = await answer(world)
    await world.handle([first])
    const operation = await world.prepare(patient, openGrant(await world.ask(patient.address)))
    const bundle = {
      ...world.entryPoint,
      functionName: 'handleOps',
      args: [[toPackedUserOperation(operation)], world.operator.account.address],
      account: world.operator.account,
    } as const
    // Enough to validate, too little for the promised call gas: her nonce is not burnt by a call that could not run.
    await assert.rejects(world.publicClient.simulateContract({ ...bundle, gas: 150_000n }), /AA95 out of gas/)
    assert.deepEqual((await world.handle([operation])).successes, [true])
  })

  test('an account cannot have her operation handled inside its own, to starve it or to burn its nonce', async () => {
    const { testClient, operator, entryPoint } = world
    const { patient, operation: first } = await answer(world)
    await world.handle([first])
    const operation = await world.prepare(patient, openGrant(await world.ask(patient.address)))

    // It finds every operation of its own good, and hands its call data to the entry point.
    const attacker = '0x0000000000000000000000000000000000bad0a0' as const
    const forward = `365f5f375f5f365f5f73${entryPoint.address.slice(2)}5af13d5f5f3e6038573d5ffd5b3d5ff3`
    const bytecode: Hex = `0x5f3560e01c6319822f7c14603c57${forward}5b5f5f5260205ff3`
    await testClient.setCode({ address: attacker, bytecode })
    const value = parseEther('1')
    await operator.writeContract({ ...entryPoint, functionName: 'depositTo', args: [attacker], value })
    const inner = [toPackedUserOperation(operation)]
    const callData = encodeFunctionData({ ...entryPoint, functionName: 'handleOps', args: [inner, attacker] })
    const nested = await world.handle([
      {
        sender: attacker,
        nonce: 0n,
        callData,
        callGasLimit: 2_000_000n,
        verificationGasLimit: 100_000n,
        preVerificationGas: 30_000n,
        maxFeePerGas: 1_000_000_000n,
        maxPriorityFeePerGas: 0n,
        signature: '0x',
      },
    ])

    assert.deepEqual(nested.successes, [false])
    assert.equal(nested.reasons[0]?.revertReason, toFunctionSelector('ReentrancyGuardReentrantCall()'))
    assert.deepEqual((await world.handle([operation])).successes, [true])
  })

  test("initCode that makes somebody else's account is refused", async () => {
    const { patient, asked } = await answer(world)
    const functionName = 'createPatientAccount' as const
    const args = [world.nextOwner().address] as const
    const factoryData = encodeFunctionData({ ...world.factory, functionName, args })
    const operation = await world.prepare(patient, openGrant(asked), { factoryData })
    assert.deepEqual((await world.refusalOf([operation])).args, [0n, 'AA14 initCode must return sender'])
  })
}

async function answer(world: World) {
  const patient = await world.addPatient()
  const asked = await world.ask(patient.address)
  return { patient, asked, operation: await world.prepare(patient, openGrant(asked)) }
}
