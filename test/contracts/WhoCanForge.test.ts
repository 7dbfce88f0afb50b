import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  type Abi,
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  concatHex,
  decodeErrorResult,
  encodeFunctionData,
  type Hex,
  keccak256,
  pad,
  parseEventLogs,
  parseSignature,
  slice,
  toHex,
} from 'viem'
import { accountFactoryAbi, consentLedgerAbi, patientAccountAbi } from '../../src/accounts/contracts.generated.ts'
import { ledgerCodedAnswerOf } from '../../src/accounts/ledgerRequest.ts'
import { toCompactSignature } from '../../src/accounts/userOperation.ts'
import { chainLines, lineAtLink, lineHashOf } from '../../src/core/codeCard.ts'
import { makePasskey } from './passkey.ts'
import { type Operation, openGrant, startWorld, type World } from './sponsoredWorld.ts'

type Patient = Awaited<ReturnType<World['addPatient']>>
type NewRequest = Awaited<ReturnType<World['newRequest']>>
type Asked = Pick<NewRequest, 'requestId' | 'contentId' | 'until'> & {
  request: Omit<NewRequest['request'], 'lineHash' | 'nextLink'> & { lineHash: Hex; nextLink: Hex }
}

const year = 365n * 86_400n

/** The rows on forging of docs/threat-model.md: each actor tries, with real keys, on the real entry point. */
describe('who can make the chain say that she agreed', () => {
  let world: World

  before(async () => {
    world = await startWorld()
  })

  after(async () => {
    await world.close()
  })

  test('an outsider who knows her number and all that is public can ask, answer, log and enrol nothing', async () => {
    const { ledger, registry, publicClient } = world
    const stranger = world.nextOwner().address
    const patient = await deployedPatient(world)
    const asked = await world.ask(patient.address)
    const { request } = await world.newRequest(patient.address, 1)
    const entry = { requestId: asked.requestId, entryId: hashOf('entry'), right: 1, lookedAt: 1 }
    const call = (abi: Abi, address: Address, functionName: string, args: readonly unknown[]) =>
      publicClient.simulateContract({ abi, address, functionName, args, account: stranger }).then(
        () => 'done',
        (error) => reasonOf(error),
      )
    const onLedger = (functionName: string, ...args: unknown[]) => call(ledger.abi, ledger.address, functionName, args)
    const onRegistry = (functionName: string, ...args: unknown[]) =>
      call(registry.abi, registry.address, functionName, args)

    assert.equal(await onLedger('openRequest', request), `NotAffiliatedDoctor(1, ${stranger})`)
    assert.equal(await onLedger('logAccess', [entry]), `NotAccessWriter(${stranger})`)
    assert.equal(await onLedger('setAccessWriter', stranger), `OwnableUnauthorizedAccount(${stranger})`)
    assert.match(await onLedger('issueFirstCard', patient.address, hashOf('tip')), /^NotPatientHospital/)
    assert.equal(await onRegistry('verifyHospital', stranger), `OwnableUnauthorizedAccount(${stranger})`)
    for (const name of ['addDoctor', 'addPatient', 'suspendPatient', 'addHealthWorker']) {
      assert.equal(await onRegistry(name, stranger), `HospitalNotVerified(${stranger})`)
    }
    for (const to of [ledger.address, patient.address]) {
      const answer = publicClient.call({ account: stranger, to, data: openGrant(asked) })
      await assert.rejects(answer, /reverted/)
    }
    const forged = await world.sign(world.nextOwner(), await world.prepare(patient, openGrant(asked)))
    assert.deepEqual((await world.refusalOf([forged])).args, [0n, 'AA24 signature error'])
    assert.equal(await world.canAccess(asked.requestId), false)
  })

  test("the custodian's key answers an open question of a patient without a card, and everybody sees a bare reply", async () => {
    const patient = await deployedPatient(world)
    const asked = await world.ask(patient.address)
    assert.deepEqual(await granted(world, patient, openGrant(asked)), [
      { requestId: asked.requestId, codeChecked: false },
    ])
    assert.equal(await world.canAccess(asked.requestId), true)
  })

  test("the custodian's key asks nothing, widens nothing and answers nothing that was not asked", async () => {
    const patient = await deployedPatient(world)
    const asked = await world.ask(patient.address)
    const { request } = await world.newRequest(patient.address, 1)
    const ask = encodeFunctionData({ abi: consentLedgerAbi, functionName: 'openRequest', args: [request] })
    const { args } = await world.refusalOf([await world.prepare(patient, ask)])
    assert.equal(args?.[1], 'AA33 reverted')
    const longer = { ...asked, until: asked.until + Number(year) }
    assert.match(await refused(world, patient, openGrant(longer)), /^GrantEndInvalid/)
    const unasked = await world.newRequest(patient.address, 1)
    assert.match(await refused(world, patient, openGrant(unasked)), /^RequestUnknown/)
    const signature = toCompactSignature(parseSignature(await patient.owner.sign({ hash: hashOf('elsewhere') })))
    const valid = await world.publicClient.readContract({
      abi: patientAccountAbi,
      address: patient.address,
      functionName: 'isValidSignature',
      args: [hashOf('elsewhere'), signature],
    })
    assert.equal(valid, '0xffffffff')
  })

  test('an operator with both keys forges question and answer, and the chain shows who signed for the doctor', async () => {
    const patient = await deployedPatient(world)
    const doctor = await addServerSignedDoctor(world)
    const asked = await world.newRequest(patient.address, doctor.affiliationId)
    assert.deepEqual((await world.handle([await doctor.prepare(askWith(asked))])).successes, [true])
    assert.deepEqual(await granted(world, patient, openGrant(asked)), [
      { requestId: asked.requestId, codeChecked: false },
    ])
    const isPasskeyDoctor = await world.publicClient.readContract({
      ...world.factory,
      functionName: 'isPasskeyDoctor',
      args: [doctor.address],
    })
    assert.equal(isPasskeyDoctor, false)
  })

  test("an operator cannot sign for a doctor's passkey, nor for a card's line, and cannot undo a removal", async () => {
    const { patient, card } = await patientWithCard(world)
    const doctor = await addPasskeyDoctor(world)
    const asked = await newRequestWithLine(world, patient, doctor.affiliationId, card)
    const operation = await doctor.prepare(askWith(asked))
    const forged = { ...operation, signature: concatHex(['0x00', makePasskey().sign(world.hashOf(operation))]) }
    assert.deepEqual((await world.refusalOf([forged])).args, [0n, 'AA24 signature error'])

    // With a doctor whom the server signs for, the question stands; her answer needs the code all the same.
    const signedFor = await addServerSignedDoctor(world)
    const second = await newRequestWithLine(world, patient, signedFor.affiliationId, card)
    assert.deepEqual((await world.handle([await signedFor.prepare(askWith(second))])).successes, [true])
    assert.match(await refused(world, patient, openGrant(second)), /^CodeMissing/)
    assert.match(await refused(world, patient, openGrantWithCode(second, hashOf('guess'))), /^CodeMismatch/)

    const other = await deployedPatient(world)
    const removed = await world.ask(other.address)
    await granted(world, other, openGrant(removed))
    const remove = encodeFunctionData({
      abi: consentLedgerAbi,
      functionName: 'revokeGrant',
      args: [removed.requestId],
    })
    assert.deepEqual((await world.handle([await world.prepare(other, remove)])).successes, [true])
    assert.match(await refused(world, other, openGrant(removed)), /^RequestNotOpen/)
  })

  test('an operator cannot take her account over: a change of owner needs a code of her card', async () => {
    const { patient } = await patientWithCard(world)
    const { qx, qy } = makePasskey()
    const change = { kind: toPasskey, first: qx, second: qy }
    const functionName = 'proposeChange' as const
    const propose = encodeFunctionData({ abi: patientAccountAbi, functionName, args: [change, hashOf('guess')] })
    assert.match(await refused(world, patient, propose), /^ActionCodeMismatch/)
    assert.match(await refused(world, await deployedPatient(world), propose), /^ActionCodeMismatch/)
  })

  test('an operator logs a look under a standing grant and never without one: the attempt stands on chain', async () => {
    const { accessWriter, ledger, publicClient } = world
    const patient = await deployedPatient(world)
    const [allowed, open] = [await world.ask(patient.address), await world.ask(patient.address)]
    await granted(world, patient, openGrant(allowed))
    const { timestamp } = await publicClient.getBlock()
    const entries = [allowed, open].map(({ requestId }) => {
      return { requestId, entryId: hashOf(requestId), right: 1, lookedAt: Number(timestamp) }
    })
    const hash = await accessWriter.writeContract({ ...ledger, functionName: 'logAccess', args: [entries] })
    const { logs } = await publicClient.getTransactionReceipt({ hash })
    const events = parseEventLogs({ abi: consentLedgerAbi, logs })
    assert.deepEqual(
      events.map(({ eventName, args }) => [eventName, 'requestId' in args && args.requestId]),
      [
        ['AccessLogged', allowed.requestId],
        ['AccessRefused', open.requestId],
      ],
    )
  })

  test('operator and doctor together forge a bare reply; with a card they spend a line in public and get nothing', async () => {
    const doctor = await addPasskeyDoctor(world)
    const bare = await deployedPatient(world)
    const asked = await world.newRequest(bare.address, doctor.affiliationId)
    assert.deepEqual((await world.handle([await doctor.prepare(askWith(asked))])).successes, [true])
    assert.deepEqual(await granted(world, bare, openGrant(asked)), [{ requestId: asked.requestId, codeChecked: false }])

    const { patient, card } = await patientWithCard(world)
    const lineless = await world.newRequest(patient.address, doctor.affiliationId)
    assert.match(await refusedOf(world, await doctor.prepare(askWith(lineless))), /^CardLineMissing/)
    const withLine = await newRequestWithLine(world, patient, doctor.affiliationId, card)
    const handled = await world.handle([await doctor.prepare(askWith(withLine))])
    const [taken] = parseEventLogs({ abi: consentLedgerAbi, logs: handled.logs, eventName: 'CardLineTaken' })
    assert.equal(taken?.args.patient, patient.address)
    assert.match(await refused(world, patient, openGrant(withLine)), /^CodeMissing/)
    assert.match(await refused(world, patient, openGrantWithCode(withLine, hashOf('guess'))), /^CodeMismatch/)
  })

  test('operator and doctor cannot open an emergency that she did not opt in to, nor opt her in without a code', async () => {
    const doctor = await addPasskeyDoctor(world)
    const patient = await deployedPatient(world)
    const emergency = encodeFunctionData({
      abi: consentLedgerAbi,
      functionName: 'openEmergency',
      args: [patient.address, doctor.affiliationId, hashOf('reason')],
    })
    assert.match(await refusedOf(world, await doctor.prepare(emergency)), /^EmergencyNotAllowed/)
    const optIn = encodeFunctionData({
      abi: consentLedgerAbi,
      functionName: 'askLoosening',
      args: [allowEmergency, `0x${'00'.repeat(32)}`, hashOf('line'), hashOf('link')],
    })
    assert.match(await refused(world, patient, optIn), /^NoCodeCard/)
    const byRecovery = encodeFunctionData({
      abi: consentLedgerAbi,
      functionName: 'scheduleLooseningByRecovery',
      args: [allowEmergency, `0x${'00'.repeat(32)}`],
    })
    const { args } = await world.refusalOf([await world.prepare(patient, byRecovery)])
    assert.equal(args?.[1], 'AA33 reverted')
  })

  test('hospital and operator invent a doctor, and a card for a patient who has none: both stand on chain first', async () => {
    const { hospital, ledger, publicClient } = world
    const invented = await addPasskeyDoctor(world)
    const patient = await deployedPatient(world)
    // The hospital prints the card itself, so it knows the codes.
    const card = makeCard(world)
    const issue = { ...ledger, functionName: 'issueFirstCard', args: [patient.address, card.tip] } as const
    const issued = await publicClient.getTransactionReceipt({ hash: await hospital.writeContract(issue) })
    const events = parseEventLogs({ abi: consentLedgerAbi, logs: issued.logs })
    assert.deepEqual(
      events.map(({ eventName }) => eventName),
      ['FirstCardIssued', 'CodeRequired'],
    )
    const asked = await newRequestWithLine(world, patient, invented.affiliationId, card)
    await world.handle([await invented.prepare(askWith(asked))])
    assert.deepEqual(await granted(world, patient, openGrantWithCode(asked, card.codeOf(asked.line))), [
      { requestId: asked.requestId, codeChecked: true },
    ])
  })

  test('hospital and operator cannot give another card to a patient who holds one', async () => {
    const { hospital, ledger, publicClient } = world
    const { patient } = await patientWithCard(world)
    const again = publicClient.simulateContract({
      ...ledger,
      functionName: 'issueFirstCard',
      args: [patient.address, hashOf('tip')],
      account: hospital.account,
    })
    assert.match(await again.then(String, reasonOf), /^CardAlreadyIssued/)
    const replace = encodeFunctionData({
      abi: consentLedgerAbi,
      functionName: 'confirmLoosening',
      args: [replaceCard, hashOf('guess')],
    })
    assert.match(await refused(world, patient, replace), /^LooseningNotAsked/)
  })

  test('with the card too, operator and doctor forge an answer that nobody can tell from hers', async () => {
    const doctor = await addPasskeyDoctor(world)
    const { patient, card } = await patientWithCard(world)
    const asked = await newRequestWithLine(world, patient, doctor.affiliationId, card)
    await world.handle([await doctor.prepare(askWith(asked))])
    assert.deepEqual(await granted(world, patient, openGrantWithCode(asked, card.codeOf(asked.line))), [
      { requestId: asked.requestId, codeChecked: true },
    ])
  })

  test('an outsider with the card but without her phone can put no answer on chain', async () => {
    const doctor = await addPasskeyDoctor(world)
    const { patient, card } = await patientWithCard(world)
    const asked = await newRequestWithLine(world, patient, doctor.affiliationId, card)
    await world.handle([await doctor.prepare(askWith(asked))])
    const answer = await world.prepare(patient, openGrantWithCode(asked, card.codeOf(asked.line)))
    const forged = await world.sign(world.nextOwner(), answer)
    assert.deepEqual((await world.refusalOf([forged])).args, [0n, 'AA24 signature error'])
  })
})

