// Takes the record off the screen, and out of the page, the moment the doctor may no longer see it.
import { listen } from './events.js'

const record = document.querySelector('[data-record]')
if (record instanceof HTMLElement) {
  const endsAt = Date.now() + Number(record.dataset['closesInMs'])

  /** @param {string} reason */
  const close = (reason) => {
    if (!record.isConnected) return
    stop()
    const words = document.querySelector(`template[data-closed="${reason}"]`)
    const main = document.getElementById('main')
    if (!(words instanceof HTMLTemplateElement) || !main) return record.remove()
    const alert = document.createElement('div')
    alert.setAttribute('role', 'alert')
    alert.dataset['closedBecause'] = reason
    alert.append(words.content.cloneNode(true))
    main.className = 'narrow'
    main.replaceChildren(alert)
    const headline = alert.querySelector('h1')
    headline?.focus()
    document.title = headline?.textContent ?? ''
  }

  const stop = listen({
    only: record.dataset['watch'] ?? null,
    // A one-time grant is used up by this very look: the reading goes on.
    onState: (_id, state) => {
      if (state === 'granted' || state === 'usedUp') return
      close(['removed', 'disputed', 'expired', 'paused'].includes(state) ? state : 'other')
    },
    onSignedOut: () => close('signedOut'),
    onSilence: () => close('silent'),
  })

  const closeInTime = () => {
    if (Date.now() >= endsAt) close('lookEnded')
  }
  setTimeout(() => close('lookEnded'), Math.max(0, endsAt - Date.now()))
  // Timers stand still while a computer sleeps.
  document.addEventListener('visibilitychange', closeInTime)
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload()
  })
}
