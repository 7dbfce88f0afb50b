import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { html } from './html.ts'
import { pageContext, sendPage } from './pageContext.ts'
import { messagePage } from './pages/messagePage.ts'
import type { PortalParts } from './portalParts.ts'
import { readSession, sessionDecorator } from './session.ts'
import type { MessageWords } from './words.ts'

/** Error pages by status. Each says what happened, why, and what to do; none says more than the status does. */
const words = {
  400: {
    title: 'This could not be read',
    why: 'The browser sent something that the portal does not understand.',
    whatToDo: 'Go back, reload the page and try again.',
  },
  403: {
    title: 'This form is too old',
    why: 'The page was open for long, cookies are switched off, or you signed in or out in another tab. Nothing was done.',
    whatToDo: 'Go back, reload the page and send the form again.',
  },
  404: {
    title: 'There is nothing here',
    why: 'The address is wrong, or it belongs to something that is not yours.',
    whatToDo: 'Go to the start page: it lists your own requests.',
  },
  429: {
    title: 'Too many tries',
    why: 'There were too many tries to sign in with this name or from this place.',
    whatToDo: 'Wait a few minutes, then try again.',
  },
  500: {
    title: 'Something went wrong here',
    why: 'The portal could not finish. It is not your fault, and no record was shown.',
    whatToDo: 'Try again in a minute. If it lasts, tell the person who runs this system, with the reference below.',
  },
} as const satisfies Record<number, MessageWords>

type ErrorStatus = keyof typeof words

/** Sets the error pages of a scope, for what the routes did not foresee. */
export function answerErrors(scope: FastifyInstance, parts: PortalParts): void {
  scope.setNotFoundHandler(async (request, reply) => {
    request.setDecorator(sessionDecorator, await readSession(parts.actions, request))
    return errorAnswer(parts, request, reply, 404)
  })
  scope.setErrorHandler((error, request, reply) => {
    const status = statusOf(error)
    if (status === 500) request.log.error(errorFacts(error), 'The portal could not finish a page.')
    return errorAnswer(parts, request, reply, status)
  })
}

/** Answers with the page of a status. */
export function errorAnswer(
  parts: PortalParts,
  request: FastifyRequest,
  reply: FastifyReply,
  status: ErrorStatus,
): FastifyReply {
  const reference = status === 500 ? html`<p class="hint">Reference: <code>${request.id}</code></p>` : null
  return sendPage(reply, messagePage(pageContext(parts, request, reply), words[status], undefined, reference), status)
}

function statusOf(error: unknown): ErrorStatus {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : 500
  if (status === 403 || status === 404 || status === 429) return status
  return typeof status === 'number' && status >= 400 && status < 500 ? 400 : 500
}

/** Where it happened, without the message: a library's message may quote a value. */
function errorFacts(error: unknown): { errorName: string; errorCode: string | null; frames: string[] } {
  if (!(error instanceof Error)) return { errorName: typeof error, errorCode: null, frames: [] }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    errorName: error.name,
    errorCode: 'code' in error && typeof error.code === 'string' ? error.code : null,
    frames: frames.slice(0, 10).map((line) => line.trim()),
  }
}
