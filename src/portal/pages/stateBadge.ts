import type { RequestSummary } from '../actions.ts'
import type { Dates } from '../dates.ts'
import { type Html, html } from '../html.ts'
import { shownState } from '../requestSummary.ts'
import { stateWords, type Tone, unreachableWords } from '../words.ts'

/** Said twice, by sign and by word: colour alone says nothing to many. */
export const toneSigns: Readonly<Record<Tone, string>> = { wait: '…', good: '✓', no: '✕', past: '–' }

/** A request's state as a small mark; browser tests and scripts read `data-state`. */
export function stateBadge(request: RequestSummary, dates: Dates): Html {
  const { tone, label } = stateWords(request, dates)
  return html`<span class="badge ${tone}" data-state="${shownState(request)}"><span aria-hidden="true">${toneSigns[tone]}</span> ${label}</span>`
}

export function unreachableBadge(request: RequestSummary): Html | null {
  if (!request.unreachable) return null
  return html`<span class="badge no" data-unreachable><span aria-hidden="true">!</span> ${unreachableWords.label}</span>`
}
