/**
 * Finds one element, or says which one the page lacks.
 *
 * @template {Element} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {Kind}
 */
export function find(root, selector) {
  const element = root.querySelector(selector)
  if (!element) throw new Error(`The page has no ${selector}.`)
  return /** @type {Kind} */ (element)
}

/**
 * Copies the one element of a template.
 *
 * @param {string} name
 * @returns {HTMLElement}
 */
export function fromTemplate(name) {
  /** @type {HTMLTemplateElement} */
  const template = find(document, `template[data-template="${name}"]`)
  const copy = template.content.firstElementChild?.cloneNode(true)
  if (!(copy instanceof HTMLElement)) throw new Error(`The template ${name} is empty.`)
  return copy
}

const timeFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const secondFormat = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

/**
 * Writes a time into its element, with the day when it is not today's.
 *
 * @param {HTMLElement} element a `<time>`
 * @param {Date} at
 * @param {boolean} [withSeconds]
 */
export function showTime(element, at, withSeconds = false) {
  const isToday = new Date().toDateString() === at.toDateString()
  const time = (withSeconds ? secondFormat : timeFormat).format(at)
  element.textContent = isToday ? time : `${dayFormat.format(at)} ${time}`
  element.setAttribute('datetime', at.toISOString())
}
