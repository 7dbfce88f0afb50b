import { createHmac, randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { bytesToHex } from 'viem'
import { submitLooks } from './accounts/accessLog.ts'
import { affiliationIdOf, checkAffiliation } from './accounts/affiliationCredential.ts'
import { submitPrepared } from './accounts/bundle.ts'
import { openChainClient } from './accounts/chainClient.ts'
import { assertDeployment, type Deployment, readDeployment } from './accounts/deployments.ts'
import { didScope } from './accounts/didScope.ts'
import { executeLoosening as sendExecution } from './accounts/executeLoosening.ts'
import { readOrMakeKeyFile } from './accounts/keyFile.ts'
import { openLedger } from './accounts/ledger.ts'
import { ledgerEmergencyIdOf, ledgerRequestIdOf, toLedgerRequest } from './accounts/ledgerRequest.ts'
import { openLocalVault } from './accounts/localVault.ts'
import { isSignedBySessionKey } from './accounts/lookEvidence.ts'
import { type OperatorKeys, openOperators } from './accounts/operators.ts'
import { ownBundler } from './accounts/ownBundler.ts'
import { openPasskeyCheck } from './accounts/passkey.ts'
import { openPasskeyOperations } from './accounts/passkeyOperations.ts'
import { rpcBundler } from './accounts/rpcBundler.ts'
import { handleMessage } from './bot/handleMessage.ts'
import { redactMessage } from './bot/redactMessage.ts'
import { say } from './bot/say.ts'
import { sendMessage } from './bot/sendMessage.ts'
import { stretchCode } from './bot/stretchCode.ts'
import { twilioMessenger } from './bot/twilio.ts'
import { webhookScope } from './bot/webhook.ts'
import { type Config, ConfigError, foldersOf, localChainId, localOperatorNames, type Secrets } from './config.ts'
import type { LedgerEmergency, LedgerRequest } from './core/ledger.ts'
import type { EpochMs } from './core/people.ts'
import type { UserOperationRow } from './core/rows.ts'
import { openStore } from './db/openStore.ts'
import { openPglite } from './db/pglite.ts'
import { openPostgres } from './db/postgres.ts'
import { executeLoosening } from './jobs/executeLoosening.ts'
import { logAccess } from './jobs/logAccess.ts'
import { chainOutcomes, endRequest, remindPatient } from './jobs/outcomes.ts'
import { openQueue } from './jobs/queue.ts'
import { resyncCard } from './jobs/resyncCard.ts'
import { submitUserOperations } from './jobs/submitUserOperations.ts'
import { openWorker } from './jobs/worker.ts'
import { openChallenges } from './portal/challenges.ts'
import { doctorActions } from './portal/doctorActions.ts'
import { lookLastsMs } from './portal/openLook.ts'
import { portalScope } from './portal/portalScope.ts'
import { createLighthouse } from './records/lighthouse.ts'
import { createLocalStore } from './records/localStore.ts'
import { openRecord, uploadRecord } from './records/recordShelf.ts'
import { viewRecord } from './records/viewRecord.ts'
import { buildServer } from './server.ts'

export type App = Awaited<ReturnType<typeof createApp>>

/**
 * Introduces the rooms to each other: the only place that chooses an implementation.
 *
 * @throws {DeploymentMismatchError} where the chain is not the one the contracts were put on
 */
export async function createApp(
  config: Config,
  secrets: Secrets,
  { log, clock }: { log: Logger; clock: () => EpochMs },
) {
  const folders = foldersOf(config)
  const client = openChainClient(config.chainRpcUrl, config.chainId)
  const deployment = await trustedDeployment(config, client)

  const database = config.databaseUrl ? await openPostgres(config.databaseUrl) : await openPglite(folders.database)
  const store = openStore(database.kysely)
  const vaultKey = secrets.vaultKey ?? (await readOrMakeKeyFile(join(folders.keys, 'vault')))
  const vault = openLocalVault(vaultKey, store.keys.get, clock)
  const { columns } = vault
  const ledger = openLedger(client, deployment)
  const operators = openOperators(
    { client, deployment, store, clock, newId: randomUUID },
    await operatorKeys(config, secrets, folders.keys),
  )
  const twilio = {
    accountSid: config.twilioAccountSid,
    authToken: secrets.twilioAuthToken,
    from: config.twilioFrom,
    apiUrl: config.twilioApiUrl,
    // Three more tries on time-outs and 5xx; the fragment is Twilio's own way to say so.
    statusUrl: `${config.publicUrl}/twilio/status#rc=3&rp=ct,rt,5xx`,
  }
  const messenger = twilioMessenger(twilio)
  const storage =
    config.storage === 'local'
      ? createLocalStore({ folder: folders.localStore })
      : createLighthouse({
          apiKey: secrets.lighthouseApiKey,
          uploadUrl: config.lighthouseUploadUrl,
          apiUrl: config.lighthouseApiUrl,
          gatewayUrls: config.lighthouseGatewayUrls,
          temporaryFolder: folders.downloads,
        })
  const shelf = { store, vault, storage, spoolFolder: folders.spool, clock }

  const changes = new EventEmitter().setMaxListeners(0)
  await database.listen('request', (id) => changes.emit('request', id))
  const queueSource = config.redisUrl ? { redisUrl: config.redisUrl } : { pool: await database.queuePool() }
  const queue = await openQueue(queueSource, (err) => log.warn({ err }, 'The queue lost its connection'))

  const identity = {
    ledgerRequestIdOf: (request: LedgerRequest) =>
      ledgerRequestIdOf(deployment.chainId, deployment.consentLedger.address, request),
    toLedgerRequest,
  }
  const outcomeParts = {
    store,
    clock,
    resyncCard: (operation: UserOperationRow) => resyncCard({ store, ledger, ...identity }, operation),
    say: (inside: typeof store, saying: Parameters<typeof say>[2]) => say(inside, { columns, clock }, saying),
  }
  const outcomes = chainOutcomes(outcomeParts)
  const bundler = config.bundlerUrl
    ? rpcBundler({ url: config.bundlerUrl, client, deployment, store, clock })
    : ownBundler({ client, operators, clock })
  const bundleParts = { client, deployment, bundler, store, vault, clock }
  const worker = openWorker({
    store,
    queue,
    clock,
    log,
    chain: {
      ledger,
      outcomes,
      firstBlock: deployment.blockNumber,
      chase: operators.chase,
      chaseOperations: bundler.chase,
    },
    isOnlyWorker: database.engine === 'pglite' && config.redisUrl === null,
    onOutbox: (wake) => database.listen('outbox', wake),
    processors: {
      handleMessage: (id) => handleMessage({ store, columns, clock, stretchCode }, id),
      redactMessage: (id) => redactMessage({ store, messenger }, id),
      sendMessage: (id) => sendMessage({ store, columns, messenger, clock }, id),
      submitUserOperations: submitUserOperations({
        store,
        clock,
        outcomes,
        pause,
        submitPrepared: () => submitPrepared(bundleParts),
      }),
      logAccess: logAccess({ store, submitLooks: () => submitLooks({ store, writer: operators.writer }) }),
      uploadRecord: (subject) => uploadRecord(shelf, subject),
      remindPatient: (id) => remindPatient(outcomeParts, id),
      endRequest: (id) => endRequest(outcomeParts, id),
      executeLoosening: (id) =>
        executeLoosening(
          { store, clock, execute: (loosening) => sendExecution({ client, deployment, operators }, loosening) },
          id,
        ),
    },
  })

  const actions = doctorActions({
    store,
    columns,
    ledger,
    clock,
    ...identity,
    isLocalChain: config.chainId === localChainId,
    ledgerEmergencyIdOf: (emergency: LedgerEmergency) =>
      ledgerEmergencyIdOf(deployment.chainId, deployment.consentLedger.address, emergency),
    checkAffiliation: checkAffiliation({ ledger, chainId: deployment.chainId, clock }),
    affiliationIdOf,
    passkeys: openPasskeyCheck(config.publicUrl),
    operations: openPasskeyOperations({ client, deployment }),
    challenges: openChallenges(createHmac('sha256', vaultKey).update('healthchain/challenges').digest('hex'), clock),
    place: { chainId: deployment.chainId, ledger: deployment.consentLedger.address },
    isSignedBySessionKey,
    onRequestChange(listener) {
      changes.on('request', listener)
      return () => changes.off('request', listener)
    },
    async readRecord(patient, row, proof) {
      const document = await openRecord(shelf, patient, row, proof)
      return document && viewRecord(document)
    },
  })
  const server: FastifyInstance = buildServer({
    log,
    trustProxy: config.trustProxy,
    webhook: webhookScope({ store, columns, twilio, publicUrl: config.publicUrl, clock }),
    portal: portalScope(actions, {
      publicUrl: config.publicUrl,
      cookieSecret: createHmac('sha256', vaultKey).update('healthchain/cookies').digest('hex'),
      clock,
      explorerUrl: config.explorerUrl ?? undefined,
      ledgerName: `eip155:${deployment.chainId}:${deployment.consentLedger.address}`,
      lookLastsMs,
    }),
    did: didScope(deployment.chainId),
    isHealthy: async () => (await store.outbox.countDue(clock())) >= 0,
  })

  return {
    config,
    deployment,
    client,
    database,
    store,
    vault,
    shelf,
    worker,
    queue,
    server,
    actions,
    operatorAddress: operators.writer.address,
    /** Listens and works as the role says. */
    async start(): Promise<void> {
      if (config.role !== 'web') await worker.start()
      if (config.role !== 'worker') await server.listen({ host: config.host, port: config.port })
    },
    /** Ends what is under way, then everything. */
    async close(): Promise<void> {
      await server.close()
      await worker.stop()
      await queue.close()
      await database.close()
    },
  }
}

/** The keys that bundle; on the local chain made at the first start, as many as show that they work side by side. */
async function operatorKeys(config: Config, secrets: Secrets, folder: string): Promise<OperatorKeys> {
  const first = secrets.operatorKey ?? (await readOrMakeKeyFile(join(folder, 'operator')))
  const isOwnMachines = config.chainId === localChainId && secrets.moreOperatorKeys.length === 0
  const others = isOwnMachines
    ? await Promise.all(localOperatorNames.map((name) => readOrMakeKeyFile(join(folder, name))))
    : secrets.moreOperatorKeys
  return [bytesToHex(first), ...others.map((key) => bytesToHex(key))]
}

async function trustedDeployment(config: Config, client: ReturnType<typeof openChainClient>): Promise<Deployment> {
  const deployment = await readDeployment(config.deploymentsFolder, config.chainId)
  if (!deployment)
    throw new ConfigError(
      `DEPLOYMENTS_FOLDER holds no ${config.chainId}.json: the contracts of chain ${config.chainId} are not known.`,
    )
  await assertDeployment(client, deployment)
  return deployment
}
