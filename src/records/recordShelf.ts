import { randomBytes, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { TryAgainError } from '../core/errors.ts'
import type { EpochMs, PatientId, RecordId } from '../core/people.ts'
import type { RecordVersionRow } from '../core/rows.ts'
import type { Store } from '../core/store.ts'
import type { LoggedLook, Vault } from '../core/vault.ts'
import { computeCid } from './cid.ts'
import { seal, unseal } from './seal.ts'
import type { RecordDocument } from './splitBundle.ts'
import { type Storage, StorageMismatchError, StorageUnavailableError } from './storage.ts'

export type RecordParts = {
  store: Store
  vault: Vault
  storage: Storage
  /** Sealed files wait here until the store has them. */
  spoolFolder: string
  clock: () => EpochMs
}

/** A fresh key for one version of one record. */
const recordKeyBytes = 32
const tryAgainMs = 5_000
/** A record is FHIR text of a few hundred kilobytes; what is larger is no document of ours. */
const maxDocumentBytes = 64 * 1024 * 1024

/**
 * Seals a new record and puts its upload on its way. The plaintext goes from memory into the seal: it never touches a disk,
 * a queue or the database.
 */
export async function addRecord(
  { store, vault, spoolFolder, clock }: RecordParts,
  patient: { id: PatientId; dataKeyId: string },
  document: RecordDocument,
): Promise<RecordId> {
  const recordId = randomUUID() as RecordId
  const version = 1
  const key = randomBytes(recordKeyBytes)
  const file = spoolFile(spoolFolder, recordId, version)
  await mkdir(spoolFolder, { recursive: true, mode: 0o700 })
  const source = Readable.from([Buffer.from(JSON.stringify(document))])
  try {
    const sealed = seal({ key, patientId: patient.id, recordId, version, source })
    await pipeline(sealed, createWriteStream(file, { mode: 0o600, flush: true }))
    const keyWrapped = await vault.wrapRecordKey(patient.dataKeyId, key, wrapContext(recordId, version))
    const cid = await computeCid(file)
    const now = clock()
    await store.transaction(async (inside) => {
      await inside.records.add(
        {
          id: recordId,
          patientId: patient.id,
          class: document.class,
          date: Date.parse(document.date) as EpochMs,
          createdAt: now,
        },
        {
          recordId,
          version,
          keyWrapped,
          cid,
          bytes: (await stat(file)).size,
          state: 'sealed',
          createdAt: now,
          storedAt: null,
        },
      )
      await inside.outbox.add('uploadRecord', `${recordId}/${version}`, now)
    })
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    key.fill(0)
  }
  return recordId
}

/**
 * Stores a sealed file under the CID that we computed, and forgets the waiting copy only then.
 *
 * @throws {TryAgainError} while the store is down, or names the file otherwise: then nothing is published
 */
export async function uploadRecord(
  { store, storage, spoolFolder, clock }: RecordParts,
  subject: string,
): Promise<void> {
  const [recordId, version] = subject.split('/') as [RecordId, string]
  const row = await store.records.version(recordId, Number(version))
  if (row?.state !== 'sealed') return
  const file = spoolFile(spoolFolder, recordId, row.version)
  try {
    await storage.put(file, row.cid)
  } catch (error) {
    if (error instanceof StorageUnavailableError || error instanceof StorageMismatchError)
      throw new TryAgainError(error.code, tryAgainMs, { cause: error })
    throw error
  }
  await store.records.markStored(recordId, row.version, clock())
  await rm(file, { force: true })
}

/**
 * Fetches a record by its CID, verifies it and opens it, against the proof that the look stands on chain.
 *
 * @returns null where no source has the right bytes now
 */
export async function openRecord(
  { vault, storage }: RecordParts,
  patient: { id: PatientId; dataKeyId: string },
  row: RecordVersionRow,
  proof: LoggedLook,
): Promise<RecordDocument | null> {
  if (!row.keyWrapped) return null
  const { recordId, version } = row
  const key = await vault.unwrapRecordKey(patient.dataKeyId, row.keyWrapped, wrapContext(recordId, version), proof)
  try {
    const chunks: Uint8Array[] = []
    let bytes = 0
    const source = storage.get(row.cid)
    for await (const chunk of unseal({ key, patientId: patient.id, recordId, version, source })) {
      bytes += chunk.length
      if (bytes > maxDocumentBytes) throw new RangeError('A record document is larger than 64 MiB.')
      chunks.push(chunk)
    }
    return JSON.parse(Buffer.concat(chunks).toString()) as RecordDocument
  } catch (error) {
    if (error instanceof StorageUnavailableError || error instanceof StorageMismatchError) return null
    throw error
  } finally {
    key.fill(0)
  }
}

function spoolFile(folder: string, recordId: RecordId, version: number): string {
  return join(folder, `${recordId}.${version}`)
}

function wrapContext(recordId: RecordId, version: number): string {
  return `record/${recordId}/${version}`
}
