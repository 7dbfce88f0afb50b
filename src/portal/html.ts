/** A piece of markup that is safe to send: everything put into it was escaped on the way in. */
export class Html {
  /** Private, so that no parsed JSON can pass for markup. */
  readonly #markup: string

  private constructor(markup: string) {
    this.#markup = markup
  }

  /** Escapes every value of a template literal; see `html`. */
  static from(strings: TemplateStringsArray, values: readonly HtmlValue[]): Html {
    let markup = strings[0] ?? ''
    for (const [index, value] of values.entries()) markup += Html.#render(value) + (strings[index + 1] ?? '')
    return new Html(markup)
  }

  static #render(value: HtmlValue): string {
    if (value === null || value === undefined || value === false) return ''
    if (value instanceof Html) return value.#markup
    if (typeof value === 'string') return escapeHtml(value)
    if (typeof value === 'number') return String(value)
    return value.map((part) => Html.#render(part)).join('')
  }

  toString(): string {
    return this.#markup
  }
}

/** What may stand in a template: text is escaped, markup and lists of it pass, nothing shows for null and false. */
type HtmlValue = Html | string | number | null | undefined | false | readonly HtmlValue[]

/**
 * Markup from a template literal, each value escaped for text and for quoted attributes.
 *
 * Attributes must be quoted, and no value may stand inside a script, a style or a comment: no escaping helps there.
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return Html.from(strings, values)
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => entities[character] ?? '')
}
