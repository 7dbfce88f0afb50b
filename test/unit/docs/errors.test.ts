import { globSync } from 'node:fs'
import { expect, test } from 'vitest'
import { anchorsOf, read, root } from './markdown.ts'

const sources = globSync('src/**/*.ts', { cwd: root }).map(read)
const page = read('docs/errors.md')

/** What a pattern's first group finds in all sources, each once. */
function inSources(pattern: RegExp): string[] {
  return [...new Set(sources.flatMap((source) => [...source.matchAll(pattern)].map(([, found = '']) => found)))]
}

test('every page that an error points to has its section', () => {
  const named = inSources(/docs\/errors\.md#([\w-]+)/g)
  expect(named).not.toEqual([])
  const anchors = anchorsOf(page)
  expect(named.filter((anchor) => !anchors.has(anchor))).toEqual([])
})

test('every error that leaves its file is explained', () => {
  const named = inSources(/export class (\w+Error) extends/g)
  expect(named).toContain('DeploymentMismatchError')
  expect(named.filter((name) => !page.includes(name))).toEqual([])
})

test('every reason for which a job waits is explained', () => {
  const named = inSources(/new TryAgainError\('(\w+)'/g)
  expect(named).toContain('chainUnavailable')
  expect(named.filter((code) => !page.includes(`\`${code}\``))).toEqual([])
})

test('every way in which a deployment can differ is explained', () => {
  const [, reasons = ''] =
    /type DeploymentMismatchReason =([\s\S]*?)\n\n/.exec(read('src/accounts/deployments.ts')) ?? []
  const codes = [...reasons.matchAll(/'(\w+)'/g)].map(([, code]) => code)
  expect(codes.length).toBeGreaterThan(3)
  expect(codes.filter((code) => !page.includes(`\`${code}\``))).toEqual([])
})
