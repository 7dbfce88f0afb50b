import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Address, concatHex, encodeFunctionData, type Hex, keccak256, padHex, parseEther, toHex } from 'viem'
import { toPackedUserOperation } from 'viem/account-abstraction'
import { accountFactoryAbi, consentLedgerAbi, patientAccountAbi } from '../../src/accounts/contracts.generated.ts'
import { nonceKeyOf } from '../../src/accounts/userOperation.ts'
import { chainLines, lineHashOf } from '../../src/core/codeCard.ts'
import { makePasskey } from './passkey.ts'
import { type Operation, openGrant, startWorld, type World } from './sponsoredWorld.ts'
import { addressesIn, type Finding, findBreaches, type TraceStep } from './validationRules.ts'

const secondAffiliation = 2
/** Its place in IPatientAccount.ChangeKind. */
const toPasskey = 1
const passkeyLane = nonceKeyOf(3)

/** ERC-7562, which public bundlers hold every operation to, checked on traces of the real entry point. */
describe("what a public bundler asks of an operation's validation", () => {
  let world: World

  before(async () => {
    world = await startWorld()
  })

  after(async () => {
    await world.close()
  })

  /** What the sponsor reads of itself and of the registry: allowed to a paymaster with a stake. */
  const sponsorNeedsStake = new Set(['STO-031', 'STO-033', 'STO-022'])

  async function assertOurs(operation: Operation) {
    const findings = await findingsOf(world, operation)
    assert.deepEqual(
      findings.filter(({ rule, allowedByStakeOf }) => allowedByStakeOf !== 'paymaster' || !sponsorNeedsStake.has(rule)),
      [],
    )
    assert.ok(findings.length > 0, 'the sponsor reads its own storage: a trace without that was not read')
    const own = findings.filter(({ what }) => what.includes(world.sponsor.address.toLowerCase()))
    assert.deepEqual([...new Set(own.map(({ rule }) => rule))], ['STO-031'])
  }

  test("a patient's first yes, which makes her account, keeps the rules, and her second", async () => {
    const patient = await world.addPatient()
    const first = await world.prepare(patient, openGrant(await world.ask(patient.address)))
    assert.ok(first.factory)
    await assertOurs(first)
    assert.deepEqual((await world.handle([first])).successes, [true])
    const second = await world.prepare(patient, openGrant(await world.ask(patient.address)))
    assert.equal(second.factory, undefined)
    await assertOurs(second)
  })

  test('her answer that she pays for herself needs nobody staked', async () => {
    const patient = await world.addPatient()
    await fund(world, patient.address)
    const operation = await unsponsored(world, patient, openGrant(await world.ask(patient.address)))
    assert.deepEqual(await findingsOf(world, operation), [])
  })

  test('what a server signs for a doctor keeps the rules, his first and his second', async () => {
    const owner = world.nextOwner()
    const functionName = 'createDoctorAccount' as const
    const address = await world.publicClient.readContract({
      ...world.factory,
      functionName: 'doctorAccountAddress',
      args: [owner.address],
    })
    const factoryData = encodeFunctionData({ abi: accountFactoryAbi, functionName, args: [owner.address] })
    await world.hospital.writeContract({ ...world.registry, functionName: 'addDoctor', args: [address] })
    const first = await world.prepare({ owner, address }, await asking(world), { factoryData })
    await assertOurs(first)
    await world.handle([first])
    await assertOurs(await world.prepare({ owner, address }, await asking(world)))
  })

  test("what a doctor's passkey signs keeps the rules, his first and his second", async () => {
    const passkey = makePasskey()
    const { qx, qy } = passkey
    const address = await world.publicClient.readContract({
      ...world.factory,
      functionName: 'passkeyDoctorAccountAddress',
      args: [qx, qy],
    })
    await world.hospital.writeContract({ ...world.registry, functionName: 'addDoctor', args: [address] })
    const functionName = 'createPasskeyDoctorAccount' as const
    const factoryData = encodeFunctionData({ abi: accountFactoryAbi, functionName, args: [qx, qy] })
    const owner = world.nextOwner()
    const signed = async (overrides: Partial<Operation>) => {
      const limits = { verificationGasLimit: 500_000n, callGasLimit: 200_000n }
      const operation = await world.prepare({ owner, address }, await asking(world), { ...limits, ...overrides })
      return { ...operation, signature: concatHex(['0x00', passkey.sign(world.hashOf(operation))]) }
    }
    const first = await signed({ factoryData })
    await assertOurs(first)
    assert.deepEqual((await world.handle([first])).deployed, [address])
    await assertOurs(await signed({}))
  })

  test("what a patient's own passkey signs keeps the rules, once she has left custody", async () => {
    const { publicClient, testClient, hospital, ledger, entryPoint, operator } = world
    const patient = await world.addPatient()
    const { address } = patient
    await operator.writeContract({
      ...world.factory,
      functionName: 'createPatientAccount',
      args: [patient.owner.address],
    })
    const code = keccak256(toHex('code'))
    const place = { chainId: 31337, ledger: ledger.address }
    const card = chainLines(place, '0x00', [lineHashOf(code), lineHashOf(keccak256(code))], keccak256(toHex('end')))
    await hospital.writeContract({ ...ledger, functionName: 'issueFirstCard', args: [address, card.tip] })

    const passkey = makePasskey()
    const change = { kind: toPasskey, first: passkey.qx, second: passkey.qy }
    const account = { abi: patientAccountAbi, address }
    const changeHash = await publicClient.readContract({ ...account, functionName: 'changeHashOf', args: [change] })
    const [line] = card.lines
    assert.ok(line)
    const calls = [
      encodeFunctionData({
        abi: consentLedgerAbi,
        functionName: 'takeCardLine',
        args: [changeHash, line.lineHash, line.nextLink],
      }),
      encodeFunctionData({ abi: patientAccountAbi, functionName: 'proposeChange', args: [change, code] }),
    ]
    for (const call of calls) {
      const operation = await world.prepare(patient, call, { callGasLimit: 300_000n })
      await assertOurs(operation)
      assert.deepEqual((await world.handle([operation])).successes, [true])
    }
    await testClient.increaseTime({ seconds: 72 * 60 * 60 })
    await operator.writeContract({ ...account, functionName: 'completeChange', args: [change] })

    const removal = encodeFunctionData({ abi: consentLedgerAbi, functionName: 'revokeGrant', args: [changeHash] })
    const nonce = await publicClient.readContract({
      ...entryPoint,
      functionName: 'getNonce',
      args: [address, passkeyLane],
    })
    const callData = encodeFunctionData({ abi: patientAccountAbi, functionName: 'asPasskeyOwner', args: [removal] })
    const overrides = { nonce, verificationGasLimit: 500_000n }
    const operation = await world.prepare(patient, callData, overrides)
    const signed = { ...operation, signature: passkey.sign(world.hashOf(operation)) }
    await assertOurs(signed)
    assert.deepEqual((await world.handle([signed])).successes, [true])
    // The custodian's key is worth nothing now, in any lane and any shape.
    for (const call of [removal, callData]) {
      const forged = await world.prepare(patient, call, { nonce: call === callData ? nonce + 1n : 0n })
      assert.match(String((await world.refusalOf([forged])).args?.[1]), /^AA2[45]/)
    }
  })

  // What follows shows that the checker sees: accounts, sponsors and factories of a few opcodes that break one rule each.

  const opcodes = {
    ORIGIN: '32',
    GASPRICE: '3a',
    COINBASE: '41',
    TIMESTAMP: '42',
    NUMBER: '43',
    // As the tracer names PREVRANDAO.
    DIFFICULTY: '44',
    GASLIMIT: '45',
    BASEFEE: '48',
    BLOBBASEFEE: '4a',
  }
  const push20 = (address: Address) => `73${address.slice(2)}`
  const pop = '50'
  const zero = '5f'
  /** CALL with all gas, `value` wei and no data. */
  const callOf = (target: Address, value: string) => `${zero}${zero}${zero}${zero}${value}${push20(target)}5af1${pop}`
  const nobody: Address = '0x00000000000000000000000000000000000000aa'

  test('a forbidden opcode is found in the account', async () => {
    for (const [name, opcode] of Object.entries(opcodes)) {
      assert.deepEqual(named(await withAccount(`${opcode}${pop}`)), [`account OP-011 ${name}`])
    }
    assert.deepEqual(named(await withAccount(`${zero}40${pop}`)), ['account OP-011 BLOCKHASH'])
    assert.deepEqual(named(await withAccount(`${zero}49${pop}`)), ['account OP-011 BLOBHASH'])
    assert.deepEqual(named(await withAccount(`${zero}${zero}${zero}f0${pop}`)), ['account OP-011 CREATE'])
    assert.deepEqual(named(await withAccount(`${zero}${zero}${zero}${zero}f5${pop}`)), [
      'account OP-031 CREATE2',
      'account OP-031 CREATE2 of another contract',
    ])
  })

  test('a forbidden opcode is found behind a call to another contract, and in a sponsor', async () => {
    const other = await place(`${opcodes.TIMESTAMP}${pop}00`)
    assert.deepEqual(named(await withAccount(callOf(other, zero))), ['account OP-011 TIMESTAMP'])
    assert.deepEqual(named(await withPaymaster(`${opcodes.TIMESTAMP}${pop}`)), ['paymaster OP-011 TIMESTAMP'])
  })

  test('the gas left may be asked for a call only', async () => {
    assert.deepEqual(named(await withAccount(`5a${pop}`)), ['account OP-012 GAS before POP'])
  })

  test('a balance may be read by a sponsor with a stake, never by an account', async () => {
    assert.deepEqual(await withAccount(`47${pop}`), [{ rule: 'OP-080', entity: 'account', what: 'SELFBALANCE' }])
    assert.deepEqual(await withPaymaster(`3031${pop}`), [
      { rule: 'OP-080', entity: 'paymaster', what: 'BALANCE', allowedByStakeOf: 'paymaster' },
    ])
  })

  test('a call to nobody, a call with value, a call to the entry point and a call out of gas are found', async () => {
    const { address: entryPoint } = world.entryPoint
    assert.deepEqual(named(await withAccount(callOf(nobody, zero))), [
      `account OP-041 CALL of ${nobody}, which has no code`,
    ])
    assert.deepEqual(named(await withAccount(`${push20(nobody)}3b${pop}`)), [
      `account OP-041 EXTCODESIZE of ${nobody}, which has no code`,
    ])
    assert.deepEqual(named(await withAccount(`${push20(nobody)}3b1550`)), [], 'a question whether there is code')
    const other = await place('00')
    assert.deepEqual(named(await withAccount(callOf(other, '6001'))), ['account OP-061 CALL with value'])
    assert.deepEqual(named(await withPaymaster(callOf(entryPoint, zero))), ['paymaster OP-054 CALL to the entry point'])
    const bottomless = await place('5b5f56')
    const smallCall = `${zero}${zero}${zero}${zero}${zero}${push20(bottomless)}6103e8f1${pop}`
    assert.deepEqual(rules(await withAccount(smallCall)), ['account OP-020'])
  })

  test("an account's write, another's storage, and a sponsor's own storage are told apart", async () => {
    const slot5 = '6005'
    assert.deepEqual(rules(await withAccount(`6001${slot5}55`)), ['account ours'])
    assert.deepEqual(rules(await withAccount(`${slot5}54${pop}`)), [])
    const reader = await place(`${slot5}54${pop}00`)
    assert.deepEqual(rules(await withAccount(callOf(reader, zero))), ['account STO-021'])
    assert.deepEqual(await withPaymaster(`${slot5}54${pop}`), [
      { rule: 'STO-031', entity: 'paymaster', what: `read of ${bad.paymaster}`, allowedByStakeOf: 'paymaster' },
    ])
    assert.deepEqual(await withPaymaster(callOf(reader, zero)), [
      { rule: 'STO-033', entity: 'paymaster', what: `read of ${reader}`, allowedByStakeOf: 'paymaster' },
    ])
    const writer = await place(`6001${slot5}5500`)
    assert.deepEqual(await withPaymaster(callOf(writer, zero)), [
      { rule: 'STO-033', entity: 'paymaster', what: `write of ${writer}` },
    ])
  })

  test("a word that belongs to the account's address elsewhere may be read, not so while the account is being made", async () => {
    // keccak256(caller, 0) + 1, as the mapping of a structure has it.
    const ownSlot = '335f5260405f2060010154'
    const mapping = await place(`${ownSlot}${pop}00`)
    assert.deepEqual(rules(await withAccount(callOf(mapping, zero))), [])
    assert.deepEqual(await withFactory('', callOf(mapping, zero)), [
      { rule: 'STO-022', entity: 'account', what: `read of ${mapping}`, allowedByStakeOf: 'factory' },
    ])
  })

  test('a factory makes the account once, and needs a stake for storage of its own', async () => {
    assert.deepEqual(rules(await withFactory('')), [])
    assert.deepEqual(rules(await withFactory(`${opcodes.NUMBER}${pop}`)), ['factory OP-011'])
    assert.deepEqual(await withFactory(`${zero}54${pop}`), [
      { rule: 'STO-031', entity: 'factory', what: `read of ${bad.factory}`, allowedByStakeOf: 'factory' },
    ])
    // Another contract of one STOP, whose code stands in memory.
    const other = '60015f5360015f5ff3'.padEnd(64, '0')
    const extra = `7f${other}5f5260055f60095f${zero}${zero}f5${pop}`
    assert.ok(rules(await withFactory(extra)).includes('factory OP-031'))
  })

  const bad = {
    account: '0x0000000000000000000000000000000000bad001',
    paymaster: '0x0000000000000000000000000000000000bad002',
    factory: '0x0000000000000000000000000000000000bad003',
  } as const

  let placed = 0

  /** Puts runtime code at an address of its own. */
  async function place(code: string): Promise<Address> {
    placed += 1
    const address = padHex(toHex(0xbad100 + placed), { size: 20 })
    await world.testClient.setCode({ address, bytecode: `0x${code}` })
    return address
  }

  /** An account that validates by running `code` and finding everything good. */
  const accepting = (code: string): Hex => `0x${code}5f5f5260205ff3`

  async function withAccount(code: string): Promise<Finding[]> {
    await world.testClient.setCode({ address: bad.account, bytecode: accepting(code) })
    await fund(world, bad.account)
    await world.testClient.setBalance({ address: bad.account, value: parseEther('1') })
    return findingsOf(world, bare(bad.account))
  }

  async function withPaymaster(code: string): Promise<Finding[]> {
    await world.testClient.setCode({ address: bad.account, bytecode: accepting('') })
    // An empty context and validation data zero.
    await world.testClient.setCode({ address: bad.paymaster, bytecode: `0x${code}60405f525f6020525f60405260605ff3` })
    await fund(world, bad.paymaster)
    return findingsOf(world, {
      ...bare(bad.account),
      paymaster: bad.paymaster,
      paymasterVerificationGasLimit: 200_000n,
      paymasterPostOpGasLimit: 0n,
      paymasterData: '0x',
    })
  }

  /** A factory that runs `code` and then makes an account, which validates by running `accountCode`. */
  async function withFactory(code: string, accountCode = ''): Promise<Finding[]> {
    const runtime = accepting(accountCode).slice(2)
    const length = toHex(runtime.length / 2, { size: 1 }).slice(2)
    // Creation code: copies what follows its own 10 bytes, and returns it.
    const creation = `60${length}600a5f3960${length}5ff3${runtime}`
    const size = toHex(creation.length / 2, { size: 2 }).slice(2)
    const making = (offset: number) =>
      `${code}61${size}61${toHex(offset, { size: 2 }).slice(2)}5f39${zero}61${size}${zero}${zero}f55f5260205ff3`
    const factory = making(making(0).length / 2) + creation
    await world.testClient.setCode({ address: bad.factory, bytecode: `0x${factory}` })
    const initCodeHash = keccak256(`0x${creation}`)
    const hashed = keccak256(concatHex(['0xff', bad.factory, padHex('0x', { size: 32 }), initCodeHash]))
    const sender: Address = `0x${hashed.slice(-40)}`
    await fund(world, sender)
    return findingsOf(world, { ...bare(sender), factory: bad.factory, factoryData: '0x' })
  }
})

