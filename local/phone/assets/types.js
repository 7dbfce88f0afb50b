/**
 * What the simulator's API answers with.
 *
 * @typedef {{ signal: boolean, delayMs: number, duplicate: boolean, channel: 'sms' }} Switches
 *
 * @typedef {{ address: string, name: string, switches: Switches, waiting: number, lost: number }} Phone
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {'received' | 'sent'} direction
 * @property {string} text
 * @property {string} at ISO 8601
 * @property {number} parts
 * @property {'GSM-7' | 'UCS-2'} encoding
 * @property {number} units
 * @property {number} limit
 * @property {'queued' | 'sent' | 'delivered'} state
 *
 * @typedef {object} Webhook
 * @property {string} id
 * @property {'inbound' | 'status'} kind
 * @property {number} at milliseconds since 1970
 * @property {'POST'} method
 * @property {string} url
 * @property {Record<string, string>} fields
 * @property {string} signature
 * @property {number | null} status
 * @property {string | null} error
 * @property {number} attempt
 * @property {number} durationMs
 */
export {}
