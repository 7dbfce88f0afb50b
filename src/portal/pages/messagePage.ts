import { type Html, html } from '../html.ts'
import type { MessageWords } from '../words.ts'
import { layout, type PageContext } from './layout.ts'

/** A page that says what happened, why, and what to do. */
export function messagePage(
  context: PageContext,
  words: MessageWords,
  way: { href: string; text: string } = { href: '/', text: 'Go to the start page' },
  more: Html | null = null,
): string {
  return layout(context, {
    title: words.title,
    width: 'narrow',
    main: html`${messageBody(words, way)}${more}`,
  })
}

export function messageBody(words: MessageWords, way: { href: string; text: string }): Html {
  return html`<section class="card message">
<h1 tabindex="-1">${words.title}</h1>
<p>${words.why}</p>
<p><strong>What to do:</strong> ${words.whatToDo}</p>
<p><a class="button secondary" href="${way.href}">${way.text}</a></p>
</section>`
}
