import {
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { COSEALG, cose, decodeCredentialPublicKey } from '@simplewebauthn/server/helpers'
import { bytesToBigInt, bytesToHex, concatHex, encodeAbiParameters, hexToBytes, numberToHex } from 'viem'
import type { Passkey, PasskeyCheck, PasskeyPoint, PasskeySignature } from '../core/passkey.ts'
import type { Hex } from '../core/rows.ts'

/** Order of the curve P-256. Source: NIST SP 800-186, section 3.2.1.3. */
const curveOrder = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** What an account decodes after the byte that names the passkey. Source: OpenZeppelin 5.7, WebAuthn.WebAuthnAuth. */
const webAuthnAuth = [
  { type: 'bytes32', name: 'r' },
  { type: 'bytes32', name: 's' },
  { type: 'uint256', name: 'challengeIndex' },
  { type: 'uint256', name: 'typeIndex' },
  { type: 'bytes', name: 'authenticatorData' },
  { type: 'string', name: 'clientDataJSON' },
] as const

/** COSE of an ES256 key, with a gap for x and y each: kty EC2, alg ES256, crv P-256. Source: RFC 9053, section 7.1.1. */
const coseParts = ['0xa5010203262001215820', '0x225820'] as const

/** @param publicUrl the portal as browsers reach it: its origin and host are what authenticators sign for */
export function openPasskeyCheck(publicUrl: string): PasskeyCheck {
  const { origin, hostname: rpId } = new URL(publicUrl)
  const expected = { expectedOrigin: origin, expectedRPID: rpId, requireUserVerification: true }
  return {
    rpId,
    verifyNew: (answer, challenge) =>
      orNull(async () => {
        const { registrationInfo } = await verifyRegistrationResponse({
          ...expected,
          response: JSON.parse(answer) as RegistrationResponseJSON,
          expectedChallenge: toBase64Url(challenge),
          supportedAlgorithmIDs: [COSEALG.ES256],
        })
        if (!registrationInfo) return null
        const { id, publicKey, counter } = registrationInfo.credential
        return { credentialId: id, ...pointOf(publicKey), signCount: counter }
      }),
    credentialOf(answer) {
      try {
        const { id } = JSON.parse(answer) as { id?: unknown }
        return typeof id === 'string' ? id : null
      } catch {
        return null
      }
    },
    verify: (answer, challenge, passkey) =>
      orNull(async () => {
        const response = JSON.parse(answer) as AuthenticationResponseJSON
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({
          ...expected,
          response,
          expectedChallenge: toBase64Url(challenge),
          credential: { id: passkey.credentialId, publicKey: toCose(passkey), counter: passkey.signCount },
        })
        if (!verified || response.id !== passkey.credentialId || isFramed(response)) return null
        return { encoded: encodeAssertion(response.response), signCount: authenticationInfo.newCounter }
      }),
  }
}

/** The signature of a user operation by one of the account's passkeys. @param slot 0 the first, 1 the second */
export function encodePasskeySignature(slot: 0 | 1, { encoded }: PasskeySignature): Hex {
  return concatHex([numberToHex(slot, { size: 1 }), encoded])
}

/** The library says no by throwing, and so does what was sent when it is no JSON at all. */
async function orNull<Result>(check: () => Promise<Result | null>): Promise<Result | null> {
  try {
    return await check()
  } catch {
    return null
  }
}

/** Another site had our page in a frame; our headers forbid that, and a browser that allowed it says so. */
function isFramed({ response }: AuthenticationResponseJSON): boolean {
  const clientData: unknown = JSON.parse(Buffer.from(response.clientDataJSON, 'base64url').toString())
  return typeof clientData === 'object' && clientData !== null && Reflect.get(clientData, 'crossOrigin') === true
}

function encodeAssertion({
  clientDataJSON,
  authenticatorData,
  signature,
}: AuthenticationResponseJSON['response']): Hex {
  const clientData = Buffer.from(clientDataJSON, 'base64url').toString()
  const { r, s } = readDerSignature(Buffer.from(signature, 'base64url'))
  return encodeAbiParameters(webAuthnAuth, [
    numberToHex(r, { size: 32 }),
    // Authenticators sign with either s; the contract takes the lower one only, so that a signature has one form.
    numberToHex(s > curveOrder / 2n ? curveOrder - s : s, { size: 32 }),
    BigInt(clientData.indexOf('"challenge":"')),
    BigInt(clientData.indexOf('"type":"webauthn.get"')),
    bytesToHex(Buffer.from(authenticatorData, 'base64url')),
    clientData,
  ])
}

/** SEQUENCE { r INTEGER, s INTEGER }, which is 72 bytes at most, so each length is one byte. Source: RFC 3279, 2.2.3. */
function readDerSignature(der: Uint8Array): { r: bigint; s: bigint } {
  const sAt = 4 + (der[3] ?? 0)
  const r = der.subarray(4, sAt)
  const s = der.subarray(sAt + 2, sAt + 2 + (der[sAt + 1] ?? 0))
  return { r: bytesToBigInt(r), s: bytesToBigInt(s) }
}

function pointOf(publicKey: Uint8Array<ArrayBuffer>): PasskeyPoint {
  const key = decodeCredentialPublicKey(publicKey)
  const x = cose.isCOSEPublicKeyEC2(key) ? key.get(cose.COSEKEYS.x) : undefined
  const y = cose.isCOSEPublicKeyEC2(key) ? key.get(cose.COSEKEYS.y) : undefined
  if (!x || !y) throw new TypeError('An ES256 key has an x and a y.')
  return { qx: bytesToHex(x), qy: bytesToHex(y) }
}

function toCose({ qx, qy }: Passkey): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hexToBytes(concatHex([coseParts[0], qx, coseParts[1], qy])))
}

function toBase64Url(challenge: Hex): string {
  return Buffer.from(hexToBytes(challenge)).toString('base64url')
}
