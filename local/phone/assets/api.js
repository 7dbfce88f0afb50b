/** @import { Message, Phone, Switches, Webhook } from './types.js' */

/**
 * @param {string} path
 * @param {unknown} [body] sent as JSON with POST
 * @returns {Promise<unknown>}
 * @throws {Error} with the simulator's own words
 */
async function call(path, body) {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(path, body === undefined ? {} : post)
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error ?? `The simulator answered ${response.status}.`)
  return answer
}

/** @param {string} address */
const phonePath = (address) => `/api/phones/${encodeURIComponent(address)}`

export const api = {
  /** @returns {Promise<Phone[]>} */
  phones: async () => /** @type {Phone[]} */ (await call('/api/phones')),
  /** @param {string} address @returns {Promise<Message[]>} */
  messages: async (address) => /** @type {Message[]} */ (await call(`${phonePath(address)}/messages`)),
  /** @returns {Promise<Webhook[]>} */
  webhooks: async () => /** @type {Webhook[]} */ (await call('/api/webhooks')),
  /** @param {string} address @param {string} text */
  text: (address, text) => call(`${phonePath(address)}/messages`, { text }),
  /** @param {string} address @param {Partial<Switches>} change */
  setSwitches: (address, change) => call(`${phonePath(address)}/switches`, change),
}
