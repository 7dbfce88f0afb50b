import { type Html, html } from '../html.ts'
import type { NewPasskeyTask, PasskeyStanding } from '../passkeyActions.ts'
import { unreachable } from '../unreachable.ts'
import { csrfField, layout, type PageContext } from './layout.ts'

/** A doctor's passkey: to make one, to have the hospital take its account on, or how things stand. */
export function passkeyPage(
  context: PageContext,
  standing: PasskeyStanding,
  task: NewPasskeyTask,
  problem: string | null,
): string {
  return layout(context, {
    title: problem === null ? 'Your passkey' : 'Error: Your passkey',
    width: 'narrow',
    scripts: ['passkeyForms.js'],
    main: html`<h1>Your passkey</h1>
<p class="lead">With a passkey you sign your own requests and looks. Whoever runs this system cannot sign for you.</p>
${problem !== null && html`<div class="errors" role="alert" tabindex="-1" autofocus><h2>That did not work</h2><p>${problem}</p></div>`}
${body(context, standing, task)}`,
  })
}

function body(context: PageContext, standing: PasskeyStanding, task: NewPasskeyTask): Html {
  switch (standing.status) {
    case 'none':
      return html`<form class="card stack" method="post" action="/passkey" data-passkey="new" data-rp="${task.rpId}" data-challenge="${task.bytes}" data-user="${task.userId}" data-name="${task.userName}">${csrfField(context)}
<h2>Make a passkey</h2>
<p>Your computer or phone makes a key that never leaves it and that your fingerprint, face or PIN unlocks. It owns a new account on the chain, which your hospital then adds.</p>
<input type="hidden" name="challenge" value="${task.challenge}"><input type="hidden" name="answer" value="">
<p class="error" role="alert" data-problem hidden></p>
<noscript><p class="warning">Making a passkey needs JavaScript in this browser.</p></noscript>
<button type="submit">Make a passkey</button></form>`
    case 'waitsForHospital':
      return html`<section class="card stack"><h2>Your hospital adds your account</h2>
<p>Give this account to your hospital's administrator. The hospital adds it to the ledger with its own key, and signs a confirmation for you. Nobody else can do that, this server least of all.</p>
<p class="code" data-account>${standing.account}</p>
<form method="post" action="/passkey/confirmation">${csrfField(context)}
<div class="field"><label for="credential">Your hospital's confirmation</label>
<textarea id="credential" name="credential" rows="6" maxlength="8000" spellcheck="false" required></textarea>
<p class="hint">A long line that begins with “ey”. Paste it whole.</p></div>
<button type="submit">Check the confirmation</button></form></section>`
    case 'ready':
      return html`<section class="card state good stack"><h2><span aria-hidden="true">✓</span> Your passkey is ready</h2>
<p>Sign out, and sign in with your passkey: from then on you sign your own requests and looks. Requests that the server signed for you before keep their mark.</p>
<p class="hint">Your account <span class="code" data-account>${standing.account}</span>, affiliation ${standing.affiliationId}</p></section>`
    default:
      return unreachable(standing)
  }
}
