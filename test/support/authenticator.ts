import type { CDPSession, Page } from 'playwright-core'

/** The authenticator of a page's browser: Chromium's virtual one, which keeps a passkey and verifies its person by itself. */
export async function addAuthenticator(page: Page, options: { isUserVerified?: boolean } = {}): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page)
  await session.send('WebAuthn.enable')
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: options.isUserVerified ?? true,
      automaticPresenceSimulation: true,
    },
  })
  return session
}

/** Calls a function of the portal's own module in the page, as its pages do. */
export async function callPasskeyModule(
  page: Page,
  name: 'makePasskey' | 'signWithPasskey',
  options: object,
): Promise<string> {
  const styles = await page.locator('link[rel="stylesheet"]').getAttribute('href')
  const url = (styles ?? '').replace('portal.css', 'passkey.js')
  return page.evaluate(`import(${JSON.stringify(url)}).then((module) => module.${name}(${JSON.stringify(options)}))`)
}
