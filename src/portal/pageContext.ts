import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PageContext } from './pages/layout.ts'
import type { PortalParts } from './portalParts.ts'
import { csrfToken, type Session, sessionDecorator } from './session.ts'

/** What the page that answers this request needs; signed out where no session was read. */
export function pageContext(parts: PortalParts, request: FastifyRequest, reply: FastifyReply): PageContext {
  return {
    assets: parts.assets,
    dates: parts.dates,
    csrf: csrfToken(request, reply),
    doctor: signedIn(request)?.doctor ?? null,
    explorerUrl: parts.explorerUrl,
  }
}

/** The session of a request that passed the door; every route behind it has one. */
export function sessionOf(request: FastifyRequest): Session {
  const session = signedIn(request)
  if (session === null)
    throw new Error('A page for doctors was reached without a session. Do: register its route behind the door.')
  return session
}

function signedIn(request: FastifyRequest): Session | null {
  return request.getDecorator<Session | null>(sessionDecorator)
}

/** Sends a document. */
export function sendPage(reply: FastifyReply, document: string, status = 200): FastifyReply {
  return reply.code(status).type('text/html; charset=utf-8').send(document)
}

/** A field of a form, or of a query, as one text; absent and repeated ones are empty. */
export function textField(source: unknown, name: string): string {
  if (typeof source !== 'object' || source === null) return ''
  const value: unknown = Reflect.get(source, name)
  return typeof value === 'string' ? value : ''
}

/** An id from an address, or null for what can't be one: it goes to the actions as it is. */
export function idParam<Id extends string>(request: FastifyRequest, name = 'id'): Id | null {
  const value = textField(request.params, name)
  return /^[\w-]{1,100}$/.test(value) ? (value as Id) : null
}
