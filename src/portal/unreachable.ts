/**
 * Closes a switch over a union: a new member without a case fails to compile.
 *
 * @throws {Error} when a value from outside the types got here; the value itself is not told, it may name a person
 */
export function unreachable(_value: never): never {
  throw new Error('A value that the types exclude reached the portal. Do: check that both sides run the same version.')
}
