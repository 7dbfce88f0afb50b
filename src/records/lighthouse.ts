import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import { rm, stat } from 'node:fs/promises'
import type { ClientRequest } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as waitMs } from 'node:timers/promises'
import type sdkDeleteModule from '@lighthouse-web3/sdk/dist/Lighthouse/deleteFile/index.js'
import type sdkUploadsModule from '@lighthouse-web3/sdk/dist/Lighthouse/getUploads/index.js'
import type { uploadsResponseType } from '@lighthouse-web3/sdk/dist/Lighthouse/getUploads/index.js'
import type sdkUploadModule from '@lighthouse-web3/sdk/dist/Lighthouse/upload/files/index.js'
import type * as sdkConfigModule from '@lighthouse-web3/sdk/dist/lighthouse.config.js'
import { normaliseCid } from './cid.ts'
import {
  defaultMaxFileBytes,
  type Storage,
  StorageMismatchError,
  StorageUnavailableError,
  type UnavailableReason,
} from './storage.ts'
import { copyAndName, readAndRemove } from './verifiedCopy.ts'

export type LighthouseSettings = {
  apiKey: string
  /** Base addresses without a path; `src/config.ts` names the vendor's own. */
  uploadUrl: string
  apiUrl: string
  /** Asked in this order until one sends the right bytes. */
  gatewayUrls: readonly string[]
  /** Longest silence allowed in any call, an upload or a download included. */
  idleMs?: number
  /** Tries of one upload before its error is handed on. */
  attempts?: number
  /** Wait before the second try; doubled each time. */
  backoffMs?: number
  wait?: (durationMs: number) => Promise<unknown>
  maxBytes?: number
  /** Downloads rest here, as ciphertext, until they are verified. */
  temporaryFolder?: string
}

// The SDK's index also loads its encryption, its wallets and their WebAssembly: 1.5 s more. These files are all we use.
const load = createRequire(import.meta.url)
const sdkFolder = '@lighthouse-web3/sdk/dist'
const sdkDelete = load(`${sdkFolder}/Lighthouse/deleteFile/index.js`) as typeof sdkDeleteModule
const sdkUploads = load(`${sdkFolder}/Lighthouse/getUploads/index.js`) as typeof sdkUploadsModule
const sdkUpload = load(`${sdkFolder}/Lighthouse/upload/files/index.js`) as typeof sdkUploadModule
/** Read by the SDK at each call, so stores with other addresses may live in one process. */
const { lighthouseConfig } = load(`${sdkFolder}/lighthouse.config.js`) as typeof sdkConfigModule

const store = 'lighthouse'
/** Bytes that the kernel may still be sending when the SDK has handed over the last one: Linux' usual upper limit. */
const kernelBufferBytes = 4_194_304
/** The slowest line worth serving, 240 kbit/s, as bytes per millisecond. */
const slowestLine = 30
/** Far more pages than a plan holds files; ends the search on a vendor that pages in circles. */
const maxListPages = 10_000

/**
 * Keeps sealed records on Lighthouse (IPFS and Filecoin), through its own SDK.
 *
 * The SDK sets no useful time limit, repeats nothing and believes any answer; all three are added here. Only ciphertext
 * passes, and always from a file: `uploadBuffer` takes 2.1 GB of memory for 500 MB. CIDv1 is asked for (`cid-version=1`,
 * the SDK's own default too); an answer that names our bytes otherwise is an error, so it is never published.
 */
