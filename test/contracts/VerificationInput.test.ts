import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { concatHex, getContractAddress, zeroHash } from 'viem'
import { lisk } from 'viem/chains'
import { create2DeployerAddress, planContracts } from '../../src/accounts/deployments.ts'
import { type VerificationRequest, writeVerificationInput } from '../../tools/verificationInput.ts'

const governor = '0x00000000000000000000000000000000000000a1'

// With the contracts' tests: the compiler takes half a minute of a core to itself.
test("what Blockscout is given compiles to the contracts' own CREATE2 addresses", async () => {
  const contracts = planContracts({ governor, accessWriter: governor })
  const place = await mkdtemp(join(tmpdir(), 'healthchain-verification-'))
  try {
    const creationCodes = await writeVerificationInput(place, lisk, contracts)
    const requests = JSON.parse(await readFile(join(place, 'requests.json'), 'utf8')) as VerificationRequest[]
    for (const [index, { name, address }] of contracts.entries()) {
      const bytecode = concatHex([creationCodes.get(name) ?? '0x', `0x${requests[index]?.fields.constructor_args}`])
      const found = getContractAddress({ opcode: 'CREATE2', from: create2DeployerAddress, salt: zeroHash, bytecode })
      assert.equal(found, address)
      assert.equal(
        requests[index]?.url,
        `https://blockscout.lisk.com/api/v2/smart-contracts/${address}/verification/via/standard-input`,
      )
    }
  } finally {
    await rm(place, { recursive: true })
  }
})
