import { type Html, html } from '../html.ts'
import type { SigningTask } from '../passkeyActions.ts'
import { daysWords, presetWords, purposeWords } from '../words.ts'
import { csrfField, layout, type PageContext } from './layout.ts'

/** What a doctor's passkey is about to sign, in words; the button asks the passkey. */
export function signingPage(context: PageContext, task: SigningTask): string {
  const { dates } = context
  const title = task.kind === 'openRequest' ? 'Sign your request' : 'Sign to take the request back'
  return layout(context, {
    title,
    section: 'ask',
    width: 'narrow',
    scripts: ['passkeyForms.js'],
    main: html`<section class="card stack">
<h1>${title}</h1>
<p>${
      task.kind === 'openRequest'
        ? 'Nothing has been sent yet. Your passkey signs what stands here, and only with your signature it goes to the chain and to the patient.'
        : 'The patient can still answer. With your signature the question ends, and a late answer grants nothing.'
    }</p>
${facts(task, dates.moment(task.answerBy))}
<form method="post" action="/signing/${task.id}" data-passkey="sign" data-rp="${task.rpId}" data-challenge="${task.hash}" data-known="${task.known.join(' ')}">${csrfField(context)}
<input type="hidden" name="answer" value="">
<p class="error" role="alert" data-problem hidden></p>
<noscript><p class="warning">Signing with a passkey needs JavaScript in this browser.</p></noscript>
<button type="submit">Sign with your passkey</button></form>
<p><a href="/">Don't sign</a></p>
<details><summary>What exactly is signed</summary>
<p class="hint">The hash of a user operation of your account <span class="code">${task.account}</span>. These words were made from it by the server; your passkey shows no words of its own.</p>
<p class="code">${task.hash}</p></details>
</section>`,
  })
}

function facts(task: SigningTask, answerBy: string): Html {
  const preset = presetWords[task.preset]
  return html`<dl class="facts">
<div><dt>Patient</dt><dd class="code">${task.healthId}</dd></div>
<div><dt>What</dt><dd><strong>${preset.name}</strong><br>${preset.opens}</dd></div>
<div><dt>What for</dt><dd>${purposeWords[task.purpose]}</dd></div>
<div><dt>How long</dt><dd>${daysWords(task.days, task.oneTime)}</dd></div>
<div><dt>For</dt><dd>${task.hospital}</dd></div>
<div><dt>Answer by</dt><dd>${answerBy}</dd></div></dl>`
}
