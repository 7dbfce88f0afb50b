import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { bytesToHex, decodeAbiParameters, hexToBytes } from 'viem'
import { describe, expect, test } from 'vitest'
import { encodePasskeySignature, openPasskeyCheck } from '../../../src/accounts/passkey.ts'
import type { Passkey } from '../../../src/core/passkey.ts'

const check = openPasskeyCheck('https://portal.example')
const challenge = bytesToHex(randomBytes(32))
const halfOrder = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n

describe('a passkey signature', () => {
  test('has one form on chain, whichever of the two the authenticator gave', async () => {
    const { key, passkey } = newPasskey()
    // An authenticator takes one form or the other at random: of 40, some are of each.
    for (let times = 0; times < 40; times++) {
      const signature = await check.verify(answer(key, passkey), challenge, passkey)
      expect(signature).not.toBeNull()
      const encoded = encodePasskeySignature(1, signature ?? { encoded: '0x', signCount: 0 })
      expect(encoded.slice(0, 4)).toBe('0x01')
      const [, s, challengeIndex, typeIndex, , clientData] = decodeAbiParameters(
        [
          { type: 'bytes32' },
          { type: 'bytes32' },
          { type: 'uint256' },
          { type: 'uint256' },
          { type: 'bytes' },
          { type: 'string' },
        ],
        `0x${encoded.slice(4)}`,
      )
      expect(BigInt(s)).toBeLessThanOrEqual(halfOrder)
      expect(clientData.slice(Number(typeIndex))).toMatch(/^"type":"webauthn.get"/)
      expect(clientData.slice(Number(challengeIndex))).toMatch(/^"challenge":"/)
    }
  })

  test.each([
    ['made on a page of another origin', { origin: 'https://portal.example.evil' }],
    ['made in a frame of another site', { crossOrigin: true }],
    ['made for another site', { rpId: 'example' }],
    ['that makes a new passkey, not a signature', { type: 'webauthn.create' }],
    ['without a touch', { flags: 0x04 }],
    ['by somebody whom the authenticator did not verify', { flags: 0x01 }],
    ['with a count that goes back, as of a copied key', { signCount: 4 }],
  ])('is refused %s', async (_, change) => {
    const { key, passkey } = newPasskey(5)
    expect(await check.verify(answer(key, passkey, { signCount: 6 }), challenge, passkey)).not.toBeNull()
    expect(await check.verify(answer(key, passkey, { signCount: 6, ...change }), challenge, passkey)).toBeNull()
  })

  test.each(['', 'null', '{}', '{"id":7}', '{"response":null}'])(
    'that is no signature at all is refused: %s',
    async (text) => {
      const { passkey } = newPasskey()
      expect(await check.verify(text, challenge, passkey)).toBeNull()
      expect(await check.verifyNew(text, challenge)).toBeNull()
      expect(check.credentialOf(text)).toBeNull()
    },
  )
})

function newPasskey(signCount = 0): { key: KeyObject; passkey: Passkey } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = { qx: bytesToHex(Buffer.from(x, 'base64url')), qy: bytesToHex(Buffer.from(y, 'base64url')) }
  return { key: privateKey, passkey: { ...point, credentialId: randomBytes(16).toString('base64url'), signCount } }
}

type Change = Partial<{
  origin: string
  crossOrigin: boolean
  rpId: string
  type: string
  flags: number
  signCount: number
}>

/** What a browser hands on of an authenticator. Source: Web Authentication Level 2, sections 5.8.1 and 6.1. */
function answer(key: KeyObject, { credentialId }: Passkey, change: Change = {}): string {
  const { origin = 'https://portal.example', rpId = 'portal.example', type = 'webauthn.get' } = change
  const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest()
  const signCount = Buffer.alloc(4)
  signCount.writeUInt32BE(change.signCount ?? 0)
  const authenticatorData = Buffer.concat([sha256(rpId), Buffer.from([change.flags ?? 0x05]), signCount])
  const encodedChallenge = Buffer.from(hexToBytes(challenge)).toString('base64url')
  const clientData = JSON.stringify({
    type,
    challenge: encodedChallenge,
    origin,
    crossOrigin: change.crossOrigin ?? false,
  })
  const signature = sign('sha256', Buffer.concat([authenticatorData, sha256(clientData)]), key)
  return JSON.stringify({
    id: credentialId,
    rawId: credentialId,
    type: 'public-key',
    clientExtensionResults: {},
    response: {
      clientDataJSON: Buffer.from(clientData).toString('base64url'),
      authenticatorData: authenticatorData.toString('base64url'),
      signature: signature.toString('base64url'),
    },
  })
}
