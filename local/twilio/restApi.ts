import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { apiErrors, TwilioApiError } from './apiError.ts'
import { listMessages } from './listMessages.ts'
import { type StoredMessage, toResource } from './message.ts'
import type { Messaging } from './messaging.ts'

/** The form of a request; empty for one without a body. */
const formOf = (request: FastifyRequest) =>
  request.body instanceof URLSearchParams ? request.body : new URLSearchParams()

/** The path and the query exactly as they were sent. */
const urlOf = (request: FastifyRequest) => new URL(request.raw.url ?? '/', 'http://127.0.0.1')

/**
 * Adds the Messages resource of API version 2010-04-01: create, fetch, list, redact, delete, and an empty list of media.
 *
 * @param options messages: in the order they were created, read at each call
 */
export function addRestApi(
  app: FastifyInstance,
  options: { accountSid: string; authToken: string; messaging: Messaging; messages: readonly StoredMessage[] },
): void {
  const { accountSid, messaging } = options
  const authorization = `Basic ${Buffer.from(`${accountSid}:${options.authToken}`).toString('base64')}`

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, new URLSearchParams(body.toString()))
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('Twilio-Request-Id', `RQ${randomBytes(16).toString('hex')}`)
    if (request.headers.authorization !== authorization) {
      reply.header('WWW-Authenticate', 'Basic realm="Twilio API"')
      throw apiErrors.authenticate()
    }
  })
  app.setErrorHandler((error, _request, reply) => {
    const known =
      error instanceof TwilioApiError ? error : new TwilioApiError(500, 20500, 'An internal server error has occurred')
    return reply.status(known.status).send(known.toBody())
  })
  app.setNotFoundHandler((request) => {
    throw apiErrors.notFound(urlOf(request).pathname)
  })

  const collection = `/2010-04-01/Accounts/${accountSid}/Messages.json`
  const instance = `/2010-04-01/Accounts/${accountSid}/Messages/:sid(^SM[0-9a-f]{32}).json`

  const messageOf = (request: FastifyRequest<{ Params: { sid: string } }>): StoredMessage => {
    const message = messaging.find(request.params.sid)
    if (!message) throw apiErrors.notFound(urlOf(request).pathname)
    return message
  }

  app.post(collection, async (request, reply) => {
    const message = messaging.create(formOf(request))
    return reply.status(201).send(toResource(accountSid, message))
  })
  app.get(collection, async (request) => listMessages(accountSid, options.messages, urlOf(request).searchParams))
  app.get<{ Params: { sid: string } }>(instance, async (request) => toResource(accountSid, messageOf(request)))
  app.post<{ Params: { sid: string } }>(instance, async (request) => {
    const message = messageOf(request)
    messaging.update(message, formOf(request))
    return toResource(accountSid, message)
  })
  app.delete<{ Params: { sid: string } }>(instance, async (request, reply) => {
    messaging.remove(messageOf(request))
    return reply.status(204).send()
  })
  app.get<{ Params: { sid: string } }>(instance.replace('.json', '/Media.json'), async (request) => {
    messageOf(request)
    const uri = urlOf(request).pathname
    const page = { end: 0, first_page_uri: `${uri}?PageSize=50&Page=0`, media_list: [], next_page_uri: null }
    return { ...page, page: 0, page_size: 50, previous_page_uri: null, start: 0, uri }
  })
}
