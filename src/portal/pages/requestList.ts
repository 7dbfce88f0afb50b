import type { RequestSummary } from '../actions.ts'
import { type Html, html } from '../html.ts'
import { daysWords, presetWords, purposeWords } from '../words.ts'
import type { PageContext } from './layout.ts'
import { stateBadge, unreachableBadge } from './stateBadge.ts'

/** Own requests, one line each, newest first as given. */
export function requestList(context: PageContext, requests: readonly RequestSummary[]): Html {
  const { dates } = context
  return html`<ul class="requests">${requests.map(
    (request) => html`<li data-request="${request.id}">
<a href="/requests/${request.id}"><span class="code">${request.healthId}</span> <strong>${presetWords[request.preset].name}</strong></a>
<p class="badges">${stateBadge(request, dates)} ${unreachableBadge(request)}</p>
<p class="hint">${purposeWords[request.purpose]} · ${daysWords(request.days, request.oneTime)} · asked <time datetime="${dates.machine(request.askedAt)}">${dates.moment(request.askedAt)}</time></p>
</li>`,
  )}</ul>`
}