function bare(sender: Address): Operation {
  return {
    sender,
    nonce: 0n,
    callData: '0x',
    callGasLimit: 50_000n,
    verificationGasLimit: 300_000n,
    preVerificationGas: 30_000n,
    maxFeePerGas: 1_000_000_000n,
    maxPriorityFeePerGas: 0n,
    signature: '0x',
  }
}

/** Traces handleOps with the operation alone, and checks what came before its execution. */
async function findingsOf(world: World, operation: Operation): Promise<Finding[]> {
  const { publicClient, entryPoint, operator } = world
  const packed = toPackedUserOperation(operation)
  const data = encodeFunctionData({
    ...entryPoint,
    functionName: 'handleOps',
    args: [[packed], operator.account.address],
  })
  const call = { from: operator.account.address, to: entryPoint.address, data, gas: toHex(15_000_000n) }
  const trace = (await publicClient.request({
    method: 'debug_traceCall' as never,
    params: [call, 'latest', { enableMemory: true, disableStorage: true }] as never,
  })) as { failed: boolean; structLogs: TraceStep[] }
  assert.equal(trace.failed, false, 'the operation validates')
  const withCode = new Set<Address>()
  for (const address of addressesIn(trace.structLogs)) {
    if ((await publicClient.getCode({ address })) !== undefined) withCode.add(address)
  }
  const { sender, factory, paymaster } = operation
  return findBreaches(trace.structLogs, { entryPoint: entryPoint.address, sender, factory, paymaster }, (address) =>
    withCode.has(address),
  )
}

function fund(world: World, account: Address) {
  const value = parseEther('1')
  return world.operator.writeContract({ ...world.entryPoint, functionName: 'depositTo', args: [account], value })
}

/** An operation that the account pays for from its own deposit. */
async function unsponsored(world: World, patient: Awaited<ReturnType<World['addPatient']>>, callData: Hex) {
  const { paymaster, paymasterVerificationGasLimit, paymasterPostOpGasLimit, paymasterData, ...operation } =
    await world.prepare(patient, callData)
  return world.sign(patient.owner, operation)
}

/** A doctor's question to a new patient. */
async function asking(world: World): Promise<Hex> {
  const patient = await world.addPatient()
  const { request } = await world.newRequest(patient.address, secondAffiliation)
  return encodeFunctionData({ abi: consentLedgerAbi, functionName: 'openRequest', args: [request] })
}

function named(findings: readonly Finding[]): string[] {
  return findings.map(({ rule, entity, what }) => `${entity} ${rule} ${what}`)
}

function rules(findings: readonly Finding[]): string[] {
  return findings.map(({ rule, entity }) => `${entity} ${rule}`)
}
