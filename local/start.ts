import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { groupCode } from '../src/core/codeCard.ts'
import type { EpochMs } from '../src/core/people.ts'
import { openLog } from '../src/log.ts'
import { isPortFree } from './chain/anvil.ts'
import { mineWhenNeeded } from './chain/mineWhenNeeded.ts'
import { printCard } from './printCard.ts'
import { type Seeded, type SeededPatient, seed } from './seed.ts'
import { startWorld, type World } from './world.ts'

const root = resolve(import.meta.dirname, '..')
const help = `Starts HealthChain with everything around it on this machine: a local chain with the contracts, the server, stand-ins
for Twilio and Lighthouse, and a page of phones. No account, no key and no network is needed.

Usage: bin/start [--fresh] [--folder DIR]

  --fresh        begins anew: forgets the village's chain, database, records and phones
  --folder DIR   keeps the village elsewhere (default: data/village)
  --help         shows this

Stop it with Ctrl-C; the next start takes seconds and finds everything again.`

const defaultPorts = { server: 7100, phones: 7101, twilio: 7102, lighthouse: 7103, chain: 7145 } as const
const healthTimeoutMs = 60_000
const healthPollMs = 100
const restartDelayMs = 1_000
const seedTimeoutMs = 60_000

/** Codes on paper: shown once and kept nowhere. */
type PrintedCard = { patient: SeededPatient; codes: readonly string[] }

/** Processes of a village, so that the next start finds what a kill -9 left behind. */
type Running = { pid: number; children: number[]; urls: { portal: string; phones: string; chain: string } }

const values = readArguments()
if (values.help) {
  console.log(help)
  process.exit(0)
}
const folder = resolve(values.folder ?? join(root, 'data', 'village'))
const runningFile = join(folder, 'running.json')
const began = Date.now()

try {
  await start()
} catch (error) {
  console.error(`\nThe village did not start. ${error instanceof Error ? error.message : error}`)
  process.exit(1)
}

async function start(): Promise<void> {
  await clearAway()
  if (values.fresh) await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const ports = await choosePorts()
  const world = await startWorld({ folder, ports, clock: Date.now, onStep: step })
  const peopleFile = join(folder, 'people.json')
  let card: PrintedCard | null = null
  if (!existsSync(peopleFile)) {
    const seeded = await seedVillage(world)
    card = seeded.card
    await writeFile(peopleFile, JSON.stringify(seeded.people), { mode: 0o600 })
  }
  const people = JSON.parse(await readFile(peopleFile, 'utf8')) as Seeded
  const stopMining = await mineWhenNeeded(world.chain)

  step('Starting the server')
  const server = superviseServer(world)
  const note = (running: Running) => writeFile(runningFile, JSON.stringify(running), { mode: 0o600 })
  const urls = { portal: world.serverUrl, phones: world.phonePage.url, chain: world.chain.url }
  server.onStart((pid) => void note({ pid: process.pid, children: [world.chain.pid, pid], urls }))
  await server.healthy()

  let isStopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (isStopping) return
      isStopping = true
      console.log('\nStopping; everything is kept for the next start.')
      void server
        .stop()
        .then(stopMining)
        .then(() => world.stop())
        .then(() => rm(runningFile, { force: true }))
        .then(() => process.exit(0))
    })
  welcome(world, people)
  if (card) showCard(card)
}

function readArguments() {
  try {
    return parseArgs({
      options: { fresh: { type: 'boolean' }, folder: { type: 'string' }, help: { type: 'boolean' } },
    }).values
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`)
    process.exit(1)
  }
}

function step(text: string): void {
  console.log(`· ${text} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
}

/** Stops what a killed village left running; refuses to start beside a living one. */
async function clearAway(): Promise<void> {
  if (!existsSync(runningFile)) return
  const running = JSON.parse(await readFile(runningFile, 'utf8')) as Running
  if (isOurs(running.pid, 'local/start.ts')) {
    if (!values.fresh) {
      console.log(
        `The village is running already.\n\n  Portal  ${running.urls.portal}\n  Phones  ${running.urls.phones}`,
      )
      process.exit(0)
    }
    throw new Error(`It is running already (process ${running.pid}). Do: stop it with Ctrl-C, then start with --fresh.`)
  }
  for (const pid of running.children)
    if (isOurs(pid, 'anvil') || isOurs(pid, 'src/main.ts')) {
      step(`Stopping process ${pid}, left behind by a village that was killed`)
      process.kill(pid, 'SIGKILL')
      // Its port is free again only when it is gone.
      for (let tries = 0; tries < 50 && isOurs(pid, '/'); tries += 1)
        await new Promise((resume) => setTimeout(resume, healthPollMs))
    }
  await rm(runningFile, { force: true })
}

/** True where the process lives and is what we started, not another that got its number. */
function isOurs(pid: number, commandPart: string): boolean {
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(commandPart)
  } catch {
    return false
  }
}

