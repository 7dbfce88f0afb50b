import type { Brand, PatientId } from './people.ts'
import type { Hex, VaultKeyRow } from './rows.ts'

/**
 * What keys do for the house; the keys themselves never leave the vault. Behind it stands a local keyring, an HSM or a KMS.
 */
export type Vault = {
  columns: ColumnVault
  /** Makes the signing key of an account. The row is sealed; store it in the same transaction as its owner. */
  createAccountKey(): Promise<{ row: VaultKeyRow; address: Hex }>
  /** Signs a 32-byte hash as it is, with low s. @returns 64 bytes as in ERC-2098: r, and s with the parity on top */
  signHash(keyId: string, hash: Hex): Promise<Hex>
  /** Makes the key under which a patient's record keys are wrapped. Destroying it erases her records. */
  createPatientKey(patientId: PatientId): Promise<VaultKeyRow>
  wrapRecordKey(keyId: string, recordKey: Uint8Array, context: string): Promise<Uint8Array>
  /** Unwraps a record key against the proof that the look stands on chain. */
  unwrapRecordKey(keyId: string, wrapped: Uint8Array, context: string, proof: LoggedLook): Promise<Uint8Array>
}

/** Column encryption: names, phone addresses and texts in the database. Synchronous, so that a transaction can use it. */
export type ColumnVault = {
  /** @param context table and column; a value moved elsewhere does not open */
  seal(text: string, context: string): Uint8Array
  open(sealed: Uint8Array, context: string): string
  /** Keyed hash by which an exact value is found again. */
  index(text: string, context: string): string
}

/** Proof that a look stands on chain, made by `Ledger.proveLogged` alone after it asked the chain. */
export type LoggedLook = Brand<
  { entryId: Hex; ledgerRequestId: Hex; blockNumber: number; transactionHash: Hex },
  'LoggedLook'
>
