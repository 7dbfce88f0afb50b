import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createPublicClient, createWalletClient, http, isAddress } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { bytesToHex } from 'viem/utils'
import { issueCredential } from '../src/accounts/affiliationCredential.ts'
import { type Deployment, readDeployment } from '../src/accounts/deployments.ts'
import { addDoctor as addToLedger, type Office as SigningOffice } from '../src/accounts/hospitalOffice.ts'
import { readOrMakeKeyFile } from '../src/accounts/keyFile.ts'
import { localChainId } from '../src/config.ts'
import type { EpochMs } from '../src/core/people.ts'
import type { Hex } from '../src/core/rows.ts'
import { hospital } from './people/people.ts'

/** A hospital's office: it alone holds the hospital's key. */
export type Office = { chainUrl: string; deployment: Deployment; hospital: PrivateKeyAccount }

/** The office with its way to the chain. */
export function signingFor({ chainUrl, hospital: account }: Office): SigningOffice {
  const way = { chain: anvil, transport: http(chainUrl) }
  return {
    account,
    client: createPublicClient({ ...way, pollingInterval: 20 }),
    wallet: createWalletClient({ ...way, account }),
  }
}

/**
 * What the hospital does for a doctor's account: adds it to the ledger, and signs the confirmation that the doctor hands in.
 *
 * @returns the affiliation's number, and the credential to paste
 */
export async function addDoctor(
  office: Office,
  doctorAccount: Hex,
): Promise<{ affiliationId: number; credential: string }> {
  const { deployment } = office
  const added = await addToLedger(signingFor(office), deployment.consentLedger.address, doctorAccount)
  if ('refused' in added) throw new Error(`The ledger did not add the doctor: ${added.refused}.`)
  const { affiliationId } = added
  const hospitalAccount = office.hospital.address
  const affiliation = { chainId: deployment.chainId, hospitalAccount, hospitalName: hospital.name }
  const credential = await issueCredential(
    { ...affiliation, doctorAccount, affiliationId },
    Date.now() as EpochMs,
    (hash) => office.hospital.sign({ hash }),
  )
  return { affiliationId, credential }
}

if (import.meta.main)
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  })

async function main(): Promise<void> {
  const [account = '', given = 'data/village'] = process.argv.slice(2)
  const folder = resolve(import.meta.dirname, '..', given)
  if (!isAddress(account)) throw new TypeError('Usage: bin/node local/addDoctor.ts ACCOUNT [FOLDER OF THE VILLAGE]')
  const running = await readFile(join(folder, 'running.json'), 'utf8').catch(() => null)
  const deployment = await readDeployment(join(folder, 'deployments'), localChainId)
  if (running === null || !deployment) throw new Error('The village does not run. Do: run bin/start first.')
  const { urls } = JSON.parse(running) as { urls: { chain: string } }
  const key = privateKeyToAccount(bytesToHex(await readOrMakeKeyFile(join(folder, 'keys', 'hospital'))))
  const { credential } = await addDoctor({ chainUrl: urls.chain, deployment, hospital: key }, account)
  process.stdout.write(`${credential}\n`)
}
