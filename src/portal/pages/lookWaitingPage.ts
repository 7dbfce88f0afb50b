import { html } from '../html.ts'
import { layout, type PageContext } from './layout.ts'

/** Shown while a look's entry is not on chain yet; asks again by itself. */
export function lookWaitingPage(context: PageContext): string {
  return layout(context, {
    title: 'Writing your look to the chain',
    section: 'looks',
    width: 'narrow',
    // The answer itself takes its time: the server waits for the chain before it gives this page again.
    head: html`<meta http-equiv="refresh" content="1">\n`,
    main: html`<section class="card state wait" aria-busy="true">
<h1>Writing your look to the chain</h1>
<p>The record opens when the entry stands there. That takes a few seconds; this page goes on by itself.</p>
<p class="progress" aria-hidden="true"></p>
</section>`,
  })
}
