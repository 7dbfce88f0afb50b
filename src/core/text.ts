/** Code points at which a decimal digit zero stands: every Unicode Nd run is ten code points long and starts at its zero. */
const digit = /\p{Nd}/gu

/**
 * Turns every decimal digit of every script, full-width ones included, into 0 to 9. Other characters stay.
 * Source: Unicode, General_Category Nd.
 */
export function normaliseDigits(text: string): string {
  return text.replace(digit, (character) => {
    const codePoint = character.codePointAt(0) ?? 0
    if (codePoint < 0x80) return character
    // The mathematical digits are the one run of five alphabets behind each other: 10 × 5 from U+1D7CE.
    if (codePoint >= 0x1d7ce && codePoint <= 0x1d7ff) return String((codePoint - 0x1d7ce) % 10)
    let zero = codePoint
    while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1)) && codePoint - zero < 9) zero -= 1
    return String(codePoint - zero)
  })
}

/** Lower case, ASCII digits, single spaces; the separators people type between numbers count as spaces, an end mark goes. */
export function normaliseReply(text: string): string {
  return normaliseDigits(text.normalize('NFKC'))
    .toLowerCase()
    .replace(/[\s,.:;#*_/\\-]+/gu, ' ')
    .replace(/[!?]+$/u, '')
    .trim()
}
