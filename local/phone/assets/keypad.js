import { keys, startTapping, tap } from './multiTap.js'

/** A key held this long types its digit, whatever the mode. */
const holdMs = 600

/**
 * Fills a keypad and lets it type into a text box.
 *
 * @param {HTMLElement} keypad
 * @param {HTMLTextAreaElement} box
 * @param {(mode: string) => void} showMode
 */
export function addKeypad(keypad, box, showMode) {
  let state = startTapping()
  showMode(state.mode)

  /** @param {string} char @param {boolean} replaces */
  function write(char, replaces) {
    const from = box.selectionStart
    if (char === '' || (box.value.length >= box.maxLength && !replaces)) return
    box.setRangeText(char, replaces ? Math.max(0, from - 1) : from, box.selectionEnd, 'end')
    box.scrollTop = box.scrollHeight
    box.dispatchEvent(new Event('input', { bubbles: true }))
  }

  for (const { key, print } of keys) {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'key'
    button.dataset['key'] = key
    button.setAttribute('aria-label', key === '#' ? 'hash: digits or letters' : key === '*' ? 'star: space' : key)
    const digit = document.createElement('b')
    digit.textContent = key === '*' ? '✱' : key
    const letters = document.createElement('small')
    letters.textContent = key === '0' ? '' : print
    button.append(digit, letters)
    keypad.append(button)

    /** @type {number | undefined} */
    let hold
    let wasHeld = false
    button.addEventListener('pointerdown', () => {
      wasHeld = false
      hold = window.setTimeout(() => {
        wasHeld = true
        if (/\d/.test(key)) write(key, false)
        state = { ...state, key: null }
      }, holdMs)
    })
    for (const type of ['pointerup', 'pointerleave', 'pointercancel']) {
      button.addEventListener(type, () => clearTimeout(hold))
    }
    button.addEventListener('click', () => {
      if (wasHeld) {
        wasHeld = false
        return
      }
      const result = tap(state, key, performance.now())
      state = result.state
      write(result.char, result.replaces)
      showMode(state.mode)
    })
  }

  // Typing in the box itself ends a row of taps.
  box.addEventListener('keydown', () => {
    state = { ...state, key: null }
  })
}
