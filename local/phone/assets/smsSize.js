const basic = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
)
const extended = new Set('\f^{}\\[~]|€')

/**
 * Counts what a text takes on the air while it is typed; a character is never torn between two parts.
 *
 * Source: 3GPP TS 23.038.
 *
 * @param {string} text
 * @returns {{ encoding: 'GSM-7' | 'UCS-2', parts: number, units: number, limit: number }}
 */
export function smsSize(text) {
  const chars = [...text]
  const isGsm7 = chars.every((char) => basic.has(char) || extended.has(char))
  const sizes = chars.map((char) => (isGsm7 ? (extended.has(char) ? 2 : 1) : char.length))
  const [whole, split] = isGsm7 ? [160, 153] : [70, 67]
  const units = sizes.reduce((sum, size) => sum + size, 0)
  let parts = 1
  if (units > whole) {
    let used = 0
    for (const size of sizes) {
      if (used + size > split) {
        parts += 1
        used = 0
      }
      used += size
    }
  }
  return { encoding: isGsm7 ? 'GSM-7' : 'UCS-2', parts, units, limit: parts === 1 ? whole : parts * split }
}

/**
 * Says a size in words, as in "1 part · 132/160 GSM-7".
 *
 * @param {{ encoding: string, parts: number, units: number, limit: number }} size
 */
export function describeSize(size) {
  return `${size.parts} ${size.parts === 1 ? 'part' : 'parts'} · ${size.units}/${size.limit} ${size.encoding}`
}
