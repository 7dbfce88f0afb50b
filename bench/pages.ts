import { startVillage } from '../local/village.ts'
import { progress, type Row, toRow } from './row.ts'
import { openVisitor, signIn, type Visitor } from './visitor.ts'

/** With all it loads, uncompressed: a second on a link of 240 kbit/s. */
const pageLimitBytes = 30_000

/** What a browser loads for each page of the portal on a first visit: the page, its style, its scripts and its mark. */
export async function measure(): Promise<Row[]> {
  progress('  starting a village')
  await using village = await startVillage()
  const { doctors, patients } = village.people
  const [doctor] = doctors
  const [patient] = patients
  if (!doctor || !patient) throw new Error('The village is empty.')
  const { serverUrl, phones } = village.world
  const visitor = await signIn(serverUrl, doctor)
  const fields = { healthId: patient.healthId, preset: 'ALL', purpose: 'treatment', days: '7' }
  const { location: request } = await visitor.submit('/', '/requests', fields)
  if (request === null) throw new Error('The form was not taken.')
  await village.settle()
  const rows = [
    await weigh('Sign in', openVisitor(serverUrl), '/sign-in'),
    await weigh('Ask for access', visitor, '/'),
    await weigh('A request that waits', visitor, request),
  ]
  const number = Number.parseInt(phones.messages(patient.phone).at(-1)?.text ?? '', 10)
  phones.text(patient.phone, `${number} 1`)
  await village.settle()
  rows.push(await weigh('A request that was allowed', visitor, request))
  const { location: look } = await visitor.submit(request, `${request}/looks`)
  if (look === null) throw new Error('The look was not begun.')
  await village.settle()
  rows.push(
    await weigh('The record of ALL classes', visitor, look),
    await weigh('Requests', visitor, '/requests'),
    await weigh('Access log', visitor, '/looks'),
    await weigh('A page that is not there', visitor, '/nothing', 404),
  )
  return rows
}

async function weigh(name: string, visitor: Visitor, path: string, expected = 200): Promise<Row> {
  const { status, body, bytes } = await visitor.get(path)
  if (status !== expected) throw new Error(`The page "${name}" was answered with status ${status}.`)
  return toRow({
    metric: `Page and all it loads: ${name}`,
    unit: 'bytes',
    ours: bytes + (await loadedBytes(visitor, body)),
    peer: pageLimitBytes,
    peerName: 'limit',
    atMost: pageLimitBytes,
  })
}

/** Styles, scripts and pictures that a page names, and the modules that those import; each is loaded once. */
async function loadedBytes(visitor: Visitor, page: string): Promise<number> {
  const waiting = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '')
  const seen = new Set<string>()
  let total = 0
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue
    seen.add(path)
    const { status, body, bytes } = await visitor.get(path)
    if (status !== 200) throw new Error(`A page loads ${path}, which was answered with status ${status}.`)
    total += bytes
    const folder = path.slice(0, path.lastIndexOf('/') + 1)
    for (const [, name] of body.matchAll(/^import .* from '\.\/([^']+)'/gm)) waiting.push(folder + name)
  }
  return total
}
