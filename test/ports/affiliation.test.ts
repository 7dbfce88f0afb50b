import { createTestClient, createWalletClient, http, type PrivateKeyAccount } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SeededDoctor } from '../../local/seed.ts'
import type { Village } from '../../local/village.ts'
import { issueCredential } from '../../src/accounts/affiliationCredential.ts'
import { consentLedgerAbi } from '../../src/accounts/contracts.generated.ts'
import { openLedger } from '../../src/accounts/ledger.ts'
import { day } from '../../src/core/people.ts'
import type { DoctorRow } from '../../src/core/rows.ts'
import { testVillage } from '../support/testVillage.ts'

let village: Village

beforeAll(async () => {
  village = await testVillage()
})

afterAll(() => village?.stop())

function people() {
  const [otieno, mwangi] = village.people.doctors
  if (!otieno || !mwangi) throw new Error('The village has two doctors.')
  return { otieno, mwangi }
}

const signIn = ({ login, password }: SeededDoctor) => village.app.actions.signIn(login, password)

async function rowOf({ login }: SeededDoctor): Promise<DoctorRow> {
  const row = await village.app.store.people.doctorByLogin(login)
  if (!row) throw new Error('The village knows its doctors.')
  return row
}

/** What the hospital would sign for a doctor, by whoever signs it. */
function issueFor(row: DoctorRow, signer: PrivateKeyAccount) {
  const affiliation = {
    chainId: village.world.deployment.chainId,
    hospitalAccount: village.world.hospital.address,
    hospitalName: 'Kisumu County Hospital',
    doctorAccount: row.account,
    affiliationId: row.affiliationId,
  }
  return issueCredential(affiliation, village.now(), (hash) => signer.sign({ hash }))
}

test('both doctors come in with what the hospital signed at enrolment', async () => {
  const { otieno, mwangi } = people()
  for (const doctor of [otieno, mwangi]) expect(await signIn(doctor)).toMatchObject({ token: expect.any(String) })
})

test("a credential put in the database that the hospital did not sign opens no session, nor does another doctor's", async () => {
  const { otieno, mwangi } = people()
  const { store } = village.app
  const row = await rowOf(otieno)
  const kept = row.credential ?? ''
  await store.people.setCredential(row.id, await issueFor(row, privateKeyToAccount(generatePrivateKey())))
  expect(await signIn(otieno)).toEqual({ refused: 'credentialInvalid' })
  await store.people.setCredential(row.id, (await rowOf(mwangi)).credential ?? '')
  expect(await signIn(otieno)).toEqual({ refused: 'credentialOfAnother' })
  await store.people.setCredential(row.id, kept)
  expect(await signIn(otieno)).toMatchObject({ token: expect.any(String) })
})

test('a contract account accepts what it accepts, and nothing else; an account without code accepts nothing', async () => {
  const { chain, chainClient, deployment } = village.world
  const ledger = openLedger(chainClient, deployment)
  const client = createTestClient({ mode: 'anvil', chain: anvil, transport: http(chain.url) })
  const approved = `0x${'ab'.repeat(32)}` as const
  const [multisig, mute, nobody] = ['11', '22', '33'].map((byte) => `0x${byte.repeat(20)}` as const)
  if (!multisig || !mute || !nobody) throw new Error('Three addresses were made.')
  // Answers ERC-1271's yes for one approved hash, as a Safe does for a message its owners signed; the other reverts.
  const yesForApproved = `0x7f${approved.slice(2)}60043514631626ba7e0260e01b60005260206000f3` as const
  await client.setCode({ address: multisig, bytecode: yesForApproved })
  await client.setCode({ address: mute, bytecode: '0x60006000fd' })
  expect(await ledger.acceptsSignature(multisig, approved, '0x')).toBe(true)
  expect(await ledger.acceptsSignature(multisig, `0x${'cd'.repeat(32)}`, '0x')).toBe(false)
  expect(await ledger.acceptsSignature(mute, approved, '0x')).toBe(false)
  expect(await ledger.acceptsSignature(nobody, approved, '0x')).toBe(false)
})

test('the server answers the DID of an account over HTTP', async () => {
  const { app, world } = village
  const did = `did:pkh:eip155:31337:${(await rowOf(people().otieno)).account}`
  const response = await fetch(`${world.serverUrl}/1.0/identifiers/${did}`)
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/did+ld+json'])
  expect(await response.json()).toMatchObject({ id: did })
  expect(app.deployment.chainId).toBe(31337)
})

test('a credential ends after a year, and a renewed one brings her back', async () => {
  const { mwangi } = people()
  await village.advance(366 * day)
  expect(await signIn(mwangi)).toEqual({ refused: 'credentialExpired' })
  const row = await rowOf(mwangi)
  await village.app.store.people.setCredential(row.id, await issueFor(row, village.world.hospital))
  expect(await signIn(mwangi)).toMatchObject({ token: expect.any(String) })
})

test('a suspended post lets nobody in, whatever was signed before', async () => {
  const { otieno, mwangi } = people()
  const { world, app } = village
  const row = await rowOf(otieno)
  await app.store.people.setCredential(row.id, await issueFor(row, world.hospital))
  expect(await signIn(otieno)).toMatchObject({ token: expect.any(String) })
  const wallet = createWalletClient({ account: world.hospital, chain: anvil, transport: http(world.chain.url) })
  const address = world.deployment.consentLedger.address
  const args = [row.affiliationId] as const
  const hash = await wallet.writeContract({ address, abi: consentLedgerAbi, functionName: 'suspendDoctor', args })
  await world.chainClient.waitForTransactionReceipt({ hash })
  expect(await signIn(otieno)).toEqual({ refused: 'affiliationEnded' })
  expect(await signIn(mwangi)).toMatchObject({ token: expect.any(String) })
})

test('while the chain can not be asked nobody comes in', async () => {
  const { mwangi } = people()
  await village.world.chain.stop()
  expect(await signIn(mwangi)).toEqual({ refused: 'chainUnavailable' })
  expect(await signIn({ ...mwangi, password: 'a guess' })).toEqual({ refused: 'wrongPassword' })
})
