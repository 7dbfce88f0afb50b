// The key of this sign-in. It is made here, can't be taken out of the browser, and signs for looks.

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** @param {ArrayBuffer} bytes */
function toHex(bytes) {
  return `0x${Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** @returns {Promise<IDBObjectStore>} */
function openKeys() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('healthchain', 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore('sessionKey')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => resolve(opening.result.transaction('sessionKey', 'readwrite').objectStore('sessionKey'))
  })
}

/**
 * @template Result
 * @param {IDBRequest<Result>} request
 * @returns {Promise<Result>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

/**
 * Makes a session key and the statement that the passkey signs, and keeps the key under the statement's hash. Keys of earlier
 * sign-ins go.
 *
 * @param {string} template
 * @returns {Promise<{ statement: string, hash: string }>}
 */
export async function makeSessionKey(template) {
  const pair = await crypto.subtle.generateKey(algorithm, false, ['sign'])
  const statement = template + toHex(await crypto.subtle.exportKey('raw', pair.publicKey))
  const hash = toHex(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(statement)))
  const keys = await openKeys()
  keys.clear()
  await done(keys.put(pair.privateKey, hash))
  return { statement, hash }
}

/**
 * @param {string} session hash of the session statement
 * @param {string} statement
 * @returns {Promise<string | null>} r and s in hexadecimal; null where this browser does not hold that session's key
 */
export async function signWithSessionKey(session, statement) {
  const key = await done((await openKeys()).get(session))
  if (!(key instanceof CryptoKey)) return null
  return toHex(await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(statement)))
}
