import { join } from 'node:path'
import { createPublicClient, createWalletClient, http, type PublicClient, parseEther } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { bytesToHex } from 'viem/utils'
import { consentLedgerAbi, sponsorPaymasterAbi } from '../src/accounts/contracts.generated.ts'
import { type Deployment, deployContracts, readDeployment, writeDeployment } from '../src/accounts/deployments.ts'
import type { EntryPointVersion } from '../src/accounts/entryPoint.ts'
import { readOrMakeKeyFile } from '../src/accounts/keyFile.ts'
import { localChainId, localOperatorNames } from '../src/config.ts'
import { prepareEntryPoint } from './chain/prepareEntryPoint.ts'
import { type LocalChain, startChain } from './chain/startChain.ts'
import { type LighthouseStandIn, startLighthouse } from './lighthouse/startLighthouse.ts'
import { createPhones, type Phones } from './phone/createPhones.ts'
import { type PhonePage, startPhonePage } from './phone/startPhonePage.ts'
import { createSchedule, type Schedule } from './twilio/schedule.ts'
import { startTwilio, type TwilioStandIn } from './twilio/startTwilio.ts'

/** Our number in the village. */
export const serviceNumber = '+254700000001'
const accountSid = 'AC00000000000000000000000000000001'

export type WorldOptions = {
  /** Keys, chain, stand-ins and server keep what they know here. */
  folder: string
  /** Ports of 127.0.0.1; 0 takes any free one. */
  ports: { server: number; phones: number; twilio: number; lighthouse: number; chain?: number }
  clock: () => number
  schedule?: Schedule
  /** Default: 0.7. */
  entryPointVersion?: EntryPointVersion
  /** Called before each step that takes a while. */
  onStep?: (step: string) => void
}

/** Everything around the server: chain with contracts, providers, handsets; and the environment that points a server at it. */
export type World = {
  chain: LocalChain
  chainClient: PublicClient
  deployment: Deployment
  governor: PrivateKeyAccount
  hospital: PrivateKeyAccount
  twilio: TwilioStandIn
  phones: Phones
  phonePage: PhonePage
  lighthouse: LighthouseStandIn
  serverUrl: string
  /** What `src/config.ts` reads. */
  env: Record<string, string>
  stop(): Promise<void>
}

