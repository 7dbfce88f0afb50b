// Keeps the parts marked data-live as the server would draw them now. The form beside them is never touched.
import { listen } from './events.js'

const tryAgainMs = 10_000
const watched = document.querySelector('[data-watch]')?.getAttribute('data-watch') ?? null

/** @type {(() => void) | null} */
let stop = null
let drawing = false
let drawAgain = false

/** @param {string} id */
const shownState = (id) =>
  document.querySelector(`[data-request="${CSS.escape(id)}"] [data-state]`)?.getAttribute('data-state') ?? null

/** Changes that come while a page is on its way are drawn by one more page, not by one each. */
async function draw() {
  drawAgain = true
  if (drawing) return
  drawing = true
  while (drawAgain) {
    drawAgain = false
    try {
      const answer = await fetch(location.href, { credentials: 'same-origin', cache: 'no-store' })
      if (answer.redirected) location.assign(answer.url)
      else if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), 'text/html'))
    } catch {
      // No connection: the next event or try draws again.
    }
  }
  drawing = false
}

/** @param {Document} fresh */
function show(fresh) {
  const headline = () => document.querySelector('[data-headline]')
  let changed = false
  for (const part of document.querySelectorAll('[data-live]')) {
    const next = fresh.querySelector(`[data-live="${part.getAttribute('data-live')}"]`)
    if (!next || next.textContent === part.textContent) continue
    changed = true
    const hadFocus = part.contains(document.activeElement)
    part.replaceChildren(...next.childNodes)
    const heading = headline()
    if (hadFocus && heading instanceof HTMLElement) heading.focus()
  }
  if (!changed) return
  // Without a headline the page is a list, and one line of it is not the page's title.
  if (headline()) document.title = fresh.title
  const announce = document.querySelector('[data-announce]')
  if (announce) announce.textContent = headline() ? fresh.title : 'Your requests have changed.'
}

function start() {
  stop?.()
  stop = listen({
    only: watched,
    // A list of many pages does not show every request: one that is not here changes nothing here, unless it is new.
    onState: (id, state) => {
      if (shownState(id) !== state && (shownState(id) !== null || state === 'asking' || state === 'asked')) draw()
    },
    onSignedOut: () => location.assign('/sign-in'),
    onSilence: () => {
      draw()
      setTimeout(() => document.hidden || start(), tryAgainMs)
    },
  })
}

// A browser gives one site few connections: a page that nobody sees holds none, and hears how things stand when it is back.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) stop?.()
  else start()
})
addEventListener('pageshow', (event) => {
  if (event.persisted) draw()
})
if (!document.hidden) start()
