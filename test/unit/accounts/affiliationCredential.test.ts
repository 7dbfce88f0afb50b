import { verifyCredential } from 'did-jwt-vc'
import { Resolver } from 'did-resolver'
import fastify from 'fastify'
import { zeroAddress } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { expect, test } from 'vitest'
import { checkAffiliation, issueCredential } from '../../../src/accounts/affiliationCredential.ts'
import { didScope } from '../../../src/accounts/didScope.ts'
import { day, type EpochMs, minute } from '../../../src/core/people.ts'
import type { Hex } from '../../../src/core/rows.ts'

const chainId = 4202
const now = Date.UTC(2026, 10, 26, 9) as EpochMs
const hospital = privateKeyToAccount(generatePrivateKey())
const anotherHospital = privateKeyToAccount(generatePrivateKey())
const doctor = privateKeyToAccount(generatePrivateKey()).address
const anotherDoctor = privateKeyToAccount(generatePrivateKey()).address
const affiliationId = 7

type Signer = typeof hospital
const affiliation = {
  chainId,
  hospitalAccount: hospital.address,
  hospitalName: 'Kilifi County Hospital',
  doctorAccount: doctor,
  affiliationId,
}

const issue = (
  change: Partial<typeof affiliation> = {},
  { by = hospital, at = now }: { by?: Signer; at?: EpochMs } = {},
) => issueCredential({ ...affiliation, ...change }, at, (hash) => by.sign({ hash }))

/** The check as sign-in makes it, over a chain that holds one affiliation. */
function check(
  credential: string | null,
  {
    account = doctor,
    active = true,
    at = now,
    isDown = false,
    accepts = false,
  }: { account?: Hex; active?: boolean; at?: EpochMs; isDown?: boolean; accepts?: boolean } = {},
) {
  const known = { doctor, hospital: hospital.address, active }
  const ledger = {
    async affiliation(id: number) {
      if (isDown) throw new Error('Nobody answers.')
      return id === affiliationId ? known : { doctor: zeroAddress, hospital: zeroAddress, active: false }
    },
    acceptsSignature: async () => accepts,
  }
  return checkAffiliation({ ledger, chainId, clock: () => at })({ account, affiliationId, credential })
}

const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url')
const decode = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString())

test("a hospital's signed word lets its doctor in", async () => {
  expect(await check(await issue())).toBeNull()
})

test('another implementation of verifiable credentials accepts it, with the documents that this server answers', async () => {
  const server = fastify()
  await server.register(didScope(chainId))
  const resolver = new Resolver({
    async pkh(did) {
      const headers = { accept: 'application/did-resolution' }
      return (await server.inject({ url: `/1.0/identifiers/${did}`, headers })).json()
    },
  })
  const issuedNow = await issue({}, { at: Date.now() as EpochMs })
  const { verifiableCredential } = await verifyCredential(issuedNow, resolver)
  expect(verifiableCredential).toMatchObject({
    issuer: { id: `did:pkh:eip155:${chainId}:${hospital.address}` },
    credentialSubject: {
      id: `did:pkh:eip155:${chainId}:${doctor}`,
      affiliationId,
      hospital: 'Kilifi County Hospital',
      role: 'doctor',
    },
    type: ['VerifiableCredential', 'HealthcareAffiliationCredential'],
  })
  const forged = await issue({}, { by: anotherHospital, at: Date.now() as EpochMs })
  await expect(verifyCredential(forged, resolver)).rejects.toThrow('invalid_signature')
})

test('nothing in it names the doctor', async () => {
  const [header, payload] = (await issue()).split('.')
  expect(Object.keys(decode(header))).toEqual(['alg', 'typ', 'kid'])
  expect(Object.keys(decode(payload))).toEqual(['iss', 'sub', 'jti', 'nbf', 'exp', 'vc'])
  expect(Object.keys(decode(payload).vc.credentialSubject)).toEqual(['id', 'affiliationId', 'hospital', 'role'])
})

test('without one nobody comes in', async () => {
  expect(await check(null)).toBe('credentialMissing')
})

test("one that claims the hospital's name under another key is refused", async () => {
  expect(await check(await issue({}, { by: anotherHospital }))).toBe('credentialInvalid')
})

test('one that another hospital signed in its own name is refused', async () => {
  const theirs = await issue({ hospitalAccount: anotherHospital.address }, { by: anotherHospital })
  expect(await check(theirs)).toBe('credentialInvalid')
})

test('one of another doctor, another post or another chain is refused', async () => {
  expect(await check(await issue({ doctorAccount: anotherDoctor }))).toBe('credentialOfAnother')
  expect(await check(await issue({ affiliationId: 8 }))).toBe('credentialOfAnother')
  expect(await check(await issue({ chainId: 1135 }))).toBe('credentialOfAnother')
  // Hers in every word, and the chain knows the post as another doctor's.
  expect(await check(await issue({ doctorAccount: anotherDoctor }), { account: anotherDoctor })).toBe(
    'credentialOfAnother',
  )
})

test('one whose words were changed after signing is refused', async () => {
  const [header, payload, signature] = (await issue()).split('.')
  const claims = decode(payload)
  const longer = encode({ ...claims, exp: claims.exp + 1 })
  expect(await check([header, longer, signature].join('.'))).toBe('credentialInvalid')
  const [, , other] = (await issue({}, { at: (now - 1000) as EpochMs })).split('.')
  expect(await check([header, payload, other].join('.'))).toBe('credentialInvalid')
})

test.each([
  ['no algorithm', { alg: 'none' }],
  ['another algorithm', { alg: 'HS256' }],
  ['an algorithm with a parity', { alg: 'ES256K-R' }],
  ['an extension that must be understood', { alg: 'ES256K', crit: ['b64'], b64: false }],
])('one that names %s is refused, signed or not', async (_what, header) => {
  const [, payload, signature] = (await issue()).split('.')
  expect(await check(`${encode(header)}.${payload}.${signature}`)).toBe('credentialInvalid')
  expect(await check(`${encode(header)}.${payload}.`)).toBe('credentialInvalid')
})

test.each(['', 'a', 'a.b.c', '..', `${encode([])}.${encode({})}.`, `${encode({ alg: 'ES256K' })}.${encode({})}.AA`])(
  'what is no credential is refused: %j',
  async (text) => {
    expect(await check(text)).toBe('credentialInvalid')
  },
)

test('it counts from its first second, with a minute for clocks, to its last', async () => {
  const credential = await issue()
  const at = (ms: number) => check(credential, { at: (now + ms) as EpochMs })
  expect(await at(-2 * minute)).toBe('credentialNotYetValid')
  expect(await at(-minute / 2)).toBeNull()
  expect(await at(365 * day - 1)).toBeNull()
  expect(await at(365 * day)).toBe('credentialExpired')
})

test('a good one does not help when the chain says that the post has ended, or says nothing', async () => {
  expect(await check(await issue(), { active: false })).toBe('affiliationEnded')
  expect(await check(await issue(), { isDown: true })).toBe('chainUnavailable')
})

test('a hospital whose account is a contract signs in the way that the contract accepts', async () => {
  const [header, payload] = (await issue()).split('.')
  const byContract = `${header}.${payload}.${Buffer.from('three owners signed').toString('base64url')}`
  expect(await check(byContract, { accepts: true })).toBeNull()
  expect(await check(byContract, { accepts: false })).toBe('credentialInvalid')
})
