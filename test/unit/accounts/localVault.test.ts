import { createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { compactSignatureToSignature, parseCompactSignature, recoverAddress } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { bytesToHex } from 'viem/utils'
import { describe, expect, test } from 'vitest'
import { openLocalVault, VaultKeyMissingError, VaultSealBrokenError } from '../../../src/accounts/localVault.ts'
import type { EpochMs, PatientId } from '../../../src/core/people.ts'
import type { Hex, VaultKeyRow } from '../../../src/core/rows.ts'
import type { LoggedLook } from '../../../src/core/vault.ts'

const keyEncryptionKey = randomBytes(32)
const now = 1_795_000_000_000 as EpochMs
const patient = 'patient' as PatientId
const hash: Hex = `0x${'5a'.repeat(32)}`
const look = { entryId: hash, ledgerRequestId: hash, blockNumber: 7, transactionHash: hash } as LoggedLook

function vaultOver(key: Uint8Array = keyEncryptionKey) {
  const rows = new Map<string, VaultKeyRow>()
  const vault = openLocalVault(
    key,
    async (id) => rows.get(id) ?? null,
    () => now,
  )
  const keep = (row: VaultKeyRow) => {
    rows.set(row.id, row)
    return row
  }
  return { vault, rows, keep }
}

describe('columns', () => {
  const { columns } = vaultOver().vault

  test('what is sealed opens again, whatever alphabet it is in', () => {
    for (const text of ['', '+254700000011', 'Akinyi Odhiambo', 'አበበ 👍', 'x'.repeat(5_000)])
      expect(columns.open(columns.seal(text, 'patient.name'), 'patient.name')).toBe(text)
  })

  test('the sealed bytes show nothing, and the same text looks different each time', () => {
    const once = Buffer.from(columns.seal('+254700000011', 'phone_address.address'))
    const again = Buffer.from(columns.seal('+254700000011', 'phone_address.address'))
    expect(once.includes('254700000011')).toBe(false)
    expect(once.equals(again)).toBe(false)
  })

  test('a value moved to another column does not open', () => {
    expect(() => columns.open(columns.seal('Akinyi', 'patient.name'), 'doctor.name')).toThrow(VaultSealBrokenError)
  })

  test('a value sealed under another vault key does not open', () => {
    const other = vaultOver(randomBytes(32)).vault.columns
    expect(() => other.open(columns.seal('Akinyi', 'patient.name'), 'patient.name')).toThrow(VaultSealBrokenError)
  })

  test('a single changed bit anywhere is noticed', () => {
    const sealed = columns.seal('Akinyi', 'patient.name')
    for (let place = 0; place < sealed.length; place += 1) {
      const changed = Uint8Array.from(sealed)
      changed[place] = (changed[place] ?? 0) ^ 1
      expect(() => columns.open(changed, 'patient.name')).toThrow(VaultSealBrokenError)
    }
  })

  test('what is cut short or empty does not open', () => {
    const sealed = columns.seal('Akinyi', 'patient.name')
    for (const length of [0, 1, 12, 28, sealed.length - 1])
      expect(() => columns.open(sealed.slice(0, length), 'patient.name')).toThrow(VaultSealBrokenError)
  })

  test('an error names the column and never the text', () => {
    const sealed = columns.seal('Akinyi', 'patient.name')
    expect(() => columns.open(sealed, 'doctor.name')).toThrow(/doctor\.name/)
    expect(() => columns.open(sealed, 'doctor.name')).not.toThrow(/Akinyi/)
  })

  test('a number is found again by its index, in its own column and under its own key only', () => {
    const index = columns.index('+254700000011', 'phone_address.address')
    expect(columns.index('+254700000011', 'phone_address.address')).toBe(index)
    expect(vaultOver().vault.columns.index('+254700000011', 'phone_address.address')).toBe(index)
    expect(columns.index('+254700000012', 'phone_address.address')).not.toBe(index)
    expect(columns.index('+254700000011', 'outbound_message.text')).not.toBe(index)
    const other = vaultOver(randomBytes(32)).vault.columns
    expect(other.index('+254700000011', 'phone_address.address')).not.toBe(index)
    expect(index).not.toContain('700000011')
  })
})

describe('keys of accounts', () => {
  test('an account signs with its own key, with low s', async () => {
    const { vault, keep } = vaultOver()
    const key = await vault.createAccountKey()
    keep(key.row)
    const signature = await vault.signHash(key.row.id, hash)
    expect(signature).toMatch(/^0x[0-9a-f]{128}$/)
    const { r, s, yParity = 0 } = compactSignatureToSignature(parseCompactSignature(signature))
    expect(await recoverAddress({ hash, signature: { r, s, yParity } })).toBe(key.address)
    const half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n
    expect(BigInt(s)).toBeLessThanOrEqual(half)
  })

  test('the row holds the key sealed with AES-256-GCM and never in clear', async () => {
    const { row, address } = await vaultOver().vault.createAccountKey()
    const sealed = Buffer.from(row.sealed ?? [])
    const wrapping = Buffer.from(hkdfSync('sha256', keyEncryptionKey, '', 'healthchain/wrap', 32))
    const opening = createDecipheriv('aes-256-gcm', wrapping, sealed.subarray(1, 13))
    opening.setAAD(Buffer.from(`key/account/${row.id}`))
    opening.setAuthTag(sealed.subarray(-16))
    const key = Buffer.concat([opening.update(sealed.subarray(13, -16)), opening.final()])
    expect(privateKeyToAccount(bytesToHex(key)).address).toBe(address)
    expect(sealed.includes(key)).toBe(false)
    expect(JSON.stringify(row)).not.toContain(key.toString('hex'))
    expect(row).toEqual({ id: row.id, kind: 'account', sealed: row.sealed, createdAt: now })
  })

  test('a key copied into another row does not open there', async () => {
    const { vault, keep } = vaultOver()
    const { row } = await vault.createAccountKey()
    keep({ ...row, id: 'another' })
    keep({ ...row, kind: 'patient' })
    await expect(vault.signHash('another', hash)).rejects.toThrow(VaultSealBrokenError)
    await expect(vault.signHash(row.id, hash)).rejects.toThrow(VaultSealBrokenError)
  })

  test('a key that was destroyed, or was never here, signs nothing', async () => {
    const { vault, keep } = vaultOver()
    const { row } = await vault.createAccountKey()
    await expect(vault.signHash(row.id, hash)).rejects.toThrow(VaultKeyMissingError)
    keep({ ...row, sealed: null })
    await expect(vault.signHash(row.id, hash)).rejects.toThrow(VaultKeyMissingError)
  })
})

describe('keys of records', () => {
  async function wrapped() {
    const { vault, keep } = vaultOver()
    const row = keep(await vault.createPatientKey(patient))
    const recordKey = randomBytes(32)
    return { vault, keep, row, recordKey, bytes: await vault.wrapRecordKey(row.id, recordKey, 'record/1') }
  }

  test('a record key opens again against a logged look, in its own place', async () => {
    const { vault, row, recordKey, bytes } = await wrapped()
    expect(Buffer.from(bytes).includes(recordKey)).toBe(false)
    expect(Buffer.from(await vault.unwrapRecordKey(row.id, bytes, 'record/1', look)).equals(recordKey)).toBe(true)
    await expect(vault.unwrapRecordKey(row.id, bytes, 'record/2', look)).rejects.toThrow(VaultSealBrokenError)
  })

  test('without a look on chain nothing is unwrapped', async () => {
    const { vault, row, bytes } = await wrapped()
    for (const proof of [undefined, null, {}, { ...look, transactionHash: '' }, { ...look, entryId: '' }])
      await expect(vault.unwrapRecordKey(row.id, bytes, 'record/1', proof as unknown as LoggedLook)).rejects.toThrow(
        VaultKeyMissingError,
      )
  })

  test('another patient’s key does not open it, and a destroyed key opens nothing ever again', async () => {
    const { vault, keep, row, bytes } = await wrapped()
    const other = keep(await vault.createPatientKey(patient))
    await expect(vault.unwrapRecordKey(other.id, bytes, 'record/1', look)).rejects.toThrow(VaultSealBrokenError)
    keep({ ...row, sealed: null })
    await expect(vault.unwrapRecordKey(row.id, bytes, 'record/1', look)).rejects.toThrow(VaultKeyMissingError)
  })
})
