import type { EpochMs } from '../../core/people.ts'
import type { RecordRow, RecordView } from '../../core/recordView.ts'
import type { OpenedLook, OpenedRecord } from '../actions.ts'
import { type Html, html } from '../html.ts'
import { unreachable } from '../unreachable.ts'
import {
  classWords,
  columnWords,
  lengthWords,
  type MessageWords,
  openRefusalWords,
  presetWords,
  purposeWords,
} from '../words.ts'
import { layout, type PageContext } from './layout.ts'
import { messageBody } from './messagePage.ts'
import { transactionLink } from './transactionLink.ts'

type Opened = Extract<OpenedLook, { status: 'open' }>

/** How long the page may stay, counted by our clock so that a wrong one on the ward does no harm. */
type ReadingTime = { endsAt: EpochMs; leftMs: number }

/** An opened look: what it is, the proof that it was logged, and the records. It closes itself when the grant goes. */
export function recordPage(context: PageContext, look: Opened, reading: ReadingTime): string {
  const { dates } = context
  const { request, records } = look
  const what = presetWords[request.preset].name
  return layout(context, {
    title: 'Record open',
    section: 'looks',
    scripts: ['record.js'],
    // Without script the page still asks once a minute whether it may stay.
    head: html`<noscript><meta http-equiv="refresh" content="60"></noscript>\n`,
    main: html`<div data-record data-watch="${request.id}" data-closes-in-ms="${reading.leftMs}">
<p class="banner"><span aria-hidden="true">●</span> You are looking at <strong>${what}</strong> of <strong class="code">${request.healthId}</strong> — this look is on chain.
<span>The page closes at ${dates.time(reading.endsAt)}, or at once when the patient removes the access.</span></p>
<h1>${what}</h1>
${consentStrip(context, look)}
${
  records.length === 0
    ? html`<p class="card">There is no record of this kind. The look is logged all the same.</p>`
    : records.map((record) => recordCard(context, record))
}
</div>
${closings.map(
  ({ name, words }) =>
    html`<template data-closed="${name}">${messageBody(words, { href: `/requests/${request.id}`, text: 'Go to the request' })}</template>\n`,
)}`,
  })
}

function consentStrip(context: PageContext, { request, entry }: Opened): Html {
  const { dates } = context
  return html`<dl class="facts strip">
<div><dt>Allowed</dt><dd>${presetWords[request.preset].name}, ${lengthWords(request).toLowerCase()}</dd></div>
<div><dt>Until</dt><dd>${request.grantedUntil === null ? 'not known' : dates.moment(request.grantedUntil)}</dd></div>
<div><dt>What for</dt><dd>${purposeWords[request.purpose]}</dd></div>
<div><dt>Logged</dt><dd><time datetime="${dates.machine(entry.at)}">${dates.moment(entry.at)}</time>, block ${entry.blockNumber}</dd></div>
<div class="wide"><dt>Transaction</dt><dd data-transaction="${entry.transactionHash}">${transactionLink(entry.transactionHash, context.explorerUrl, 'full')}</dd></div>
</dl>`
}

function recordCard(context: PageContext, record: OpenedRecord): Html {
  const { dates } = context
  switch (record.status) {
    case 'unsealed':
      return html`<article class="card record">
<header><h2>${record.view.title}</h2>
<p class="hint"><time datetime="${record.view.date}">${dates.recordDate(record.view.date)}</time>${
        record.view.performer !== null && html` · ${record.view.performer}`
      }</p></header>
${rowsTable(record.view, columnWords(record.class))}
<details class="proof"><summary>Sealed file</summary><p>This text was unsealed from the encrypted file <code>${record.cid}</code>, which matches its address.</p></details>
</article>`
    case 'notStoredYet':
      return html`<article class="card record missing">
<header><h2>${classWords[record.class]}</h2><p class="hint"><time datetime="${record.date}">${dates.recordDate(record.date)}</time></p></header>
<p><strong>Not stored yet.</strong> The record is sealed and safe with us, but its file is not confirmed at the store. Open the look again in a few minutes.</p></article>`
    case 'unavailable':
      return html`<article class="card record missing">
<header><h2>${classWords[record.class]}</h2><p class="hint"><time datetime="${record.date}">${dates.recordDate(record.date)}</time></p></header>
<p><strong>Not available now.</strong> No store gave a file that matches its address, so nothing is shown rather than something wrong. Try again later; if it lasts, tell the person who runs this system.</p></article>`
    default:
      return unreachable(record)
  }
}

const flagWords: Readonly<Record<NonNullable<RecordRow['flag']>, { sign: string; word: string }>> = {
  high: { sign: '▲', word: 'High' },
  low: { sign: '▼', word: 'Low' },
  abnormal: { sign: '◆', word: 'Abnormal' },
}

/** Columns that no row fills are left out. The roles keep the table a table where narrow screens stack its cells. */
function rowsTable(view: RecordView, heads: { name: string; value: string }): Html {
  if (view.rows.length === 0) return html`<p>No lines.</p>`
  const withUnit = view.rows.some((row) => row.unit !== '')
  const withRange = view.rows.some((row) => row.range !== '')
  const withFlag = view.rows.some((row) => row.flag !== null)
  const head = (name: string) => html`<th role="columnheader" scope="col">${name}</th>`
  return html`<table role="table"><caption class="hidden">${view.title}</caption>
<thead role="rowgroup"><tr role="row">${head(heads.name)}${head(heads.value)}${withUnit && head('Unit')}${
    withRange && head('Reference range')
  }${withFlag && head('Flag')}</tr></thead>
<tbody role="rowgroup">${view.rows.map(
    (row) => html`<tr role="row"${row.flag !== null && html` class="flagged"`}>
<th role="rowheader" scope="row">${row.name}</th><td role="cell" class="value">${row.value}</td>${
      withUnit && html`<td role="cell" class="unit">${row.unit}</td>`
    }${withRange && html`<td role="cell" class="range">${row.range}</td>`}${
      withFlag && html`<td role="cell">${row.flag !== null && flagMark(row.flag)}</td>`
    }</tr>\n`,
  )}</tbody></table>`
}

function flagMark(flag: NonNullable<RecordRow['flag']>): Html {
  const { sign, word } = flagWords[flag]
  return html`<span class="flag"><span aria-hidden="true">${sign}</span> ${word}</span>`
}

/** What `record.js` puts in place of the records, by the reason that it closes for. */
const closings: readonly { name: string; words: MessageWords }[] = [
  { name: 'removed', words: openRefusalWords('removed') },
  { name: 'disputed', words: openRefusalWords('disputed') },
  { name: 'expired', words: openRefusalWords('expired') },
  { name: 'paused', words: openRefusalWords('sharingPaused') },
  { name: 'lookEnded', words: openRefusalWords('lookEnded') },
  {
    name: 'signedOut',
    words: {
      title: 'You are signed out',
      why: 'Your session ended, so the record was closed.',
      whatToDo: 'Sign in again. The look stays in your access log.',
    },
  },
  {
    name: 'silent',
    words: {
      title: 'The connection was lost',
      why: 'The page must hear at once when the patient removes the access. It heard nothing for a while, so the record was closed.',
      whatToDo: 'Reload this page when the connection is back. Within the reading time that is the same look.',
    },
  },
  {
    name: 'other',
    words: {
      title: 'The access does not stand now',
      why: 'The chain no longer confirms this access, so the record was closed.',
      whatToDo: 'Go to the request: it shows how things stand.',
    },
  },
]
