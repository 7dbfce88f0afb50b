import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, randomUUID } from 'node:crypto'
import { privateKeyToAccount, sign } from 'viem/accounts'
import { bytesToHex } from 'viem/utils'
import type { EpochMs } from '../core/people.ts'
import type { VaultKeyRow } from '../core/rows.ts'
import type { Vault } from '../core/vault.ts'
import { toCompactSignature } from './userOperation.ts'

const cipher = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16
/** First byte of everything sealed here; a new scheme gets a new number. */
const format = 1

/** A sealed value that does not open: other key, other place, or changed. */
export class VaultSealBrokenError extends Error {
  override readonly name = 'VaultSealBrokenError'
  constructor(context: string, options?: ErrorOptions) {
    super(
      `A sealed value (${context}) does not open. It was sealed under another vault key, moved, or changed. Do: check VAULT_KEY or the key file; restore from backup.`,
      options,
    )
  }
}

/** A key that the vault does not hold, or no longer holds. */
export class VaultKeyMissingError extends Error {
  override readonly name = 'VaultKeyMissingError'
  constructor(keyId: string) {
    super(`The vault has no key ${keyId}. It was destroyed (the data is erased), or the database is another's.`)
  }
}

/**
 * The vault as a keyring in this process: each key is stored sealed with AES-256-GCM under keys derived from one
 * key-encryption key, which lives in a file of mode 0600 or in the environment and nowhere else.
 *
 * @param keyEncryptionKey 32 bytes
 * @param loadKey finds a stored key's row
 */
export function openLocalVault(
  keyEncryptionKey: Uint8Array,
  loadKey: (id: string) => Promise<VaultKeyRow | null>,
  clock: () => EpochMs,
): Vault {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', keyEncryptionKey, '', `healthchain/${purpose}`, 32))
  const wrappingKey = derive('wrap')
  const columnKey = derive('column')
  const indexKey = derive('index')

  async function openKey(id: string): Promise<Buffer> {
    const row = await loadKey(id)
    if (!row?.sealed) throw new VaultKeyMissingError(id)
    return openSealed(wrappingKey, row.sealed, `key/${row.kind}/${id}`)
  }

  function makeKey(kind: VaultKeyRow['kind'], key: Uint8Array): VaultKeyRow {
    const id = randomUUID()
    return { id, kind, sealed: sealBytes(wrappingKey, key, `key/${kind}/${id}`), createdAt: clock() }
  }

  return {
    columns: {
      seal: (text, context) => sealBytes(columnKey, Buffer.from(text), context),
      open: (sealed, context) => openSealed(columnKey, sealed, context).toString(),
      index: (text, context) => createHmac('sha256', indexKey).update(`${context}\0${text}`).digest('base64url'),
    },
    async createAccountKey() {
      const key = randomBytes(32)
      const { address } = privateKeyToAccount(bytesToHex(key))
      return { row: makeKey('account', key), address }
    },
    async signHash(keyId, hash) {
      return toCompactSignature(await sign({ hash, privateKey: bytesToHex(await openKey(keyId)) }))
    },
    async createPatientKey() {
      return makeKey('patient', randomBytes(32))
    },
    async wrapRecordKey(keyId, recordKey, context) {
      return sealBytes(await openKey(keyId), recordKey, context)
    },
    async unwrapRecordKey(keyId, wrapped, context, proof) {
      // The type says it already; a caller without types is refused as well.
      if (!proof?.transactionHash || !proof.entryId) throw new VaultKeyMissingError(keyId)
      return openSealed(await openKey(keyId), wrapped, context)
    },
  }
}

function sealBytes(key: Uint8Array, plain: Uint8Array, context: string): Uint8Array {
  const nonce = randomBytes(nonceBytes)
  const sealing = createCipheriv(cipher, key, nonce)
  sealing.setAAD(Buffer.from(context))
  return Buffer.concat([Buffer.of(format), nonce, sealing.update(plain), sealing.final(), sealing.getAuthTag()])
}

function openSealed(key: Uint8Array, sealed: Uint8Array, context: string): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes.length < 1 + nonceBytes + tagBytes || bytes[0] !== format) throw new VaultSealBrokenError(context)
  const opening = createDecipheriv(cipher, key, bytes.subarray(1, 1 + nonceBytes))
  opening.setAAD(Buffer.from(context))
  opening.setAuthTag(bytes.subarray(bytes.length - tagBytes))
  try {
    return Buffer.concat([opening.update(bytes.subarray(1 + nonceBytes, bytes.length - tagBytes)), opening.final()])
  } catch (cause) {
    throw new VaultSealBrokenError(context, { cause })
  }
}
