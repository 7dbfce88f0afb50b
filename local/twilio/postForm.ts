import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** How a post ended: an answer, a connection that never stood (`ct`), or one that stood and failed (`rt`). */
type PostOutcome =
  | { readonly kind: 'answer'; readonly status: number; readonly contentType: string; readonly body: string }
  | { readonly kind: 'ct' | 'rt'; readonly error: string }

/** An answer longer than this is cut: TwiML is at most 64 KiB. */
const maxAnswerBytes = 65_536

/**
 * Posts a form over a fresh connection, as the provider's proxy does.
 *
 * @param form urlencoded
 * @param options headers in the order and spelling they are sent; times in milliseconds
 * @returns never rejects
 */
export function postForm(
  url: string,
  form: string,
  options: {
    headers: Readonly<Record<string, string>>
    connectTimeoutMs: number
    readTimeoutMs: number
    signal: AbortSignal
  },
): Promise<PostOutcome> {
  return new Promise((resolve) => {
    let hasConnected = false
    const send = url.startsWith('https:') ? httpsRequest : httpRequest
    const request = send(url, {
      method: 'POST',
      agent: false,
      signal: options.signal,
      headers: {
        ...options.headers,
        'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8',
        'Content-Length': Buffer.byteLength(form),
      },
    })
    const connectTimer = setTimeout(() => request.destroy(new Error('connect timeout')), options.connectTimeoutMs)
    const fail = (error: Error) => {
      clearTimeout(connectTimer)
      // The code, never the message: the message holds the address.
      const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message
      resolve({ kind: hasConnected ? 'rt' : 'ct', error: code })
    }
    request.on('socket', (socket) => {
      socket.once('connect', () => {
        hasConnected = true
        clearTimeout(connectTimer)
      })
    })
    request.setTimeout(options.readTimeoutMs, () => request.destroy(new Error('read timeout')))
    request.on('error', fail)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        if (bytes < maxAnswerBytes) chunks.push(chunk)
        bytes += chunk.length
      })
      response.on('error', fail)
      response.on('end', () => {
        resolve({
          kind: 'answer',
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          body: Buffer.concat(chunks).subarray(0, maxAnswerBytes).toString('utf8'),
        })
      })
    })
    request.end(form)
  })
}
