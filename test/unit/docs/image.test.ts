import { existsSync, globSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { read, root } from './markdown.ts'

type Instruction = { word: string; rest: string }
type Stage = { name: string; from: string; instructions: Instruction[] }

function stagesOf(dockerfile: string): Stage[] {
  const lines = dockerfile
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const stages: Stage[] = []
  for (const line of lines) {
    const [, word = '', rest = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? []
    const [, from = '', name = ''] = /^(\S+) AS (\w+)$/.exec(rest) ?? []
    if (word === 'FROM') stages.push({ name, from, instructions: [] })
    else stages.at(-1)?.instructions.push({ word, rest })
  }
  return stages
}

const stages = stagesOf(read('Dockerfile'))

function stage(name: string): Stage {
  const found = stages.find((one) => one.name === name)
  if (!found) throw new RangeError(`No stage ${name}.`)
  return found
}

function all(one: Stage, word: string): string[] {
  return one.instructions.filter((instruction) => instruction.word === word).map(({ rest }) => rest)
}

test('every instruction is one that Docker knows', () => {
  const known = ['WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'VOLUME', 'EXPOSE', 'HEALTHCHECK', 'CMD']
  const words = stages.flatMap(({ instructions }) => instructions.map(({ word }) => word))
  expect(words.filter((word) => !known.includes(word))).toEqual([])
  expect(words.length).toBeGreaterThan(20)
})

test('every stage stands on Node 24, and the server is the last', () => {
  expect(stages.map(({ from }) => from)).toEqual(Array(3).fill('node:24-bookworm-slim'))
  expect(stages.at(-1)?.name).toBe('server')
})

test('the server image has the locked packages without those for development', () => {
  expect(all(stage('packages'), 'RUN')).toEqual(['npm ci --omit=dev --no-audit --no-fund'])
  expect(all(stage('packages'), 'COPY')).toEqual(['package.json package-lock.json .npmrc ./'])
  expect(all(stage('server'), 'COPY')).toEqual([
    '--from=packages /app/node_modules node_modules',
    'package.json ./',
    'src src',
    'ops ops',
  ])
})

test('the server needs no package that its image leaves out', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  const files = globSync(['src/**/*.ts', 'ops/*.ts'], { cwd: root })
  const imports = files.flatMap((file) =>
    [
      ...read(file).matchAll(
        /^(?:import|export) (?!type )[^'\n]*?(?:\{[^}]*\} )?from '([^'.][^']*)'|^import '([^'.][^']*)'/gm,
      ),
    ].map(([, from, bare]) => from ?? bare ?? ''),
  )
  const packages = new Set(
    imports.filter((name) => !isBuiltin(name)).map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name),
  )
  expect(packages.size).toBeGreaterThan(10)
  expect([...packages].filter((name) => !(name in dependencies))).toEqual([])
})

test('the server starts as nobody in particular, is asked for its health, and keeps its data in a volume', () => {
  const server = stage('server')
  const words = server.instructions.map(({ word }) => word)
  expect(all(server, 'USER')).toEqual(['node'])
  expect(words.indexOf('USER')).toBeLessThan(words.indexOf('CMD'))
  expect(all(server, 'CMD')).toEqual(['["node", "src/main.ts"]'])
  expect(all(server, 'HEALTHCHECK')[0]).toContain('/health')
  expect(all(server, 'VOLUME')).toEqual(['/data'])
  expect(all(server, 'ENV')[0]).toContain('NODE_ENV=production')
})

test('what is copied is there and reaches the build; keys, data and settings do not', () => {
  const copied = stages
    .flatMap((one) => all(one, 'COPY'))
    .filter((rest) => !rest.startsWith('--from='))
    .flatMap((rest) => rest.split(' ').slice(0, -1))
  expect(copied.filter((file) => !existsSync(resolve(root, file)))).toEqual([])
  const lines = read('.dockerignore').split('\n')
  const [first, ...rest] = lines.filter((line) => line !== '' && !line.startsWith('#'))
  expect(first).toBe('*')
  const allowed = rest.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  expect([...new Set(copied)].sort()).toEqual([...allowed].sort())
  expect(allowed.filter((file) => /^(data|\.env|keys|node_modules)/.test(file))).toEqual([])
})