/** Its place in IPatientAccount.ChangeKind. */
const toPasskey = 1
/** Places in IPatientSafeguards.LooseningKind. */
const allowEmergency = 1
const replaceCard = 2

async function deployedPatient(world: World): Promise<Patient> {
  const patient = await world.addPatient()
  await world.operator.writeContract({
    ...world.factory,
    functionName: 'createPatientAccount',
    args: [patient.owner.address],
  })
  return patient
}

let cards = 0

/** A card of three lines; its maker knows the codes, the server does not. */
function makeCard({ ledger }: World) {
  cards += 1
  const codes = [1, 2, 3].map((line) => pad(slice(hashOf(`card ${cards}, code ${line}`), 0, 14), { dir: 'right' }))
  const place = { chainId: 31337, ledger: ledger.address }
  const card = chainLines(place, '0x00', codes.map(lineHashOf), hashOf(`card ${cards}, end`))
  return { ...card, codeOf: (line: number): Hex => codes[line - 1] ?? '0x' }
}

async function patientWithCard(world: World) {
  const patient = await deployedPatient(world)
  const card = makeCard(world)
  await world.hospital.writeContract({
    ...world.ledger,
    functionName: 'issueFirstCard',
    args: [patient.address, card.tip],
  })
  return { patient, card }
}

