import { describe, expect, test } from 'vitest'
import { openLog, scrub } from '../../../src/log.ts'

const uuid = '12345678-1234-4123-8123-123456789012'
const hash = `0x${'1234567890'.repeat(6)}1234`

describe('scrubbing a text', () => {
  test.each([
    '+254700000011',
    '254700000011',
    '0700 000 011',
    '0700-000-011',
    '+254 (700) 000.011',
    '83920175520934',
    '1234567',
  ])('%s is taken out', (number) => {
    expect(scrub(`to ${number} now`)).toBe('to [number] now')
  })

  test('two numbers in one text are both taken out', () => {
    expect(scrub('from +254700000011, to +254700000012')).toBe('from [number], to [number]')
  })

  test.each(['47 1', 'block 123456', 'port 7100', uuid, hash, 'HC-18FP-X4BQ', 'error 21610', '1.2.3'])(
    '%s stays',
    (text) => {
      expect(scrub(`at ${text} now`)).toBe(`at ${text} now`)
    },
  )

  test('a number right beside an id is taken out, the id stays', () => {
    expect(scrub(`${uuid} +254700000011`)).toBe(`${uuid} [number]`)
  })
})

describe('a line of the log', () => {
  type Line = Record<string, unknown> & { time: number; msg?: string }
  function logged(write: (log: ReturnType<typeof openLog>) => void) {
    const lines: string[] = []
    write(openLog('info', { write: (line) => lines.push(line) }))
    expect(lines).toHaveLength(1)
    const [text = ''] = lines
    expect(text.replace(/"time":\d{13}/, '')).not.toMatch(/700000011|700 000 011/)
    return JSON.parse(text) as Line
  }

  test('holds no number in its text, and its time is still a time', () => {
    const before = Date.now()
    const line = logged((log) => log.info('sent to +254700000011'))
    expect(line.msg).toBe('sent to [number]')
    expect(line.time).toBeGreaterThanOrEqual(before)
  })

  test('holds no number that a text is filled in with', () => {
    expect(logged((log) => log.warn('sent to %s', '+254700000011')).msg).toBe('sent to [number]')
  })

  test('holds no number in the message or the stack of an error', () => {
    const line = logged((log) => log.error({ err: new TypeError('no route to +254700000011') }, 'failed'))
    expect(line['err']).toMatchObject({ type: 'TypeError', message: 'no route to [number]' })
    expect(line.msg).toBe('failed')
  })

  test('holds no number when an error is all there is', () => {
    expect(logged((log) => log.error(new Error('no route to +254700000011'))).msg).toBe('no route to [number]')
    expect(logged((log) => log.error({ err: new Error('no route to 0700 000 011') })).msg).toBe('no route to [number]')
  })

  test('holds no number in facts, however deep', () => {
    const line = logged((log) =>
      log.info({ to: '+254700000011', nested: { list: ['ok', { again: '0700 000 011' }] }, job: uuid }, 'sent'),
    )
    expect(line['to']).toBe('[number]')
    expect(line['nested']).toEqual({ list: ['ok', { again: '[number]' }] })
    expect(line['job']).toBe(uuid)
  })

  test('facts in a circle end somewhere', () => {
    const circle: Record<string, unknown> = { to: '+254700000011' }
    circle['self'] = circle
    expect(logged((log) => log.info(circle, 'round')).msg).toBe('round')
  })

  test('keeps a stable code and says what kind of error it was', () => {
    const err = Object.assign(new Error('gone'), { code: 'chainUnavailable', phone: '+254700000011' })
    expect(logged((log) => log.error({ err }, 'failed'))['err']).toMatchObject({
      type: 'Error',
      code: 'chainUnavailable',
      message: 'gone',
    })
  })
})
