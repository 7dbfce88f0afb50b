import {
  type Address,
  createPublicClient,
  createWalletClient,
  encodeFunctionData,
  type Hex,
  hexToBytes,
  http,
  keccak256,
  type PrivateKeyAccount,
  type PublicClient,
  parseEther,
  parseEventLogs,
  toHex,
  zeroHash,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { prepareEntryPoint } from '../local/chain/prepareEntryPoint.ts'
import { startChain } from '../local/chain/startChain.ts'
import {
  accountFactoryAbi,
  consentLedgerAbi,
  entryPointAbi,
  providerRegistryAbi,
  sponsorPaymasterAbi,
} from '../src/accounts/contracts.generated.ts'
import { type Deployment, deployContracts } from '../src/accounts/deployments.ts'
import { ledgerRequestIdOf } from '../src/accounts/ledgerRequest.ts'
import {
  gasLimitOf,
  hashUserOperation,
  packUserOperation,
  prepareUserOperation,
  type SignedUserOperation,
} from '../src/accounts/userOperation.ts'
import { rightBits } from '../src/core/classes.ts'
import type { LedgerRequest } from '../src/core/ledger.ts'
import type { UserOperationKind } from '../src/core/userOperation.ts'
import { fjordBytes } from './fastLz.ts'

const daySeconds = 86_400
/** As in `accounts/bundle.ts`. */
const bundleOverhead = 120_000n
const plainGasLimit = 300_000n
const priorityFeeWei = 1_000_000n

/** A smart account and the key that signs for it. */
export type Holder = { owner: PrivateKeyAccount; address: Address }
export type Asked = { request: LedgerRequest; requestId: Hex }
export type Operation = { kind: UserOperationKind; signer: Holder; callData: Hex }
export type GasWorld = Awaited<ReturnType<typeof startGasWorld>>

/**
 * A chain with the real EntryPoint v0.7 and our contracts, a verified hospital and a funded sponsor. Keys are fixed, so that
 * two runs differ by the chain's time alone.
 */
export async function startGasWorld() {
  const chain = await startChain()
  const client: PublicClient = createPublicClient({
    chain: anvil,
    transport: http(chain.url),
    pollingInterval: 10,
    cacheTime: 0,
  })
  await prepareEntryPoint(chain)
  const governor = await fundedKey('governor')
  const hospital = await fundedKey('hospital')
  const operator = await fundedKey('operator')
  const deployment: Deployment = await deployContracts({
    publicClient: client,
    walletClient: createWalletClient({ account: governor, chain: anvil, transport: http(chain.url) }),
    governor: governor.address,
    accessWriter: operator.address,
  })
  const registry = deployment.providerRegistry.address
  const ledger = deployment.consentLedger.address
  const verify = { abi: providerRegistryAbi, functionName: 'verifyHospital', args: [hospital.address] } as const
  const deposit = encodeFunctionData({ abi: sponsorPaymasterAbi, functionName: 'deposit' })
  await send(governor, [{ to: registry, data: encodeFunctionData(verify) }])
  await send(governor, [{ to: deployment.sponsorPaymaster.address, data: deposit, value: parseEther('10') }])
  let affiliations = 0
  let requests = 0

  async function fundedKey(name: string): Promise<PrivateKeyAccount> {
    const account = privateKeyToAccount(keccak256(toHex(`bench ${name}`)))
    await chain.fund(account.address, parseEther('100'))
    return account
  }

  async function fees() {
    const { baseFeePerGas } = await client.getBlock({ blockTag: 'latest' })
    return { maxFeePerGas: (baseFeePerGas ?? 0n) * 2n + priorityFeeWei, maxPriorityFeePerGas: priorityFeeWei }
  }

  /** Sends transactions of one account in their order. @throws where one reverts */
  async function send(account: PrivateKeyAccount, calls: readonly Call[]): Promise<Sent[]> {
    const fee = await fees()
    let nonce = await client.getTransactionCount({ address: account.address })
    const sent: { hash: Hex; raw: Hex }[] = []
    for (const { gas = plainGasLimit, ...call } of calls) {
      const raw = await account.signTransaction({ type: 'eip1559', chainId: anvil.id, gas, nonce, ...fee, ...call })
      sent.push({ raw, hash: await client.sendRawTransaction({ serializedTransaction: raw }) })
      nonce += 1
    }
    return Promise.all(
      sent.map(async ({ hash, raw }) => {
        const { status, gasUsed, logs } = await client.waitForTransactionReceipt({ hash })
        if (status !== 'success') throw new Error(`Transaction ${hash} reverted: the measurement would mean nothing.`)
        return { gasUsed: Number(gasUsed), fjordBytes: fjordBytes(hexToBytes(raw)), logs }
      }),
    )
  }

  async function addPatients(accounts: readonly Address[]): Promise<void> {
    const toCall = (account: Address): Call => ({
      to: registry,
      data: encodeFunctionData({ abi: providerRegistryAbi, functionName: 'addPatient', args: [account] }),
    })
    await send(hospital, accounts.map(toCall))
  }

  /** Registers doctors; their affiliations count on from the last. */
  async function addDoctors(accounts: readonly Address[]): Promise<number[]> {
    const toCall = (account: Address): Call => ({
      to: registry,
      data: encodeFunctionData({ abi: providerRegistryAbi, functionName: 'addDoctor', args: [account] }),
    })
    await send(hospital, accounts.map(toCall))
    return accounts.map(() => ++affiliations)
  }

  async function holder(name: string, functionName: 'patientAccountAddress' | 'doctorAccountAddress'): Promise<Holder> {
    const owner = privateKeyToAccount(keccak256(toHex(`bench ${name}`)))
    const { address } = deployment.accountFactory
    const args = [owner.address] as const
    return { owner, address: await client.readContract({ address, abi: accountFactoryAbi, functionName, args }) }
  }

  /** What a doctor asks for: to see, for seven days. */
  async function newRequest(patient: Address, affiliationId: number): Promise<Asked> {
    requests += 1
    const request: LedgerRequest = {
      patient,
      affiliationId,
      rights: rightBits.VIEW,
      uses: 0,
      durationDays: 7,
      answerBy: (await blockTime()) + daySeconds,
      scopeCommitment: keccak256(toHex(`bench scope ${requests}`)),
      replaces: zeroHash,
      lineHash: zeroHash,
      nextLink: zeroHash,
    }
    return { request, requestId: ledgerRequestIdOf(deployment.chainId, ledger, request) }
  }

  async function blockTime(): Promise<number> {
    return Number((await client.getBlock({ blockTag: 'latest' })).timestamp)
  }

  /** The last midnight that a grant of seven days may end at. */
  async function grantEnd(): Promise<number> {
    return (Math.floor((await blockTime()) / daySeconds) + 7) * daySeconds
  }

  /** A doctor with a plain key asks, one transaction for each patient. */
  async function ask(doctor: PrivateKeyAccount, affiliationId: number, patients: readonly Address[]) {
    const asked: Asked[] = []
    for (const patient of patients) asked.push(await newRequest(patient, affiliationId))
    const sent = await send(
      doctor,
      asked.map(({ request }) => ({ to: ledger, data: openRequestCall(request) })),
    )
    return { asked, sent }
  }

  async function grantCall({ requestId }: Asked): Promise<Hex> {
    const artefact = keccak256(toHex(`bench artefact ${requestId}`))
    const args = [requestId, await grantEnd(), artefact] as const
    return encodeFunctionData({ abi: consentLedgerAbi, functionName: 'openGrant', args })
  }

  /** The operation as the server makes it, with limits changed where they are being sought. */
  async function sign(
    { kind, signer, callData }: Operation,
    change: Partial<SignedUserOperation> = {},
  ): Promise<SignedUserOperation> {
    const parts = { kind, sender: signer.address, owner: signer.owner.address, callData, fees: await fees() }
    const prepared = { ...(await prepareUserOperation(client, deployment, parts)), ...change } as SignedUserOperation
    return { ...prepared, signature: await signer.owner.sign({ hash: hashUserOperation(prepared, deployment) }) }
  }

  function handleOpsCall(signed: readonly SignedUserOperation[]): Call & { gas: bigint } {
    const args = [signed.map(packUserOperation), operator.address] as const
    return {
      to: deployment.entryPoint.address,
      data: encodeFunctionData({ abi: entryPointAbi, functionName: 'handleOps', args }),
      gas: signed.reduce((sum, operation) => sum + gasLimitOf(operation), bundleOverhead),
    }
  }

  /** One `handleOps` for all. @throws where one of the operations fails */
  async function bundle(operations: readonly Operation[]): Promise<Bundled> {
    const signed = await Promise.all(operations.map((operation) => sign(operation)))
    const [sent] = await send(operator, [handleOpsCall(signed)])
    if (!sent) throw new Error('The bundle was not sent.')
    const events = parseEventLogs({ abi: entryPointAbi, eventName: 'UserOperationEvent', logs: sent.logs })
    const succeeded = events.filter((event) => event.args.success).length
    if (succeeded !== operations.length) throw new Error(`${succeeded} of ${operations.length} operations succeeded.`)
    return {
      gasEach: sent.gasUsed / operations.length,
      bytesEach: sent.fjordBytes / operations.length,
      chargedEach: events.reduce((sum, event) => sum + Number(event.args.actualGasUsed), 0) / operations.length,
    }
  }

  /** Whether the operation would do what it is for with these limits, now, alone in its bundle. */
  async function wouldSucceed(operation: Operation, change: Partial<SignedUserOperation>): Promise<boolean> {
    const call = handleOpsCall([await sign(operation, change)])
    const [block] = await client.simulateBlocks({ blocks: [{ calls: [{ account: operator.address, ...call }] }] })
    const [result] = block?.calls ?? []
    const events = parseEventLogs({ abi: entryPointAbi, eventName: 'UserOperationEvent', logs: result?.logs ?? [] })
    return result?.status === 'success' && events.length === 1 && events[0]?.args.success === true
  }

  return {
    ...{ client, deployment, ledger, operator, fundedKey, send, addPatients, addDoctors, holder, newRequest, ask },
    ...{ grantCall, sign, bundle, wouldSucceed, stop: chain.stop, [Symbol.asyncDispose]: chain.stop },
  }
}

type Call = { to: Address; data: Hex; value?: bigint; gas?: bigint }
type Sent = { gasUsed: number; fjordBytes: number; logs: Parameters<typeof parseEventLogs>[0]['logs'] }

/** What one operation of a bundle cost: the transaction's gas and Fjord bytes, and what the sponsor was charged for. */
export type Bundled = { gasEach: number; bytesEach: number; chargedEach: number }

export function openRequestCall(request: LedgerRequest): Hex {
  return encodeFunctionData({ abi: consentLedgerAbi, functionName: 'openRequest', args: [request] })
}

export function requestCall(
  functionName: 'revokeGrant' | 'refuseRequest' | 'withdrawRequest',
  { requestId }: Asked,
): Hex {
  return encodeFunctionData({ abi: consentLedgerAbi, functionName, args: [requestId] })
}
