import { encodeAbiParameters, keccak256 } from 'viem/utils'
import type { Hex } from './rows.ts'

/** Lines on a card, and digits of a code: the length of an airtime voucher, so that people know how to type it. */
export const cardLines = 20
export const codeDigits = 14

/**
 * How a code is stretched, in the hospital's browser and here: argon2id, one lane, 14 bytes, as a word with zeros behind.
 *
 * Fourteen bytes hold far more than fourteen digits do, and each byte more is paid for in every grant.
 *
 * A guess moves (3 × passes − 1) × memory, and graphics cards are bound by that: the RTX 5090 moves 1.5 TB/s at argon2
 * (openwall/john #5382: 11,434 guesses a second at 16 MiB and 3 passes), hence 15,400 guesses a second here, hence half of
 * the 10^14 codes in about 100 GPU-years. An estimate, not a proof.
 */
export const codeStretch = { memoryKib: 19_456, passes: 2, parallelism: 1, bytes: 14 } as const

/** Where a card counts: its links are bound to one ledger on one chain. */
export type CardPlace = { chainId: number; ledger: Hex }

/** One line as everybody but the patient knows it: the hash of its stretched code, and the link after it. */
export type CardLine = { line: number; lineHash: Hex; nextLink: Hex }

/** A card as the hospital's browser hands it over: never a code, never a stretched code. */
export type CodeCard = {
  /** 16 random bytes; salt of the codes, together with the line. */
  cardId: Hex
  /** Link of the first line, which the ledger keeps. */
  tip: Hex
  lines: readonly CardLine[]
}

export type CardRefusal = 'notACard' | 'otherStretch' | 'otherLedger' | 'brokenChain' | 'linesRepeat'

/** The first word of a card's file; another way to make cards is another number. */
const format = 'healthchain code card 1'

/** h: what the ledger compares a shown code with. @param stretched a word: the code's 14 bytes, then zeros */
export function lineHashOf(stretched: Hex): Hex {
  return keccak256(stretched)
}

/** c: what the ledger keeps while this line is the next one; see contracts/CodeCards.sol. */
export function linkOf({ chainId, ledger }: CardPlace, lineHash: Hex, nextLink: Hex): Hex {
  return keccak256(
    encodeAbiParameters(
      [{ type: 'uint256' }, { type: 'address' }, { type: 'bytes32' }, { type: 'bytes32' }],
      [BigInt(chainId), ledger, lineHash, nextLink],
    ),
  )
}

/** Salt of a line's code: the card's id, then the line in one byte. */
export function saltOf(cardId: Hex, line: number): Uint8Array {
  const bytes = cardId.slice(2).match(/../g) ?? []
  return Uint8Array.from([...bytes.map((byte) => Number.parseInt(byte, 16)), line])
}

/** Chains lines from the last to the first. @param end the random word after the last line */
export function chainLines(place: CardPlace, cardId: Hex, lineHashes: readonly Hex[], end: Hex): CodeCard {
  const lines: CardLine[] = []
  let tip = end
  for (const [index, lineHash] of [...lineHashes.entries()].reverse()) {
    lines.unshift({ line: index + 1, lineHash, nextLink: tip })
    tip = linkOf(place, lineHash, tip)
  }
  return { cardId, tip, lines }
}

/** The file of a card, as the page that prints cards writes it. */
export function writeCodeCard({ chainId, ledger }: CardPlace, { cardId, tip, lines }: CodeCard): string {
  const links = [tip, ...lines.map((line) => line.nextLink)]
  return `${JSON.stringify(
    {
      format,
      cardId,
      argon2id: codeStretch,
      chainId,
      ledger,
      tip,
      lines: lines.map(({ lineHash }, index) => ({ lineHash, link: links[index] })),
      end: links.at(-1),
    },
    null,
    1,
  )}\n`
}

/**
 * Reads a card's file and computes every link anew.
 *
 * @param place the ledger the card must be for
 */
export function readCodeCard(text: string, place: CardPlace): CodeCard | { refused: CardRefusal } {
  const file = parseFile(text)
  if (!file) return { refused: 'notACard' }
  const stretch = Object.entries(codeStretch)
  if (stretch.some(([part, value]) => file.argon2id[part] !== value)) return { refused: 'otherStretch' }
  if (file.chainId !== place.chainId || file.ledger.toLowerCase() !== place.ledger.toLowerCase())
    return { refused: 'otherLedger' }
  const hashes = file.lines.map(({ lineHash }) => lower(lineHash))
  if (new Set(hashes).size !== cardLines) return { refused: 'linesRepeat' }
  const card = chainLines(place, lower(file.cardId), hashes, lower(file.end))
  const links = [card.tip, ...card.lines.map(({ nextLink }) => nextLink)]
  const isWhole = lower(file.tip) === card.tip && file.lines.every(({ link }, index) => lower(link) === links[index])
  return isWhole ? card : { refused: 'brokenChain' }
}

/**
 * The line that is the next one while the ledger keeps this link.
 *
 * @returns 1 to 20; 21 when every line was taken; null when the link is not of this card
 */
export function lineAtLink({ tip, lines }: Pick<CodeCard, 'tip' | 'lines'>, link: Hex): number | null {
  if (lower(link) === tip) return 1
  const before = lines.find(({ nextLink }) => nextLink === lower(link))
  return before ? before.line + 1 : null
}

/** A code in groups as a voucher prints it: 8392 0175 5209 34. */
export function groupCode(code: string): string {
  return code.replace(/(\d{4})(?=\d)/g, '$1 ')
}

type CardFile = {
  cardId: Hex
  argon2id: Record<string, unknown>
  chainId: number
  ledger: Hex
  tip: Hex
  lines: { lineHash: Hex; link: Hex }[]
  end: Hex
}

function parseFile(text: string): CardFile | null {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch {
    return null
  }
  if (!isMembers(file) || file['format'] !== format || !isMembers(file['argon2id'])) return null
  const { cardId, chainId, ledger, tip, lines, end } = file
  if (!isHex(cardId, 16) || !isHex(ledger, 20) || !isHex(tip, 32) || !isHex(end, 32)) return null
  if (typeof chainId !== 'number' || !Array.isArray(lines) || lines.length !== cardLines) return null
  const isLine = (line: unknown) => isMembers(line) && isHex(line['lineHash'], 32) && isHex(line['link'], 32)
  return lines.every(isLine) ? (file as unknown as CardFile) : null
}

function isMembers(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isHex(value: unknown, bytes: number): value is Hex {
  return typeof value === 'string' && value.length === 2 + 2 * bytes && /^0x[0-9a-f]*$/i.test(value)
}

function lower(hex: Hex): Hex {
  return hex.toLowerCase() as Hex
}
