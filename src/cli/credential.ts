import { privateKeyToAccount } from 'viem/accounts'
import { bytesToHex } from 'viem/utils'
import { checkAffiliation, issueCredential } from '../accounts/affiliationCredential.ts'
import { openChainClient } from '../accounts/chainClient.ts'
import { assertDeployment, readDeployment } from '../accounts/deployments.ts'
import { readKeyFile } from '../accounts/keyFile.ts'
import { openLedger } from '../accounts/ledger.ts'
import { ConfigError, foldersOf, readConfig } from '../config.ts'
import type { EpochMs } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'
import { openStore } from '../db/openStore.ts'
import { openPglite } from '../db/pglite.ts'
import { openPostgres } from '../db/postgres.ts'
import { affiliationRefusalWords } from '../portal/words.ts'

type Post = { chainId: number; hospitalName: string; doctor: Hex; affiliation: number }

/** Signs a doctor's credential on the hospital's own machine: neither our server nor the chain is needed. @returns the JWT */
export async function issueFromKeyFile(
  keyFile: string,
  { chainId, hospitalName, doctor, affiliation }: Post,
): Promise<string> {
  const hospital = privateKeyToAccount(bytesToHex(await readKeyFile(keyFile)))
  const said = {
    chainId,
    hospitalAccount: hospital.address,
    hospitalName,
    doctorAccount: doctor,
    affiliationId: affiliation,
  }
  return issueCredential(said, Date.now() as EpochMs, (hash) => hospital.sign({ hash }))
}

/**
 * Puts a credential in place of a doctor's former one, where it would let her in. Reads the server's own configuration.
 *
 * @returns a line for the operator, and whether it was stored
 */
export async function storeCredential(login: string, credential: string): Promise<{ stored: boolean; said: string }> {
  const { config } = readConfig()
  const client = openChainClient(config.chainRpcUrl, config.chainId)
  const deployment = await readDeployment(config.deploymentsFolder, config.chainId)
  if (!deployment) throw new ConfigError(`DEPLOYMENTS_FOLDER holds no ${config.chainId}.json.`)
  await assertDeployment(client, deployment)
  const { databaseUrl } = config
  const database = databaseUrl ? await openPostgres(databaseUrl) : await openPglite(foldersOf(config).database)
  try {
    const { people } = openStore(database.kysely)
    const doctor = await people.doctorByLogin(login)
    if (!doctor) return { stored: false, said: 'Not stored: no doctor has this login name.' }
    const check = checkAffiliation({
      ledger: openLedger(client, deployment),
      chainId: deployment.chainId,
      clock: () => Date.now() as EpochMs,
    })
    const refusal = await check({ ...doctor, credential })
    if (refusal) return { stored: false, said: `Not stored (${refusal}): ${affiliationRefusalWords(refusal).why}` }
    await people.setCredential(doctor.id, credential)
    return { stored: true, said: `Stored: ${login} signs in with it from now on.` }
  } finally {
    await database.close()
  }
}
