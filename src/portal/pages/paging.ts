import { type Html, html } from '../html.ts'

export type Paged<Item> = { items: readonly Item[]; page: number; pages: number; total: number }

/** One page of a list; a number outside the list gives its nearest page. Twenty lines keep a page below 30 KB. */
export function paged<Item>(all: readonly Item[], wanted: number, perPage = 20): Paged<Item> {
  const pages = Math.max(1, Math.ceil(all.length / perPage))
  const page = Math.min(Math.max(1, Number.isInteger(wanted) ? wanted : 1), pages)
  return { items: all.slice((page - 1) * perPage, page * perPage), page, pages, total: all.length }
}

/** Links to the pages before and after, or nothing for a list of one page. */
export function pager(path: string, { page, pages }: Paged<unknown>): Html | null {
  if (pages === 1) return null
  return html`<nav class="pager" aria-label="Pages">
${page > 1 && html`<a href="${path}?page=${page - 1}" rel="prev">Newer</a>`} <span>Page ${page} of ${pages}</span>
${page < pages && html`<a href="${path}?page=${page + 1}" rel="next">Older</a>`}</nav>`
}
