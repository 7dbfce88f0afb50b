import type { RequestSummary } from '../actions.ts'
import { type Html, html } from '../html.ts'
import { lengthWords, presetWords, purposeWords, reviewWords } from '../words.ts'
import type { PageContext } from './layout.ts'
import { stateBadge, unreachableBadge } from './stateBadge.ts'

/** Own requests, one line each, newest first as given. */
export function requestList(context: PageContext, requests: readonly RequestSummary[]): Html {
  const { dates } = context
  return html`<ul class="requests">${requests.map(
    (request) => html`<li data-request="${request.id}">
<a href="/requests/${request.id}"><span class="code">${request.healthId}</span> <strong>${presetWords[request.preset].name}</strong></a>
<p class="badges">${stateBadge(request, dates)} ${unreachableBadge(request)}</p>
<p class="hint">${purposeWords[request.purpose]} · ${lengthWords(request)} · ${request.emergency ? 'sent' : 'asked'} <time datetime="${dates.machine(request.askedAt)}">${dates.moment(request.askedAt)}</time>${reviewLine(context, request)}</p>
</li>`,
  )}</ul>`
}

/** An emergency that was opened stays in sight until it is reviewed. */
function reviewLine({ dates }: PageContext, { emergency }: RequestSummary): Html | null {
  const review = emergency && reviewWords(emergency, dates)
  return review === null ? null : html` · ${review}`
}
