import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { bytesToHex, hexToBytes } from 'viem'
import type { Passkey } from '../../src/core/passkey.ts'
import type { Hex } from '../../src/core/rows.ts'

export type SoftwarePasskey = { key: KeyObject; passkey: Passkey }

/** A passkey without a device, for what a browser would not let a test do. */
export function newPasskey(signCount = 0): SoftwarePasskey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = { qx: bytesToHex(Buffer.from(x, 'base64url')), qy: bytesToHex(Buffer.from(y, 'base64url')) }
  return { key: privateKey, passkey: { ...point, credentialId: randomBytes(16).toString('base64url'), signCount } }
}

export type AnswerChange = Partial<{
  origin: string
  crossOrigin: boolean
  rpId: string
  type: string
  flags: number
  signCount: number
}>

/** What a browser hands on of an authenticator. Source: Web Authentication Level 2, sections 5.8.1 and 6.1. */
export function answerOf({ key, passkey }: SoftwarePasskey, challenge: Hex, change: AnswerChange = {}): string {
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
    id: passkey.credentialId,
    rawId: passkey.credentialId,
    type: 'public-key',
    clientExtensionResults: {},
    response: {
      clientDataJSON: Buffer.from(clientData).toString('base64url'),
      authenticatorData: authenticatorData.toString('base64url'),
      signature: signature.toString('base64url'),
    },
  })
}
