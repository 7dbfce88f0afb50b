import fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { type PortalOptions, portalScope } from '../../../src/portal/portalScope.ts'
import { type memoryActions, now, password } from './memoryActions.ts'

export const testOptions: PortalOptions = {
  publicUrl: 'http://127.0.0.1:3000',
  cookieSecret: 'a secret for tests, thirty-two characters and more',
  clock: () => now,
  explorerUrl: 'https://blockscout.lisk.com/',
  ledgerName: `eip155:1135:0x${'ab'.repeat(20)}`,
}

/** A portal on a server of its own, not listening. */
export async function openPortal(
  world: ReturnType<typeof memoryActions>,
  options: Partial<PortalOptions> = {},
): Promise<FastifyInstance> {
  const server = fastify()
  await server.register(portalScope(world.actions, { ...testOptions, ...options }))
  await server.ready()
  return server
}

/** A browser as far as the portal can tell: it keeps cookies and sends forms as they were served. */
export function visitor(server: FastifyInstance) {
  const cookies: Record<string, string> = {}
  const keep = (response: LightMyRequestResponse) => {
    for (const { name, value, expires } of response.cookies) {
      if (value === '' || (expires && expires.getTime() === 0)) delete cookies[name]
      else cookies[name] = value
    }
    return response
  }
  const get = async (url: string) => keep(await server.inject({ method: 'GET', url, cookies }))
  const post = async (url: string, fields: Record<string, string> = {}) =>
    keep(
      await server.inject({
        method: 'POST',
        url,
        cookies,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        payload: new URLSearchParams(fields).toString(),
      }),
    )
  /** Opens a page and sends a form with the token that stands on it. */
  const submit = async (page: string, url: string, fields: Record<string, string> = {}) =>
    post(url, { ...fields, _csrf: formToken((await get(page)).body) })

  return {
    cookies,
    get,
    post,
    submit,
    signIn: (login: string, given = password) => submit('/sign-in', '/sign-in', { login, password: given }),
  }
}

export function formToken(page: string): string {
  const token = /name="_csrf" value="([^"]+)"/.exec(page)?.[1]
  if (!token) throw new Error('The page has no form.')
  return token
}

/** A doctor who came through the door. */
export async function signedIn(server: FastifyInstance, login = 'amina') {
  const doctor = visitor(server)
  await doctor.signIn(login)
  return doctor
}
