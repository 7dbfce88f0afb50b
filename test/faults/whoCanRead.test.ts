import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Hex, hexToBytes } from 'viem'
import { generatePrivateKey } from 'viem/accounts'
import { expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import { openLocalVault, VaultSealBrokenError } from '../../src/accounts/localVault.ts'
import type { EpochMs } from '../../src/core/people.ts'
import type { LoggedLook, Vault } from '../../src/core/vault.ts'
import { openRecord } from '../../src/records/recordShelf.ts'
import { asked } from '../support/asked.ts'
import { countEvents } from '../support/ledgerEvents.ts'
import { post, signedWebhook } from '../support/signedWebhook.ts'
import { testVillage } from '../support/testVillage.ts'

/** The rows on reading of docs/threat-model.md: each actor tries to come by a laboratory result. */

const madeUpProof = {
  entryId: '0x01',
  ledgerRequestId: '0x01',
  blockNumber: 1,
  transactionHash: '0x01',
} as unknown as LoggedLook

test('an outsider who knows her number finds no door, and the store gives her ciphertext', async () => {
  await using village = await testVillage()
  const { world, app } = village
  const { patient, number, requestId } = await asked(village)

  for (const path of ['/', `/requests/${requestId}`, `/requests/${requestId}/events`]) {
    const answer = await fetch(`${world.serverUrl}${path}`, { redirect: 'manual' })
    expect([302, 303, 401, 403, 404]).toContain(answer.status)
    expect(await answer.text()).not.toMatch(/Cholesterol|Otieno|LAB/)
  }
  const look = await fetch(`${world.serverUrl}/requests/${requestId}/looks`, { method: 'POST', redirect: 'manual' })
  expect(look.status).toBeGreaterThanOrEqual(300)
  // Her number is not her phone: what the carrier did not sign is not hers.
  const forged = { ...signedWebhook(world, { from: patient.phone, body: `${number} 1` }), signature: 'forged' }
  expect(await post(world, forged)).toBe(403)

  const { row, dataKeyId } = await labResult(village)
  const chunks: Uint8Array[] = []
  for await (const chunk of app.shelf.storage.get(row.cid)) chunks.push(chunk)
  const stored = Buffer.concat(chunks)
  expect(stored.length).toBeGreaterThan(1_000)
  for (const word of ['Cholesterol', 'Observation', 'resourceType']) expect(stored.includes(word)).toBe(false)
  await expect(openWith(village, app.vault, { row, dataKeyId }, undefined as never)).rejects.toThrow()
  await village.settle()
  expect((await countEvents(world))['GrantOpened']).toBeUndefined()
})

test("whoever has her account's key, or the whole database without the vault's key, opens no record", async () => {
  await using village = await testVillage()
  const found = await labResult(village)
  // A patient's account key signs; nothing is sealed under it. Nor under any key but the vault's.
  for (const key of [generatePrivateKey(), `0x${'00'.repeat(32)}` as const]) {
    const vault = vaultOf(village, hexToBytes(key))
    await expect(openWith(village, vault, found, madeUpProof)).rejects.toThrow(VaultSealBrokenError)
    expect(() => vault.columns.open(Buffer.alloc(64), 'patient.name')).toThrow(VaultSealBrokenError)
  }
})

test('the operator, alone or with a doctor or a hospital, reads every record past the log, and the chain shows nothing', async () => {
  await using village = await testVillage()
  const before = await countEvents(village.world)
  const key = (await readFile(join(village.app.config.dataFolder, 'keys', 'vault'), 'utf8')).trim()
  const vault = vaultOf(village, hexToBytes(key.startsWith('0x') ? (key as Hex) : `0x${key}`))

  const document = await openWith(village, vault, await labResult(village), madeUpProof)

  expect(JSON.stringify(document)).toContain('Cholesterol')
  await village.settle()
  expect(await countEvents(village.world)).toEqual(before)
})

test("a doctor's own session opens nothing without her yes, whatever is asked of the server", async () => {
  await using village = await testVillage()
  const { doctor, requestId } = await asked(village)
  const { actions } = village.app
  expect(await actions.startLook(doctor.id, requestId)).toHaveProperty('refused')
  expect(await actions.looks(doctor.id)).toEqual([])
})

/** A laboratory result of the first patient's, as the database has it. */
async function labResult({ app, people }: Village) {
  const [patient] = people.patients
  const row = patient && (await app.store.people.patient(patient.id))
  if (!row) throw new Error('The village is empty.')
  const records = await app.store.records.ofPatient(row.id, ['labs'], 0 as EpochMs, app.shelf.clock())
  for (const record of records) {
    const proof = madeUpProof
    const document = await openRecord(app.shelf, row, record, proof)
    if (JSON.stringify(document).includes('Cholesterol')) return { row: record, dataKeyId: row.dataKeyId, id: row.id }
  }
  throw new Error('She has no cholesterol result.')
}

function openWith(
  { app }: Village,
  vault: Vault,
  { row, dataKeyId }: Pick<Awaited<ReturnType<typeof labResult>>, 'row' | 'dataKeyId'>,
  proof: LoggedLook,
) {
  const id = app.store.records.version(row.recordId, row.version)
  return id.then((version) => {
    if (!version) throw new Error('The record is gone.')
    return openRecord({ ...app.shelf, vault }, { id: version.patientId, dataKeyId }, row, proof)
  })
}

function vaultOf({ app }: Village, key: Uint8Array): Vault {
  return openLocalVault(key, app.store.keys.get, app.shelf.clock)
}
