// Forms that need a signature: the signature is put into the form, and then the form is sent like any other.
import { makePasskey, signWithPasskey } from './passkey.js'
import { makeSessionKey, signWithSessionKey } from './sessionKey.js'

/** @type {Record<string, (form: HTMLFormElement) => Promise<Record<string, string>>>} */
const tasks = {
  async new({ dataset }) {
    const { challenge = '', rp = '', user = '', name = '', known = '' } = dataset
    return { answer: await makePasskey({ challenge, rpId: rp, userId: user, userName: name, known: idsOf(known) }) }
  },
  async signIn(form) {
    const template = field(form, 'statement').dataset['template'] ?? ''
    const { statement, hash } = await makeSessionKey(template)
    return { statement, answer: await signWithPasskey({ challenge: hash, rpId: form.dataset['rp'] ?? '' }) }
  },
  async sign({ dataset }) {
    const { challenge = '', rp = '', known = '' } = dataset
    return { answer: await signWithPasskey({ challenge, rpId: rp, known: idsOf(known) }) }
  },
  async look({ dataset }) {
    const { session = '', statement = '' } = dataset
    const signature = await signWithSessionKey(session, statement)
    if (signature === null) throw new DOMException('Another browser holds the key.', 'NotFoundError')
    return { signature }
  },
}

/** @param {string} text with spaces between */
function idsOf(text) {
  return text.split(' ').filter((id) => id !== '')
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 */
function field(form, name) {
  const found = form.elements.namedItem(name)
  if (!(found instanceof HTMLInputElement)) throw new TypeError(`The form has no field ${name}.`)
  return found
}

/** What stands where the authenticator gave nothing; it does not say why. */
const nothingWords = {
  new: 'No passkey was made: it was called off, or it took too long. Try again.',
  signIn:
    'You are not signed in: this computer has no passkey of yours, or it took too long. Try again, or use your password.',
  sign: 'Nothing was signed: this computer has no passkey that signs for you, or it took too long. Try again, or go to the computer or phone that has it.',
}

/**
 * @param {unknown} error
 * @param {string} task
 */
function wordsOf(error, task) {
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError') return task === 'new' || task === 'signIn' ? nothingWords[task] : nothingWords.sign
  if (name === 'InvalidStateError')
    return 'This computer, phone or key has a passkey of yours already. Make the other one on another.'
  if (name === 'NotFoundError')
    return 'You signed in with your passkey in another browser or window. Sign out, and sign in here with your passkey.'
  return 'This browser can’t use a passkey here. Try another browser, or sign in with your password.'
}

/** @param {HTMLFormElement} form */
async function signAndSend(form) {
  const problem = form.querySelector('[data-problem]')
  if (problem instanceof HTMLElement) problem.hidden = true
  try {
    const fields = (await tasks[form.dataset['passkey'] ?? '']?.(form)) ?? {}
    for (const [name, value] of Object.entries(fields)) field(form, name).value = value
    form.submit()
  } catch (error) {
    delete form.dataset['sent']
    if (!(problem instanceof HTMLElement)) return
    problem.textContent = wordsOf(error, form.dataset['passkey'] ?? '')
    problem.hidden = false
  }
}

for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (!(form instanceof HTMLFormElement)) continue
  form.hidden = false
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (!form.dataset['sent']) signAndSend(form)
  })
  // The session key needs no touch: the look goes on by itself.
  if (form.dataset['passkey'] === 'look') form.requestSubmit()
}
