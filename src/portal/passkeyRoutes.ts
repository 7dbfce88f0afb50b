import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { AskRefusal, EmergencyRefusal } from './actions.ts'
import { errorAnswer } from './errorAnswers.ts'
import { idParam, pageContext, sendPage, sessionOf, textField } from './pageContext.ts'
import { messagePage } from './pages/messagePage.ts'
import { passkeyPage } from './pages/passkeyPage.ts'
import { signingPage } from './pages/signingPage.ts'
import type { PortalParts } from './portalParts.ts'
import {
  affiliationRefusalWords,
  askRefusalWords,
  emergencyRefusalWords,
  notVerifiedWords,
  outdatedWords,
} from './words.ts'

/** A doctor's passkey, and the pages on which it signs. */
export function passkeyRoutes(parts: PortalParts): FastifyPluginAsync {
  const { passkeys } = parts.actions
  const { dates } = parts

  const sendPasskeyPage = async (request: FastifyRequest, reply: FastifyReply, problem: string | null = null) => {
    const { doctorId, sessionGrantId } = sessionOf(request).doctor
    const [standing, task] = await Promise.all([
      passkeys.standing(doctorId, sessionGrantId),
      passkeys.newPasskey(doctorId),
    ])
    const page = passkeyPage(pageContext(parts, request, reply), standing, task, problem)
    return sendPage(reply, page, problem === null ? 200 : 422)
  }

  return async (scope) => {
    scope.get('/passkey', (request, reply) => sendPasskeyPage(request, reply))

    scope.post('/passkey', async (request, reply) => {
      const { doctorId } = sessionOf(request).doctor
      const challenge = textField(request.body, 'challenge')
      const refused = await passkeys.addPasskey(doctorId, challenge, textField(request.body, 'answer'))
      if (refused) return sendPasskeyPage(request, reply, notVerifiedWords.why)
      return reply.redirect('/passkey', 303)
    })

    scope.post('/passkey/confirmation', async (request, reply) => {
      const { doctorId } = sessionOf(request).doctor
      const refused = await passkeys.confirmAccount(doctorId, textField(request.body, 'credential').trim())
      if (refused === 'noAccount') return errorAnswer(parts, request, reply, 404)
      if (refused) return sendPasskeyPage(request, reply, affiliationRefusalWords(refused).why)
      return reply.redirect('/passkey', 303)
    })

    scope.post('/passkey/second', async (request, reply) => {
      const credential = textField(request.body, 'credential')
      const { doctorId } = sessionOf(request).doctor
      const prepared = await passkeys.prepareSecondPasskey(doctorId, credential === '' ? null : credential)
      return reply.redirect(prepared ? `/signing/${prepared.signingId}` : '/passkey', 303)
    })

    scope.post('/passkey/veto', async (request, reply) => {
      const prepared = await passkeys.prepareVeto(sessionOf(request).doctor.doctorId)
      return reply.redirect(prepared ? `/signing/${prepared.signingId}` : '/passkey', 303)
    })

    scope.get('/signing/:id', async (request, reply) => {
      const id = idParam<string>(request)
      const task = id && (await passkeys.signing(sessionOf(request).doctor.doctorId, id))
      if (!task) return errorAnswer(parts, request, reply, 404)
      return sendPage(reply, signingPage(pageContext(parts, request, reply), task))
    })

    scope.post('/signing/:id', async (request, reply) => {
      const id = idParam<string>(request)
      if (!id) return errorAnswer(parts, request, reply, 404)
      const answer = await passkeys.sign(sessionOf(request).doctor.doctorId, id, textField(request.body, 'answer'))
      if ('requestId' in answer) return reply.redirect(`/requests/${answer.requestId}`, 303)
      if ('changed' in answer) return reply.redirect('/passkey', 303)
      const { refused } = answer
      const context = pageContext(parts, request, reply)
      if (refused === 'notVerified') return sendPage(reply, messagePage(context, notVerifiedWords), 403)
      if (refused === 'outdated') {
        const way = { href: `/signing/${id}`, text: 'Sign again' }
        return sendPage(reply, messagePage(context, outdatedWords, way), 409)
      }
      const { sentence } = isOfEmergency(refused)
        ? emergencyRefusalWords(refused, dates)
        : askRefusalWords(refused, dates)
      const words = { title: 'This request was not sent', why: sentence, whatToDo: 'Go to the start page.' }
      return sendPage(reply, messagePage(context, words), 422)
    })
  }
}

/** What both may be refused for reads alike. */
function isOfEmergency(refusal: AskRefusal | EmergencyRefusal): refusal is EmergencyRefusal {
  return refusal.code === 'reasonMissing' || refusal.code === 'emergencyUnreviewed'
}
