import { bareReplyMaxDays } from '../../core/consent.ts'
import { type Html, html } from '../html.ts'
import { daysChoices, type FormField, presetChoices, purposeChoices } from '../words.ts'
import { csrfField, type PageContext } from './layout.ts'

/** The form's fields as they were typed. */
export type AskFormValues = Readonly<Record<FormField, string>>

export type AskFormErrors = {
  /** What is wrong, beside the field that it is about. */
  fields: Partial<Record<FormField, string>>
  /** Rules that belong to no field. */
  form: readonly string[]
}

export const emptyAskForm: AskFormValues = { healthId: '', preset: '', purpose: 'treatment', days: '7' }
export const noErrors: AskFormErrors = { fields: {}, form: [] }

/** Where the error summary leads: the field itself, or the first of its choices. */
const anchors: Readonly<Record<FormField, string>> = {
  healthId: 'healthId',
  preset: 'preset-BASIC',
  purpose: 'purpose',
  days: 'days',
}
const fieldOrder: readonly FormField[] = ['healthId', 'preset', 'purpose', 'days']

export function hasErrors(errors: AskFormErrors): boolean {
  return errors.form.length > 0 || Object.keys(errors.fields).length > 0
}

/** The request for access. Usable without script; a refused one comes back with everything that was typed. */
export function askForm(context: PageContext, values: AskFormValues, errors: AskFormErrors): Html {
  return html`${errorSummary(errors)}
<form class="card ask" method="post" action="/requests" novalidate>${csrfField(context)}
<div class="field${errors.fields.healthId && ' wrong'}">
<label for="healthId">Health ID of the patient</label>
<p class="hint" id="healthId-hint">On the patient's card, e.g. <span class="code">HC-7K3M-92QB</span>. Spaces, hyphens and small letters do not matter.</p>
${errorText('healthId', errors)}
<input id="healthId" name="healthId" class="code" value="${values.healthId}" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="40" required${describedBy('healthId', errors)}>
</div>
<fieldset class="field${errors.fields.preset && ' wrong'}"${errors.fields.preset && html` aria-describedby="preset-error"`}>
<legend>What do you need to see?</legend>
${errorText('preset', errors)}
<div class="choices">${presetChoices.map((choice) => presetCard(choice, values.preset))}</div>
</fieldset>
<div class="pair">
<div class="field${errors.fields.purpose && ' wrong'}">
<label for="purpose">What for?</label>
<p class="hint" id="purpose-hint">What is not treatment is told to the patient.</p>
${errorText('purpose', errors)}
<select id="purpose" name="purpose"${describedBy('purpose', errors)}>${purposeChoices.map(({ purpose, name }) =>
    option(purpose, name, values.purpose),
  )}</select>
</div>
<div class="field${errors.fields.days && ' wrong'}">
<label for="days">For how long?</label>
<p class="hint" id="days-hint">A text reply allows at most ${bareReplyMaxDays} days.</p>
${errorText('days', errors)}
<select id="days" name="days"${describedBy('days', errors)}>${daysChoices.map(({ value, name }) =>
    option(value, name, values.days),
  )}</select>
</div>
</div>
<button type="submit">Ask the patient</button>
<p class="hint after">The patient gets one text message with your name, your hospital and what you ask for, and answers with a number.</p>
</form>`
}

function presetCard(choice: (typeof presetChoices)[number], chosen: string): Html {
  const id = `preset-${choice.preset}`
  return html`<div class="choice"><input type="radio" id="${id}" name="preset" value="${choice.preset}" aria-describedby="${id}-hint"${
    choice.preset === chosen && html` checked`
  }${choice.needsCard && html` disabled`}>
<label for="${id}">${choice.name}</label><p class="hint" id="${id}-hint">${choice.opens}${
    choice.needsCard && html` <strong>Not available yet.</strong>`
  }</p></div>`
}

function option(value: string, name: string, chosen: string): Html {
  return html`<option value="${value}"${value === chosen && html` selected`}>${name}</option>`
}

function errorText(field: FormField, errors: AskFormErrors): Html | null {
  const sentence = errors.fields[field]
  return sentence === undefined
    ? null
    : html`<p class="error" id="${field}-error"><span aria-hidden="true">✕</span> <span class="hidden">Error: </span>${sentence}</p>`
}

function describedBy(field: FormField, errors: AskFormErrors): Html {
  return errors.fields[field] === undefined
    ? html` aria-describedby="${field}-hint"`
    : html` aria-describedby="${field}-error ${field}-hint" aria-invalid="true"`
}

function errorSummary(errors: AskFormErrors): Html | null {
  if (!hasErrors(errors)) return null
  return html`<div class="errors" role="alert" tabindex="-1" autofocus>
<h2>Nothing was sent to the patient</h2>
<ul>${errors.form.map((sentence) => html`<li>${sentence}</li>`)}${fieldOrder.map((field) => {
    const sentence = errors.fields[field]
    return sentence === undefined ? null : html`<li><a href="#${anchors[field]}">${sentence}</a></li>`
  })}</ul></div>`
}
