import { createHmac } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import fastifyCookie from '@fastify/cookie'
import fastifyCsrf from '@fastify/csrf-protection'
import fastifyFormbody from '@fastify/formbody'
import fastifyHelmet from '@fastify/helmet'
import fastifyRateLimit from '@fastify/rate-limit'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'
import { type EpochMs, minute } from '../core/people.ts'
import type { PortalActions } from './actions.ts'
import { assetUrls } from './assetUrls.ts'
import { cardRoutes } from './cardRoutes.ts'
import { datesIn } from './dates.ts'
import { emergencyRoutes } from './emergencyRoutes.ts'
import { answerErrors } from './errorAnswers.ts'
import { eventStreams } from './eventStreams.ts'
import { lookRoutes } from './lookRoutes.ts'
import { passkeyRoutes } from './passkeyRoutes.ts'
import type { PortalParts } from './portalParts.ts'
import { requestRoutes } from './requestRoutes.ts'
import { cookieOptions, csrfUserInfo, readSession, sessionDecorator } from './session.ts'
import { signInRoutes } from './signInRoutes.ts'

export type PortalOptions = {
  /** Where browsers reach the portal; https turns on secure cookies and HSTS. */
  publicUrl: string
  /** At least 32 random characters. Signs the cookie behind every form. */
  cookieSecret: string
  clock: () => EpochMs
  /** The hospital's time zone, an IANA name. Default: Africa/Nairobi. */
  timeZone?: string
  /** A block explorer; transaction hashes link to `<explorerUrl>/tx/<hash>`. Without it they are plain text. */
  explorerUrl?: string | undefined
  /** The ledger as CAIP-10 names it, `eip155:<chain id>:<address>`: code cards are made for it. */
  ledgerName: string
  /** How long an opened record stays on the screen after its entry. Give the actions the same. Default: 15 minutes. */
  lookLastsMs?: number
  /** Tries to sign in within the window, before the portal asks to wait. */
  signInLimits?: { perAddress: number; perName: number; windowMs: number }
}

/** A ward behind one address signs in at shift change: 60. One doctor mistypes a few times: 10. */
const usualSignInLimits = { perAddress: 60, perName: 10, windowMs: 5 * minute }

/** Our largest form is far below this. */
const maxFormBytes = 16 * 1024

/**
 * The doctor's portal as a Fastify scope with its own cookies, headers, limits and error pages.
 *
 * It sets the not-found page of the scope it is registered in, and reads `request.ip` for the sign-in limit: set
 * `trustProxy` on the server that stands behind a proxy.
 *
 * @throws {Error} when the cookie secret is too short
 */
export function portalScope(actions: PortalActions, options: PortalOptions): FastifyPluginAsync {
  if (options.cookieSecret.length < 32) {
    throw new Error('The cookie secret is too short: forms could be forged. Do: give it at least 32 random characters.')
  }
  const secure = new URL(options.publicUrl).protocol === 'https:'
  const assetsFolder = fileURLToPath(new URL('./assets/', import.meta.url))
  const parts: PortalParts = {
    actions,
    clock: options.clock,
    secure,
    dates: datesIn(options.timeZone ?? 'Africa/Nairobi'),
    assets: assetUrls(assetsFolder),
    streams: eventStreams(actions),
    explorerUrl: options.explorerUrl?.replace(/\/+$/, '') ?? null,
    ledgerName: options.ledgerName,
    lookLastsMs: options.lookLastsMs ?? 15 * minute,
    signInLimits: options.signInLimits ?? usualSignInLimits,
  }

  return async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
    scope.decorateRequest(sessionDecorator, null)
    await scope.register(fastifyHelmet, securityHeaders(secure))
    await scope.register(fastifyCookie, { secret: options.cookieSecret })
    scope.removeAllContentTypeParsers()
    await scope.register(fastifyFormbody, { bodyLimit: maxFormBytes })
    await scope.register(fastifyCsrf, {
      cookieOpts: { ...cookieOptions(secure), signed: true },
      getToken: (request) => formToken(request.body),
      getUserInfo: csrfUserInfo,
      // A key of its own: one secret must not serve two purposes.
      csrfOpts: { userInfo: true, hmacKey: createHmac('sha256', options.cookieSecret).update('csrf').digest() },
    })
    await scope.register(fastifyRateLimit, { global: false })
    await scope.register(fastifyStatic, {
      root: assetsFolder,
      prefix: parts.assets.prefix,
      decorateReply: false,
      index: false,
      wildcard: false,
      immutable: true,
      maxAge: '365d',
    })

    // On the whole scope, so that no form can be added without it.
    scope.addHook('preValidation', (request, reply, done) => {
      if (request.method === 'GET' || request.method === 'HEAD') done()
      else scope.csrfProtection(request, reply, done)
    })
    answerErrors(scope, parts)
    scope.addHook('preClose', async () => parts.streams.endAll())

    await scope.register(signInRoutes(parts))
    await scope.register(cardRoutes(parts))
    await scope.register(async (signedIn) => {
      signedIn.addHook('onRequest', async (request, reply) => {
        const session = await readSession(actions, request)
        if (session !== null) request.setDecorator(sessionDecorator, session)
        else if (request.routeOptions.url === '/events') return reply.code(401).send()
        else return reply.redirect('/sign-in', 303)
      })
      await signedIn.register(requestRoutes(parts))
      await signedIn.register(emergencyRoutes(parts))
      await signedIn.register(passkeyRoutes(parts))
      await signedIn.register(lookRoutes(parts))
    })
  }
}

function formToken(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('_csrf' in body)) return undefined
  return typeof body._csrf === 'string' ? body._csrf : undefined
}

function securityHeaders(secure: boolean) {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: secure && { maxAge: 365 * 24 * 60 * 60, includeSubDomains: false },
    xFrameOptions: { action: 'deny' as const },
  }
}
