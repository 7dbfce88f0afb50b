import { type Html, html } from '../html.ts'

/** A transaction as a link to the explorer, or as plain text where none is configured. */
export function transactionLink(hash: string, explorerUrl: string | null, length: 'full' | 'short'): Html {
  const shown = length === 'full' ? hash : `${hash.slice(0, 8)}…${hash.slice(-6)}`
  const text = html`<code title="${hash}">${shown}</code>`
  return explorerUrl === null ? text : html`<a href="${explorerUrl}/tx/${hash}" rel="noreferrer">${text}</a>`
}
