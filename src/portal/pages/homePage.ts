import { isLive, isOpen } from '../../core/consent.ts'
import type { EpochMs } from '../../core/people.ts'
import type { RequestSummary } from '../actions.ts'
import { html } from '../html.ts'
import { type AskFormErrors, type AskFormValues, askForm, hasErrors } from './askForm.ts'
import { layout, type PageContext } from './layout.ts'
import { requestList } from './requestList.ts'

/** Lines on the start page: a page must stay small on a slow link. */
const shownRequests = 10

/** The request form, and beside it how the doctor's own requests stand; those that need attention come first. */
export function homePage(
  context: PageContext,
  { requests, proposedFrom }: { requests: readonly RequestSummary[]; proposedFrom: EpochMs | null },
  { values, errors }: { values: AskFormValues; errors: AskFormErrors },
): string {
  const current = requests.filter(({ state }) => isOpen(state) || isLive(state))
  const past = requests.filter((request) => !current.includes(request))
  const shown = [...current, ...past].slice(0, shownRequests)
  return layout(context, {
    title: hasErrors(errors) ? 'Error: Ask a patient' : 'Ask a patient',
    section: 'ask',
    scripts: ['live.js'],
    main: html`${
      proposedFrom !== null &&
      html`<p class="card state no" role="status" data-proposed>Your hospital proposes another passkey in place of yours, from ${context.dates.moment(proposedFrom)} on. <a href="/passkey">Is that right?</a></p>`
    }<div class="columns">
<section aria-labelledby="ask-title">
<h1 id="ask-title">Ask a patient for access</h1>
<p class="lead">The patient cannot answer? <a href="/emergency">Open the record in an emergency</a>, if the patient has allowed that.</p>
${askForm(context, values, errors)}
</section>
<section aria-labelledby="requests-title">
<h2 id="requests-title" class="level">Your requests</h2>
<p class="hidden" role="status" data-announce></p>
<div data-live="requests">${
      shown.length === 0
        ? html`<p class="card hint">You have asked nobody yet. A request appears here with the patient's answer.</p>`
        : html`${requestList(context, shown)}
<p><a href="/requests">All requests (${requests.length})</a></p>`
    }</div>
</section>
</div>`,
  })
}
