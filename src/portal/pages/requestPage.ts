import { isOpen } from '../../core/consent.ts'
import type { RequestState, RequestSummary } from '../actions.ts'
import { type Html, html } from '../html.ts'
import { shownState } from '../requestSummary.ts'
import {
  lengthWords,
  opensWords,
  presetWords,
  purposeWords,
  reviewWords,
  signingWords,
  stateWords,
  unreachableWords,
} from '../words.ts'
import { csrfField, layout, type PageContext } from './layout.ts'
import { toneSigns, unreachableBadge } from './stateBadge.ts'

/** One request and its answer; follows the state without a reload, and by reloading where there is no script. */
export function requestPage(context: PageContext, request: RequestSummary): string {
  const { label } = stateWords(request, context.dates)
  const moving = isOpen(request.state) || request.state === 'granting'
  return layout(context, {
    title: label,
    section: 'requests',
    scripts: ['live.js'],
    width: 'narrow',
    ...(moving && { head: html`<noscript><meta http-equiv="refresh" content="5"></noscript>\n` }),
    main: html`<p class="back"><a href="/requests">Your requests</a></p>
<p class="hidden" role="status" data-announce></p>
<div data-live="request" data-watch="${request.id}">${statePanel(context, request)}${facts(context, request)}</div>`,
  })
}

function statePanel(context: PageContext, request: RequestSummary): Html {
  const words = stateWords(request, context.dates)
  const what = presetWords[request.preset].name
  return html`<section class="card state ${words.tone}" data-request="${request.id}">
<h1 tabindex="-1" data-headline data-state="${shownState(request)}"><span aria-hidden="true">${toneSigns[words.tone]}</span> ${words.label}</h1>
<p>${words.sentence}</p>
${request.unreachable && html`<p class="warning">${unreachableBadge(request)} ${unreachableWords.sentence}</p>`}
${!request.emergency && steps(request.state)}
${
  shownState(request) === 'granted' &&
  html`<form method="post" action="/requests/${request.id}/looks">${csrfField(context)}<button type="submit">Open ${what}</button></form>`
}${
  isOpen(request.state) &&
  !request.emergency &&
  html`<form method="post" action="/requests/${request.id}/withdraw">${csrfField(context)}<button class="secondary" type="submit">Withdraw this request</button></form>`
}${
  !isOpen(request.state) &&
  request.state !== 'granting' &&
  request.state !== 'granted' &&
  html`<p><a class="button secondary" href="/">Ask a patient for access</a></p>`
}</section>`
}

/** The way from the question to the yes; a request that ended otherwise has no way to show. */
function steps(state: RequestState): Html | null {
  const done = { asking: 0, asked: 1, granting: 2, granted: 3 } as const
  if (!(state in done)) return null
  const reached = done[state as keyof typeof done]
  const names = ['Request on the chain', 'The patient answers', 'Yes on the chain']
  return html`<ol class="steps">${names.map((name, index) => {
    if (index < reached)
      return html`<li class="done"><span aria-hidden="true">✓</span> ${name}<span class="hidden"> (done)</span></li>`
    if (index === reached)
      return html`<li class="now" aria-current="step"><span aria-hidden="true">${index + 1}</span> ${name}</li>`
    return html`<li><span aria-hidden="true">${index + 1}</span> ${name}</li>`
  })}</ol>`
}

function facts(context: PageContext, request: RequestSummary): Html {
  const { dates } = context
  const preset = presetWords[request.preset]
  const { emergency } = request
  const review = emergency && reviewWords(emergency, dates)
  return html`<section class="card" aria-labelledby="facts-title"><h2 id="facts-title">${emergency ? 'This emergency' : 'What you asked'}</h2>
<dl class="facts">
<div><dt>Patient</dt><dd class="code">${request.healthId}</dd></div>
<div><dt>What</dt><dd><strong>${preset.name}</strong><br>${opensWords(request)}</dd></div>
<div><dt>What for</dt><dd>${purposeWords[request.purpose]}</dd></div>
<div><dt>How long</dt><dd>${lengthWords(request)}</dd></div>
<div><dt>Signed</dt><dd data-signed="${request.signing}">${signingWords[request.signing].label}</dd></div>
${emergency?.reason && html`<div><dt>Why</dt><dd data-reason>${emergency.reason}</dd></div>\n`}${review && html`<div><dt>Review</dt><dd data-review>${review}</dd></div>\n`}<div><dt>${emergency ? 'Sent' : 'Asked'}</dt><dd><time datetime="${dates.machine(request.askedAt)}">${dates.moment(request.askedAt)}</time></dd></div>
${
  isOpen(request.state) &&
  !emergency &&
  html`<div><dt>Answer by</dt><dd><time datetime="${dates.machine(request.answerBy)}">${dates.moment(request.answerBy)}</time></dd></div>`
}${
  request.state === 'granted' &&
  request.grantedUntil !== null &&
  html`<div><dt>Allowed until</dt><dd><time datetime="${dates.machine(request.grantedUntil)}">${dates.moment(request.grantedUntil)}</time></dd></div>`
}</dl></section>`
}
