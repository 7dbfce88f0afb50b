import type { Brand } from './people.ts'

/** What a patient is found by: HC-XXXX-XXXX, eight Crockford base-32 characters of which the last is a check. */
export type HealthId = Brand<string, 'HealthId'>

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/**
 * Check character after the hybrid scheme of ISO/IEC 7064 with modulus 33 over 32 characters: it finds every single
 * wrong character and nearly every pair that changed places.
 */
function checkCharacter(body: string): string {
  let product = alphabet.length
  for (const character of body) {
    let sum = (product + alphabet.indexOf(character)) % alphabet.length
    if (sum === 0) sum = alphabet.length
    product = (sum * 2) % (alphabet.length + 1)
  }
  return alphabet[(alphabet.length + 1 - product) % alphabet.length] ?? ''
}

/** @param random seven values of 0 to 31, from a cryptographic source */
export function makeHealthId(random: readonly number[]): HealthId {
  const body = random.map((value) => alphabet[value & 31]).join('')
  if (body.length !== 7) throw new RangeError(`A health ID is made of 7 random values, not ${body.length}.`)
  return formatHealthId(body + checkCharacter(body))
}

/**
 * Reads a health ID as people type it: any case, O for 0, I and L for 1, with or without HC, hyphens and spaces.
 *
 * @returns the ID as it is printed, or null when the check character says that it was mistyped
 */
export function parseHealthId(text: string): HealthId | null {
  const typed = text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s-]+/g, '')
  const stem = typed.length === 10 && typed.startsWith('HC') ? typed.slice(2) : typed
  const characters = stem.replace(/O/g, '0').replace(/[IL]/g, '1')
  if (characters.length !== 8 || [...characters].some((character) => !alphabet.includes(character))) return null
  return checkCharacter(characters.slice(0, 7)) === characters[7] ? formatHealthId(characters) : null
}

function formatHealthId(characters: string): HealthId {
  return `HC-${characters.slice(0, 4)}-${characters.slice(4)}` as HealthId
}
