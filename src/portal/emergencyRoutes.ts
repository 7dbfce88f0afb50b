import type { FastifyPluginAsync } from 'fastify'
import { pageContext, sendPage, sessionOf, textField } from './pageContext.ts'
import { type EmergencyProblem, emergencyPage } from './pages/emergencyPage.ts'
import { messagePage } from './pages/messagePage.ts'
import type { PortalParts } from './portalParts.ts'
import { emergencyRefusalWords, notConfirmedWords } from './words.ts'

/** Opening a record without an answer. */
export function emergencyRoutes(parts: PortalParts): FastifyPluginAsync {
  const { actions, dates } = parts

  return async (scope) => {
    scope.get('/emergency', (request, reply) => sendPage(reply, emergencyPage(pageContext(parts, request, reply))))

    scope.post('/emergency', async (request, reply) => {
      const { doctorId, signing } = sessionOf(request).doctor
      const healthId = textField(request.body, 'healthId').trim()
      // Browsers send a line's end as two characters, and count it as one.
      const opening = { healthId, reason: textField(request.body, 'reason').replaceAll('\r\n', '\n') }
      const answer =
        signing === 'passkey'
          ? await actions.passkeys.prepareEmergency(doctorId, opening)
          : await actions.openEmergency(doctorId, opening)
      if ('requestId' in answer) return reply.redirect(`/requests/${answer.requestId}`, 303)
      if ('signingId' in answer) return reply.redirect(`/signing/${answer.signingId}`, 303)
      const { refused } = answer
      const context = pageContext(parts, request, reply)
      if (refused.code === 'accountNotConfirmed') {
        const way = { href: '/passkey', text: 'Go to your passkey' }
        return sendPage(reply, messagePage(context, notConfirmedWords, way), 403)
      }
      const earlier = refused.code === 'emergencyUnreviewed' ? refused.requestId : null
      const problem: EmergencyProblem = { ...emergencyRefusalWords(refused, dates), earlier }
      return sendPage(reply, emergencyPage(context, opening, problem), 422)
    })
  }
}
