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
  })
  server.get('/health', async (_request, reply) => {
    const healthy = await isHealthy().catch(() => false)
    return reply.code(healthy ? 200 : 503).send({ healthy })
  })
  server.register(webhook)
  server.register(portal)
  server.register(did)
  return server as unknown as FastifyInstance
}
