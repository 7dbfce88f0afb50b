/**
 * The short number under which a patient answers a request: 10 to 99 while one is free, then 100 up. Never one digit,
 * since a single digit is an answer.
 *
 * @param taken numbers of open requests and live grants of every address she is reached on, and of those ended within 90 days
 * @param random 0 ≤ random < 1
 */
export function pickRequestNumber(taken: ReadonlySet<number>, random: number): number {
  const free: number[] = []
  for (let number = 10; number <= 99; number += 1) if (!taken.has(number)) free.push(number)
  const picked = free[Math.floor(random * free.length)]
  if (picked !== undefined) return picked
  let number = 100
  while (taken.has(number)) number += 1
  return number
}
