import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')

test('each error of each contract is expected by a test with all its arguments', () => {
  expect(declared('error').filter((error) => !isExpected(error))).toEqual([])
})

test('each event of each contract is expected by a test with all its arguments', () => {
  expect(declared('event').filter((event) => !isExpected(event))).toEqual([])
})

type Declaration = { name: string; parameters: number; kind: 'error' | 'event' }

/** What contracts/ declares: an interface's errors are its contract's. */
function declared(kind: Declaration['kind']): Declaration[] {
  const pattern = new RegExp(`^\\s*${kind} (\\w+)\\(`, 'gm')
  return [...textsOf('contracts')].flatMap((text) =>
    [...text.matchAll(pattern)].map((match) => {
      const [, name = ''] = match
      return { name, parameters: argumentsAfter(text, match.index + match[0].length - 1).length, kind }
    }),
  )
}

/** `abi.encodeWithSelector(Some.Name.selector, …)` or `emit Some.Name(…)`, with as many arguments as declared. */
function isExpected({ name, parameters, kind }: Declaration): boolean {
  const pattern =
    kind === 'event'
      ? new RegExp(`emit (?:\\w+\\.)?${name}(?=\\()`, 'g')
      : new RegExp(`abi\\.encode(?:WithSelector|Call)(?=\\(\\s*(?:\\w+\\.)*${name}\\.selector)`, 'g')
  return [...textsOf('test/contracts')].some((text) =>
    [...text.matchAll(pattern)].some((match) => {
      const given = argumentsAfter(text, match.index + match[0].length)
      return given.length === (kind === 'event' ? parameters : parameters + 1)
    }),
  )
}

/** The arguments between the bracket at `start` and the one that closes it. */
function argumentsAfter(text: string, start: number): string[] {
  const found: string[] = []
  let depth = 0
  let current = ''
  for (const character of text.slice(start)) {
    if ('([{'.includes(character)) depth += 1
    if (')]}'.includes(character)) depth -= 1
    if (depth === 0) break
    if (depth === 1 && character === ',') {
      found.push(current)
      current = ''
    } else if (!(depth === 1 && character === '(')) current += character
  }
  return current.trim() === '' && found.length === 0 ? [] : [...found, current]
}

function* textsOf(folder: string): Generator<string> {
  for (const name of readdirSync(join(root, folder))) {
    if (name.endsWith('.sol')) yield readFileSync(join(root, folder, name), 'utf8')
  }
}
