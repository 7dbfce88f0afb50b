import type { SignedInDoctor } from '../actions.ts'
import type { AssetUrls } from '../assetUrls.ts'
import type { Dates } from '../dates.ts'
import { type Html, html } from '../html.ts'
import { signingWords } from '../words.ts'

/** What every page needs besides its own matter. */
export type PageContext = {
  assets: AssetUrls
  dates: Dates
  /** For the hidden field of each form. */
  csrf: string
  doctor: SignedInDoctor | null
  /** Without a slash at its end. */
  explorerUrl: string | null
}

/** The place in the navigation that a page belongs to. */
export type Section = 'ask' | 'requests' | 'looks'

export type Page = {
  /** For the browser's tab: never a health ID, tabs are seen from afar. */
  title: string
  section?: Section
  /** Modules of `assets/` beside the one that every page has. */
  scripts?: readonly string[]
  /** More for the head, e.g. a refresh. */
  head?: Html
  /** `narrow` is for one column of reading or a short form. */
  width?: 'narrow'
  main: Html
}

const sections: readonly { section: Section; path: string; name: string }[] = [
  { section: 'ask', path: '/', name: 'Ask' },
  { section: 'requests', path: '/requests', name: 'Requests' },
  { section: 'looks', path: '/looks', name: 'Access log' },
]

/** The whole document around a page. */
export function layout(context: PageContext, page: Page): string {
  const { assets, doctor } = context
  const scripts = ['forms.js', ...(page.scripts ?? [])]
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title} · HealthChain</title>
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="stylesheet" href="${assets.url('portal.css')}">
<link rel="icon" href="${assets.url('mark.svg')}" type="image/svg+xml">
${scripts.map((name) => html`<script type="module" src="${assets.url(name)}"></script>\n`)}${page.head}</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div class="bar">
<a class="mark" href="/"><img src="${assets.url('mark.svg')}" alt="" width="30" height="30"> HealthChain</a>
${doctor !== null && header(context, doctor, page.section)}
</div></header>
<main id="main" tabindex="-1"${page.width === 'narrow' && html` class="narrow"`}>
${page.main}
</main>
<footer class="foot"><p>Every look at a record is written to the chain, for ever. Patients see who looked.</p></footer>
</body>
</html>
`)
}

function header(context: PageContext, doctor: SignedInDoctor, current: Section | undefined): Html {
  return html`<nav aria-label="Main"><ul>${sections.map(
    ({ section, path, name }) =>
      html`<li><a href="${path}"${section === current && html` aria-current="page"`}>${name}</a></li>`,
  )}</ul></nav>
<div class="who"><p><strong>${doctor.name}</strong><span>${doctor.hospital}</span></p>
${signingMark(doctor)}
<form method="post" action="/sign-out">${csrfField(context)}<button class="quiet" type="submit">Sign out</button></form></div>`
}

/** How this doctor's requests are signed, said on every page. */
function signingMark(doctor: SignedInDoctor): Html {
  const { label, sentence } = signingWords[doctor.signing]
  return html`<details class="signing" data-signing="${doctor.signing}"><summary>${label}</summary>
<p>${sentence} <a href="/passkey">Your passkey</a></p></details>`
}

/** The proof that a form came from a page of ours. */
export function csrfField(context: PageContext): Html {
  return html`<input type="hidden" name="_csrf" value="${context.csrf}">`
}
