import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EpochMs } from '../core/people.ts'
import type { PortalActions, SignedInDoctor } from './actions.ts'

const cookieName = 'session'

/** A request with a doctor behind it. */
export type Session = { token: string; doctor: SignedInDoctor }

/** Name of the request decorator that holds the session. */
export const sessionDecorator = 'portalSession'

/** How both cookies of the portal are set: never readable by scripts, never sent along by another site's form. */
export function cookieOptions(secure: boolean) {
  return { path: '/', httpOnly: true, sameSite: 'lax', secure } as const
}

/** The token in the cookie, or null; whether it still counts, only the actions know. */
export function sessionToken(request: FastifyRequest): string | null {
  return request.cookies[cookieName] || null
}

export async function readSession(actions: PortalActions, request: FastifyRequest): Promise<Session | null> {
  const token = sessionToken(request)
  if (token === null) return null
  const doctor = await actions.session(token)
  return doctor === null ? null : { token, doctor }
}

export function startSession(reply: FastifyReply, secure: boolean, token: string, expiresAt: EpochMs): void {
  reply.setCookie(cookieName, token, { ...cookieOptions(secure), expires: new Date(expiresAt) })
}

export function endSession(reply: FastifyReply, secure: boolean): void {
  reply.clearCookie(cookieName, cookieOptions(secure))
}

/** What a form's token is bound to, so that a token taken from one session is worth nothing in another. */
export function csrfUserInfo(request: FastifyRequest): string {
  return createHash('sha256')
    .update(sessionToken(request) ?? 'signed out')
    .digest('hex')
}

/** A token for the forms of the page that answers this request. */
export function csrfToken(request: FastifyRequest, reply: FastifyReply): string {
  return reply.generateCsrf({ userInfo: csrfUserInfo(request) })
}