export async function startWorld(options: WorldOptions): Promise<World> {
  const { folder, ports, clock, entryPointVersion = '0.7', onStep = () => {} } = options
  const keys = join(folder, 'keys')
  const key = async (name: string) => bytesToHex(await readOrMakeKeyFile(join(keys, name)))
  const governor = privateKeyToAccount(await key('governor'))
  const hospital = privateKeyToAccount(await key('hospital'))
  const operator = privateKeyToAccount(await key('operator'))
  const moreOperators = await Promise.all(localOperatorNames.map((name) => key(name)))
  const authToken = (await key('twilio-token')).slice(2, 34)
  const lighthouseKey = (await key('lighthouse-token')).slice(2, 34)

  onStep('Starting the local chain')
  const chainPort = ports.chain === undefined ? {} : { port: ports.chain }
  const chain = await startChain({ ...chainPort, stateFile: join(folder, 'chain.json') })
  const chainClient: PublicClient = createPublicClient({
    chain: anvil,
    transport: http(chain.url),
    pollingInterval: 20,
  })
  const deployments = join(folder, 'deployments')
  const before = await readDeployment(deployments, localChainId)
  onStep(before ? 'Comparing the contracts' : 'Putting the contracts on the chain')
  for (const more of moreOperators) await chain.fund(privateKeyToAccount(more).address, parseEther('100'))
  const deployment = await deploy({ chain, chainClient, governor, hospital, operator, entryPointVersion })
  if (before && before.consentLedger.address !== deployment.consentLedger.address) {
    await chain.stop()
    throw new Error(
      `The people in ${folder} have accounts of other contracts than these. Do: start with --fresh, which forgets them, or start the version that made them.`,
    )
  }
  await writeDeployment(deployments, deployment)

  onStep('Starting the stand-ins for Twilio and Lighthouse, and the phones')
  // By name: a passkey belongs to a name, never to an address.
  const serverUrl = `http://localhost:${ports.server}`
  const schedule = options.schedule ?? createSchedule({ clock })
  const phones = createPhones({ stateFile: join(folder, 'phones.json'), clock, schedule })
  const twilio = await startTwilio({
    port: ports.twilio,
    stateFile: join(folder, 'twilio.json'),
    accountSid,
    authToken,
    phoneNumber: serviceNumber,
    // Three more tries on refused connections, time-outs and 5xx: a restart of the server loses no reply.
    inboundUrl: `${serverUrl}/twilio/inbound#rc=5&rp=ct,rt,5xx`,
    carrier: phones,
    clock,
    schedule,
  })
  const lighthouse = await startLighthouse({
    port: ports.lighthouse,
    folder: join(folder, 'lighthouse'),
    apiKeys: [lighthouseKey],
    clock,
  })
  const phonePage = await startPhonePage({ port: ports.phones, phones, twilio })

  return {
    chain,
    chainClient,
    deployment,
    governor,
    hospital,
    twilio,
    phones,
    phonePage,
    lighthouse,
    serverUrl,
    env: {
      PORT: String(ports.server),
      PUBLIC_URL: serverUrl,
      DATA_FOLDER: folder,
      CHAIN_ID: String(localChainId),
      CHAIN_RPC_URL: chain.url,
      DEPLOYMENTS_FOLDER: deployments,
      TWILIO_ACCOUNT_SID: accountSid,
      TWILIO_AUTH_TOKEN: authToken,
      TWILIO_FROM: serviceNumber,
      TWILIO_API_URL: twilio.url,
      LIGHTHOUSE_API_KEY: lighthouseKey,
      LIGHTHOUSE_UPLOAD_URL: lighthouse.url,
      LIGHTHOUSE_API_URL: lighthouse.url,
      LIGHTHOUSE_GATEWAY_URLS: lighthouse.url,
    },
    async stop() {
      await phonePage.stop()
      await twilio.stop()
      phones.stop()
      schedule.stop()
      await lighthouse.stop()
      await chain.stop()
    },
  }
}

type DeployParts = {
  chain: LocalChain
  chainClient: PublicClient
  governor: PrivateKeyAccount
  hospital: PrivateKeyAccount
  operator: PrivateKeyAccount
  entryPointVersion: EntryPointVersion
}

/** Contracts, roles and money of the village; what is there already stays. */
async function deploy(parts: DeployParts): Promise<Deployment> {
  const { chain, chainClient, governor, hospital, operator, entryPointVersion } = parts
  await prepareEntryPoint(chain, entryPointVersion)
  for (const account of [governor, hospital, operator]) await chain.fund(account.address, parseEther('100'))
  const wallet = createWalletClient({ account: governor, chain: anvil, transport: http(chain.url) })
  const deployment = await deployContracts({
    publicClient: chainClient,
    walletClient: wallet,
    governor: governor.address,
    accessWriter: operator.address,
    entryPointVersion,
  })
  const registry = { address: deployment.consentLedger.address, abi: consentLedgerAbi }
  const isVerified = await chainClient.readContract({
    ...registry,
    functionName: 'isVerifiedHospital',
    args: [hospital.address],
  })
  if (isVerified) return deployment
  const sent = [
    await wallet.writeContract({ ...registry, functionName: 'verifyHospital', args: [hospital.address] }),
    await wallet.writeContract({
      address: deployment.consentLedger.address,
      abi: consentLedgerAbi,
      functionName: 'namePasskeyDoctors',
      args: [deployment.accountFactory.address],
    }),
    await wallet.writeContract({
      address: deployment.sponsorPaymaster.address,
      abi: sponsorPaymasterAbi,
      functionName: 'deposit',
      value: parseEther('10'),
    }),
  ]
  for (const hash of sent) await chainClient.waitForTransactionReceipt({ hash })
  return deployment
}
