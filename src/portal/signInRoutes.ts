import { createHash } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { errorAnswer } from './errorAnswers.ts'
import { pageContext, sendPage, textField } from './pageContext.ts'
import { messagePage } from './pages/messagePage.ts'
import { signInPage } from './pages/signInPage.ts'
import type { PortalParts } from './portalParts.ts'
import { endSession, readSession, sessionToken, startSession } from './session.ts'
import { affiliationRefusalWords } from './words.ts'

/** A chain that did not answer is asked again after this. */
const retryAfterS = 60

/** The door: sign in, with a limit per address and per login name, and sign out. */
export function signInRoutes(parts: PortalParts): FastifyPluginAsync {
  const { actions, secure, signInLimits, streams } = parts

  return async (scope) => {
    const timeWindow = signInLimits.windowMs
    const perAddress = scope.createRateLimit({ max: signInLimits.perAddress, timeWindow })
    // Hashed: the limiter keeps its keys in memory, and people type passwords into the wrong field.
    const perName = scope.createRateLimit({
      max: signInLimits.perName,
      timeWindow,
      keyGenerator: (request) =>
        createHash('sha256').update(textField(request.body, 'login').trim().toLowerCase()).digest('base64'),
    })

    scope.get('/sign-in', async (request, reply) => {
      if ((await readSession(actions, request)) !== null) return reply.redirect('/', 303)
      return sendPage(reply, signInPage(pageContext(parts, request, reply), { login: '', failed: false }))
    })

    scope.post('/sign-in', async (request, reply) => {
      for (const limit of [perAddress, perName]) {
        const found = await limit(request)
        if (found.isAllowed || !found.isExceeded) continue
        reply.header('retry-after', found.ttlInSeconds)
        return errorAnswer(parts, request, reply, 429)
      }
      const login = textField(request.body, 'login').trim()
      const answer = await actions.signIn(login, textField(request.body, 'password'))
      if ('refused' in answer) {
        const context = pageContext(parts, request, reply)
        if (answer.refused === 'wrongPassword')
          return sendPage(reply, signInPage(context, { login, failed: true }), 401)
        const isPassing = answer.refused === 'chainUnavailable'
        if (isPassing) reply.header('retry-after', retryAfterS)
        const page = messagePage(context, affiliationRefusalWords(answer.refused), {
          href: '/sign-in',
          text: 'Go to the sign-in page',
        })
        return sendPage(reply, page, isPassing ? 503 : 403)
      }
      startSession(reply, secure, answer.token, answer.expiresAt)
      return reply.redirect('/', 303)
    })

    scope.post('/sign-out', async (request, reply) => {
      const token = sessionToken(request)
      if (token !== null) {
        await actions.signOut(token)
        streams.endSession(token)
      }
      endSession(reply, secure)
      return reply.redirect('/sign-in', 303)
    })
  }
}
