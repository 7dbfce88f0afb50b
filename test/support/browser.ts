import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

/** Debian's package, Google's own, and what Ubuntu calls it. */
const names = ['chromium', 'google-chrome', 'chromium-browser', 'google-chrome-stable']
const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A headless Chromium of this machine; nothing is downloaded. */
export function openBrowser(): Promise<Browser> {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const executablePath = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync)
  if (executablePath === undefined) throw new Error('There is no Chromium. Do: run bin/test, which installs it.')
  return chromium.launch({ executablePath, args: switches, headless: true })
}
