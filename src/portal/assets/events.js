/** The server says something every 15 s; after three times that, nobody is there. */
const silenceMs = 45_000

/**
 * Listens to the changes of the doctor's own requests.
 *
 * @param {object} wishes
 * @param {string | null} wishes.only one request, or null for all
 * @param {(id: string, state: string) => void} wishes.onState how a request stands, at the start and after each change
 * @param {() => void} wishes.onSignedOut the session is over; nothing comes any more
 * @param {() => void} wishes.onSilence nobody is there; nothing comes any more
 * @returns {() => void} stops listening
 */
export function listen({ only, onState, onSignedOut, onSilence }) {
  const source = new EventSource(only === null ? '/events' : `/events?request=${encodeURIComponent(only)}`)
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  const stop = () => {
    clearTimeout(timer)
    source.close()
  }
  const giveUp = () => {
    stop()
    onSilence()
  }
  const heard = () => {
    clearTimeout(timer)
    timer = setTimeout(giveUp, silenceMs)
  }
  heard()
  source.addEventListener('open', heard)
  source.addEventListener('alive', heard)
  source.addEventListener('message', (event) => {
    heard()
    const { id, state } = JSON.parse(event.data)
    onState(id, state)
  })
  source.addEventListener('signedOut', () => {
    stop()
    onSignedOut()
  })
  source.addEventListener('replaced', giveUp)
  // The browser connects again by itself, unless the server refused: then it never will.
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) giveUp()
  })
  return stop
}
