import { createHash } from 'node:crypto'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { errorAnswer } from './errorAnswers.ts'
import { pageContext, sendPage, textField } from './pageContext.ts'
import { messagePage } from './pages/messagePage.ts'
import { signInPage } from './pages/signInPage.ts'
import type { PasskeySignInRefusal } from './passkeyActions.ts'
import type { PortalParts } from './portalParts.ts'
import { endSession, readSession, sessionToken, startSession } from './session.ts'
import { affiliationRefusalWords, notHeldWords, notVerifiedWords } from './words.ts'

/** A chain that did not answer is asked again after this. */
const retryAfterS = 60

/** The door: sign in, with a limit per address and per login name, and sign out. */
export function signInRoutes(parts: PortalParts): FastifyPluginAsync {
  const { actions, secure, signInLimits, streams } = parts

  const sendDoor = (
    request: FastifyRequest,
    reply: FastifyReply,
    typed: { login: string; failed: boolean },
    status = 200,
  ) => sendPage(reply, signInPage(pageContext(parts, request, reply), typed, actions.passkeys.signInTask()), status)

  const sendRefusal = (request: FastifyRequest, reply: FastifyReply, refused: PasskeySignInRefusal) => {
    const context = pageContext(parts, request, reply)
    const words = refusalWords(refused)
    const isPassing = refused === 'chainUnavailable'
    if (isPassing) reply.header('retry-after', retryAfterS)
    const page = messagePage(context, words, { href: '/sign-in', text: 'Go to the sign-in page' })
    return sendPage(reply, page, isPassing ? 503 : 403)
  }

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
      return sendDoor(request, reply, { login: '', failed: false })
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
        if (answer.refused === 'wrongPassword') return sendDoor(request, reply, { login, failed: true }, 401)
        return sendRefusal(request, reply, answer.refused)
      }
      startSession(reply, secure, answer.token, answer.expiresAt)
      return reply.redirect('/', 303)
    })

    scope.post('/sign-in/passkey', async (request, reply) => {
      const found = await perAddress(request)
      if (!found.isAllowed && found.isExceeded) {
        reply.header('retry-after', found.ttlInSeconds)
        return errorAnswer(parts, request, reply, 429)
      }
      // A form sends line ends as CR LF, whatever the page had.
      const statement = textField(request.body, 'statement').replaceAll('\r\n', '\n')
      const answer = await actions.passkeys.signIn(statement, textField(request.body, 'answer'))
      if ('refused' in answer) return sendRefusal(request, reply, answer.refused)
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

function refusalWords(refused: PasskeySignInRefusal) {
  if (refused === 'notVerified') return notVerifiedWords
  return refused === 'notHeld' ? notHeldWords : affiliationRefusalWords(refused)
}
