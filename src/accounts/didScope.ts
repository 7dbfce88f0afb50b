import rateLimit from '@fastify/rate-limit'
import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import { type DidFault, didDocument, didOf, parseDid } from '../core/did.ts'
import { minute } from '../core/people.ts'

/** A verifier asks once per credential it has not seen; a registrar's office behind one address stays below this. */
const usualLimits = { perAddress: 120, windowMs: minute }

/** Media types of the document alone, the first one where the caller has no wish. Source: DID Core, DID Resolution. */
const documentTypes = ['application/did+ld+json', 'application/did+json', 'application/did'] as const
/** The document with its metadata; the second is how resolvers named it before DID Resolution 1.0. */
const resultType: string = 'application/did-resolution'
const olderResultType = 'application/ld+json;profile="https://w3id.org/did-resolution"'

/** Source: DID Resolution, "Errors" and "HTTP(S) Binding". */
const faults = {
  invalidDid: { status: 400, type: 'INVALID_DID', detail: 'This is not a DID, or its account is mistyped.' },
  notFound: { status: 404, type: 'NOT_FOUND', detail: 'This server answers for accounts of its own chain only.' },
  methodNotSupported: { status: 501, type: 'METHOD_NOT_SUPPORTED', detail: 'This server knows did:pkh only.' },
  representationNotSupported: {
    status: 406,
    type: 'REPRESENTATION_NOT_SUPPORTED',
    detail: `Ask for ${[...documentTypes, resultType].join(', ')}.`,
  },
} as const satisfies Record<DidFault | 'representationNotSupported', { status: number; type: string; detail: string }>

/**
 * Resolves the DIDs of accounts on one chain over HTTP: `GET /1.0/identifiers/{did}`.
 *
 * Documents are made from the identifier alone. Neither database nor chain is asked, so neither answer nor time tells whose
 * account it is, or whether it is anybody's. Source: W3C DID Resolution, HTTP(S) binding.
 */
export function didScope(chainId: number, limits = usualLimits): FastifyPluginAsync {
  return async (scope) => {
    await scope.register(rateLimit, { max: limits.perAddress, timeWindow: limits.windowMs })

    // A wildcard, because a parameter's length is limited and a DID's is not.
    scope.get<{ Params: { '*': string } }>('/1.0/identifiers/*', async (request, reply) => {
      const wished = wishedType(request.headers.accept)
      reply.header('vary', 'accept')
      if (wished === null) return refuse(reply, 'representationNotSupported')
      const parsed = parseDid(request.params['*'], chainId)
      if ('fault' in parsed) return refuse(reply, parsed.fault, wished)
      const document = didDocument(parsed.did)
      reply.type(wished).header('cache-control', 'public, max-age=86400')
      if (!isResult(wished)) return reply.send(asBytes(document))
      const checksummed = didOf(chainId, parsed.account)
      const result = {
        didDocument: document,
        didResolutionMetadata: { contentType: documentTypes[0] },
        didDocumentMetadata: checksummed === parsed.did ? {} : { canonicalId: checksummed },
      }
      return reply.send(asBytes(result))
    })
  }
}

/** An error is always a whole result: a document alone has no place for it. */
function refuse(reply: FastifyReply, fault: keyof typeof faults, wished = resultType): FastifyReply {
  const { status, type, detail } = faults[fault]
  const error = { type: `https://www.w3.org/ns/did#${type}`, title: fault, detail }
  const result = { didDocument: null, didResolutionMetadata: { error }, didDocumentMetadata: {} }
  return reply
    .code(status)
    .type(isResult(wished) ? wished : resultType)
    .send(asBytes(result))
}

/** Bytes, because the server adds a charset to texts, which these types do not have. */
function asBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function isResult(type: string): boolean {
  return type === resultType || type === olderResultType
}

/** The first type of the Accept header that we can give; null when there is none. */
function wishedType(accept = '*/*'): string | null {
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    if (type === '*/*' || type === 'application/*') return documentTypes[0]
    if (type === 'application/json' || type === 'application/ld+json') {
      const isOlder = parameters.some((parameter) => parameter.includes('https://w3id.org/did-resolution'))
      return isOlder ? olderResultType : documentTypes[0]
    }
    const known = [...documentTypes, resultType].find((candidate) => candidate === type)
    if (known !== undefined) return known
  }
  return null
}
