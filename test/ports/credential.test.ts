import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { EpochMs } from '../../src/core/people.ts'
import { commitToEmergency } from '../../src/core/scope.ts'
import { openLog } from '../../src/log.ts'
import { startVillageOutside } from '../support/villageOutside.ts'

const command = join(import.meta.dirname, '../../src/cli/healthchain.ts')

function run(args: string[], env: Record<string, string> = {}, input = '') {
  return healthchain(['credential', ...args], env, input)
}

async function healthchain(args: string[], env: Record<string, string>, input = '') {
  const child = spawn(process.execPath, [command, ...args], {
    env: { PATH: process.env['PATH'], ...env },
  })
  child.stdin.end(input)
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('exit', resolve)),
  ])
  return { code, stdout: stdout.trim(), stderr }
}

test('from a terminal: a credential by the hospital that lets the doctor in, and the reason of an emergency', async () => {
  await using village = await startVillageOutside()
  const { world, people } = village
  const [doctor] = people.doctors
  if (!doctor) throw new Error('The village has doctors.')
  const { config, secrets } = readConfig(world.env)
  const parts = { log: openLog('error', { write: () => {} }), clock: () => Date.now() as EpochMs }

  const before = await createApp(config, secrets, parts)
  const row = await before.store.people.doctorByLogin(doctor.login)
  if (!row) throw new Error('The village knows its doctors.')
  await before.store.people.setCredential(row.id, 'spoilt')
  expect(await before.actions.signIn(doctor.login, doctor.password)).toEqual({ refused: 'credentialInvalid' })
  await before.close()

  const issueBy = (keyName: string) =>
    run([
      'issue',
      ...['--key-file', join(config.dataFolder, 'keys', keyName), '--chain-id', '31337'],
      ...['--hospital-name', 'Kisumu County Hospital', '--doctor', row.account],
      ...['--affiliation', String(row.affiliationId)],
    ])
  const store = (credential: string) => run(['store', '--login', doctor.login], world.env, credential)
  const forged = await issueBy('governor')
  expect(forged.code).toBe(0)
  expect(await store(forged.stdout)).toMatchObject({ code: 1, stdout: expect.stringContaining('credentialInvalid') })
  const issued = await issueBy('hospital')
  expect(await store(issued.stdout)).toMatchObject({ code: 0, stdout: expect.stringContaining('Stored') })
  expect((await run(['store', '--login', doctor.login], {}, issued.stdout)).code).toBe(2)

  const after = await createApp(config, secrets, parts)
  const [patient] = people.patients
  const opening = { healthId: patient?.healthId ?? '', reason: 'Unconscious after a fall' }
  const emergency = await after.actions.openEmergency(doctor.id, opening)
  const opened = 'requestId' in emergency ? await after.store.requests.get(emergency.requestId) : null
  expect(await after.actions.signIn(doctor.login, doctor.password)).toMatchObject({ token: expect.any(String) })
  await after.close()

  // What a reviewer is handed: with it anybody checks what stands on chain.
  const reason = await healthchain(['emergency', 'reason', '--request', opened?.ledgerRequestId ?? ''], world.env)
  const { salt, reasonCommitment, ...scope } = JSON.parse(reason.stdout)
  expect(scope).toMatchObject({ reason: 'Unconscious after a fall', preset: 'ALL', purpose: 'emergency' })
  expect(commitToEmergency(scope, scope.reason, salt)).toBe(reasonCommitment)
  expect(reasonCommitment).toBe(opened?.scopeCommitment)
  const unknown = await healthchain(['emergency', 'reason', '--request', `0x${'ab'.repeat(32)}`], world.env)
  expect(unknown).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('no such emergency') })
})
