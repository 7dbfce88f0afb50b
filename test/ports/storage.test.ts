import { mkdir, mkdtemp, readdir, readlink, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { FaultMode } from '../../local/lighthouse/faults.ts'
import { type LighthouseStandIn, startLighthouse } from '../../local/lighthouse/startLighthouse.ts'
import { computeCid } from '../../src/records/cid.ts'
import { createLighthouse, type LighthouseSettings } from '../../src/records/lighthouse.ts'
import { createLocalStore } from '../../src/records/localStore.ts'
import { type Storage, StorageMismatchError, StorageUnavailableError } from '../../src/records/storage.ts'

const apiKey = 'local-key'
let folder: string
let vendor: LighthouseStandIn
let sequence = 0

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'healthchain-storage-'))
  vendor = await startLighthouse({ port: 0, folder: path.join(folder, 'vendor'), apiKeys: [apiKey] })
})
afterEach(() => {
  vendor.faults.mode = 'none'
  vendor.requests.length = 0
})
afterAll(async () => {
  await vendor.stop()
  await rm(folder, { recursive: true, force: true })
})

describe.each([
  { name: 'Lighthouse', create: () => lighthouse() },
  { name: 'the local store', create: () => createLocalStore({ folder: path.join(folder, 'local') }) },
])('$name', ({ create }) => {
  test.each([0, 1, 262_144, 262_145, 3_000_000])('gives back the %i bytes it was given', async (size) => {
    const { file, cid, bytes } = await sealedFile(size)
    const storage = create()
    expect(await storage.put(file, cid)).toEqual({ cid })
    expect((await gather(storage, cid)).equals(bytes)).toBe(true)
  })

  test('takes the same file twice', async () => {
    const { file, cid, bytes } = await sealedFile(1_000)
    const storage = create()
    await storage.put(file, cid)
    await storage.put(file, cid)
    expect((await gather(storage, cid)).equals(bytes)).toBe(true)
  })

  test('refuses a file that is not what its CID says, and does not hand it out', async () => {
    const { file } = await sealedFile(1_000)
    const other = await sealedFile(1_001)
    const storage = create()
    await expect(storage.put(file, other.cid)).rejects.toThrow(StorageMismatchError)
    await expect(gather(storage, other.cid)).rejects.toMatchObject({ reason: 'notFound', retryHelps: true })
  })

  test('says that a file which was never stored is not there', async () => {
    const { cid } = await sealedFile(77)
    await expect(gather(create(), cid)).rejects.toMatchObject({ name: 'StorageUnavailableError', reason: 'notFound' })
  })

  test('refuses a name that is no CID', async () => {
    await expect(gather(create(), '../../etc/passwd')).rejects.toThrow(StorageMismatchError)
  })

  test('forgets a file that is removed, and does not mind removing it again', async () => {
    const { file, cid } = await sealedFile(1_000)
    const storage = create()
    await storage.put(file, cid)
    await storage.remove(cid)
    await expect(gather(storage, cid)).rejects.toMatchObject({ reason: 'notFound' })
    await storage.remove(cid)
  })
})

describe('the local store', () => {
  test('refuses a file that changed on its disk before it yields a byte', async () => {
    const home = path.join(folder, 'changed')
    const storage = createLocalStore({ folder: home })
    const { file, cid, bytes } = await sealedFile(600_000)
    await storage.put(file, cid)
    bytes[599_999] = (bytes[599_999] ?? 0) ^ 1
    await writeFile(path.join(home, cid), bytes)
    await expect(storage.get(cid)[Symbol.asyncIterator]().next()).rejects.toThrow(StorageMismatchError)
  })

  test('leaves nothing behind when a file is too large or not the right one', async () => {
    const home = path.join(folder, 'small')
    const storage = createLocalStore({ folder: home, maxBytes: 100 })
    const { file, cid } = await sealedFile(101)
    await expect(storage.put(file, cid)).rejects.toThrow(StorageUnavailableError)
    expect(await readdir(path.join(home, 'incoming'))).toEqual([])
    expect(await readdir(home)).toEqual(['incoming'])
  })

  test('clears away what a killed process was writing a day ago, and nothing younger', async () => {
    const home = path.join(folder, 'leftovers')
    const incoming = path.join(home, 'incoming')
    await mkdir(incoming, { recursive: true })
    await writeFile(path.join(incoming, 'old.part'), 'x')
    await writeFile(path.join(incoming, 'new.part'), 'x')
    await utimes(path.join(incoming, 'old.part'), 0, 0)
    const { file, cid } = await sealedFile(10)
    await createLocalStore({ folder: home }).put(file, cid)
    expect(await readdir(incoming)).toEqual(['new.part'])
  })
})

