import type { FastifyPluginAsync } from 'fastify'
import type { AccessEntryId, ConsentRequestId, EpochMs } from '../core/people.ts'
import type { OpenedLook } from './actions.ts'
import { errorAnswer } from './errorAnswers.ts'
import { idParam, pageContext, sendPage, sessionOf, textField } from './pageContext.ts'
import { looksPage } from './pages/looksPage.ts'
import { lookWaitingPage } from './pages/lookWaitingPage.ts'
import { messagePage } from './pages/messagePage.ts'
import { paged } from './pages/paging.ts'
import { recordPage } from './pages/recordPage.ts'
import { signLookPage } from './pages/signLookPage.ts'
import type { PortalParts } from './portalParts.ts'
import { unreachable } from './unreachable.ts'
import { lookRefusalWords, notVerifiedWords, openRefusalWords } from './words.ts'

/** A block takes 2 s; four of them, before the browser is asked to come again. */
const waitForEntryMs = 8000

/** Looks: the entry goes on chain, then the record opens; and the list of those taken. */
export function lookRoutes(parts: PortalParts): FastifyPluginAsync {
  const { actions, dates } = parts

  return async (scope) => {
    scope.get('/looks', async (request, reply) => {
      const looks = await actions.looks(sessionOf(request).doctor.doctorId)
      const page = paged(looks, Number(textField(request.query, 'page')))
      return sendPage(reply, looksPage(pageContext(parts, request, reply), page))
    })

    scope.post('/requests/:id/looks', async (request, reply) => {
      const { doctorId, sessionGrantId } = sessionOf(request).doctor
      const id = idParam<ConsentRequestId>(request)
      const asked = id && (await actions.request(doctorId, id))
      if (!id || !asked) return errorAnswer(parts, request, reply, 404)
      const answer =
        sessionGrantId !== null && asked.signing === 'passkey'
          ? await actions.passkeys.prepareLook(doctorId, id, sessionGrantId)
          : await actions.startLook(doctorId, id)
      if ('lookId' in answer) return reply.redirect(`/looks/${answer.lookId}`, 303)
      const words = lookRefusalWords(answer.refused, asked, dates)
      const way = { href: `/requests/${id}`, text: 'Go to the request' }
      const status = answer.refused.code === 'chainUnavailable' ? 503 : 403
      return sendPage(reply, messagePage(pageContext(parts, request, reply), words, way), status)
    })

    scope.post('/looks/:id/signature', async (request, reply) => {
      const id = idParam<AccessEntryId>(request)
      const signature = textField(request.body, 'signature')
      const { doctorId } = sessionOf(request).doctor
      if (id && (await actions.passkeys.signLook(doctorId, id, signature))) return reply.redirect(`/looks/${id}`, 303)
      return sendPage(reply, messagePage(pageContext(parts, request, reply), notVerifiedWords), 403)
    })

    scope.get('/looks/:id', { exposeHeadRoute: false }, async (request, reply) => {
      const id = idParam<AccessEntryId>(request)
      if (!id) return errorAnswer(parts, request, reply, 404)
      const { doctorId } = sessionOf(request).doctor
      const look = await actions.open(doctorId, id, waitForEntryMs)
      const context = pageContext(parts, request, reply)
      switch (look.status) {
        case 'waiting':
          return sendPage(reply, lookWaitingPage(context))
        case 'unsigned': {
          const task = await actions.passkeys.lookTask(doctorId, id)
          return task ? sendPage(reply, signLookPage(context, task)) : errorAnswer(parts, request, reply, 404)
        }
        case 'refused': {
          const way = { href: '/looks', text: 'Go to your access log' }
          return sendPage(reply, messagePage(context, openRefusalWords(look.reason), way), statusOf(look.reason))
        }
        case 'open': {
          const endsAt = (look.entry.at + parts.lookLastsMs) as EpochMs
          const leftMs = Math.max(0, endsAt - parts.clock())
          return sendPage(reply, recordPage(context, look, { endsAt, leftMs }))
        }
        default:
          return unreachable(look)
      }
    })
  }
}

function statusOf(reason: Extract<OpenedLook, { status: 'refused' }>['reason']): number {
  switch (reason) {
    case 'notFound':
      return 404
    case 'chainUnavailable':
      return 503
    case 'removed':
    case 'disputed':
    case 'expired':
    case 'usedUp':
    case 'lookEnded':
    case 'sharingPaused':
    case 'refusedOnChain':
      return 403
    default:
      return unreachable(reason)
  }
}
