import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { isAskedPurpose, isPreset } from '../core/classes.ts'
import type { ConsentRequestId } from '../core/people.ts'
import type { AccessAsk } from './actions.ts'
import { errorAnswer } from './errorAnswers.ts'
import { idParam, pageContext, sendPage, sessionOf, textField } from './pageContext.ts'
import { type AskFormErrors, type AskFormValues, emptyAskForm, hasErrors, noErrors } from './pages/askForm.ts'
import { homePage } from './pages/homePage.ts'
import { messagePage } from './pages/messagePage.ts'
import { paged } from './pages/paging.ts'
import { requestPage } from './pages/requestPage.ts'
import { requestsPage } from './pages/requestsPage.ts'
import type { PortalParts } from './portalParts.ts'
import { askRefusalWords, notConfirmedWords } from './words.ts'

/** Asking, following a request, taking it back, and the events that pages follow. */
export function requestRoutes(parts: PortalParts): FastifyPluginAsync {
  const { actions, dates, streams } = parts

  const sendHome = async (
    request: FastifyRequest,
    reply: FastifyReply,
    form: { values: AskFormValues; errors: AskFormErrors } = { values: emptyAskForm, errors: noErrors },
  ) => {
    const { doctorId } = sessionOf(request).doctor
    const [requests, proposedFrom] = await Promise.all([
      actions.requests(doctorId),
      actions.passkeys.proposedFrom(doctorId),
    ])
    const document = homePage(pageContext(parts, request, reply), { requests, proposedFrom }, form)
    return sendPage(reply, document, hasErrors(form.errors) ? 422 : 200)
  }

  return async (scope) => {
    scope.get('/', (request, reply) => sendHome(request, reply))

    scope.get('/requests', async (request, reply) => {
      const requests = await actions.requests(sessionOf(request).doctor.doctorId)
      const page = paged(requests, Number(textField(request.query, 'page')))
      return sendPage(reply, requestsPage(pageContext(parts, request, reply), page))
    })

    scope.post('/requests', async (request, reply) => {
      const values = readAskForm(request.body)
      const parsed = parseAskForm(values)
      if ('errors' in parsed) return sendHome(request, reply, { values, errors: parsed.errors })
      const { doctorId, signing } = sessionOf(request).doctor
      const answer =
        signing === 'passkey'
          ? await actions.passkeys.prepareAsk(doctorId, parsed.ask)
          : await actions.askForAccess(doctorId, parsed.ask)
      if ('requestId' in answer) return reply.redirect(`/requests/${answer.requestId}`, 303)
      if ('signingId' in answer) return reply.redirect(`/signing/${answer.signingId}`, 303)
      if (answer.refused.code === 'accountNotConfirmed') {
        const way = { href: '/passkey', text: 'Go to your passkey' }
        return sendPage(reply, messagePage(pageContext(parts, request, reply), notConfirmedWords, way), 403)
      }
      const { field, sentence } = askRefusalWords(answer.refused, dates)
      const errors = field === null ? { fields: {}, form: [sentence] } : { fields: { [field]: sentence }, form: [] }
      return sendHome(request, reply, { values, errors })
    })

    scope.get('/requests/:id', async (request, reply) => {
      const id = idParam<ConsentRequestId>(request)
      const found = id && (await actions.request(sessionOf(request).doctor.doctorId, id))
      if (!found) return errorAnswer(parts, request, reply, 404)
      return sendPage(reply, requestPage(pageContext(parts, request, reply), found))
    })

    scope.post('/requests/:id/withdraw', async (request, reply) => {
      const { doctorId } = sessionOf(request).doctor
      const id = idParam<ConsentRequestId>(request)
      const found = id && (await actions.request(doctorId, id))
      if (!id || !found) return errorAnswer(parts, request, reply, 404)
      if (found.signing === 'passkey') {
        const prepared = await actions.passkeys.prepareWithdrawal(doctorId, id)
        return reply.redirect(prepared ? `/signing/${prepared.signingId}` : `/requests/${id}`, 303)
      }
      await actions.withdraw(doctorId, id)
      return reply.redirect(`/requests/${id}`, 303)
    })

    scope.get('/events', { exposeHeadRoute: false }, async (request, reply) => {
      const only = textField(request.query, 'request')
      return (
        reply
          .type('text/event-stream; charset=utf-8')
          // Proxies must pass each event on as it comes, unchanged.
          .header('cache-control', 'no-store, no-transform')
          .header('x-accel-buffering', 'no')
          .send(streams.open(sessionOf(request), only === '' ? null : (only as ConsentRequestId)))
      )
    })
  }
}

/** The fields as typed, to be shown again as they were; none is longer than the form lets it be. */
function readAskForm(body: unknown): AskFormValues {
  const read = (name: string) => textField(body, name).slice(0, 60)
  return { healthId: read('healthId'), preset: read('preset'), purpose: read('purpose'), days: read('days') }
}

/** Checks the shapes only; the rules are the actions'. */
function parseAskForm(values: AskFormValues): { ask: AccessAsk } | { errors: AskFormErrors } {
  const { preset, purpose } = values
  const healthId = values.healthId.trim()
  const oneTime = values.days === 'once'
  const days = oneTime ? 1 : /^\d{1,4}$/.test(values.days) ? Number(values.days) : null
  if (healthId !== '' && isPreset(preset) && isAskedPurpose(purpose) && days !== null) {
    return { ask: { healthId, preset, purpose, days, oneTime } }
  }
  const fields: AskFormErrors['fields'] = {
    ...(healthId === '' && { healthId: "Write the patient's health ID. It stands on the patient's card." }),
    ...(!isPreset(preset) && { preset: 'Choose what you need to see.' }),
    ...(!isAskedPurpose(purpose) && { purpose: 'Choose what it is for.' }),
    ...(days === null && { days: 'Choose for how long.' }),
  }
  return { errors: { fields, form: [] } }
}
