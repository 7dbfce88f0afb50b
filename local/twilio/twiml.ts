const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function decode(xml: string): string {
  return xml.replace(/&(#x[0-9a-f]+|#\d+|amp|lt|gt|quot|apos);/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name.toLowerCase()] ?? whole
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/**
 * Reads the replies in a webhook's answer: the texts of its `<Message>` verbs, or a whole `text/plain` body.
 *
 * Attributes, `<Redirect>` and media are not followed.
 *
 * @returns texts in order; empty for an empty `<Response/>`; null when the answer is not TwiML (Twilio's warning 12100)
 */
export function readTwiml(contentType: string, body: string): string[] | null {
  if (body.trim() === '') return []
  if (/^text\/plain\b/i.test(contentType)) return [body]
  if (!/^(text|application)\/xml\b/i.test(contentType)) return null
  const xml = body.replace(/<!--[\s\S]*?-->/g, '').replace(/^\s*(<\?xml[^>]*\?>)?\s*/, '')
  if (/^<Response\s*\/>\s*$/.test(xml)) return []
  const inside = /^<Response\s*>([\s\S]*)<\/Response>\s*$/.exec(xml)?.[1]
  if (inside === undefined) return null
  return [...inside.matchAll(/<Message(?:\s[^>]*)?>([\s\S]*?)<\/Message>/g)].map((match) => {
    const content = match[1] ?? ''
    const text = /<Body(?:\s[^>]*)?>([\s\S]*?)<\/Body>/.exec(content)?.[1] ?? content.replace(/<[^>]*>/g, '')
    return decode(text).trim()
  })
}
