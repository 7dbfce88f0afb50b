import { find, fromTemplate, showTime } from './dom.js'

/** @import { Webhook } from './types.js' */

/** As many as the provider keeps. */
const maxShown = 200

/**
 * Makes the list of webhooks, newest first.
 *
 * @param {HTMLElement} root
 * @returns {{ add: (webhook: Webhook) => void }}
 */
export function createWebhookLog(root) {
  const list = find(root, '[data-log-entries]')
  const count = find(root, '[data-log-count]')
  /** @type {Set<string>} */
  const shown = new Set()

  return {
    add(webhook) {
      if (shown.has(webhook.id)) return
      shown.add(webhook.id)
      list.prepend(createEntry(webhook))
      while (list.childElementCount > maxShown) list.lastElementChild?.remove()
      count.textContent = String(list.childElementCount)
    },
  }
}

/** @param {Webhook} webhook */
function createEntry(webhook) {
  const item = fromTemplate('webhook')
  item.dataset['webhook'] = webhook.id
  const isGood = webhook.status !== null && webhook.status < 400
  showTime(find(item, '[data-time]'), new Date(webhook.at), true)
  find(item, '[data-what]').textContent =
    webhook.kind === 'inbound' ? 'text received' : `status: ${webhook.fields['MessageStatus'] ?? ''}`
  find(item, '[data-where]').textContent = `${webhook.method} ${new URL(webhook.url).pathname}`
  const status = find(item, '[data-status]')
  status.textContent = webhook.status === null ? (webhook.error ?? 'no answer') : String(webhook.status)
  status.classList.add(isGood ? 'good' : 'bad')
  const again = webhook.attempt > 1 ? ` · attempt ${webhook.attempt}` : ''
  find(item, '[data-took]').textContent = `${webhook.durationMs} ms${again}`

  const details = find(item, '[data-fields]')
  const rows = [['URL', webhook.url], ['X-Twilio-Signature', webhook.signature], ...Object.entries(webhook.fields)]
  for (const [name = '', value = ''] of rows) {
    const term = document.createElement('dt')
    term.textContent = name
    const definition = document.createElement('dd')
    definition.textContent = value === '' ? '(empty)' : value
    definition.classList.toggle('empty', value === '')
    details.append(term, definition)
  }
  return item
}
