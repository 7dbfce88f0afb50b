import { Readable } from 'node:stream'
import type { ConsentRequestId } from '../core/people.ts'
import type { PortalActions, RequestSummary } from './actions.ts'
import { shownState } from './requestSummary.ts'
import type { Session } from './session.ts'

/** Proxies close a silent connection after 30 to 60 s; half of the shorter one keeps ours. */
const heartbeatMs = 15_000

/** Browsers open six connections to one host over HTTP/1.1, and pages need some of them. One more closes the oldest. */
const maxStreamsPerSession = 4

/** Server-sent events of all open pages. */
export type EventStreams = {
  /**
   * A `text/event-stream` body: first how things stand, then each change, as `{ id, state }` of this doctor's own requests.
   *
   * @param only the one request that the page shows, or null for all
   */
  open(session: Session, only: ConsentRequestId | null): Readable
  /** Ends the streams of one session; their pages are told that it is over. */
  endSession(token: string): void
  /** Ends everything at once, for the server's close. */
  endAll(): void
}

export function eventStreams(actions: PortalActions): EventStreams {
  const open = new Map<string, Set<Stream>>()

  return {
    open: (session, only) => {
      const streams = open.get(session.token) ?? new Set()
      open.set(session.token, streams)
      for (const oldest of streams) {
        if (streams.size < maxStreamsPerSession) break
        oldest.end('replaced')
        streams.delete(oldest)
      }
      const stream = openStream(actions, session, only, () => {
        streams.delete(stream)
        if (streams.size === 0 && open.get(session.token) === streams) open.delete(session.token)
      })
      streams.add(stream)
      return stream.body
    },
    endSession: (token) => {
      for (const stream of [...(open.get(token) ?? [])]) stream.end('signedOut')
    },
    endAll: () => {
      for (const streams of [...open.values()]) for (const stream of [...streams]) stream.end(null)
    },
  }
}

type Stream = {
  body: Readable
  /** Tells the page why, where it should know, and ends the connection. */
  end(reason: 'signedOut' | 'replaced' | null): void
}

function openStream(
  actions: PortalActions,
  session: Session,
  only: ConsentRequestId | null,
  onClosed: () => void,
): Stream {
  const { doctorId } = session.doctor
  const told = new Map<ConsentRequestId, ReturnType<typeof shownState>>()
  const body = new Readable({ read() {} })
  /** Reads happen one after another, so that an older answer never overwrites a newer one. */
  let turn = Promise.resolve()
  let ended = false

  const say = (text: string) => {
    if (!ended) body.push(`${text}\n\n`)
  }
  const tell = (request: RequestSummary) => {
    const { id } = request
    const state = shownState(request)
    if (told.get(id) === state) return
    told.set(id, state)
    say(`data: ${JSON.stringify({ id, state })}`)
  }
  const end: Stream['end'] = (reason) => {
    if (ended) return
    if (reason !== null) say(`event: ${reason}\ndata: {}`)
    ended = true
    stopWatching()
    clearInterval(heartbeat)
    body.push(null)
    onClosed()
  }
  /** Nothing is read for a session that ended; a read that fails ends the stream, and the browser connects again. */
  const next = (read: () => Promise<void>) => {
    turn = turn.then(async () => {
      if (ended) return
      try {
        if ((await actions.session(session.token)) === null) end('signedOut')
        else await read()
      } catch {
        end(null)
      }
    })
  }

  // Watching starts before the first read: a change in between is told twice rather than never.
  const stopWatching = actions.watch(doctorId, (id) => {
    if (only !== null && only !== id) return
    next(async () => {
      const request = await actions.request(doctorId, id)
      if (request !== null) tell(request)
    })
  })
  const heartbeat = setInterval(() => next(async () => say(': still here\nevent: alive\ndata: {}')), heartbeatMs)
  body.on('close', () => end(null))

  say('retry: 3000')
  next(async () => {
    const requests = only === null ? await actions.requests(doctorId) : [await actions.request(doctorId, only)]
    for (const request of requests) if (request !== null) tell(request)
  })
  return { body, end }
}
