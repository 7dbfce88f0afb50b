/**
 * Makes and prints a code card in the hospital's browser, without a network. What it writes is read by src/core/codeCard.ts,
 * which must agree in every byte: `selfTest` is in the tests of both.
 *
 * @typedef {{ chainId: number, ledger: string }} Place
 * @typedef {{ lineHash: string, link: string }} Line
 * @typedef {{ argon2id(options: object): Promise<Uint8Array>, keccak(data: Uint8Array, bits: number): Promise<string> }} Hashes
 */

const lineCount = 20
const codeDigits = 14
const stretch = { memoryKib: 19_456, passes: 2, parallelism: 1, bytes: 14 }
/** Codes that were printed, or forgotten, do not stay on the screen. */
const wipeAfterPrintMs = 2 * 60_000
const wipeAnywayMs = 15 * 60_000

const selfTest = {
  cardId: Uint8Array.from({ length: 16 }, (_, index) => index),
  line: 7,
  code: '83920175520934',
  place: { chainId: 31_337, ledger: '0x00000000000000000000000000000000000000aa' },
  nextLink: `0x${'11'.repeat(32)}`,
  lineHash: '0xa917ba5310ba08068bc66a923a11b9fda296dcf95770e60aa0e02ee40bf03866',
  link: '0x400f2b9478f365da5fb5907fbd70d4e0d7bec153cf266b952beb017c15bfb3fc',
}

/** @type {Hashes} */
const hashes = Reflect.get(globalThis, 'hashwasm')

/** @type {(id: string) => HTMLElement} */
const byId = (id) => {
  const found = document.getElementById(id)
  if (found === null) throw new Error('The page is not whole.')
  return found
}
const ledgerField = /** @type {HTMLInputElement} */ (byId('ledger'))
const makeButton = /** @type {HTMLButtonElement} */ (byId('make-card'))
const textArea = /** @type {HTMLTextAreaElement} */ (byId('text'))
const downloadLink = /** @type {HTMLAnchorElement} */ (byId('download'))

/** The digits of the card on the screen, as ASCII; all zero once wiped. */
const digits = new Uint8Array(lineCount * codeDigits)
/** @type {number[]} */
let timers = []

/** Each digit equally likely: bytes from 250 up are thrown away. */
function fillWithDigits() {
  const random = new Uint8Array(1024)
  let place = 0
  while (place < digits.length) {
    crypto.getRandomValues(random)
    for (const byte of random) {
      if (byte >= 250 || place === digits.length) continue
      digits[place] = 48 + (byte % 10)
      place += 1
    }
  }
  random.fill(0)
}

/** @param {Uint8Array} code ASCII digits @param {Uint8Array} cardId @param {number} line */
async function lineHashOf(code, cardId, line) {
  const stretched = await hashes.argon2id({
    password: code,
    salt: Uint8Array.from([...cardId, line]),
    memorySize: stretch.memoryKib,
    iterations: stretch.passes,
    parallelism: stretch.parallelism,
    hashLength: stretch.bytes,
    outputType: 'binary',
  })
  const word = new Uint8Array(32)
  word.set(stretched)
  const lineHash = `0x${await hashes.keccak(word, 256)}`
  word.fill(0)
  stretched.fill(0)
  return lineHash
}

/** keccak256(abi.encode(chainId, ledger, lineHash, nextLink)), as contracts/CodeCards.sol. */
async function linkOf(
  /** @type {Place} */ { chainId, ledger },
  /** @type {string} */ lineHash,
  /** @type {string} */ next,
) {
  const words = [chainId.toString(16), ledger.slice(2), lineHash.slice(2), next.slice(2)]
  return `0x${await hashes.keccak(bytesOf(words.map((word) => word.toLowerCase().padStart(64, '0')).join('')), 256)}`
}

/** @param {string} hex without 0x */
function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}

