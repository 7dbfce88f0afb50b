import { encodeFunctionData, type PrivateKeyAccount } from 'viem'
import { consentLedgerAbi } from '../src/accounts/contracts.generated.ts'
import { rightBits } from '../src/core/classes.ts'
import { measureLimits } from './gasLimits.ts'
import { measurePeers } from './gasPeers.ts'
import {
  type Asked,
  type GasWorld,
  grantCall,
  type Holder,
  hashesOf,
  openRequestCall,
  type Patient,
  requestCall,
  startGasWorld,
} from './gasWorld.ts'
import { capacityRows } from './liskCapacity.ts'
import { meanFjordBytes } from './meanFjordBytes.ts'
import { progress, type Row, toRow } from './row.ts'
import { measureSafeguardLimits } from './safeguardLimits.ts'

const many = 50
/** Accounts that are made in one bundle: more would not fit a transaction's gas. */
const madeAtOnce = 25
/** From the project's figures. */
const targets = { grantAlone: 108_000, grantOfFifty: 61_000, logEntryOfFifty: 15_500, bytesOfFifty: 135 } as const

/** What consent costs on chain, beside the same ledger calls by plain keys and by other smart accounts. */
export async function measure(): Promise<Row[]> {
  await using world = await startGasWorld({ codeSizeLimit: false })
  return [...(await measureOurs(world)), ...(await measureSafeguardLimits()), ...(await measurePeers(world))]
}

/** What is ours alone: the figures of the snapshot. */
export async function measureWithoutPeers(): Promise<Row[]> {
  await using world = await startGasWorld()
  return [...(await measureOurs(world)), ...(await measureSafeguardLimits())]
}

/** Transaction gas ÷ operations, by our own sponsor. */
async function measureOurs(world: GasWorld): Promise<Row[]> {
  const people = await addPeople(world)
  progress('  plain keys')
  const plain = await measurePlain(world, people)
  progress('  first grants, which make the accounts')
  const first = await makeAccounts(world, people)
  progress('  steady operations')
  const steady = await measureSteady(world, people)
  progress('  limits')
  const limits = await measureLimits(world, people)
  const byPlainKey = (metric: string, ours: number, peer: number, atMost?: number) =>
    toRow({ metric, unit: 'gas', ours, peer, peerName: 'plain key', ...(atMost === undefined ? {} : { atMost }) })
  const { grants, coded } = steady
  return [
    byPlainKey('Grant, N = 1', grants.one.gasEach, plain.grant.gasUsed, targets.grantAlone),
    byPlainKey('Grant, N = 10', grants.ten.gasEach, plain.grant.gasUsed),
    byPlainKey('Grant, N = 50', grants.fifty.gasEach, plain.grant.gasUsed, targets.grantOfFifty),
    byPlainKey('Grant, N = 50, of 50 doctors', grants.ofManyDoctors.gasEach, plain.grant.gasUsed),
    byPlainKey('Grant with code, N = 1', coded.one.gasEach, plain.codedGrant.gasUsed, targets.grantAlone),
    byPlainKey('Grant with code, N = 10', coded.ten.gasEach, plain.codedGrant.gasUsed),
    byPlainKey('Grant with code, N = 50', coded.fifty.gasEach, plain.codedGrant.gasUsed, targets.grantOfFifty),
    byPlainKey('First grant, makes the account, N = 1', first.alone.gasEach, plain.grant.gasUsed),
    byPlainKey(`First grant, makes the account, N = ${madeAtOnce}`, first.together.gasEach, plain.grant.gasUsed),
    byPlainKey("Doctor's request, N = 1", steady.request.gasEach, plain.request.gasUsed),
    byPlainKey('Removal, N = 1', steady.removals.one.gasEach, plain.removal.gasUsed),
    byPlainKey('Removal, N = 50', steady.removals.fifty.gasEach, plain.removal.gasUsed),
    ...logRows(steady.logEntries),
    ...[
      { metric: 'Fjord bytes of a grant, N = 1', ours: grants.one.bytesEach },
      { metric: 'Fjord bytes of a grant, N = 10', ours: grants.ten.bytesEach },
      { metric: 'Fjord bytes of a grant, N = 50', ours: grants.fifty.bytesEach, atMost: targets.bytesOfFifty },
    ].map((row) => toRow({ ...row, unit: 'bytes', peer: plain.grantBytes, peerName: 'plain key' })),
    ...[
      { metric: 'Fjord bytes of a grant with code, N = 1', ours: coded.one.bytesEach },
      { metric: 'Fjord bytes of a grant with code, N = 50', ours: coded.fifty.bytesEach, atMost: targets.bytesOfFifty },
      { metric: 'Fjord bytes of a grant with code, N = 50, nonces 2 to 6', ours: coded.ofManyNonces.bytesEach },
    ].map((row) => toRow({ ...row, unit: 'bytes', peer: plain.codedGrantBytes, peerName: 'plain key' })),
    ...capacityRows('Grants with code', { ours: coded.fifty.gasEach, peer: plain.codedGrant.gasUsed }, 'plain key'),
    ...[
      { metric: 'Sponsor is charged for a grant, N = 1', at: grants.one },
      { metric: 'Sponsor is charged for a grant, N = 50', at: grants.fifty },
    ].map(({ metric, at }) =>
      toRow({ metric, unit: 'gas', ours: at.chargedEach, peer: at.gasEach, peerName: 'gas the operator spent' }),
    ),
    ...limits,
  ]
}