/** A request that takes the card's next line. */
async function newRequestWithLine(
  { newRequest, publicClient, ledger }: World,
  { address }: Patient,
  affiliationId: number,
  card: ReturnType<typeof makeCard>,
) {
  const { request, until } = await newRequest(address, affiliationId)
  const { cardTip } = await publicClient.readContract({ ...ledger, functionName: 'safeguards', args: [address] })
  const next = card.lines.find(({ line }) => line === lineAtLink(card, cardTip))
  if (next === undefined) throw new TypeError('The card has no more lines.')
  const withLine = { ...request, lineHash: next.lineHash, nextLink: next.nextLink }
  const requestId = await publicClient.readContract({ ...ledger, functionName: 'requestIdOf', args: [withLine] })
  const contentId = await publicClient.readContract({ ...ledger, functionName: 'contentIdOf', args: [withLine] })
  return { request: withLine, requestId, contentId, until, line: next.line }
}

async function addServerSignedDoctor(world: World) {
  const owner = world.nextOwner()
  const functionName = 'createDoctorAccount' as const
  const factoryData = encodeFunctionData({ abi: accountFactoryAbi, functionName, args: [owner.address] })
  const address = await world.publicClient.readContract({
    ...world.factory,
    functionName: 'doctorAccountAddress',
    args: [owner.address],
  })
  const affiliationId = await addDoctor(world, address)
  await world.operator.sendTransaction({ to: world.factory.address, data: factoryData })
  return {
    address,
    affiliationId,
    prepare: (callData: Hex) => world.prepare({ owner, address }, callData, { callGasLimit: 250_000n }),
  }
}