describe('Lighthouse, when it misbehaves', () => {
  test.each<{ mode: FaultMode; reason: string }>([
    { mode: 'down', reason: 'failing' },
    { mode: 'rateLimited', reason: 'rateLimited' },
    { mode: 'cutBody', reason: 'unreachable' },
    { mode: 'errorWith200', reason: 'badAnswer' },
  ])('an upload under "$mode" is tried three times, then handed on as something a retry helps', async (fault) => {
    const { file, cid } = await sealedFile(1_000)
    vendor.faults.mode = fault.mode
    const error = lighthouse().put(file, cid)
    await expect(error).rejects.toMatchObject({ code: 'storageUnavailable', reason: fault.reason, retryHelps: true })
    expect(vendor.requests.filter(({ path: route }) => route === '/api/v0/add')).toHaveLength(3)
  })

  test('an upload succeeds when the fault ends before the last try, and waits longer each time', async () => {
    const { file, cid } = await sealedFile(1_000)
    vendor.faults.mode = 'down'
    const waits: number[] = []
    const wait = async (durationMs: number) => {
      waits.push(durationMs)
      if (waits.length === 2) vendor.faults.mode = 'none'
    }
    expect(await lighthouse({ wait }).put(file, cid)).toEqual({ cid })
    expect(waits).toEqual([500, 1_000])
  })

  test.each([1_000, 5_000_000])('a silent upload of %i bytes ends at the time limit', async (size) => {
    const { file, cid } = await sealedFile(size)
    vendor.faults.mode = 'hang'
    const open = (await openFiles()).length
    const upload = lighthouse({ idleMs: 20, attempts: 1 }).put(file, cid)
    await expect(upload).rejects.toMatchObject({ reason: 'timedOut', retryHelps: true })
    await expect.poll(async () => (await openFiles()).length).toBeLessThanOrEqual(open)
  })

  test('an answer that names our bytes otherwise is refused at once and not repeated', async () => {
    const { file, cid } = await sealedFile(1_000)
    vendor.faults.mode = 'otherCid'
    await expect(lighthouse().put(file, cid)).rejects.toMatchObject({ code: 'storageMismatch', retryHelps: false })
    expect(vendor.requests).toHaveLength(1)
  })

  test('a wrong key is refused at once, and no retry is promised to help', async () => {
    const { file, cid } = await sealedFile(1_000)
    const upload = lighthouse({ apiKey: 'someone-else' }).put(file, cid)
    await expect(upload).rejects.toMatchObject({ reason: 'refused', retryHelps: false })
    expect(vendor.requests).toHaveLength(1)
  })

  test('a large upload with a wrong key ends too, and leaves no open file', async () => {
    const { file, cid } = await sealedFile(5_000_000)
    const open = (await openFiles()).length
    await expect(lighthouse({ apiKey: 'someone-else' }).put(file, cid)).rejects.toThrow(StorageUnavailableError)
    await expect.poll(async () => (await openFiles()).length).toBeLessThanOrEqual(open)
  })

  test('an unreachable vendor is an error that a retry helps', async () => {
    const { file, cid } = await sealedFile(1_000)
    const storage = lighthouse({ uploadUrl: 'http://127.0.0.1:1', apiUrl: 'http://127.0.0.1:1', attempts: 1 })
    await expect(storage.put(file, cid)).rejects.toMatchObject({ reason: 'unreachable', retryHelps: true })
    await expect(storage.remove(cid)).rejects.toMatchObject({ reason: 'unreachable' })
  })

  test.each<{ mode: FaultMode; code: string }>([
    { mode: 'down', code: 'storageUnavailable' },
    { mode: 'rateLimited', code: 'storageUnavailable' },
    { mode: 'hang', code: 'storageUnavailable' },
    { mode: 'cutBody', code: 'storageUnavailable' },
    { mode: 'corruptGateway', code: 'storageMismatch' },
  ])('a gateway under "$mode" yields not one byte', async ({ mode, code }) => {
    const { file, cid } = await sealedFile(600_000)
    await lighthouse().put(file, cid)
    vendor.faults.mode = mode
    const storage = lighthouse({ idleMs: 200 })
    await expect(storage.get(cid)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code })
    expect(await readdir(downloads())).toEqual([])
  })

  test('when one gateway serves corrupt bytes, the next one is asked', async () => {
    const { file, cid, bytes } = await sealedFile(600_000)
    await lighthouse().put(file, cid)
    const honest = await startLighthouse({ port: 0, folder: path.join(folder, 'vendor') })
    vendor.faults.mode = 'corruptGateway'
    const storage = lighthouse({ gatewayUrls: [vendor.url, honest.url] })
    expect((await gather(storage, cid)).equals(bytes)).toBe(true)
    expect(vendor.requests.filter(({ method }) => method === 'GET')).toHaveLength(1)
    expect(honest.requests).toHaveLength(1)
    await honest.stop()
  })

  test('a gateway that sends more than a record can hold is cut off', async () => {
    const { file, cid } = await sealedFile(2_000)
    await lighthouse().put(file, cid)
    await expect(gather(lighthouse({ maxBytes: 1_999 }), cid)).rejects.toMatchObject({ reason: 'badAnswer' })
    expect(await readdir(downloads())).toEqual([])
  })

  test('a download that is not read to its end leaves no file', async () => {
    const { file, cid } = await sealedFile(600_000)
    const storage = lighthouse()
    await storage.put(file, cid)
    for await (const piece of storage.get(cid)) if (piece.length > 0) break
    expect(await readdir(downloads())).toEqual([])
  })

  test('neither key nor file name stands in an error', async () => {
    const { file, cid } = await sealedFile(1_000)
    const error = await lighthouse({ apiKey: 'top-secret' })
      .put(file, cid)
      .catch((caught: unknown) => caught)
    expect(String(error)).not.toContain('top-secret')
    expect(String(error)).not.toContain(path.basename(file))
  })
})

