import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import multipart from '@fastify/multipart'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { CID } from 'multiformats/cid'
import { type FaultMode, isFaultMode } from './faults.ts'
import { kuboCid } from './kuboCid.ts'
import { type Upload, Uploads } from './uploads.ts'

export type LighthouseStandInOptions = {
  /** 0 takes a free one. */
  port: number
  /** Holds the files and the list of uploads; a restart on the same folder goes on where it stopped. */
  folder: string
  /** Accepted bearer keys; without them any key is an account of its own. */
  apiKeys?: readonly string[]
  clock?: () => number
}

export type LighthouseStandIn = {
  /** Base address of the upload node, the API and the gateway alike. */
  url: string
  faults: { mode: FaultMode }
  /** Requests seen so far, newest last: for tests that count. */
  requests: { method: string; path: string }[]
  stop(): Promise<void>
}

/** The vendor's free plan. */
const dataLimitBytes = 5_368_709_120
const pageLength = 100
/** A real CID that no upload has: of the text "another file". */
const otherCid = 'bafkreiaqb33kog5msjpxbh7jyekmmbdax5xeolh5xhkexwfn6fuycnjgb4'

/**
 * Stands in for Lighthouse on 127.0.0.1: upload node, API and gateway, in the shapes its SDK 0.4.7 reads.
 *
 * CIDs are real. Faults are set by `faults.mode` or POST /_faults {mode}; requests for that address never fail.
 */