/** @param {Uint8Array} bytes */
function hexOf(bytes) {
  return `0x${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** Reads `eip155:<chain id>:<address>` (CAIP-10); a checksum in the address (EIP-55) must be right. @param {string} text */
async function readPlace(text) {
  const match = /^(?:eip155:)?(\d{1,15}):(0x[0-9a-fA-F]{40})$/.exec(text.trim())
  if (!match?.[1] || !match[2]) return null
  const address = match[2].slice(2)
  const lower = address.toLowerCase()
  const isChecked = address !== lower && address !== address.toUpperCase()
  const sum = await hashes.keccak(new TextEncoder().encode(lower), 256)
  const checked = [...lower].map((c, index) => (Number.parseInt(sum[index] ?? '0', 16) >= 8 ? c.toUpperCase() : c))
  if (isChecked && checked.join('') !== address) return null
  return { chainId: Number(match[1]), ledger: `0x${address}` }
}

async function makeCard() {
  const place = await readPlace(ledgerField.value)
  show('problem', place === null)
  byId('problem').textContent = 'This is no ledger. Copy it from the portal: eip155, the chain, the address.'
  if (place === null) return
  makeButton.disabled = true
  fillWithDigits()
  const cardId = crypto.getRandomValues(new Uint8Array(16))
  /** @type {string[]} */
  const lineHashes = []
  for (let line = 1; line <= lineCount; line += 1) {
    progress(`Line ${line} of ${lineCount}…`)
    // Lets the screen show it: the stretching itself holds this thread.
    await new Promise((resume) => setTimeout(resume, 0))
    lineHashes.push(await lineHashOf(codeOf(line), cardId, line))
  }
  const end = hexOf(crypto.getRandomValues(new Uint8Array(32)))
  textArea.value = await fileOf(place, hexOf(cardId), lineHashes, end)
  showCard(hexOf(cardId))
  progress('')
}

/** @param {Place} place @param {string} cardId @param {string[]} lineHashes @param {string} end */
async function fileOf(place, cardId, lineHashes, end) {
  /** @type {Line[]} */
  const lines = []
  let link = end
  for (const lineHash of lineHashes.toReversed()) {
    link = await linkOf(place, lineHash, link)
    lines.unshift({ lineHash, link })
  }
  const { chainId, ledger } = place
  const card = { format: 'healthchain code card 1', cardId, argon2id: stretch, chainId, ledger, tip: link, lines, end }
  return `${JSON.stringify(card, null, 1)}\n`
}

/** The digits of a line: a view, so that wiping them wipes it. @param {number} line */
function codeOf(line) {
  return digits.subarray((line - 1) * codeDigits, line * codeDigits)
}

/** @param {string} cardId */
function showCard(cardId) {
  const items = Array.from({ length: lineCount }, (_, index) => {
    const item = document.createElement('li')
    const number = document.createElement('b')
    const code = document.createElement('span')
    number.textContent = String(index + 1)
    code.textContent = String.fromCharCode(...codeOf(index + 1)).replace(/(\d{4})(?=\d)/g, '$1 ')
    item.append(number, ' ', code)
    return item
  })
  byId('codes').replaceChildren(...items)
  byId('card-id').textContent = (cardId.slice(2).match(/.{8}/g) ?? []).join(' ')
  show('make', false)
  show('print', true)
  show('card', true)
  wipeIn(wipeAnywayMs)
}

/** No code is left in the page or in our arrays; what the browser and the printer keep is theirs. */
function wipe() {
  for (const timer of timers) clearTimeout(timer)
  timers = []
  if (byId('card').hidden) return
  digits.fill(0)
  for (const code of byId('codes').querySelectorAll('span')) code.textContent = ''
  byId('codes').replaceChildren()
  byId('card-id').textContent = ''
  show('print', false)
  show('card', false)
  downloadLink.href = URL.createObjectURL(new Blob([textArea.value], { type: 'application/json' }))
  show('file', true)
}

/** @param {number} ms */
function wipeIn(ms) {
  timers.push(setTimeout(wipe, ms))
}

function startAgain() {
  URL.revokeObjectURL(downloadLink.href)
  textArea.value = ''
  show('file', false)
  show('make', true)
  makeButton.disabled = false
}

/** @param {string} id @param {boolean} isShown */
function show(id, isShown) {
  byId(id).hidden = !isShown
}

/** @param {string} text */
function progress(text) {
  byId('progress').textContent = text
}

/** A browser that stretches another way would print a card whose codes open nothing. */
async function agrees() {
  const lineHash = await lineHashOf(new TextEncoder().encode(selfTest.code), selfTest.cardId, selfTest.line)
  return lineHash === selfTest.lineHash && (await linkOf(selfTest.place, lineHash, selfTest.nextLink)) === selfTest.link
}

makeButton.addEventListener('click', () => void makeCard())
byId('print-card').addEventListener('click', () => print())
byId('wipe').addEventListener('click', wipe)
byId('again').addEventListener('click', startAgain)
addEventListener('afterprint', () => wipeIn(wipeAfterPrintMs))
addEventListener('pagehide', wipe)

ledgerField.value = decodeURIComponent(location.hash.slice(1))
const isAble = await agrees().catch(() => false)
makeButton.disabled = !isAble
progress(isAble ? 'This browser is ready.' : 'This browser cannot make cards: it is too old, or the file is damaged.')
