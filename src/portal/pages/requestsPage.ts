import type { RequestSummary } from '../actions.ts'
import { html } from '../html.ts'
import { layout, type PageContext } from './layout.ts'
import { type Paged, pager } from './paging.ts'
import { requestList } from './requestList.ts'

/** All of the doctor's own requests. */
export function requestsPage(context: PageContext, requests: Paged<RequestSummary>): string {
  return layout(context, {
    title: 'Your requests',
    section: 'requests',
    scripts: ['live.js'],
    width: 'narrow',
    main: html`<h1>Your requests</h1>
<p class="hidden" role="status" data-announce></p>
<div data-live="requests">${
      requests.total === 0
        ? html`<p class="card">You have asked nobody yet. <a href="/">Ask a patient for access.</a></p>`
        : requestList(context, requests.items)
    }</div>
${pager('/requests', requests)}`,
  })
}
