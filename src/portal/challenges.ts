import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { type EpochMs, minute } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'

/** Time to find the phone, or the key, and to touch it. */
const lastsMs = 10 * minute

/**
 * Words that a page is given and only we can have given: what a browser answers with them was made after we asked, and soon.
 * Nothing is stored for a page that nobody answers; what is answered becomes a row that can be stored once.
 */
export type Challenges = {
  /** @param purpose what it is for, and for whom: worth nothing elsewhere */
  issue(purpose: string): string
  isOurs(challenge: string, purpose: string): boolean
}

/** @param secret at least 32 random characters */
export function openChallenges(secret: string, clock: () => EpochMs): Challenges {
  const sign = (purpose: string, body: string) =>
    createHmac('sha256', secret).update(`${purpose}\n${body}`).digest('base64url')
  return {
    issue(purpose) {
      const body = `${(clock() + lastsMs).toString(36)}.${randomBytes(16).toString('base64url')}`
      return `${body}.${sign(purpose, body)}`
    },
    isOurs(challenge, purpose) {
      const [endsAt = '', random = '', signature = ''] = challenge.split('.')
      const expected = Buffer.from(sign(purpose, `${endsAt}.${random}`))
      const given = Buffer.from(signature)
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false
      return Number.parseInt(endsAt, 36) > clock()
    },
  }
}

/** A challenge as authenticators take it: 32 bytes. */
export function challengeBytes(challenge: string): Hex {
  return `0x${createHash('sha256').update(challenge).digest('hex')}`
}
