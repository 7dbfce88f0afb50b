import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { KeyFileError, readOrMakeKeyFile } from '../../../src/accounts/keyFile.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'healthchain-key-'))
  file = join(folder, 'keys', 'vault')
})

afterEach(() => rm(folder, { recursive: true }))

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

test('the first start makes a key that its owner alone can read, in a folder of its own', async () => {
  const key = await readOrMakeKeyFile(file)
  expect(key).toHaveLength(32)
  expect(await modeOf(file)).toBe('600')
  expect(await modeOf(join(folder, 'keys'))).toBe('700')
  expect(await readFile(file, 'utf8')).toBe(`${Buffer.from(key).toString('hex')}\n`)
})

test('the next start reads the same key, another file holds another', async () => {
  const key = await readOrMakeKeyFile(file)
  expect(await readOrMakeKeyFile(file)).toEqual(key)
  expect(await readOrMakeKeyFile(join(folder, 'keys', 'operator'))).not.toEqual(key)
})

test.each(['640', '604', '660', '610', '644'])(
  'a file of mode %s is refused: others may have read it',
  async (mode) => {
    const key = Buffer.from(await readOrMakeKeyFile(file)).toString('hex')
    await chmod(file, Number.parseInt(mode, 8))
    await expect(readOrMakeKeyFile(file)).rejects.toThrow(KeyFileError)
    await expect(readOrMakeKeyFile(file)).rejects.toThrow(/chmod 600/)
    await expect(readOrMakeKeyFile(file)).rejects.not.toThrow(key)
  },
)

test.each([
  ['nothing', ''],
  ['63 digits', 'a'.repeat(63)],
  ['65 digits', 'a'.repeat(65)],
  ['other letters', 'g'.repeat(64)],
  ['capitals', 'A'.repeat(64)],
  ['a prefix', `0x${'a'.repeat(64)}`],
  ['two keys', `${'a'.repeat(64)}\n${'b'.repeat(64)}`],
])('a file with %s is refused and not written over', async (_name, text) => {
  await readOrMakeKeyFile(file)
  await writeFile(file, text)
  await expect(readOrMakeKeyFile(file)).rejects.toThrow(/does not hold 64 hexadecimal digits/)
  expect(await readFile(file, 'utf8')).toBe(text)
})

test('a folder is none', async () => {
  await expect(readOrMakeKeyFile(folder)).rejects.toThrow(/is a folder\. Do:/)
})

test('white space around a key does not matter', async () => {
  await readOrMakeKeyFile(file)
  await writeFile(file, `  ${'ab'.repeat(32)}\r\n`)
  expect(Buffer.from(await readOrMakeKeyFile(file)).toString('hex')).toBe('ab'.repeat(32))
})
