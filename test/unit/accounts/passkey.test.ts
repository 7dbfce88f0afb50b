import { randomBytes } from 'node:crypto'
import { bytesToHex, decodeAbiParameters } from 'viem'
import { describe, expect, test } from 'vitest'
import { encodePasskeySignature, openPasskeyCheck } from '../../../src/accounts/passkey.ts'
import { answerOf, newPasskey } from '../../support/softwareAuthenticator.ts'

const check = openPasskeyCheck('https://portal.example')
const challenge = bytesToHex(randomBytes(32))
const halfOrder = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n

describe('a passkey signature', () => {
  test('has one form on chain, whichever of the two the authenticator gave', async () => {
    const own = newPasskey()
    const { passkey } = own
    // An authenticator takes one form or the other at random: of 40, some are of each.
    for (let times = 0; times < 40; times++) {
      const signature = await check.verify(answerOf(own, challenge), challenge, passkey)
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
    const own = newPasskey(5)
    const { passkey } = own
    expect(await check.verify(answerOf(own, challenge, { signCount: 6 }), challenge, passkey)).not.toBeNull()
    expect(await check.verify(answerOf(own, challenge, { signCount: 6, ...change }), challenge, passkey)).toBeNull()
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
