import { html } from '../html.ts'
import type { LookTask } from '../passkeyActions.ts'
import { presetWords } from '../words.ts'
import { csrfField, layout, type PageContext } from './layout.ts'

/** Shown for a moment: the key of this browser's session signs for the look, and the page goes on by itself. */
export function signLookPage(
  context: PageContext,
  { lookId, statement, sessionGrantId, preset, healthId }: LookTask,
): string {
  return layout(context, {
    title: 'Signing for your look',
    section: 'looks',
    width: 'narrow',
    scripts: ['passkeyForms.js'],
    main: html`<section class="card state wait stack">
<h1>Signing for your look</h1>
<p>You are about to look at <strong>${presetWords[preset].name}</strong> of <span class="code">${healthId}</span>. This browser signs for it with the key that your passkey authorised when you signed in; then the look is written to the chain.</p>
<form method="post" action="/looks/${lookId}/signature" data-passkey="look" data-session="${sessionGrantId}" data-statement="${statement}">${csrfField(context)}
<input type="hidden" name="signature" value="">
<p class="error" role="alert" data-problem hidden></p>
<noscript><p class="warning">Signing needs JavaScript in this browser.</p></noscript>
<button type="submit">Sign for the look</button></form>
<details><summary>What exactly is signed</summary><pre class="code">${statement}</pre></details>
</section>`,
  })
}
