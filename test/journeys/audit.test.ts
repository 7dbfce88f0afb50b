import { expect, test } from 'vitest'
import { auditVerify } from '../../src/cli/auditVerify.ts'
import { asked } from '../support/asked.ts'
import { testVillage } from '../support/testVillage.ts'

test('after a request, a yes, a look and a removal an auditor finds nothing, with the address of a node alone', async () => {
  await using village = await testVillage()
  const { app, world } = village
  const { doctor, patient, requestId, number } = await asked(village)
  world.phones.text(patient.phone, `${number} 1`)
  await village.settle()
  const begun = await app.actions.startLook(doctor.id, requestId)
  if ('refused' in begun) throw new Error('The look was refused.')
  await village.settle()
  world.phones.text(patient.phone, `REMOVE ${number}`)
  await village.settle()

  const printed: string[] = []
  const exitCode = await auditVerify(
    {
      rpcUrls: [world.chain.url],
      ledger: world.deployment.consentLedger.address,
      fromBlock: world.deployment.blockNumber,
      asJson: false,
    },
    { out: (line) => printed.push(line), progress: () => {} },
  )
  expect([exitCode, printed.join('\n')]).toEqual([
    0,
    expect.stringContaining('1 requests, 1 grants, 0 emergencies, 1 looks'),
  ])
})