async function addPasskeyDoctor(world: World) {
  const passkey = makePasskey()
  const { qx, qy } = passkey
  const functionName = 'createPasskeyDoctorAccount' as const
  const factoryData = encodeFunctionData({ abi: accountFactoryAbi, functionName, args: [qx, qy] })
  const address = await world.publicClient.readContract({
    ...world.factory,
    functionName: 'passkeyDoctorAccountAddress',
    args: [qx, qy],
  })
  const affiliationId = await addDoctor(world, address)
  await world.operator.sendTransaction({ to: world.factory.address, data: factoryData })
  const limits = { verificationGasLimit: 500_000n, callGasLimit: 250_000n }
  return {
    address,
    affiliationId,
    async prepare(callData: Hex): Promise<Operation> {
      const operation = await world.prepare({ owner: world.nextOwner(), address }, callData, limits)
      return { ...operation, signature: concatHex(['0x00', passkey.sign(world.hashOf(operation))]) }
    },
  }
}

/** @returns the affiliation that the hospital gave him */
async function addDoctor({ hospital, registry, publicClient }: World, doctor: Address): Promise<number> {
  const hash = await hospital.writeContract({ ...registry, functionName: 'addDoctor', args: [doctor] })
  const { logs } = await publicClient.getTransactionReceipt({ hash })
  const [added] = parseEventLogs({ abi: consentLedgerAbi, logs, eventName: 'DoctorAdded' })
  if (added === undefined) throw new TypeError('No doctor was added.')
  return added.args.affiliationId
}

