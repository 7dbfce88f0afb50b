/**
 * Makes the offline page that prints code cards: one file with its script, its style and argon2id as WebAssembly in it.
 *
 * `node tools/card.ts` writes src/portal/card/card.generated.html and its SHA-256 into the runbook; `--check` exits 1 when
 * one is stale.
 */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

const page = new URL('../src/portal/card/card.generated.html', import.meta.url)
const runbook = new URL('../docs/runbook.md', import.meta.url)
const sha256Line = /(SHA-256 of the card page: `)[0-9a-f]*(`)/

const source = (name: string) => readFile(new URL(`../src/portal/card/${name}`, import.meta.url), 'utf8')
const require = createRequire(import.meta.url)
/** @throws {RangeError} where a new version holds what would end the script that it stands in */
async function library(path: string): Promise<string> {
  const text = await readFile(path, 'utf8')
  if (/<\/script|<!--/i.test(text)) throw new RangeError(`${path} cannot stand in a page.`)
  return text
}

/** The page. Its style and each script are admitted by hash alone: nothing else runs in it, and nothing is fetched. */
export async function cardPage(): Promise<string> {
  const style = await source('card.css')
  const scripts = [
    await library(require.resolve('hash-wasm/dist/argon2.umd.min.js')),
    await library(require.resolve('hash-wasm/dist/keccak.umd.min.js')),
    await source('card.js'),
  ]
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.map(hashSource).join(' ')} 'wasm-unsafe-eval'`,
    `style-src ${hashSource(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const filled: Readonly<Record<string, string>> = {
    policy: `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    style: `<style>${style}</style>`,
    scripts: scripts.map((script) => `<script type="module">${script}</script>`).join('\n    '),
  }
  return (await source('card.html')).replace(/<!-- (\w+) -->/g, (_, name: string) => filled[name] ?? '')
}

function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

async function main(isCheck: boolean): Promise<void> {
  const made = await cardPage()
  const published = (await readFile(runbook, 'utf8')).replace(
    sha256Line,
    `$1${createHash('sha256').update(made).digest('hex')}$2`,
  )
  for (const [file, text] of [
    [page, made],
    [runbook, published],
  ] as const) {
    if (!isCheck) await writeFile(file, text)
    else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
      process.stderr.write(`${file.pathname} is stale: run \`node tools/card.ts\` and commit it.\n`)
      process.exitCode = 1
    }
  }
}

if (import.meta.main) await main(process.argv.includes('--check'))
