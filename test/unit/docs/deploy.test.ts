import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startChain } from '../../../local/chain/startChain.ts'
import { openChainClient } from '../../../src/accounts/chainClient.ts'
import { sponsorPaymasterAbi } from '../../../src/accounts/contracts.generated.ts'
import { assertDeployment, readDeployment } from '../../../src/accounts/deployments.ts'
import { root } from './markdown.ts'

const run = promisify(execFile)
const chainId = 31337

test('the deploy command puts contracts on an empty chain that the server accepts, and a second run changes nothing', async () => {
  await using chain = await startChain()
  const folder = await mkdtemp(join(tmpdir(), 'healthchain-deploy-'))
  const env = { PATH: process.env['PATH'], CHAIN_RPC_URL: chain.url, DATA_FOLDER: folder, DEPLOYMENTS_FOLDER: folder }
  const deploy = (id: number) =>
    run(process.execPath, ['tools/deploy.ts'], { cwd: root, env: { ...env, CHAIN_ID: String(id) } })
  try {
    await expect(deploy(4202)).rejects.toMatchObject({
      code: 1,
      stderr: 'Not deployed: CHAIN_RPC_URL is chain 31337, not 4202.\n',
    })
    await deploy(chainId)
    const deployment = await readDeployment(folder, chainId)
    if (!deployment) throw new Error('No deployment was written.')
    const client = openChainClient(chain.url, chainId)
    await assertDeployment(client, deployment)
    const deposit = await client.readContract({
      address: deployment.entryPoint.address,
      abi: [
        {
          type: 'function',
          name: 'balanceOf',
          stateMutability: 'view',
          inputs: [{ type: 'address' }],
          outputs: [{ type: 'uint256' }],
        },
      ],
      functionName: 'balanceOf',
      args: [deployment.sponsorPaymaster.address],
    })
    expect(deposit).toBeGreaterThan(0n)
    const registry = await client.readContract({
      address: deployment.sponsorPaymaster.address,
      abi: sponsorPaymasterAbi,
      functionName: 'providerRegistry',
    })
    expect(registry).toBe(deployment.providerRegistry.address)

    const file = join(folder, `${chainId}.json`)
    const before = await readFile(file, 'utf8')
    await deploy(chainId)
    expect(await readFile(file, 'utf8')).toBe(before)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
