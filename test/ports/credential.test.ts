import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { accountFactoryAbi, consentLedgerAbi } from '../../src/accounts/contracts.generated.ts'
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

test("from a terminal: a hospital's office adds and suspends a doctor, and every no says why", async () => {
  await using village = await startVillageOutside()
  const { world, people } = village
  const [doctor] = people.doctors
  const account = doctor && (await accountOf(world.env, doctor.login))
  const ledger = world.deployment.consentLedger.address
  const place = ['--rpc', world.chain.url]
  const keyOf = (name: string) => ['--key-file', join(world.env['DATA_FOLDER'] ?? '', 'keys', name)]
  const office = (...args: string[]) => healthchain(['doctor', ...args, ...place], {})
  const add = (of: string, at: string, key: string) => office('add', '--account', of, '--ledger', at, ...keyOf(key))

  expect(await add(newcomer, ledger, 'governor')).toMatchObject(no('HospitalNotVerified'))
  expect(await add(account ?? '', ledger, 'hospital')).toMatchObject(no('DoctorAlreadyAdded'))
  // A transaction to nobody would go through, and cost.
  expect(await add(newcomer, newcomer, 'hospital')).toMatchObject(no('NoContract'))
  expect(await add(newcomer, ledger, 'nobody')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no key file .* Do:/),
  })
  expect(await add(newcomer, 'here', 'hospital')).toMatchObject({ code: 2, stdout: '' })
  const added = await add(newcomer, ledger, 'hospital')
  expect(added.code).toBe(0)
  const [affiliation = ''] = /\d+/.exec(added.stdout) ?? []

  const suspend = (key: string) => office('suspend', '--affiliation', affiliation, '--ledger', ledger, ...keyOf(key))
  expect(await suspend('governor')).toMatchObject(no('HospitalNotVerified'))
  expect(await suspend('hospital')).toMatchObject({ code: 0, stdout: expect.stringContaining('Suspended') })
  const call = {
    address: ledger,
    abi: consentLedgerAbi,
    functionName: 'affiliation',
    args: [Number(affiliation)],
  } as const
  expect(await world.chainClient.readContract(call)).toEqual([newcomer, world.hospital.address, false])
  expect(await suspend('hospital')).toMatchObject(no('AffiliationNotHeld'))

  expect(await office('passkeys', '--account', newcomer)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('No account is there'),
  })
  expect(await office('passkeys', '--account', ledger)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Another contract is at'),
  })
  const patient = (command: string, at = ledger) =>
    healthchain(['patient', command, '--account', newcomer, '--ledger', at, ...place, ...keyOf('hospital')], {})
  expect(await patient('suspend')).toMatchObject(no('PatientNotHeld'))
  expect(await patient('add')).toMatchObject({ code: 0, stdout: expect.stringContaining('Added') })
  expect(await patient('add')).toMatchObject(no('PatientAlreadyAdded'))
  expect(await patient('suspend')).toMatchObject({ code: 0, stdout: expect.stringContaining('Suspended') })
  // A contract that has the function's place but says no in words of its own.
  const { accountFactory } = world.deployment
  const getter = { abi: accountFactoryAbi, functionName: 'patientImplementation' } as const
  const implementation = await world.chainClient.readContract({ address: accountFactory.address, ...getter })
  expect(await patient('add', implementation)).toMatchObject(no('OtherContract'))

  const finish = ['finish-passkey', '--account', ledger, ...keyOf('hospital')]
  expect(await office(...finish)).toMatchObject(no('OtherContract'))
  const nowhere = await healthchain(
    ['evidence', 'export', '--data-folder', join(world.env['DATA_FOLDER'] ?? '', 'nowhere')],
    {},
  )
  expect(nowhere).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('There is no database') })
})

const newcomer = '0x00000000000000000000000000000000000000B1'

function no(error: string) {
  return { code: 1, stdout: expect.stringContaining(`Nothing was sent (${error})`) }
}

async function accountOf(env: Record<string, string>, login: string): Promise<string> {
  const { config, secrets } = readConfig(env)
  const app = await createApp(config, secrets, {
    log: openLog('error', { write: () => {} }),
    clock: () => Date.now() as EpochMs,
  })
  const row = await app.store.people.doctorByLogin(login)
  await app.close()
  return row?.account ?? ''
}
