import type { LookSummary } from '../actions.ts'
import { type Html, html } from '../html.ts'
import { presetWords, signingWords } from '../words.ts'
import { layout, type PageContext } from './layout.ts'
import { type Paged, pager } from './paging.ts'
import { transactionLink } from './transactionLink.ts'

const lookStateWords: Readonly<Record<LookSummary['state'], { tone: string; sign: string; label: string }>> = {
  waiting: { tone: 'wait', sign: '…', label: 'Being written' },
  logged: { tone: 'good', sign: '✓', label: 'Logged' },
  refused: { tone: 'no', sign: '✕', label: 'Refused' },
}

/** The doctor's own access log. */
export function looksPage(context: PageContext, looks: Paged<LookSummary>): string {
  return layout(context, {
    title: 'Your access log',
    section: 'looks',
    main: html`<h1>Your access log</h1>
<p class="lead">Each look you took, newest first. The same entries stand on the chain, where the patient can check them.</p>
${looks.total === 0 ? html`<p class="card">You have not opened a record yet.</p>` : lookTable(context, looks.items)}
${pager('/looks', looks)}`,
  })
}

function lookTable(context: PageContext, looks: readonly LookSummary[]): Html {
  const { dates, explorerUrl } = context
  return html`<div class="card"><table role="table" class="log"><caption class="hidden">Looks, newest first</caption>
<thead role="rowgroup"><tr role="row">${['When', 'Patient', 'What', 'State', 'Block', 'Transaction'].map(
    (name) => html`<th role="columnheader" scope="col">${name}</th>`,
  )}</tr></thead>
<tbody role="rowgroup">${looks.map((look) => {
    const { tone, sign, label } = lookStateWords[look.state]
    return html`<tr role="row" data-look="${look.id}">
<th role="rowheader" scope="row"><time datetime="${dates.machine(look.at)}">${dates.moment(look.at)}</time></th>
<td role="cell" class="code">${look.healthId}</td><td role="cell">${presetWords[look.preset].name}</td>
<td role="cell"><span class="badge ${tone}" data-state="${look.state}"><span aria-hidden="true">${sign}</span> ${label}</span> <span class="hint" data-signed="${look.signing}">${signingWords[look.signing].label}</span></td>
<td role="cell">${look.blockNumber === null ? '–' : html`<span class="narrow-only">block </span>${look.blockNumber}`}</td>
<td role="cell">${look.transactionHash === null ? '–' : transactionLink(look.transactionHash, explorerUrl, 'short')}</td></tr>\n`
  })}</tbody></table></div>`
}
