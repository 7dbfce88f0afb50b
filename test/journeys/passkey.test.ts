import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { accountFactoryAbi } from '../../src/accounts/contracts.generated.ts'
import { auditVerify } from '../../src/cli/auditVerify.ts'
import type { LookEvidence } from '../../src/core/lookStatement.ts'
import type { Hex } from '../../src/core/rows.ts'
import { openBrowser } from '../support/browser.ts'
import { ask, signIn, signInWithPasskey, untilState } from '../support/doctorsBrowser.ts'
import { countEvents, ledgerEvents } from '../support/ledgerEvents.ts'
import { numberOf, openPhone } from '../support/patientsPhone.ts'
import { testVillage } from '../support/testVillage.ts'
import { firstOf } from '../support/villagers.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test('a doctor signs her own request and look with a passkey that her hospital has added', async () => {
  await using village = await testVillage()
  const { world, app } = village
  const { doctor, patient } = firstOf(village)
  const { page, account } = await signInWithPasskey(browser, village, doctor)
  const phone = await openPhone(browser, world.phonePage.url, patient.phone)
  expect(await page.locator('[data-signing]').getAttribute('data-signing')).toBe('passkey')

  await ask(page, patient.healthId, 'LAB RESULTS')
  const heading = page.getByRole('heading', { level: 1 })
  expect(await heading.textContent()).toBe('Sign your request')
  const words = await page.locator('main').textContent()
  for (const word of [patient.healthId, 'LAB RESULTS', 'Treatment', '7 days']) expect(words).toContain(word)
  // Nothing has left: no request, no operation, no text.
  await village.settle()
  expect(await app.actions.requests(doctor.id)).toEqual([])
  await page.getByRole('button', { name: 'Sign with your passkey' }).click()
  await untilState(page, 'asked')

  const [opened] = (await ledgerEvents(world)).filter(({ eventName }) => eventName === 'RequestOpened')
  const [request] = await app.actions.requests(doctor.id)
  expect(request?.signing).toBe('passkey')
  const row = await app.store.requests.byLedgerId(requestIdOf(opened))
  expect(row?.doctorAccount).toBe(account)
  const call = { abi: accountFactoryAbi, functionName: 'isPasskeyDoctor', args: [account] } as const
  expect(await app.client.readContract({ address: app.deployment.accountFactory.address, ...call })).toBe(true)

  const [prompt] = await phone.received(1)
  await phone.types(`${numberOf(prompt?.text)} 1`)
  await untilState(page, 'granted')
  await page.getByRole('button', { name: 'Open LAB RESULTS' }).click()
  await page.locator('[data-record]').waitFor()
  expect(await page.getByRole('row').filter({ hasText: 'Cholesterol' }).count()).toBeGreaterThan(0)
  const [logged] = (await ledgerEvents(world)).filter(({ eventName }) => eventName === 'AccessLogged')
  expect((logged?.args as { entryId?: Hex } | undefined)?.entryId).toMatch(/^0x01/)

  await page.goto('/looks')
  expect(await page.locator('[data-look] [data-signed]').getAttribute('data-signed')).toBe('passkey')

  // An auditor opens the entry with what the server hands out; without it, or with one letter changed, it does not open.
  const evidence = await app.store.looks.evidence()
  expect(await audit(village, evidence)).toMatchObject({ exitCode: 0, counts: { attributed: 1, serverSigned: 0 } })
  expect(await audit(village, { ...evidence, looks: [] })).toMatchObject({
    exitCode: 1,
    findings: [{ kind: 'unattributed', text: 'No statement of a session key opens this entry.' }],
  })
  const nobodys = evidence.sessions.map((session) => ({ ...session, assertion: '{}' }))
  expect(await audit(village, { ...evidence, sessions: nobodys })).toMatchObject({
    exitCode: 1,
    findings: [{ kind: 'unattributed', text: expect.stringContaining('No passkey that the account obeyed') }],
  })

  // Signed in by password, nothing can sign for a look under what the passkey signed.
  const { page: other } = await signIn(browser, world.serverUrl, doctor)
  await other.goto(`/requests/${request?.id}`)
  await other.getByRole('button', { name: 'Open LAB RESULTS' }).click()
  expect(await other.getByRole('heading', { level: 1 }).textContent()).toBe('Sign in with your passkey for this')
})

test('a doctor takes her question back with her passkey, and signs again what could no longer be sent', async () => {
  await using village = await testVillage()
  const { world, app } = village
  const { doctor, patient } = firstOf(village)
  const { page } = await signInWithPasskey(browser, village, doctor)

  // Two windows prepare the same next operation of her account: the second to be signed has to be signed anew.
  await ask(page, patient.healthId, 'MEDICINES')
  const first = page.url()
  await ask(page, patient.healthId, 'LAB RESULTS')
  await page.getByRole('button', { name: 'Sign with your passkey' }).click()
  await untilState(page, 'asked')
  const labs = page.url()
  await page.goto(first)
  await page.getByRole('button', { name: 'Sign with your passkey' }).click()
  await untilState(page, 'asked')
  await village.settle()
  expect((await app.actions.requests(doctor.id)).map(({ state }) => state)).toEqual(['asked', 'asked'])

  await page.goto(labs)
  await page.getByRole('button', { name: 'Withdraw this request' }).click()
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Sign to take the request back')
  await page.getByRole('button', { name: 'Sign with your passkey' }).click()
  await untilState(page, 'withdrawn')
  await village.settle()
  expect(await countEvents(world)).toMatchObject({ RequestOpened: 2, RequestWithdrawn: 1 })
})

test('a health ID that is nobody’s is signed for like any other, and nothing goes to the chain', async () => {
  await using village = await testVillage()
  const { doctor } = firstOf(village)
  const { page } = await signInWithPasskey(browser, village, doctor)
  await ask(page, 'HC-1234-5671', 'LAB RESULTS')
  await page.getByRole('button', { name: 'Sign with your passkey' }).click()
  await untilState(page, 'asked')
  await village.settle()
  expect(await countEvents(village.world)).not.toHaveProperty('RequestOpened')
})

async function audit({ world, app }: Village, evidence: LookEvidence) {
  const folder = await mkdtemp(join(tmpdir(), 'healthchain-evidence-'))
  const evidenceFile = join(folder, 'evidence.json')
  await writeFile(evidenceFile, JSON.stringify(evidence))
  let printed = ''
  const exitCode = await auditVerify(
    {
      rpcUrls: [world.chain.url],
      ledger: app.deployment.consentLedger.address,
      fromBlock: 0,
      asJson: true,
      evidenceFile,
    },
    { out: (line) => (printed += line), progress: () => {} },
  )
  await rm(folder, { recursive: true })
  return { exitCode, ...(JSON.parse(printed) as object) }
}

function requestIdOf(event: { args: object } | undefined): Hex {
  if (!event || !('requestId' in event.args)) throw new Error('The ledger holds no request.')
  return event.args.requestId as Hex
}