async function choosePorts(): Promise<typeof defaultPorts | Record<keyof typeof defaultPorts, number>> {
  const taken = new Set<number>()
  const chosen: Record<string, number> = {}
  for (const [name, first] of Object.entries(defaultPorts)) {
    let port: number = first
    while (taken.has(port) || !(await isPortFree(port))) port += 1
    taken.add(port)
    chosen[name] = port
  }
  return chosen as Record<keyof typeof defaultPorts, number>
}

/** People and records are made by the same code the server runs, in this process, before the server opens the database. */
async function seedVillage(world: World): Promise<{ people: Seeded; card: PrintedCard }> {
  step('Making the database')
  const { config, secrets } = readConfig({ ...world.env, ROLE: 'both' })
  const app = await createApp(config, secrets, { log: openLog('error'), clock: () => Date.now() as EpochMs })
  try {
    await app.worker.start()
    const people = await seed(app, world, step)
    step('Printing a code card')
    const patient = people.patients.at(-1)
    if (!patient) throw new Error('The village has no patients.')
    const card = { patient, codes: await printCard(app, world, patient.healthId) }
    const deadline = Date.now() + seedTimeoutMs
    while (!(await app.worker.settleOnce(0)) || (await app.queue.countOpen()) > 0) {
      if (Date.now() > deadline) throw new Error('The records were not stored within a minute.')
      await new Promise((resume) => setTimeout(resume, healthPollMs))
    }
    return { people, card }
  } finally {
    await app.close()
  }
}

/** Runs the server as its own process, as in production, and starts it again should it die. */
function superviseServer(world: World) {
  let child: ChildProcess
  let isStopping = false
  let onStart: (pid: number) => void = () => {}

  function run(): void {
    child = spawn(process.execPath, [join(root, 'src', 'main.ts')], {
      env: { ...process.env, ...world.env, LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn' },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    if (child.pid !== undefined) onStart(child.pid)
    child.on('exit', (code, signal) => {
      if (isStopping) return
      console.log(`The server ended (${signal ?? `code ${code}`}); starting it again.`)
      setTimeout(run, restartDelayMs)
    })
  }

  run()
  return {
    onStart(listener: (pid: number) => void) {
      onStart = listener
      if (child.pid !== undefined) listener(child.pid)
    },
    async healthy(): Promise<void> {
      const deadline = Date.now() + healthTimeoutMs
      for (;;) {
        const answer = await fetch(`${world.serverUrl}/health`).catch(() => null)
        if (answer?.ok) return
        if (Date.now() > deadline)
          throw new Error('The server did not answer within a minute; its lines above say why.')
        await new Promise((resume) => setTimeout(resume, healthPollMs))
      }
    },
    async stop(): Promise<void> {
      isStopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resume) => child.once('exit', resume))
      child.kill('SIGTERM')
      await ended
    },
  }
}

function welcome(world: World, people: Seeded): void {
  const [doctor] = people.doctors
  const [patient] = people.patients
  if (!doctor || !patient) throw new Error('The village has no people. Do: start with --fresh.')
  console.log(`
HealthChain is up after ${((Date.now() - began) / 1000).toFixed(1)} s.

  Portal   ${world.serverUrl}
  Phones   ${world.phonePage.url}
  Chain    ${world.chain.url}, ledger ${world.deployment.consentLedger.address}

  Doctors  ${people.doctors.map(({ login, password, name }) => `${login} / ${password}   (${name})`).join('\n           ')}
  Patients ${people.patients.map(({ healthId, name, phone, language }) => `${healthId}   ${name}, ${phone}, ${language}`).join('\n           ')}

The tour, in 60 seconds:
  1. Open the portal, sign in as ${doctor.login}, ask patient ${patient.healthId} for LAB RESULTS, 7 days.
  2. Open the phones in a second window: ${patient.name}'s phone has one message. It begins with a number; say 47, and use
     the one you see.
  3. Type "47 1" on that phone. Her account says yes on chain; then the phone says so, and the portal turns green.
  4. In the portal, open LAB RESULTS: the look is on chain before the page shows.
  5. Type LOG, then "REMOVE 47": the open page closes, and the next click is denied.

Stop with Ctrl-C. The embedded database is for trying: it survives kill -9, not a power cut.`)
}

/** The paper that the hospital hands over; the server has only hashes of it. */
function showCard({ patient, codes }: PrintedCard): void {
  const lines = codes.slice(0, codes.length / 2).map((code, index) => {
    const other = index + codes.length / 2
    const cell = (line: number, text: string) => `${String(line + 1).padStart(4)}  ${groupCode(text)}`
    return `${cell(index, code)}   ${cell(other, codes[other] ?? '')}`
  })
  console.log(`
${patient.name} (${patient.healthId}) has a code card. This is her paper, printed this once and kept nowhere; copy it if you
want to play her. A request to her names a line; "47" and that line's code allow it, "47 1" does not.

${lines.join('\n')}`)
}
