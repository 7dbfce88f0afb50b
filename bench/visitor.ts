/** A doctor's browser as far as the portal can tell: it keeps cookies, sends forms as they were served, follows nothing. */
export type Visitor = {
  get(path: string): Promise<Answer>
  /** Opens a page and sends a form with the token that stands on it. */
  submit(page: string, path: string, fields?: Readonly<Record<string, string>>): Promise<Answer>
}

export type Answer = { status: number; body: string; bytes: number; location: string | null }

export function openVisitor(serverUrl: string): Visitor {
  const cookies = new Map<string, string>()

  async function send(path: string, form?: URLSearchParams): Promise<Answer> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(serverUrl + path, {
      headers: { cookie },
      redirect: 'manual',
      ...(form === undefined ? {} : { method: 'POST', body: form }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (name !== undefined && value !== undefined) cookies.set(name, value)
    }
    const body = Buffer.from(await response.arrayBuffer())
    const { status, headers } = response
    return { status, body: body.toString(), bytes: body.length, location: headers.get('location') }
  }

  return {
    get: (path) => send(path),
    async submit(page, path, fields = {}) {
      const { body } = await send(page)
      const token = /name="_csrf" value="([^"]+)"/.exec(body)?.[1]
      if (token === undefined) throw new Error(`The page ${page} has no form.`)
      return send(path, new URLSearchParams({ ...fields, _csrf: token }))
    },
  }
}

/** A doctor who came through the door. */
export async function signIn(serverUrl: string, doctor: { login: string; password: string }): Promise<Visitor> {
  const visitor = openVisitor(serverUrl)
  const { login, password } = doctor
  const { status } = await visitor.submit('/sign-in', '/sign-in', { login, password })
  if (status !== 303) throw new Error(`Signing in was answered with status ${status}.`)
  return visitor
}
