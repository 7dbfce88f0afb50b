import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { cardPage } from '../../../tools/card.ts'
import { memoryActions } from './memoryActions.ts'
import { openPortal, visitor } from './openPortal.ts'

const runbook = new URL('../../../docs/runbook.md', import.meta.url)

test('anybody gets the page that makes cards as a file, and its published hash beside it', async () => {
  const server = await openPortal(memoryActions())
  const { body } = await visitor(server).get('/code-card')
  const shown = /<code data-sha256>([0-9a-f]{64})</.exec(body)?.[1]
  expect(body).toContain(`<code data-ledger>eip155:1135:0x${'ab'.repeat(20)}<`)
  const file = await visitor(server).get('/code-card/healthchain-code-card.html')
  expect(file.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment; filename="healthchain-code-card.html"',
  })
  expect(createHash('sha256').update(file.rawPayload).digest('hex')).toBe(shown)
  expect(await readFile(runbook, 'utf8')).toContain(`SHA-256 of the card page: \`${shown}\``)
})

test('the page that makes cards reaches for nothing outside itself, and admits only its own scripts', async () => {
  const page = await cardPage()
  const policy = /content="(default-src[^"]+)"/.exec(page)?.[1] ?? ''
  expect(policy).toMatch(
    /^default-src 'none'; script-src( 'sha256-[\w+/]+=*'){3} 'wasm-unsafe-eval'; style-src 'sha256-[\w+/]+=*'; base-uri 'none'; form-action 'none'$/,
  )
  const scripts = [...page.matchAll(/<script type="module">([\s\S]*?)<\/script>/g)].map(([, script]) => script ?? '')
  expect(scripts).toHaveLength(3)
  for (const script of scripts) expect(policy).toContain(createHash('sha256').update(script).digest('base64'))
  expect(page.replace(/<script[\s\S]*?<\/script>/g, '')).not.toMatch(/\ssrc=|<link|@import|url\(|https?:/)
  expect(scripts.at(-1)).not.toMatch(
    /fetch|XMLHttpRequest|sendBeacon|WebSocket|localStorage|indexedDB|import\(|https?:/,
  )
})