export function createLighthouse(settings: LighthouseSettings): Required<Storage> {
  const { apiKey, idleMs = 10_000, attempts = 3, backoffMs = 500, wait = waitMs } = settings
  const { maxBytes = defaultMaxFileBytes } = settings
  const { temporaryFolder = path.join(tmpdir(), 'healthchain-downloads') } = settings

  return {
    async put(file, cid) {
      const { size } = await stat(file)
      for (let attempt = 1; ; attempt += 1) {
        try {
          const named = await upload(file, size)
          if (normaliseCid(named) !== normaliseCid(cid)) throw new StorageMismatchError(store, cid)
          return { cid }
        } catch (error) {
          const again = error instanceof StorageUnavailableError && error.retryHelps && attempt < attempts
          if (!again) throw error
          await wait(backoffMs * 2 ** (attempt - 1))
        }
      }
    },

    async *get(cid) {
      const name = normaliseCid(cid)
      if (name === null) throw new StorageMismatchError(store, cid)
      const failures: Error[] = []
      for (const gatewayUrl of settings.gatewayUrls) {
        const outcome = await download(gatewayUrl, name).then(
          (file) => ({ file }),
          (error: Error) => ({ error }),
        )
        if ('file' in outcome) return yield* readAndRemove(outcome.file)
        failures.push(outcome.error)
      }
      // Wrong bytes are the graver news: somebody has to look into them.
      throw failures.find((error) => error instanceof StorageMismatchError) ?? failures[0] ?? unavailable('unreachable')
    },

    async remove(cid) {
      const name = normaliseCid(cid)
      for (const id of await uploadsNamed(name)) {
        await limited(() => {
          lighthouseConfig['lighthouseAPI'] = baseOf(settings.apiUrl)
          return sdkDelete.default(apiKey, id)
        })
      }
    },
  }

  /** Uploads once and answers with the CID that the vendor gives. */
  async function upload(file: string, sizeBytes: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const call: UploadCall = { request: null }
    const silence = watchSilence(() => reject(unavailable('timedOut')))
    try {
      silence.allow(idleMs)
      uploadCalls.run(call, () => {
        lighthouseConfig['lighthouseNode'] = baseOf(settings.uploadUrl)
        sdkUpload
          .default(file, apiKey, {
            cidVersion: 1,
            onProgress: ({ progress }) => {
              const unseenMs = progress < 100 ? 0 : Math.min(sizeBytes, kernelBufferBytes) / slowestLine
              silence.allow(idleMs + unseenMs)
            },
          })
          .then((answer) => resolve(answer.data), reject)
      })
      // A connection that breaks inside the answer leaves the SDK waiting for ever. After a whole answer this is too late.
      call.request?.once('close', () => setImmediate(reject, unavailable('unreachable')))
      return hashIn(await promise)
    } catch (error) {
      if (call.request) abandon(call.request)
      throw asStorageError(error)
    } finally {
      silence.end()
    }
  }

  /** Downloads from one gateway to a file that is removed again unless it is what the CID names. */
  async function download(gatewayUrl: string, cid: string): Promise<string> {
    const stop = new AbortController()
    const silence = watchSilence(() => stop.abort())
    try {
      silence.allow(idleMs)
      const response = await fetch(`${baseOf(gatewayUrl)}/ipfs/${cid}`, { signal: stop.signal })
      if (!response.ok || response.body === null) {
        await response.body?.cancel()
        throw unavailable(reasonOf(response.status))
      }
      const copy = await copyAndName(alive(response.body), temporaryFolder, maxBytes)
      if (copy.cid === cid) return copy.file
      await rm(copy.file, { force: true })
      throw new StorageMismatchError(store, cid)
    } catch (error) {
      throw stop.signal.aborted ? unavailable('timedOut', error) : asStorageError(error)
    } finally {
      silence.end()
    }

    async function* alive(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const piece of body) {
        silence.allow(idleMs)
        yield piece
      }
    }
  }

  /** The vendor deletes by its own file id, which it tells only in the list of uploads. */
  async function uploadsNamed(cid: string | null): Promise<string[]> {
    const ids: string[] = []
    let lastKey: string | null = null
    for (let page = 0; page < maxListPages; page += 1) {
      const key: string | null = lastKey
      const { data }: uploadsResponseType = await limited(() => {
        lighthouseConfig['lighthouseAPI'] = baseOf(settings.apiUrl)
        return sdkUploads.default(apiKey, key)
      })
      for (const upload of data.fileList) if (normaliseCid(upload.cid) === cid) ids.push(upload.id)
      const last: string | null = data.fileList.at(-1)?.id ?? null
      if (last === null || last === lastKey) break
      lastKey = last
    }
    return ids
  }

  /** A short call of the SDK, which has no time limit of its own. */
  async function limited<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    const { promise, reject } = Promise.withResolvers<never>()
    const silence = watchSilence(() => reject(unavailable('timedOut')))
    silence.allow(idleMs)
    try {
      return await Promise.race([call(), promise])
    } catch (error) {
      throw asStorageError(error)
    } finally {
      silence.end()
    }
  }
}

type UploadCall = { request: ClientRequest | null }

/**
 * The SDK keeps its HTTP request to itself, so that a silent upload could never be ended: the socket and the open file would
 * stay for two hours. Node tells of each request it makes, in the asynchronous context of its maker.
 */
const uploadCalls = new AsyncLocalStorage<UploadCall>()
subscribe('http.client.request.created', (message) => {
  const call = uploadCalls.getStore()
  if (call && !call.request) call.request = (message as { request: ClientRequest }).request
})

/** Ends a request whose maker still writes to it, and lets that maker read its file to the end, which closes it. */
function abandon(request: ClientRequest): void {
  if (request.writableEnded) {
    request.destroy()
    return
  }
  request.write = () => true
  request.destroy()
  request.emit('drain')
}

/** A time limit that every sign of life renews; once ended it can't start again. */
function watchSilence(onSilence: () => void): { allow(durationMs: number): void; end(): void } {
  let timer: NodeJS.Timeout | undefined
  let ended = false
  return {
    allow(durationMs) {
      clearTimeout(timer)
      if (!ended) timer = setTimeout(onSilence, durationMs)
    },
    end() {
      ended = true
      clearTimeout(timer)
    },
  }
}

function hashIn(answer: unknown): string {
  if (typeof answer === 'object' && answer !== null && 'Hash' in answer && typeof answer.Hash === 'string') {
    return answer.Hash
  }
  throw unavailable('badAnswer')
}

/** The SDK's errors are sentences; the status stands in them. */
function asStorageError(error: unknown): StorageUnavailableError | StorageMismatchError {
  if (error instanceof StorageUnavailableError || error instanceof StorageMismatchError) return error
  if (error instanceof RangeError) return unavailable('badAnswer', error)
  const text = error instanceof Error ? error.message : ''
  const status = /status(?: code|:)? (\d{3})/.exec(text)?.[1]
  if (status) return unavailable(reasonOf(Number(status)), error)
  if (text.includes('Invalid JSON') || error instanceof SyntaxError) return unavailable('badAnswer', error)
  if (text.includes('timed out')) return unavailable('timedOut', error)
  if (text.includes('ENOSPC')) return unavailable('failing', error)
  return unavailable('unreachable', error)
}

function reasonOf(status: number): UnavailableReason {
  if (status === 404) return 'notFound'
  if (status === 408 || status === 504) return 'timedOut'
  if (status === 429) return 'rateLimited'
  return status >= 400 && status < 500 ? 'refused' : 'failing'
}

function unavailable(reason: UnavailableReason, cause?: unknown): StorageUnavailableError {
  return new StorageUnavailableError(store, reason, cause === undefined ? undefined : { cause })
}

function baseOf(url: string): string {
  return url.replace(/\/+$/, '')
}
