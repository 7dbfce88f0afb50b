import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { FastifyPluginAsync } from 'fastify'
import { pageContext, sendPage } from './pageContext.ts'
import { cardPage } from './pages/cardPage.ts'
import type { PortalParts } from './portalParts.ts'

/** The fixed place of the offline page that makes code cards, to be saved and not to be opened here. */
export const cardFilePath = '/code-card/healthchain-code-card.html'

/** Hands out the offline page that makes code cards, and says how to know that it is the published one. */
export function cardRoutes(parts: PortalParts): FastifyPluginAsync {
  const file = readFileSync(new URL('./card/card.generated.html', import.meta.url))
  const sha256 = createHash('sha256').update(file).digest('hex')

  return async (scope) => {
    scope.get('/code-card', async (request, reply) =>
      sendPage(reply, cardPage(pageContext(parts, request, reply), { sha256, ledgerName: parts.ledgerName })),
    )
    // Saved, never shown from here: a page that has our address could send what it holds.
    scope.get(cardFilePath, async (_request, reply) =>
      reply
        .type('application/octet-stream')
        .header('content-disposition', 'attachment; filename="healthchain-code-card.html"')
        .send(file),
    )
  }
}
