import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyPluginAsync, LogController } from 'fastify'
import type { Logger } from 'pino'

export type ServerParts = {
  log: Logger
  trustProxy: boolean
  webhook: FastifyPluginAsync
  portal: FastifyPluginAsync
  did: FastifyPluginAsync
  /** Answers once the database does. */
  isHealthy(): Promise<boolean>
}

/** Nothing we take is larger; what is, is refused before it is read. */
const bodyLimitBytes = 64 * 1024
const requestTimeoutMs = 30_000

/** The HTTP server: each scope has its own parsers, hooks and error pages. */
export function buildServer({ log, trustProxy, webhook, portal, did, isHealthy }: ServerParts): FastifyInstance {
  const server = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy,
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: 'idle',
  }) as unknown as FastifyInstance
  closeWhatIsNotAsked(server)
  server.get('/health', async (_request, reply) => {
    const healthy = await isHealthy().catch(() => false)
    return reply.code(healthy ? 200 : 503).send({ healthy })
  })
  server.register(webhook)
  server.register(portal)
  server.register(did)
  return server
}

/**
 * When the server ends, it waits for what was asked and for nothing else. Node counts a connection on which nothing was asked
 * yet, as browsers keep spare ones, neither as idle nor as busy, and one that is answered in that moment as kept alive: it would
 * wait for both, for a minute or for ever.
 */
function closeWhatIsNotAsked(server: FastifyInstance): void {
  const silent = new Set<Socket>()
  let isEnding = false
  server.server.on('connection', (socket: Socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.server.on('request', ({ socket }) => silent.delete(socket))
  server.addHook('preClose', async () => {
    isEnding = true
    for (const socket of silent) socket.destroy()
  })
  server.addHook('onSend', async (_request, reply) => {
    if (isEnding) reply.header('connection', 'close')
  })
}