export async function startLighthouse(options: LighthouseStandInOptions): Promise<LighthouseStandIn> {
  const { port, folder, apiKeys, clock = Date.now } = options
  const uploads = new Uploads(folder)
  const faults: { mode: FaultMode } = { mode: 'none' }
  const requests: { method: string; path: string }[] = []

  const server = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 200 } })
  // The SDK deletes with a JSON content type and no body, which the vendor takes.
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: FastifyRequest, body: string) => (body === '' ? null : JSON.parse(body)),
  )
  await server.register(multipart, { limits: { files: 1, fileSize: dataLimitBytes } })

  server.addHook('onRequest', async (request, reply) => {
    if (request.url === '/_faults') return
    requests.push({ method: request.method, path: request.url.split('?')[0] ?? '' })
    if (faults.mode === 'down') return reply.code(500).send({ error: 'Internal Server Error' })
    if (faults.mode === 'rateLimited') {
      return reply.code(429).header('Retry-After', '1').send({ error: 'Too many requests' })
    }
    if (faults.mode === 'hang') reply.hijack()
  })

  server.post('/_faults', async (request, reply) => {
    const mode = (request.body as { mode?: unknown } | null)?.mode
    if (!isFaultMode(mode)) return reply.code(400).send({ error: 'unknown mode' })
    faults.mode = mode
    return { mode }
  })

  server.post('/api/v0/add', { preHandler: authorise }, async (request, reply) => {
    const query = request.query as Record<string, string | undefined>
    const part = await request.file()
    if (part?.fieldname !== 'file') return reply.code(400).send({ error: 'file argument is required' })
    const received = uploads.incomingFile()
    try {
      await pipeline(part.file, createWriteStream(received, { mode: 0o600 }))
      const { cid, sizeBytes } = await kuboCid(received, query['cid-version'] === '0' ? 0 : 1)
      const { size } = await stat(received)
      await uploads.add(rowOf(accountOf(request), part.filename, part.mimetype, cid, size), received)
      return await answerUpload(reply, { Name: part.filename, Hash: cid, Size: String(sizeBytes) })
    } finally {
      await rm(received, { force: true })
    }
  })

  server.get('/ipfs/:cid', async (request, reply) => {
    const { cid } = request.params as { cid: string }
    const wanted = parseCid(cid)
    if (!wanted) return reply.code(400).type('text/plain').send(`invalid path "/ipfs/${cid}": invalid cid`)
    const upload = uploads.find(wanted)
    if (!upload) return reply.code(404).type('text/plain').send('not found')
    const size = Number(upload.fileSizeInBytes)
    reply.headers({ 'content-type': 'application/octet-stream', 'content-length': size, etag: `"${wanted}"` })
    const file = createReadStream(uploads.fileOf(wanted))
    if (faults.mode === 'cutBody') return reply.send(file.compose(cutAfter(Math.floor(size / 2))))
    if (faults.mode === 'corruptGateway') return reply.send(file.compose(changeOneByte()))
    return reply.send(file)
  })

  server.get('/api/lighthouse/file_info', async (request, reply) => {
    const wanted = parseCid((request.query as Record<string, string | undefined>)['cid'] ?? '')
    const upload = wanted ? uploads.find(wanted) : undefined
    if (!upload) return reply.code(404).send({ error: { code: 404, message: 'Not Found' } })
    const { fileSizeInBytes, cid, encryption, fileName, mimeType } = upload
    return { fileSizeInBytes, cid, encryption, fileName, mimeType }
  })

  server.get('/api/user/files_uploaded', { preHandler: authorise }, async (request) => {
    const { lastKey } = request.query as Record<string, string | undefined>
    const all = uploads.of(accountOf(request))
    // The SDK writes a missing key as the word "null".
    const start = !lastKey || lastKey === 'null' ? 0 : all.findIndex((row) => row.id === lastKey) + 1
    return { fileList: all.slice(start, start + pageLength), totalFiles: all.length }
  })

  server.get('/api/user/user_data_usage', { preHandler: authorise }, async (request) => {
    const used = uploads.of(accountOf(request)).reduce((sum, row) => sum + Number(row.fileSizeInBytes), 0)
    return { dataLimit: dataLimitBytes, dataUsed: used }
  })

  server.delete('/api/user/delete_file', { preHandler: authorise }, async (request, reply) => {
    const { id } = request.query as Record<string, string | undefined>
    const removed = id !== undefined && (await uploads.remove(accountOf(request), id))
    if (!removed) return reply.code(404).send({ error: { code: 404, message: 'File not found' } })
    return { message: 'File deleted successfully.' }
  })

  await server.listen({ host: '127.0.0.1', port })
  const address = server.server.address() as AddressInfo
  return { url: `http://127.0.0.1:${address.port}`, faults, requests, stop: () => server.close() }

  async function authorise(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const key = keyOf(request)
    if (key !== '' && (!apiKeys || apiKeys.includes(key))) return undefined
    return reply.code(401).send({ error: { code: 401, message: 'Unauthorized' } })
  }

  function rowOf(account: string, fileName: string, mimeType: string, cid: string, size: number): Upload {
    const now = clock()
    return {
      id: randomUUID(),
      publicKey: account,
      fileName,
      mimeType,
      txHash: '',
      status: 'queued',
      createdAt: now,
      lastUpdate: now,
      fileSizeInBytes: String(size),
      cid,
      encryption: false,
    }
  }

  async function answerUpload(reply: FastifyReply, answer: { Name: string; Hash: string; Size: string }) {
    if (faults.mode === 'errorWith200') return reply.send({ error: 'upload failed' })
    if (faults.mode === 'otherCid') return reply.send({ ...answer, Hash: otherCid })
    if (faults.mode !== 'cutBody') return reply.send(answer)
    const body = JSON.stringify(answer)
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    reply.raw.write(body.slice(0, 20), () => reply.raw.destroy())
    return reply
  }
}

function keyOf(request: FastifyRequest): string {
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
}

/** The vendor's account is a wallet; here it is made from the key, so that the list never shows a key. */
function accountOf(request: FastifyRequest): string {
  return `0x${createHash('sha256').update(keyOf(request)).digest('hex').slice(0, 40)}`
}

function parseCid(text: string): string | null {
  try {
    return CID.parse(text).toString()
  } catch {
    return null
  }
}

function cutAfter(byteCount: number): Transform {
  let left = byteCount
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      this.push(chunk.subarray(0, left))
      left -= chunk.length
      done(left <= 0 ? new Error('cut on purpose') : null)
    },
  })
}

function changeOneByte(): Transform {
  let changed = false
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const copy = Buffer.from(chunk)
      if (!changed && copy.length > 0) copy[0] = (copy[0] ?? 0) ^ 1
      changed = true
      done(null, copy)
    },
  })
}
