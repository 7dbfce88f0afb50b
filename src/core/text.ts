const digit = /\p{Nd}/gu

/**
 * Turns every decimal digit of every script, full-width ones included, into 0 to 9. Other characters stay.
 * Digits come in runs of ten that begin with their zero; some runs follow each other without a gap.
 * Source: Unicode, General_Category Nd.
 */
export function normaliseDigits(text: string): string {
  return text.replace(digit, (character) => {
    const codePoint = character.codePointAt(0) ?? 0
    if (codePoint < 0x80) return character
    let first = codePoint
    while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first -= 1
    return String((codePoint - first) % 10)
  })
}

/** Lower case, ASCII digits, single spaces; the separators people type between numbers count as spaces, an end mark goes. */
export function normaliseReply(text: string): string {
  return normaliseDigits(text.normalize('NFKC'))
    .toLowerCase()
    .replace(/[\s,.:;#*_/\\-]+/gu, ' ')
    .replace(/[!?\s]+$/u, '')
    .trim()
}
