import { reasonLength } from '../../core/askRules.ts'
import type { ConsentRequestId } from '../../core/people.ts'
import type { EmergencyOpening } from '../actions.ts'
import { type Html, html } from '../html.ts'
import { csrfField, layout, type PageContext } from './layout.ts'

/** Why it was not tried; `earlier` is the emergency that stands in the way. */
export type EmergencyProblem = {
  field: keyof EmergencyOpening | null
  sentence: string
  earlier: ConsentRequestId | null
}

/** The form by which a record is opened without an answer, where its patient has allowed that. */
export function emergencyPage(
  context: PageContext,
  values: EmergencyOpening = { healthId: '', reason: '' },
  problem: EmergencyProblem | null = null,
): string {
  const title = 'Open a record in an emergency'
  return layout(context, {
    title: problem ? `Error: ${title}` : title,
    section: 'ask',
    width: 'narrow',
    main: html`<h1>${title}</h1>
<p class="lead">For a patient who cannot answer, and who has allowed emergency access before. You may look for 24 hours at everything but what is PRIVATE.</p>
${summary(problem)}
<form class="card ask" method="post" action="/emergency" novalidate>${csrfField(context)}
<div class="field${problem?.field === 'healthId' && ' wrong'}">
<label for="healthId">Health ID of the patient</label>
<p class="hint" id="healthId-hint">On the patient's card, e.g. <span class="code">HC-7K3M-92QB</span>.</p>
${errorText('healthId', problem)}
<input id="healthId" name="healthId" class="code" value="${values.healthId}" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="40" required${describedBy('healthId', problem)}>
</div>
<div class="field${problem?.field === 'reason' && ' wrong'}">
<label for="reason">Why can't you wait for an answer?</label>
<p class="hint" id="reason-hint">Who reviews this reads it; the patient's text does not hold it. It is kept sealed.</p>
${errorText('reason', problem)}
<textarea id="reason" name="reason" rows="4" maxlength="${reasonLength.max}" required${describedBy('reason', problem)}>
${values.reason}</textarea>
</div>
<button type="submit">Open in an emergency</button>
<p class="hint after">The patient gets a text message within a minute, with your name and your hospital, and can end it. Your hospital reviews it within 72 hours; before that you can open no other one for this patient.</p>
</form>
<p><a href="/">Ask for access instead</a></p>`,
  })
}

function summary(problem: EmergencyProblem | null): Html | null {
  if (!problem) return null
  const { field, sentence, earlier } = problem
  return html`<div class="errors" role="alert" tabindex="-1" autofocus>
<h2>Nothing was opened</h2>
<ul><li>${field ? html`<a href="#${field}">${sentence}</a>` : sentence}${
    earlier && html` <a href="/requests/${earlier}">See that emergency</a>`
  }</li></ul></div>`
}

function errorText(field: keyof EmergencyOpening, problem: EmergencyProblem | null): Html | null {
  if (problem?.field !== field) return null
  return html`<p class="error" id="${field}-error"><span aria-hidden="true">✕</span> <span class="hidden">Error: </span>${problem.sentence}</p>`
}

function describedBy(field: keyof EmergencyOpening, problem: EmergencyProblem | null): Html {
  return problem?.field === field
    ? html` aria-describedby="${field}-error ${field}-hint" aria-invalid="true"`
    : html` aria-describedby="${field}-hint"`
}