export type GasPeople = Awaited<ReturnType<typeof addPeople>>

async function addPeople(world: GasWorld) {
  const newPatients = (name: string) =>
    Promise.all(Array.from({ length: many }, (_, index) => world.holder(`${name} ${index}`, 'patientAccountAddress')))
  const patients = await newPatients('patient')
  const newCardHolders = await newPatients('card holder')
  const doctors: PrivateKeyAccount[] = []
  for (let index = 0; index < many; index += 1) doctors.push(await world.fundedKey(`doctor ${index}`))
  const plainPatient = await world.fundedKey('plain patient')
  const newPlainCardHolder = await world.fundedKey('plain card holder')
  const clinician = await world.holder('clinician', 'doctorAccountAddress')
  const everyPatient = [...patients, plainPatient, ...newCardHolders, newPlainCardHolder]
  await world.addPatients(everyPatient.map(({ address }) => address))
  const cardHolders = await world.issueCards(newCardHolders)
  const [plainCardHolder = newPlainCardHolder] = await world.issueCards([newPlainCardHolder])
  const affiliations = await world.addDoctors(doctors.map(({ address }) => address))
  const [clinicianAffiliation = 0] = await world.addDoctors([clinician.address])
  const askAs = async (doctor: number, of: readonly Patient[]) => {
    const [account, affiliation] = [doctors[doctor], affiliations[doctor]]
    if (!account || affiliation === undefined) throw new RangeError(`There is no doctor ${doctor}.`)
    return world.ask(account, affiliation, of)
  }
  return {
    ...{ patients, cardHolders, plainPatient, plainCardHolder, askAs },
    clinician: { ...clinician, affiliation: clinicianAffiliation },
  }
}

/** The same ledger called by accounts that are a key and nothing else; each call is the account's second. */
async function measurePlain({ send, ledger }: GasWorld, people: GasPeople) {
  const { plainPatient, plainCardHolder, askAs } = people
  const grantTwice = async (patient: PrivateKeyAccount) => {
    const { asked, sent } = await askAs(0, [patient, patient])
    return {
      asked,
      sent,
      granted: await send(
        patient,
        asked.map((one) => ({ to: ledger, data: grantCall(one) })),
      ),
    }
  }
  const { asked, sent, granted } = await grantTwice(plainPatient)
  const removed = await send(
    plainPatient,
    asked.map((one) => ({ to: ledger, data: requestCall('revokeGrant', one) })),
  )
  const coded = await grantTwice(plainCardHolder)
  const [request, grant, codedGrant, removal] = [sent[1], granted[1], coded.granted[1], removed[1]]
  if (!request || !grant || !codedGrant || !removal) throw new Error('The calls by a plain key were not sent.')
  return {
    ...{ request, grant, codedGrant, removal },
    grantBytes: meanFjordBytes(grant.raw, asked.flatMap(hashesOf)),
    codedGrantBytes: meanFjordBytes(codedGrant.raw, coded.asked.flatMap(hashesOf)),
  }
}

async function makeAccounts(world: GasWorld, people: GasPeople) {
  const { patients } = people
  const grant = async (of: readonly Holder[]) => grantAll(world, of, (await people.askAs(0, of)).asked)
  const alone = await grant(patients.slice(0, 1))
  const together = await grant(patients.slice(1, 1 + madeAtOnce))
  await grant(patients.slice(1 + madeAtOnce))
  return { alone, together }
}

