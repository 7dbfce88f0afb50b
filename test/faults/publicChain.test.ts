import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Abi, decodeEventLog, decodeFunctionData, type Hex, isAddressEqual, zeroAddress } from 'viem'
import { expect, test } from 'vitest'
import type { Village } from '../../local/village.ts'
import * as contracts from '../../src/accounts/contracts.generated.ts'
import { reviewEmergency } from '../../src/cli/emergency.ts'
import { suspendPatientByHospital } from '../../src/cli/office.ts'
import { allowEmergencies } from '../support/allowEmergencies.ts'
import { asked } from '../support/asked.ts'
import { numberOf } from '../support/patientsPhone.ts'
import { testVillage } from '../support/testVillage.ts'

const ours = [
  contracts.consentLedgerAbi,
  contracts.accountFactoryAbi,
  contracts.sponsorPaymasterAbi,
  contracts.patientAccountAbi,
  contracts.doctorAccountAbi,
].flat() as Abi

test('a stranger reads on the chain what the threat model lists, and nothing else', async () => {
  await using village = await testVillage()
  const { world, app } = village
  const { doctor, patient, requestId, number } = await asked(village)
  for (const text of [`${number} 1`, `REMOVE ${number}`]) {
    world.phones.text(patient.phone, text)
    await village.settle()
    if (text.startsWith('REMOVE')) continue
    const look = await app.actions.startLook(doctor.id, requestId)
    if ('refused' in look) throw new Error('The look was refused.')
    expect((await app.actions.open(doctor.id, look.lookId, 8_000)).status).toBe('open')
  }

  await allowEmergencies(village, patient)
  const opening = { healthId: patient.healthId, reason: 'Unconscious after a fall' }
  const opened = await app.actions.openEmergency(doctor.id, opening)
  if ('refused' in opened) throw new Error('The emergency was refused.')
  await village.settle()
  const told = world.phones.messages(patient.phone).at(-1)
  world.phones.text(patient.phone, `${numberOf(told?.text)} 9`)
  await village.settle()
  const emergency = await app.store.requests.get(opened.requestId)
  const office = {
    rpc: world.chain.url,
    ledger: world.deployment.consentLedger.address,
    keyFile: join(app.config.dataFolder, 'keys', 'hospital'),
  }
  const reviewed = await reviewEmergency({
    ...office,
    requestId: emergency?.ledgerRequestId ?? '0x',
    finding: 'It was none.',
    outFile: join(app.config.dataFolder, 'finding.json'),
  })
  expect(reviewed.reviewed).toBe(true)
  const patientAccount = (await app.store.people.patient(patient.id))?.account ?? '0x'
  expect(await suspendPatientByHospital({ ...office, patientAccount })).toMatchObject({ done: true })

  const found = await readAsStranger(village)
  const listed = await readList()
  expect([...found].sort()).toEqual([...listed].sort())
})

/** Every fact that the events and calls of our contracts carry: `event: field, field`, each once. */
async function readAsStranger({ world }: Village): Promise<Set<string>> {
  const { chainClient, deployment } = world
  const places = Object.values(deployment).flatMap((part) => (typeof part === 'object' ? [part.address] : []))
  const accounts = new Set<Hex>()
  const found = new Set<string>()
  for (const { address, data, topics } of await chainClient.getLogs({ fromBlock: 0n })) {
    const isEntryPoint = isAddressEqual(address, deployment.entryPoint.address)
    if (!isEntryPoint && !places.some((place) => isAddressEqual(place, address)) && !accounts.has(address)) continue
    const { eventName, args } = decodeEventLog({ abi: isEntryPoint ? contracts.entryPointAbi : ours, data, topics })
    found.add(named(eventName ?? '', Object.keys(args ?? {})))
  }
  const head = await chainClient.getBlockNumber()
  for (let number = 1n; number <= head; number += 1n) {
    const block = await chainClient.getBlock({ blockNumber: number, includeTransactions: true })
    for (const { to, input } of block.transactions) {
      if (to === null || !places.some((place) => isAddressEqual(place, to ?? zeroAddress))) continue
      const abi = isAddressEqual(to, deployment.entryPoint.address) ? contracts.entryPointAbi : ours
      const { functionName, args } = decodeFunctionData({ abi: abi as Abi, data: input })
      if (functionName !== 'handleOps') {
        found.add(named(functionName, fieldsOf(functionName, abi as Abi)))
        continue
      }
      for (const { callData } of (args?.[0] ?? []) as { callData: Hex }[]) {
        const inner = decodeFunctionData({ abi: ours, data: callData })
        found.add(named(inner.functionName, fieldsOf(inner.functionName, ours)))
      }
    }
  }
  return found
}

/** The names of a function's arguments; of a structure's, its fields. */
function fieldsOf(functionName: string, abi: Abi): string[] {
  const found = abi.find((item) => item.type === 'function' && item.name === functionName)
  if (found?.type !== 'function') throw new Error(`There is no function ${functionName}.`)
  return found.inputs.flatMap((input) =>
    'components' in input ? input.components.map(({ name = '' }) => name) : [input.name ?? ''],
  )
}

function named(name: string, fields: readonly string[]): string {
  return `${name}: ${fields.join(', ')}`
}

/** The rows of the list in docs/threat-model.md: name and fields in backquotes, in the first two columns. */
async function readList(): Promise<Set<string>> {
  const file = join(resolve(import.meta.dirname, '../..'), 'docs/threat-model.md')
  const text = await readFile(file, 'utf8')
  const section = text.split('## What the chain shows to a stranger')[1]?.split('\n## ')[0] ?? ''
  const rows = [...section.matchAll(/^\| `(\w+)` +\| ([^|]*?) +\|/gm)]
  return new Set(
    rows.map(([, name = '', fields = '']) => named(name, fields === '–' ? [] : fields.replaceAll('`', '').split(', '))),
  )
}
