import { BaseError } from 'viem'
import { expect, test } from 'vitest'
import { noAnswerOf } from '../../../src/accounts/ledgerHistory.ts'

test('of a web page in a node’s place, no more than its beginning is shown', () => {
  const page = `<!doctype html>${'<p>'.repeat(100)}\n<p>and more</p>`
  const { message } = noAnswerOf(new BaseError('no', { details: page })) as Error
  expect(message).toContain('<!doctype html>')
  expect(message).not.toContain('and more')
  expect(message.length).toBeLessThan(500)
})
