/** What a YAML file of this project holds. */
export type Yaml = string | null | Yaml[] | { [key: string]: Yaml }

type Line = { indent: number; text: string }

/**
 * Reads the YAML that docker-compose.yml is written in: block maps and lists, `["flow", "lists"]`, plain and double-quoted scalars,
 * full-line comments. Scalars stay text.
 *
 * @throws {SyntaxError} for anything else, so that nothing is read wrong in silence
 */
export function readYaml(source: string): Yaml {
  const lines = source
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('#'))
    .map((line): Line => ({ indent: line.length - line.trimStart().length, text: line.trim() }))
  const reader = { lines, next: 0 }
  const value = readBlock(reader, 0)
  if (reader.next !== lines.length) fail(lines[reader.next])
  return value
}

type Reader = { lines: Line[]; next: number }

function readBlock(reader: Reader, indent: number): Yaml {
  return reader.lines[reader.next]?.text.startsWith('- ') ? readList(reader, indent) : readMap(reader, indent)
}

function readList(reader: Reader, indent: number): Yaml[] {
  const list: Yaml[] = []
  for (let line = here(reader, indent); line?.text.startsWith('- '); line = here(reader, indent)) {
    list.push(readScalar(line.text.slice(2).trim(), line))
    reader.next += 1
  }
  return list
}

function readMap(reader: Reader, indent: number): { [key: string]: Yaml } {
  const map: { [key: string]: Yaml } = {}
  for (let line = here(reader, indent); line; line = here(reader, indent)) {
    const [, key, rest] = /^([\w.-]+):(?:\s+(.*))?$/.exec(line.text) ?? fail(line)
    if (key === undefined || key in map) fail(line)
    reader.next += 1
    const child = reader.lines[reader.next]
    if (rest) map[key] = readScalar(rest, line)
    else map[key] = child && child.indent > indent ? readBlock(reader, child.indent) : null
  }
  return map
}

/** The next line where it belongs to this block; deeper than its block means a slip of the hand. */
function here({ lines, next }: Reader, indent: number): Line | undefined {
  const line = lines[next]
  if (line && line.indent > indent) fail(line)
  return line?.indent === indent ? line : undefined
}

function readScalar(text: string, line: Line): Yaml {
  if (text.startsWith('[') || text.startsWith('"')) {
    try {
      return JSON.parse(text) as Yaml
    } catch {
      fail(line)
    }
  }
  // Plain scalars that a YAML reader would take otherwise: anchors, tags, block texts, comments at the end, nested maps.
  if (/^[&*!|>%@`'{]|\s#|:\s|:$/.test(text)) fail(line)
  return text
}

function fail(line: Line | undefined): never {
  throw new SyntaxError(`This reader does not understand: ${line?.text ?? 'the end'}`)
}