describe('the stand-in for Lighthouse', () => {
  test('asks for a bearer key where the vendor does', async () => {
    for (const [method, route] of [
      ['POST', '/api/v0/add?cid-version=1'],
      ['GET', '/api/user/files_uploaded'],
      ['GET', '/api/user/user_data_usage'],
      ['DELETE', '/api/user/delete_file?id=1'],
    ] as const) {
      const response = await fetch(vendor.url + route, { method })
      expect(response.status, route).toBe(401)
      await response.body?.cancel()
    }
  })

  test('names a file by the CID version asked for, as kubo does', async () => {
    expect(await added('hello world', 0)).toMatchObject({ Hash: 'Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD' })
    expect(await added('hello world', 1)).toEqual({
      Name: 'note',
      Hash: 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e',
      Size: '11',
    })
  })

  test('tells what is stored, how much, and forgets what is deleted', async () => {
    const { Hash } = await added('something else', 1)
    const list = await asked('/api/user/files_uploaded?lastKey=null')
    const row = (list as { fileList: { id: string; cid: string; fileName: string }[] }).fileList[0]
    expect(row).toMatchObject({ cid: Hash, fileName: 'note', fileSizeInBytes: '14', encryption: false })
    expect(await asked(`/api/lighthouse/file_info?cid=${Hash}`)).toMatchObject({ cid: Hash, fileSizeInBytes: '14' })
    expect(await asked('/api/user/user_data_usage')).toMatchObject({ dataUsed: expect.any(Number) })
    expect(await asked(`/api/user/delete_file?id=${row?.id}`, 'DELETE')).toEqual({
      message: 'File deleted successfully.',
    })
    const response = await fetch(`${vendor.url}/ipfs/${Hash}`)
    expect(response.status).toBe(404)
  })

  test('keeps its files over a restart', async () => {
    const home = path.join(folder, 'restarted')
    const first = await startLighthouse({ port: 0, folder: home })
    const { file, cid, bytes } = await sealedFile(5_000)
    await lighthouse({ uploadUrl: first.url }).put(file, cid)
    await first.stop()
    const second = await startLighthouse({ port: 0, folder: home })
    expect((await gather(lighthouse({ gatewayUrls: [second.url] }), cid)).equals(bytes)).toBe(true)
    await second.stop()
  })

  test('takes its faults over HTTP, even while it is down, and refuses a fault it does not know', async () => {
    const set = async (mode: string) =>
      await fetch(`${vendor.url}/_faults`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ mode }),
      })
    expect((await set('down')).status).toBe(200)
    expect((await fetch(`${vendor.url}/api/lighthouse/file_info?cid=x`)).status).toBe(500)
    expect((await set('none')).status).toBe(200)
    expect((await set('melted')).status).toBe(400)
    expect(vendor.faults.mode).toBe('none')
  })
})

function lighthouse(changes: Partial<LighthouseSettings> = {}): Required<Storage> {
  return createLighthouse({
    apiKey,
    uploadUrl: vendor.url,
    apiUrl: vendor.url,
    gatewayUrls: [vendor.url],
    temporaryFolder: downloads(),
    wait: async () => {},
    ...changes,
  })
}

function downloads(): string {
  return path.join(folder, 'downloads')
}

/** A file of its own bytes each time, so that no test sees another's. */
async function sealedFile(size: number): Promise<{ file: string; cid: string; bytes: Buffer }> {
  sequence += 1
  const salt = sequence
  const bytes = Buffer.from(
    Uint8Array.from({ length: size }, (_, index) => (index * salt + (index >> 8) + salt) & 0xff),
  )
  const file = path.join(folder, `record-${sequence}`)
  await writeFile(file, bytes)
  return { file, cid: await computeCid(file), bytes }
}

async function gather(storage: Storage, cid: string): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of storage.get(cid)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Files of these tests that this process holds open, where the system tells (Linux). */
async function openFiles(): Promise<string[]> {
  const names = await readdir('/proc/self/fd').catch(() => [])
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')))
  return targets.filter((target) => target.startsWith(folder) && path.basename(target).startsWith('record-'))
}

async function added(text: string, cidVersion: number): Promise<{ Hash: string }> {
  const body = new FormData()
  body.append('file', new Blob([text]), 'note')
  const route = `/api/v0/add?wrap-with-directory=false&cid-version=${cidVersion}`
  const response = await fetch(vendor.url + route, { method: 'POST', headers: authorised, body })
  return (await response.json()) as { Hash: string }
}

const authorised = { Authorization: `Bearer ${apiKey}` }

async function asked(route: string, method = 'GET'): Promise<unknown> {
  return await (await fetch(vendor.url + route, { method, headers: authorised })).json()
}
