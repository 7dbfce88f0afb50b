import { changesPasskeys } from '../../core/userOperation.ts'
import type { Dates } from '../dates.ts'
import { type Html, html } from '../html.ts'
import type { SigningTask } from '../passkeyActions.ts'
import { lengthWords, opensWords, presetWords, purposeWords } from '../words.ts'
import { csrfField, layout, type PageContext } from './layout.ts'

/** What a doctor's passkey is about to sign, in words; the button asks the passkey. */
export function signingPage(context: PageContext, task: SigningTask): string {
  const { dates } = context
  const { title, sentence } = wordsOf(task)
  return layout(context, {
    title,
    ...(changesPasskeys(task.kind) ? {} : { section: 'ask' as const }),
    width: 'narrow',
    scripts: ['passkeyForms.js'],
    main: html`<section class="card stack">
<h1>${title}</h1>
<p>${sentence}</p>
${facts(task, dates)}
<form method="post" action="/signing/${task.id}" data-passkey="sign" data-rp="${task.rpId}" data-challenge="${task.hash}" data-known="${task.known.join(' ')}">${csrfField(context)}
<input type="hidden" name="answer" value="">
<p class="error" role="alert" data-problem hidden></p>
<noscript><p class="warning">Signing with a passkey needs JavaScript in this browser.</p></noscript>
<button type="submit">Sign with your passkey</button></form>
<p><a href="${changesPasskeys(task.kind) ? '/passkey' : '/'}">Don't sign</a></p>
<details><summary>What exactly is signed</summary>
<p class="hint">The hash of a user operation of your account <span class="code long">${task.account}</span>. These words were made from it by the server; your passkey shows no words of its own.</p>
<p class="code long">${task.hash}</p></details>
</section>`,
  })
}

const taskWords: Readonly<Record<SigningTask['kind'], { title: string; sentence: string }>> = {
  openRequest: {
    title: 'Sign your request',
    sentence:
      'Nothing has been sent yet. Your passkey signs what stands here, and only with your signature it goes to the chain and to the patient.',
  },
  withdrawRequest: {
    title: 'Sign to take the request back',
    sentence: 'The patient can still answer. With your signature the question ends, and a late answer grants nothing.',
  },
  openEmergency: {
    title: 'Sign to open it in an emergency',
    sentence:
      'Nothing has been opened yet. With your signature the emergency goes to the chain, the patient is told at once, and your hospital reviews it within 72 hours.',
  },
  setSecondPasskey: {
    title: 'Let this passkey sign for you too',
    sentence:
      'It will sign like your first one: requests, looks, and who else signs for you. It counts with your signature, and takes the place of any other second one.',
  },
  vetoRotation: {
    title: 'Sign against the proposed passkey',
    sentence: 'Your hospital’s proposal ends, and your account goes on to obey the passkeys that it obeys now.',
  },
}

function wordsOf(task: SigningTask): { title: string; sentence: string } {
  if (task.kind !== 'setSecondPasskey' || task.madeAt !== null) return taskWords[task.kind]
  return {
    title: 'Take the second passkey away',
    sentence: 'With your signature your account obeys your first passkey alone.',
  }
}

function facts(task: SigningTask, dates: Dates): Html {
  if (task.kind === 'vetoRotation') return html``
  if (task.kind === 'setSecondPasskey')
    return task.madeAt === null
      ? html``
      : html`<dl class="facts"><div><dt>Passkey</dt><dd>made ${dates.moment(task.madeAt)}</dd></div></dl>`
  const preset = presetWords[task.preset]
  return html`<dl class="facts">
<div><dt>Patient</dt><dd class="code">${task.healthId}</dd></div>
<div><dt>What</dt><dd><strong>${preset.name}</strong><br>${opensWords(task)}</dd></div>
<div><dt>What for</dt><dd>${purposeWords[task.purpose]}</dd></div>
<div><dt>How long</dt><dd>${lengthWords(task)}</dd></div>
<div><dt>For</dt><dd>${task.hospital}</dd></div>
${task.kind !== 'openEmergency' && html`<div><dt>Answer by</dt><dd>${dates.moment(task.answerBy)}</dd></div>`}</dl>`
}
