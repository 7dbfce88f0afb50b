/**
 * Where sealed records rest. The bytes are ciphertext, the name is their CID; a store is never trusted with more.
 *
 * One suite, test/ports/storage.test.ts, holds for every implementation.
 */
export type Storage = {
  /**
   * Stores a file under the CID that we computed. Storing it again is harmless.
   *
   * @param file path of the sealed file; a vendor may see and publish its base name, so it must say nothing
   * @param cid as `computeCid` named it
   * @throws {StorageMismatchError} when the store names it otherwise: do not publish
   * @throws {StorageUnavailableError}
   */
  put(file: string, cid: string): Promise<{ cid: string }>
  /**
   * Fetches a file. It is downloaded and verified against the CID as a whole before its first byte is yielded.
   *
   * @throws {StorageMismatchError} when every source that answered sent other bytes
   * @throws {StorageUnavailableError}
   */
  get(cid: string): AsyncIterable<Uint8Array>
  /** Forgets a file; one that is not there is no error. Erasure destroys keys and does not depend on this. */
  remove?(cid: string): Promise<void>
}

/** Ciphertext a store may hand back for one file, in bytes. Far above any record; a lying store can't fill the disk. */
export const defaultMaxFileBytes = 1_073_741_824

export type UnavailableReason =
  | 'notFound'
  | 'unreachable'
  | 'timedOut'
  | 'rateLimited'
  | 'failing'
  | 'badAnswer'
  | 'refused'

/** A store did not do what was asked; nothing wrong was stored or handed out. */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailableError'
  readonly code = 'storageUnavailable'
  readonly store: string
  readonly reason: UnavailableReason
  /** False only for `refused`: the store knows us and says no. */
  readonly retryHelps: boolean

  constructor(store: string, reason: UnavailableReason, options?: ErrorOptions) {
    super(
      [
        'A record store could not be used.',
        '',
        `Store: ${store}, reason: ${reason}`,
        unavailable[reason].why,
        `Do: ${unavailable[reason].wayOut}`,
        'Docs: docs/errors.md#storage-unavailable',
      ].join('\n'),
      options,
    )
    this.store = store
    this.reason = reason
    this.retryHelps = reason !== 'refused'
  }
}

const unavailable: Readonly<Record<UnavailableReason, { why: string; wayOut: string }>> = {
  notFound: {
    why: 'This happens when the file was never stored there, was removed, or has not spread yet.',
    wayOut: 'try again later, or ask another gateway.',
  },
  unreachable: {
    why: 'This happens when there is no connection, or it broke half way.',
    wayOut: 'check the network and the configured addresses; the job tries again by itself.',
  },
  timedOut: {
    why: 'This happens when nothing moved for longer than the time limit.',
    wayOut: 'nothing; the job tries again by itself.',
  },
  rateLimited: {
    why: 'This happens when too much was asked in a short time.',
    wayOut: 'wait; the job tries again by itself.',
  },
  failing: {
    why: 'This happens when the store has a fault of its own, or its disk is full.',
    wayOut: 'check the disk or the status page of the store; the job tries again by itself.',
  },
  badAnswer: {
    why: 'This happens when the store answers success without saying what it stored.',
    wayOut: 'nothing; the job tries again by itself.',
  },
  refused: {
    why: 'This happens when the key is wrong, or the plan behind it has ended or is full.',
    wayOut: 'check the key and the plan; a retry alone does not help.',
  },
}

/** A store named or sent other bytes than ours. Nothing of it was published or handed out. */
export class StorageMismatchError extends Error {
  override readonly name = 'StorageMismatchError'
  readonly code = 'storageMismatch'
  readonly store: string
  readonly cid: string
  readonly retryHelps = false

  constructor(store: string, cid: string, options?: ErrorOptions) {
    super(
      [
        'A record store and we do not agree on the bytes.',
        '',
        `Store: ${store}, CID: ${cid}`,
        'This happens when the bytes were changed or cut on the way, or the store names files by other rules.',
        'Do: fetch from another gateway; for an upload, compare the CID settings of the store with src/records/cid.ts.',
        'Docs: docs/errors.md#storage-mismatch',
      ].join('\n'),
      options,
    )
    this.store = store
    this.cid = cid
  }
}
