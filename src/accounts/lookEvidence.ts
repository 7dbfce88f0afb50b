import { createPublicKey, verify } from 'node:crypto'
import { hexToBytes } from 'viem'
import type { Hex } from '../core/rows.ts'

/**
 * Whether a session key signed a statement: ECDSA over P-256 and SHA-256, as WebCrypto makes it.
 *
 * @param signature r and s, 64 bytes
 * @param publicKey 65 bytes, uncompressed
 */
export function isSignedBySessionKey(text: string, signature: Hex, publicKey: Hex): boolean {
  const key = Buffer.from(hexToBytes(publicKey))
  const jwk = { kty: 'EC', crv: 'P-256', x: key.toString('base64url', 1, 33), y: key.toString('base64url', 33) }
  try {
    const verifying = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const
    return verify('sha256', Buffer.from(text), verifying, hexToBytes(signature))
  } catch {
    // No point of the curve.
    return false
  }
}
