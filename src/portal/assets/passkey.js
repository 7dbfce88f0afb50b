// Speaks with the authenticator: what the server prepared goes in, what it verifies comes out, as JSON.

/** @param {string} hex with 0x before it */
export function bytesOf(hex) {
  return Uint8Array.from(hex.slice(2).match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}

/** @param {ArrayBuffer} bytes */
function toBase64Url(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** @param {string} text base64url */
function fromBase64Url(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
}

/**
 * Makes a passkey: ES256, found again without a login name, used only when the authenticator has verified the person.
 *
 * @param {{ challenge: string, rpId: string, userId: string, userName: string, known: string[] }} options
 * @returns {Promise<string>}
 */
export async function makePasskey({ challenge, rpId, userId, userName, known }) {
  const made = await navigator.credentials.create({
    publicKey: {
      challenge: bytesOf(challenge),
      rp: { id: rpId, name: 'HealthChain' },
      user: { id: new TextEncoder().encode(userId), name: userName, displayName: userName },
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      excludeCredentials: known.map((id) => ({ type: 'public-key', id: fromBase64Url(id) })),
      attestation: 'none',
    },
  })
  if (!(made instanceof PublicKeyCredential)) throw new TypeError('The browser made no passkey.')
  const response = /** @type {AuthenticatorAttestationResponse} */ (made.response)
  return answer(made, {
    clientDataJSON: toBase64Url(response.clientDataJSON),
    attestationObject: toBase64Url(response.attestationObject),
  })
}

/**
 * Signs 32 bytes with a passkey, the person verified.
 *
 * @param {{ challenge: string, rpId: string, known?: string[] }} options known: the credentials that may sign; any by default
 * @returns {Promise<string>}
 */
export async function signWithPasskey({ challenge, rpId, known = [] }) {
  const signed = await navigator.credentials.get({
    publicKey: {
      challenge: bytesOf(challenge),
      rpId,
      userVerification: 'required',
      allowCredentials: known.map((id) => ({ type: 'public-key', id: fromBase64Url(id) })),
    },
  })
  if (!(signed instanceof PublicKeyCredential)) throw new TypeError('The browser signed nothing.')
  const response = /** @type {AuthenticatorAssertionResponse} */ (signed.response)
  return answer(signed, {
    clientDataJSON: toBase64Url(response.clientDataJSON),
    authenticatorData: toBase64Url(response.authenticatorData),
    signature: toBase64Url(response.signature),
  })
}

/**
 * @param {PublicKeyCredential} credential
 * @param {Record<string, string>} response
 */
function answer({ id, rawId, type }, response) {
  return JSON.stringify({ id, rawId: toBase64Url(rawId), type, clientExtensionResults: {}, response })
}
