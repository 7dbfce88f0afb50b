/**
 * What the twelve keys type, as on a basic phone: `123` types digits, `abc` and `ABC` take several taps for a letter.
 *
 * @typedef {'123' | 'abc' | 'ABC'} Mode
 *
 * @typedef {object} TapState
 * @property {Mode} mode
 * @property {string | null} key the key tapped last
 * @property {number} taps how often it was tapped in a row, from 0
 * @property {number} at when, in milliseconds
 */

/** A second tap later than this begins the next letter. */
const tapWindowMs = 1_000

/** The keys in reading order: what is printed on them, and what they type in letter mode. */
export const keys = [
  { key: '1', print: '.,?!', letters: ".,?!'-1" },
  { key: '2', print: 'abc', letters: 'abc2' },
  { key: '3', print: 'def', letters: 'def3' },
  { key: '4', print: 'ghi', letters: 'ghi4' },
  { key: '5', print: 'jkl', letters: 'jkl5' },
  { key: '6', print: 'mno', letters: 'mno6' },
  { key: '7', print: 'pqrs', letters: 'pqrs7' },
  { key: '8', print: 'tuv', letters: 'tuv8' },
  { key: '9', print: 'wxyz', letters: 'wxyz9' },
  { key: '*', print: 'space', letters: ' *+/' },
  { key: '0', print: '␣ 0', letters: ' 0' },
  { key: '#', print: 'abc/123', letters: '' },
]

/** @type {Record<Mode, Mode>} */
const nextMode = { 123: 'abc', abc: 'ABC', ABC: '123' }

/** @returns {TapState} */
export const startTapping = () => ({ mode: '123', key: null, taps: 0, at: 0 })

/**
 * Taps a key.
 *
 * @param {TapState} state
 * @param {string} key
 * @param {number} now milliseconds
 * @returns {{ state: TapState, char: string, replaces: boolean }} what to write, and whether it takes the place of the
 *   character before it
 */
export function tap(state, key, now) {
  if (key === '#')
    return { state: { mode: nextMode[state.mode], key: null, taps: 0, at: now }, char: '', replaces: false }
  // In number mode * is the space bar: "47 1" needs one.
  if (state.mode === '123') {
    return { state: { ...state, key: null, at: now }, char: key === '*' ? ' ' : key, replaces: false }
  }
  const letters = keys.find((entry) => entry.key === key)?.letters ?? key
  const replaces = state.key === key && now - state.at < tapWindowMs
  const taps = replaces ? state.taps + 1 : 0
  const letter = letters.charAt(taps % letters.length)
  return {
    state: { mode: state.mode, key, taps, at: now },
    char: state.mode === 'ABC' ? letter.toUpperCase() : letter,
    replaces,
  }
}