async function measureSteady(world: GasWorld, people: GasPeople) {
  const { patients, cardHolders, clinician, askAs } = people
  const grant = async (of: readonly Holder[]) => {
    const { asked } = await askAs(0, of)
    return { asked, cost: await grantAll(world, of, asked) }
  }
  const remove = (of: readonly Holder[], asked: readonly Asked[]) => world.bundle(removalsOf(of, asked))

  const first = await grant(patients)
  const single = { requestId: first.asked[0]?.requestId ?? '0x' }
  const logEntries = {
    one: await logLooks(world, [single]),
    fifty: (await logLooks(world, first.asked)) / many,
    ofManyDoctors: 0,
  }
  // An account's first removal takes a new nonce lane; the second is the ordinary one.
  await remove(patients, first.asked)
  const fifty = await grant(patients)
  const removedFifty = await remove(patients, fifty.asked)

  const asked: Asked[] = []
  for (const [index, patient] of patients.entries()) asked.push(...(await askAs(index, [patient])).asked)
  const ofManyDoctors = await grantAll(world, patients, asked)
  logEntries.ofManyDoctors = (await logLooks(world, asked)) / many

  const ten = await grant(patients.slice(0, 10))
  const one = await grant(patients.slice(0, 1))
  await grant(cardHolders.slice(0, madeAtOnce))
  await grant(cardHolders.slice(madeAtOnce))
  const coded = {
    fifty: (await grant(cardHolders)).cost,
    ten: (await grant(cardHolders.slice(0, 10))).cost,
    one: (await grant(cardHolders.slice(0, 1))).cost,
    ofManyNonces: (await grantInTurns(grant, cardHolders)).cost,
  }
  const removedOne = await remove(patients.slice(0, 1), one.asked)

  const requestTo = async (patient: Holder) => {
    const { request } = world.newRequest(patient, clinician.affiliation)
    return world.bundle([{ kind: 'openRequest', signer: clinician, callData: openRequestCall(request) }])
  }
  const [someone, another] = patients
  if (!someone || !another) throw new RangeError('There are no patients.')
  await requestTo(someone)
  return {
    grants: { one: one.cost, ten: ten.cost, fifty: fifty.cost, ofManyDoctors },
    coded,
    removals: { one: removedOne, fifty: removedFifty },
    request: await requestTo(another),
    logEntries,
  }
}

/** The last of many grants, of as many patients with one, two, three, four and five grants more before it. */
async function grantInTurns<Granted>(
  grant: (of: readonly Holder[]) => Promise<Granted>,
  holders: readonly Holder[],
): Promise<Granted> {
  for (const part of [1, 2, 3, 4]) await grant(holders.filter((_, index) => index % 5 >= part))
  return grant(holders)
}

/** Gas of one transaction that logs a look at each grant. */
async function logLooks(world: GasWorld, grants: readonly Pick<Asked, 'requestId'>[]): Promise<number> {
  const entries = grants.map(({ requestId }) => ({ requestId, entryId: requestId, right: rightBits.VIEW, lookedAt: 0 }))
  const data = encodeFunctionData({ abi: consentLedgerAbi, functionName: 'logAccess', args: [entries] })
  const gas = 60_000n + 40_000n * BigInt(entries.length)
  const [sent] = await world.send(world.operator, [{ to: world.ledger, data, gas }])
  if (!sent) throw new Error('The looks were not logged.')
  return sent.gasUsed
}

function logRows({ one, fifty, ofManyDoctors }: { one: number; fifty: number; ofManyDoctors: number }): Row[] {
  const alone = { unit: 'gas', peer: one, peerName: 'a transaction each' }
  return [
    toRow({ metric: 'Log entry, N = 1', unit: 'gas', ours: one, peer: 21_000, peerName: 'any transaction, at least' }),
    toRow({ metric: 'Log entry, N = 50', ours: fifty, ...alone, atMost: targets.logEntryOfFifty }),
    toRow({ metric: 'Log entry, N = 50, of 50 doctors', ours: ofManyDoctors, ...alone }),
  ]
}

async function grantAll(world: GasWorld, signers: readonly Holder[], asked: readonly Asked[]) {
  const operations = asked.map((one, index) => {
    const signer = signers[index]
    if (!signer) throw new RangeError('There are more requests than patients.')
    return { kind: 'openGrant' as const, signer, callData: grantCall(one) }
  })
  return world.bundle(operations, asked)
}

function removalsOf(signers: readonly Holder[], asked: readonly Asked[]) {
  return asked.map((one, index) => {
    const signer = signers[index]
    if (!signer) throw new RangeError('There are more grants than patients.')
    return { kind: 'revokeGrant' as const, signer, callData: requestCall('revokeGrant', one) }
  })
}
