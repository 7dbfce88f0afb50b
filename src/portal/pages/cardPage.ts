import { cardFilePath } from '../cardRoutes.ts'
import { html } from '../html.ts'
import { layout, type PageContext } from './layout.ts'

/**
 * How a hospital makes a code card.
 *
 * @param file SHA-256 of the offline page in hexadecimal; the ledger as CAIP-10 names it
 */
export function cardPage(context: PageContext, file: { sha256: string; ledgerName: string }): string {
  return layout(context, {
    title: 'Code cards',
    width: 'narrow',
    main: html`<h1>Code cards</h1>
<p class="lead">A card carries 20 one-time codes. Once a patient has one, only the code of the line that her message names opens a grant: neither we nor anybody who holds her phone alone can.</p>
<section class="card">
<h2>Make one</h2>
<p>The cards are made by a file that works without a network, so that no code ever reaches us.</p>
<p><a class="button" href="${cardFilePath}" download>Save the file</a></p>
<p>Compare its SHA-256 with the one published in the project's runbook, on a computer you trust, before the first card and whenever it changes:</p>
<p><code data-sha256>${file.sha256}</code></p>
<p>Then take the network away and open the saved file. It asks for this ledger:</p>
<p><code data-ledger>${file.ledgerName}</code></p>
<p>Print, hand over, wipe. What stays is a file of hashes, which registers the card.</p>
</section>
<section class="card">
<h2>Register it</h2>
<p>Hospital administrators cannot sign in here yet. Whoever runs this server registers the card's file with the hospital's key; the runbook says how.</p>
</section>`,
  })
}