function askWith({ request }: Asked): Hex {
  return encodeFunctionData({ abi: consentLedgerAbi, functionName: 'openRequest', args: [request] })
}

function openGrantWithCode({ contentId, until }: Asked, code: Hex): Hex {
  const functionName = 'openGrantWithCode'
  return encodeFunctionData({
    abi: consentLedgerAbi,
    functionName,
    args: ledgerCodedAnswerOf(contentId, hashOf('artefact'), code, until),
  })
}

/** The grants that the patient's operation opened, as everybody sees them. */
async function granted(world: World, patient: Patient, callData: Hex) {
  const { successes, logs } = await world.handle([await world.prepare(patient, callData)])
  assert.deepEqual(successes, [true])
  return parseEventLogs({ abi: consentLedgerAbi, logs, eventName: 'GrantOpened' }).map(({ args }) => ({
    requestId: args.requestId,
    codeChecked: args.codeChecked,
  }))
}

/** What the ledger or the account answers to the patient's operation, which passed validation. */
async function refused(world: World, patient: Patient, callData: Hex): Promise<string> {
  return refusedOf(world, await world.prepare(patient, callData))
}

async function refusedOf(world: World, operation: Operation): Promise<string> {
  const { successes, reasons } = await world.handle([operation])
  assert.deepEqual(successes, [false])
  const { errorName, args } = decodeErrorResult({ abi: refusals, data: reasons[0]?.revertReason ?? '0x' })
  return `${errorName}(${args?.join(', ') ?? ''})`
}

const refusals = [...consentLedgerAbi, ...patientAccountAbi] as const

function reasonOf(error: unknown): string {
  if (!(error instanceof BaseError)) throw error
  const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError)
  if (!(reverted instanceof ContractFunctionRevertedError)) throw error
  return `${reverted.data?.errorName}(${reverted.data?.args?.join(', ') ?? ''})`
}

function hashOf(text: string): Hex {
  return keccak256(toHex(text))
}
