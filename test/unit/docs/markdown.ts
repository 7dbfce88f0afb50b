import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../../..')

export function read(file: string): string {
  return readFileSync(resolve(root, file), 'utf8')
}

/** The project's own pages, by their path from the root. */
export function pages(): string[] {
  return globSync(['*.md', 'docs/**/*.md'], { cwd: root })
}

/** The anchors that GitHub gives to a page's headings. */
export function anchorsOf(markdown: string): Set<string> {
  const headings = withoutCode(markdown).matchAll(/^#{1,6} (.+)$/gm)
  return new Set([...headings].map(([, heading = '']) => slugOf(heading)))
}

/** Links to files of the project: `path`, `path#anchor` or `#anchor`. */
export function localLinks(markdown: string): string[] {
  const links = withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)
  return [...links].map(([, target = '']) => target).filter((target) => !/^[a-z]+:/i.test(target))
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, '')
}

function slugOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')
}
