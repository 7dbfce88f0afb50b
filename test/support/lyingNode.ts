import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

type Call = { jsonrpc: '2.0'; id: number; method: string; params?: unknown[] }
/** What a node answers to one call, before it reaches the caller. `error` refuses the call instead. */
export type Lie = (call: { method: string; params: readonly unknown[] }, result: unknown) => unknown | { error: string }

export type LyingNode = AsyncDisposable & { url: string }

/** A node in front of an honest one, which changes its answers: the adversary of who reads the chain through one node. */
export async function startLyingNode(honestUrl: string, lie: Lie): Promise<LyingNode> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    const honest = await fetch(honestUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const asked: Call | Call[] = JSON.parse(body.toString())
    const answered: unknown = await honest.json()
    const answers = [answered].flat() as { id: number; result?: unknown }[]
    const changed = [asked].flat().map(({ id, method, params = [] }) => {
      const answer = answers.find((candidate) => candidate.id === id)
      const result = lie({ method, params }, answer?.result)
      if (isRefusal(result)) return { jsonrpc: '2.0', id, error: { code: -32_000, message: result.error } }
      return { ...answer, result }
    })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(Array.isArray(asked) ? changed : changed[0]))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function isRefusal(result: unknown): result is { error: string } {
  return typeof result === 'object' && result !== null && 'error' in result && typeof result.error === 'string'
}
