import type { EpochMs } from '../../core/people.ts'
import { type Html, html } from '../html.ts'
import type { KeptPasskey, NewPasskeyTask, PasskeyStanding } from '../passkeyActions.ts'
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
    ...(standing.status === 'ready' && standing.isChanging
      ? { head: html`<meta http-equiv="refresh" content="3">\n` }
      : {}),
    main: html`<h1>Your passkey</h1>
<p class="lead">With a passkey you sign your own requests and looks. Whoever runs this system cannot sign for you.</p>
${problem !== null && html`<div class="errors" role="alert" tabindex="-1" autofocus><h2>That did not work</h2><p>${problem}</p></div>`}
${body(context, standing, task)}`,
  })
}

function body(context: PageContext, standing: PasskeyStanding, task: NewPasskeyTask): Html {
  switch (standing.status) {
    case 'none':
      return newPasskeyForm(context, task, {
        title: 'Make a passkey',
        hint: 'Your computer or phone makes a key that never leaves it and that your fingerprint, face or PIN unlocks. It owns a new account on the chain, which your hospital then adds.',
      })
    case 'waitsForHospital':
      return html`<section class="card stack"><h2>Your hospital adds your account</h2>
<p>Give this account to your hospital's administrator. The hospital adds it to the ledger with its own key, and signs a confirmation for you. Nobody else can do that, this server least of all.</p>
<p class="code long" data-account>${standing.account}</p>
<form method="post" action="/passkey/confirmation">${csrfField(context)}
<div class="field"><label for="credential">Your hospital's confirmation</label>
<textarea id="credential" name="credential" rows="6" maxlength="8000" spellcheck="false" required></textarea>
<p class="hint">A long line that begins with “ey”. Paste it whole.</p></div>
<button type="submit">Check the confirmation</button></form></section>`
    case 'ready':
      return html`${standing.proposed && proposal(context, standing.proposed, standing.passkeys)}
<section class="card state good stack"><h2><span aria-hidden="true">✓</span> Your passkey is ready</h2>
<p>${
        context.doctor?.signing === 'passkey'
          ? 'You came in with it: you sign your own requests and looks.'
          : 'Sign out, and sign in with a passkey that signs for you: from then on you sign your own requests and looks. Requests that the server signed for you before keep their mark.'
      }</p>
<p class="hint">Your account <span class="code long" data-account>${standing.account}</span>, affiliation ${standing.affiliationId}</p></section>
<section class="card stack" aria-labelledby="passkeys-title"><h2 id="passkeys-title">Your passkeys</h2>
${standing.isChanging && html`<p role="status">A change that you signed is on its way to the chain; this page goes on by itself.</p><p class="progress" aria-hidden="true"></p>`}
${standing.passkeys.map((passkey) => keptPasskey(context, passkey, standing))}
${standing.hasSecond && !standing.passkeys.some(({ signs }) => signs === 'second') && html`<div class="stack"><p class="warning">Your account obeys a second passkey that was not made here.</p>${takeAwayForm(context)}</div>`}</section>
${newPasskeyForm(context, task, {
  title: 'Make another passkey',
  hint: 'Do this on another computer or phone, so that a lost one does not lock you out. Then let it sign: on the computer or phone that has your first passkey, open this page.',
})}`
    default:
      return unreachable(standing)
  }
}

function newPasskeyForm(context: PageContext, task: NewPasskeyTask, { title, hint }: { title: string; hint: string }) {
  return html`<form class="card stack" method="post" action="/passkey" data-passkey="new" data-rp="${task.rpId}" data-challenge="${task.bytes}" data-user="${task.userId}" data-name="${task.userName}" data-known="${task.known.join(' ')}">${csrfField(context)}
<h2>${title}</h2>
<p>${hint}</p>
<input type="hidden" name="challenge" value="${task.challenge}"><input type="hidden" name="answer" value="">
<p class="error" role="alert" data-problem hidden></p>
<noscript><p class="warning">Making a passkey needs JavaScript in this browser.</p></noscript>
<button type="submit">${title}</button></form>`
}

const signsWords = { first: 'signs for you', second: 'signs for you, as the second' } as const

/** One passkey, and what may be done with it. */
function keptPasskey(
  context: PageContext,
  { credentialId, point, madeAt, signs, isOfThisSession }: KeptPasskey,
  { hasSecond, isChanging }: Extract<PasskeyStanding, { status: 'ready' }>,
): Html {
  const row = html`<p>Made ${context.dates.moment(madeAt)}: <strong>${signs === null ? 'does not sign for you' : signsWords[signs]}</strong>${isOfThisSession && ', and let you in now'}</p>`
  if (signs !== null)
    return html`<div class="stack" data-kept="${signs}">${row}${signs === 'second' && !isChanging && takeAwayForm(context)}</div>`
  const letSign = html`<form method="post" action="/passkey/second">${csrfField(context)}<input type="hidden" name="credential" value="${credentialId}">
<p class="hint">You will be asked for your first passkey: do this on the computer or phone that has it.</p>
<button type="submit" class="secondary">Let it sign too</button></form>`
  return html`<div class="stack" data-kept="none">${row}
${!isChanging && (hasSecond ? html`<p class="hint">Two can sign for you. Take the second one away before another can.</p>` : letSign)}
<details><summary>Those that sign for you are lost</summary><p>Give this line to your hospital's administrator. The hospital can put this passkey in place of all others; that takes 72 hours, in which a passkey that signs for you now can say no.</p>
<p class="code long" data-point>${point.qx},${point.qy}</p></details></div>`
}

function takeAwayForm(context: PageContext): Html {
  return html`<form method="post" action="/passkey/second">${csrfField(context)}<button type="submit" class="secondary">Take the second passkey away</button></form>`
}

/** Somebody at her hospital wants another passkey in place of hers. */
function proposal(
  context: PageContext,
  { readyAt, credentialId }: { readyAt: EpochMs; credentialId: string | null },
  passkeys: readonly KeptPasskey[],
): Html {
  const made = passkeys.find((passkey) => passkey.credentialId === credentialId)
  const which = made
    ? `the passkey that you made ${context.dates.moment(made.madeAt)}`
    : 'a passkey that you did not make here'
  return html`<section class="card state ${made ? 'wait' : 'no'} stack" role="status" data-proposed><h2>Your hospital proposes another passkey</h2>
<p>It proposes <strong>${which}</strong> in place of all that sign for you now. From ${context.dates.moment(readyAt)} on it can be put in place, and the others sign no more.</p>
<p>If you did not ask for that, say no, and talk with your hospital.</p>
<form method="post" action="/passkey/veto">${csrfField(context)}<button type="submit">Say no with your passkey</button></form></section>`
}
