import { api } from './api.js'
import { find } from './dom.js'
import { createPhone } from './phone.js'
import { createWebhookLog } from './webhookLog.js'

/** @import { Message, Phone, Webhook } from './types.js' */

/** Phones that fit side by side; the others answer to the API alone. */
const maxPhones = 4

const root = find(document, '[data-phones]')
const connection = find(document, '[data-connection]')
const more = find(document, '[data-more]')
const log = createWebhookLog(find(document, '[data-log]'))
/** @type {Map<string, ReturnType<typeof createPhone>>} */
const phones = new Map()
/** @type {Set<string>} */
const hidden = new Set()

/** @param {Phone} phone @param {Message[]} messages */
function showPhone(phone, messages) {
  let shown = phones.get(phone.address)
  if (!shown) {
    if (phones.size === maxPhones) {
      hidden.add(phone.address)
      more.hidden = false
      more.textContent = `${hidden.size} more ${hidden.size === 1 ? 'phone answers' : 'phones answer'} to the API alone.`
      return
    }
    shown = createPhone(phone.address)
    phones.set(phone.address, shown)
    root.append(shown.element)
    find(document, '[data-empty]').hidden = true
  }
  shown.show(phone, messages)
}

async function loadAll() {
  const [list, webhooks] = await Promise.all([api.phones(), api.webhooks()])
  find(document, '[data-empty]').hidden = list.length > 0
  for (const phone of list) showPhone(phone, await api.messages(phone.address))
  for (const webhook of webhooks) log.add(webhook)
}

/** @param {'live' | 'waiting'} state */
function showConnection(state) {
  connection.dataset['connection'] = state
  connection.textContent = state === 'live' ? 'live' : 'reconnecting'
}

const events = new EventSource('/api/events')
// Also after a lost connection: what happened meanwhile is fetched again.
events.addEventListener('open', async () => {
  try {
    await loadAll()
    showConnection('live')
  } catch {
    showConnection('waiting')
  }
})
events.addEventListener('error', () => showConnection('waiting'))
events.addEventListener('phone', (event) => {
  /** @type {{ phone: Phone, messages: Message[] }} */
  const { phone, messages } = JSON.parse(event.data)
  showPhone(phone, messages)
})
events.addEventListener('webhook', (event) => {
  /** @type {Webhook} */
  const webhook = JSON.parse(event.data)
  log.add(webhook)
})
