import { api } from './api.js'
import { find, fromTemplate, showTime } from './dom.js'
import { addKeypad } from './keypad.js'
import { describeSize, smsSize } from './smsSize.js'

/** @import { Message, Phone, Switches } from './types.js' */

/** Messages shown on one screen; older ones stay in the API. */
const maxShown = 100

/**
 * Makes one handset.
 *
 * @param {string} address
 * @returns {{ element: HTMLElement, show: (phone: Phone, messages: Message[]) => void }}
 */
export function createPhone(address) {
  const element = fromTemplate('phone')
  /** @type {HTMLFormElement} */
  const form = find(element, 'form')
  /** @type {HTMLTextAreaElement} */
  const box = find(element, 'textarea[name="text"]')
  const conversation = find(element, '[data-conversation]')
  const failure = find(element, '[data-failure]')
  const size = find(form, '[data-size]')
  /** @type {HTMLInputElement} */
  const noSignal = find(element, 'input[name="noSignal"]')
  /** @type {HTMLInputElement} */
  const duplicate = find(element, 'input[name="duplicate"]')
  /** @type {HTMLSelectElement} */
  const delay = find(element, 'select[name="delayMs"]')

  const id = `phone-${address.replace(/\D/g, '')}`
  element.dataset['phone'] = address
  form.id = id
  find(element, '[data-name]').id = `${id}-name`
  element.setAttribute('aria-labelledby', `${id}-name`)
  // It scrolls, so the keyboard must reach it.
  conversation.tabIndex = 0
  find(element, '[data-send]').setAttribute('form', id)
  find(element, '[data-address]').textContent = address

  addKeypad(find(element, '[data-keypad]'), box, (mode) => {
    find(element, '[data-mode]').textContent = mode
  })

  function showSize() {
    size.textContent = box.value === '' ? '' : describeSize(smsSize(box.value))
  }

  /** @param {() => Promise<unknown>} action */
  async function attempt(action) {
    failure.textContent = ''
    try {
      await action()
      return true
    } catch (error) {
      failure.textContent = error instanceof Error ? error.message : String(error)
      return false
    }
  }

  box.addEventListener('input', showSize)
  box.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    form.requestSubmit()
  })
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const text = box.value
    if (text === '') return
    box.value = ''
    showSize()
    if (await attempt(() => api.text(address, text))) return
    box.value = text
    showSize()
  })
  find(element, '[data-clear]').addEventListener('click', () => {
    const end = box.selectionEnd
    const start = box.selectionStart === end ? Math.max(0, end - 1) : box.selectionStart
    box.setRangeText('', start, end, 'end')
    showSize()
  })

  /** @param {Partial<Switches>} change */
  const change = (change) => void attempt(() => api.setSwitches(address, change))
  noSignal.addEventListener('change', () => change({ signal: !noSignal.checked }))
  duplicate.addEventListener('change', () => change({ duplicate: duplicate.checked }))
  delay.addEventListener('change', () => change({ delayMs: Number(delay.value) }))

  /** @type {Map<string, HTMLElement>} */
  const shown = new Map()
  // The newest text stays in sight when the screen changes its width; a reader of older ones is left alone.
  let isAtEnd = true
  const showEnd = () => {
    if (isAtEnd) conversation.scrollTop = conversation.scrollHeight
  }
  conversation.addEventListener('scroll', () => {
    isAtEnd = conversation.scrollHeight - conversation.scrollTop - conversation.clientHeight < 24
  })
  new ResizeObserver(showEnd).observe(conversation)

  /** @param {Message} message */
  function showMessage(message) {
    let item = shown.get(message.id)
    if (!item) {
      item = fromTemplate('message')
      item.dataset['message'] = message.id
      item.dataset['direction'] = message.direction
      find(item, '[data-text]').textContent = message.text
      find(item, '[data-size]').textContent = describeSize(message)
      shown.set(message.id, item)
      conversation.append(item)
    }
    item.dataset['state'] = message.state
    showTime(find(item, '[data-time]'), new Date(message.at))
    find(item, '[data-state]').textContent = message.state
  }

  return {
    element,
    show(phone, messages) {
      find(element, '[data-name]').textContent = phone.name
      find(element, '[data-text-label]').textContent = `Text from ${phone.name}’s phone`
      conversation.setAttribute('aria-label', `Messages on ${phone.name}’s phone`)
      find(element, '[data-keypad]').setAttribute('aria-label', `Keys of ${phone.name}’s phone`)
      element.classList.toggle('no-signal', !phone.switches.signal)
      find(element, '[data-network]').textContent = phone.switches.signal ? 'Messages' : 'No signal'
      find(element, '[data-waiting]').textContent = describeCarrier(phone)
      noSignal.checked = !phone.switches.signal
      duplicate.checked = phone.switches.duplicate
      showDelay(delay, phone.switches.delayMs)

      const recent = messages.slice(-maxShown)
      const ids = new Set(recent.map((message) => message.id))
      const hasNew = recent.some((message) => !shown.has(message.id))
      for (const [id, item] of shown) {
        if (ids.has(id)) continue
        item.remove()
        shown.delete(id)
      }
      for (const message of recent) showMessage(message)
      if (hasNew) showEnd()
    },
  }
}

/** @param {Phone} phone */
function describeCarrier({ waiting, lost, switches }) {
  const notes = []
  if (waiting > 0) {
    const texts = waiting === 1 ? '1 text' : `${waiting} texts`
    notes.push(switches.signal ? `${texts} on the way` : `${texts} waiting for a signal`)
  }
  if (lost > 0) notes.push(`${lost} lost: no signal for too long`)
  return notes.join(' · ')
}

/**
 * Chooses a delay, also one that the list lacks because the API was used.
 *
 * @param {HTMLSelectElement} select
 * @param {number} delayMs
 */
function showDelay(select, delayMs) {
  const value = String(delayMs)
  if (![...select.options].some((option) => option.value === value)) {
    select.add(new Option(`${delayMs / 1_000} seconds`, value))
  }
  select.value = value
}
