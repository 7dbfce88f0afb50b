import { createHash, generateKeyPairSync, sign as signWith } from 'node:crypto'
import { encodeAbiParameters, type Hex, padHex, toHex } from 'viem'

/** Order of the curve P-256: an accepted signature has its s in the lower half. Source: SEC 2, secp256r1. */
const curveOrder = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
/** A passkey that signs as an authenticator does, with the user verified. */
export function makePasskey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x, y } = publicKey.export({ format: 'jwk' })
  const coordinate = (value = ''): Hex => padHex(toHex(Buffer.from(value, 'base64url')), { size: 32 })
  return {
    qx: coordinate(x),
    qy: coordinate(y),
    sign(challenge: Hex): Hex {
      const encoded = Buffer.from(challenge.slice(2), 'hex').toString('base64url')
      const clientData = `{"type":"webauthn.get","challenge":"${encoded}","origin":"http://localhost"}`
      const rpIdHash = createHash('sha256').update('localhost').digest()
      const authenticatorData = Buffer.concat([rpIdHash, Buffer.from([0x05, 0, 0, 0, 1])])
      const clientDataHash = createHash('sha256').update(clientData).digest()
      const signed = Buffer.concat([authenticatorData, clientDataHash])
      const signature = signWith('sha256', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' })
      const [r, s] = [toHex(signature.subarray(0, 32)), BigInt(toHex(signature.subarray(32)))]
      const lowS = toHex(s > curveOrder / 2n ? curveOrder - s : s, { size: 32 })
      return encodeAbiParameters(
        [
          { type: 'bytes32' },
          { type: 'bytes32' },
          { type: 'uint256' },
          { type: 'uint256' },
          { type: 'bytes' },
          { type: 'string' },
        ],
        [r, lowS, 23n, 1n, toHex(authenticatorData), clientData],
      )
    },
  }
}
