import { Resolver } from 'did-resolver'
import fastify from 'fastify'
import { getResolver } from 'pkh-did-resolver'
import { getAddress } from 'viem'
import { expect, test } from 'vitest'
import { didScope } from '../../../src/accounts/didScope.ts'

const chainId = 4202
const account = getAddress('0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb')
const did = `did:pkh:eip155:${chainId}:${account}`

async function ask(identifier: string, accept?: string) {
  const server = fastify()
  await server.register(didScope(chainId))
  const headers = accept === undefined ? {} : { accept }
  const response = await server.inject({ method: 'GET', url: `/1.0/identifiers/${identifier}`, headers })
  const { 'content-type': type } = response.headers
  return { status: response.statusCode, type, body: response.json() }
}

test("an account's document is the one that another implementation of did:pkh makes", async () => {
  const theirs = await new Resolver(getResolver()).resolve(did, { accept: 'application/did+ld+json' })
  expect(await ask(did)).toEqual({
    status: 200,
    type: 'application/did+ld+json',
    body: expect.objectContaining({
      id: did,
      verificationMethod: [
        expect.objectContaining({
          type: 'EcdsaSecp256k1RecoveryMethod2020',
          blockchainAccountId: `eip155:${chainId}:${account}`,
        }),
      ],
    }),
  })
  expect((await ask(did)).body).toEqual(theirs.didDocument)
})

test('every account has a document, so that none says who is a patient', async () => {
  const nobodys = `did:pkh:eip155:${chainId}:0x${'00'.repeat(20)}`
  const anothers = (await ask(did)).body
  const document = (await ask(nobodys)).body
  const shape = (value: unknown) => JSON.stringify(value).replaceAll(nobodys.slice(8), '').replaceAll(did.slice(8), '')
  expect(shape(document)).toBe(shape(anothers))
})

test('a resolution result carries the document, and names the checksummed form of an address without its checksum', async () => {
  const lowercase = did.toLowerCase()
  const result = await ask(lowercase, 'application/did-resolution')
  expect(result).toMatchObject({ status: 200, type: 'application/did-resolution' })
  expect(result.body.didDocument.id).toBe(lowercase)
  expect(result.body.didDocumentMetadata).toEqual({ canonicalId: did })
  const older = 'application/ld+json;profile="https://w3id.org/did-resolution"'
  expect((await ask(did, older)).body.didDocument.id).toBe(did)
})

test.each([
  ['what is no DID', 'nonsense', 400, 'INVALID_DID'],
  ['a DID with a path', `${did}/records`, 400, 'INVALID_DID'],
  ['an address that is too short', did.slice(0, -1), 400, 'INVALID_DID'],
  ['an address whose checksum is wrong', did.replace('0xab16', '0xAB16'), 400, 'INVALID_DID'],
  ['a chain number with a zero before it', did.replace(':4202:', ':04202:'), 400, 'INVALID_DID'],
  ['an account of another chain', did.replace(':4202:', ':1:'), 404, 'NOT_FOUND'],
  [
    'an account of another kind of chain',
    'did:pkh:tezos:NetXdQprcVkpaWU:tz1TzrmTBSuiVHV2VfMnGRMYvTEPCP42oSM8',
    404,
    'NOT_FOUND',
  ],
  ['another method', 'did:web:hospital.example', 501, 'METHOD_NOT_SUPPORTED'],
])('%s is refused by name', async (_what, identifier, status, type) => {
  const response = await ask(identifier)
  expect(response.status).toBe(status)
  expect(response.body).toEqual({
    didDocument: null,
    didResolutionMetadata: { error: expect.objectContaining({ type: `https://www.w3.org/ns/did#${type}` }) },
    didDocumentMetadata: {},
  })
})

test('a form that we do not speak is refused, a longer DID than any parameter is read', async () => {
  expect((await ask(did, 'text/html')).status).toBe(406)
  expect((await ask(`did:web:${'a'.repeat(500)}`)).status).toBe(501)
  expect((await ask(encodeURIComponent(did))).body.id).toBe(did)
})

test('one address asks so often and no oftener', async () => {
  const server = fastify()
  await server.register(didScope(chainId, { perAddress: 2, windowMs: 60_000 }))
  const statuses = []
  for (let count = 0; count < 3; count += 1)
    statuses.push((await server.inject({ url: `/1.0/identifiers/${did}` })).statusCode)
  expect(statuses).toEqual([200, 200, 429])
})
