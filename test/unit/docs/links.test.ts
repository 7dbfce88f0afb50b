import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { anchorsOf, localLinks, pages, read, root } from './markdown.ts'

test('every link between the pages leads to a file and a heading that are there', () => {
  const broken: string[] = []
  let links = 0
  for (const page of pages()) {
    for (const link of localLinks(read(page))) {
      links += 1
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      if (!existsSync(resolve(root, target))) broken.push(`${page}: ${link}`)
      else if (anchor !== undefined && !anchorsOf(read(target)).has(anchor)) broken.push(`${page}: ${link}`)
    }
  }
  expect(broken).toEqual([])
  expect(links).toBeGreaterThan(50)
})

test('a heading becomes the anchor that GitHub gives it', () => {
  const anchors = anchorsOf(
    '# Exactly once, and kill -9\n\n```\n# not a heading\n```\n## What happens when …\n### `KeyFileError`\n',
  )
  expect([...anchors]).toEqual(['exactly-once-and-kill--9', 'what-happens-when-', 'keyfileerror'])
})
