/**
 * Registers a patient's code card, until hospital administrators can sign in to the portal.
 *
 * HOSPITAL_KEY=0x… node --env-file=.env tools/registerCard.ts HC-XXXX-XXXX code-card.json
 *
 * Reads what the server reads, and HOSPITAL_KEY: the key of the hospital that added the patient, which pays. With the
 * embedded database, stop the server first.
 */
import { readFile } from 'node:fs/promises'
import { createWalletClient, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { openChainClient } from '../src/accounts/chainClient.ts'
import { assertDeployment, readDeployment } from '../src/accounts/deployments.ts'
import { openLedger } from '../src/accounts/ledger.ts'
import { registerCard } from '../src/accounts/registerCard.ts'
import { foldersOf, readConfig } from '../src/config.ts'
import { parseHealthId } from '../src/core/healthId.ts'
import type { EpochMs } from '../src/core/people.ts'
import type { Hex } from '../src/core/rows.ts'
import { openStore } from '../src/db/openStore.ts'
import { openPglite } from '../src/db/pglite.ts'
import { openPostgres } from '../src/db/postgres.ts'

const [typedId = '', file = ''] = process.argv.slice(2)
const healthId = parseHealthId(typedId)
const key = process.env['HOSPITAL_KEY'] ?? ''
if (!healthId || !file) stop('Say which patient and which file: tools/registerCard.ts HC-XXXX-XXXX code-card.json')
if (!/^0x[0-9a-f]{64}$/i.test(key)) stop('HOSPITAL_KEY must be 0x and 64 hexadecimal digits.')

const { config } = readConfig(process.env)
const client = openChainClient(config.chainRpcUrl, config.chainId)
const deployment = await readDeployment(config.deploymentsFolder, config.chainId)
if (!deployment) stop(`DEPLOYMENTS_FOLDER holds no ${config.chainId}.json.`)
await assertDeployment(client, deployment)
const database = config.databaseUrl
  ? await openPostgres(config.databaseUrl)
  : await openPglite(foldersOf(config).database)
try {
  const done = await registerCard(
    {
      store: openStore(database.kysely),
      ledger: openLedger(client, deployment),
      client,
      deployment,
      hospital: createWalletClient({ account: privateKeyToAccount(key as Hex), transport: http(config.chainRpcUrl) }),
      clock: () => Date.now() as EpochMs,
    },
    healthId,
    await readFile(file, 'utf8'),
  )
  if (typeof done === 'object') {
    process.exitCode = 1
    process.stdout.write(`Not registered: ${done.refused}.\n`)
  } else if (done === 'pending')
    process.stdout.write(
      'It waits for her: she sends CARD, then CARD and a code of the card before; 72 hours later it counts.\n',
    )
  else process.stdout.write('Registered. From now on only her codes allow.\n')
} finally {
  await database.close()
}

function stop(why: string): never {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}
