import {
  type Address,
  concatHex,
  createPublicClient,
  createTestClient,
  createWalletClient,
  encodeAbiParameters,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  http,
  keccak256,
  type PrivateKeyAccount,
  type PublicClient,
  padHex,
  parseEther,
  parseEventLogs,
  parseSignature,
  size,
  slice,
  toHex,
  zeroHash,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { sendRawTransactionSync } from 'viem/actions'
import { anvil } from 'viem/chains'
import { prepareEntryPoint } from '../local/chain/prepareEntryPoint.ts'
import { startChain } from '../local/chain/startChain.ts'
import {
  accountFactoryAbi,
  consentLedgerAbi,
  entryPointAbi,
  sponsorPaymasterAbi,
} from '../src/accounts/contracts.generated.ts'
import { create2DeployerAddress, type Deployment, deployContracts } from '../src/accounts/deployments.ts'
import { encodeHandleOps, splitByGas } from '../src/accounts/handleOps.ts'
import {
  ledgerAnswerOf,
  ledgerCodedAnswerOf,
  ledgerContentIdOf,
  ledgerRequestIdOf,
} from '../src/accounts/ledgerRequest.ts'
import {
  encodeSponsorDay,
  gasLimitOf,
  hashUserOperation,
  prepareUserOperation,
  type SignedUserOperation,
  toCompactSignature,
} from '../src/accounts/userOperation.ts'
import { rightBits } from '../src/core/classes.ts'
import { type CardPlace, codeStretch, lineHashOf, linkOf } from '../src/core/codeCard.ts'
import type { LedgerEmergency, LedgerRequest } from '../src/core/ledger.ts'
import type { UserOperationKind } from '../src/core/userOperation.ts'
import { meanFjordBytes } from './meanFjordBytes.ts'

const daySeconds = 86_400
/** As in `accounts/bundle.ts`. */
const bundleOverhead = 120_000n
const plainGasLimit = 300_000n
/** The same in every run, of as many bytes as fees are on a busy day. */
const fees = { maxFeePerGas: 2_345_678_901n, maxPriorityFeePerGas: 1_234_567n } as const
/** A midnight of 2079: ahead of every clock, and within the ledger's 32 bits of seconds. */
const startedOnDay = 40_000
const startedAt = startedOnDay * daySeconds
const answerBy = startedAt + daySeconds
/** The last midnight that a grant of seven days may end at. */
const until = (startedOnDay + 7) * daySeconds
/** As much of a request's id and of an artefact's commitment as is hash, and how much of each an answer with a code shows. */
const [hashBytes, codedHashBytes] = [20, 16]
/** Above what bundles use; no opcode of ours or of a peer asks for it. */
const blockGasLimit = 200_000_000n
const cardLines = 9
/** More than the ledger has words of storage before its mappings. */
const maxSlots = 32n

/** A smart account and the key that signs for it. */
export type Holder = Patient & { owner: PrivateKeyAccount }
/** With a card, each of her requests takes its next line. */
export type Patient = { address: Address; card?: Card }
type Card = { tip: Hex; lines: Line[] }
type Line = { code: Hex; lineHash: Hex; nextLink: Hex }
/** The code is that of the line the request took. */
export type Asked = { request: LedgerRequest; requestId: Hex; contentId: Hex; code: Hex | null }
export type Operation = { kind: UserOperationKind; signer: Holder; callData: Hex }
export type GasWorld = Awaited<ReturnType<typeof startGasWorld>>

/**
 * A chain with the real EntryPoint v0.7 and our contracts, a verified hospital and a funded sponsor.
 *
 * Keys, fees and the chain's time are fixed, so that two runs of the same contracts give the same figures.
 *
 * @param codeSizeLimit off for a peer whose package brings code too large for any real chain
 */
export async function startGasWorld({ codeSizeLimit = true } = {}) {
  const chain = await startChain({ codeSizeLimit })
  const testClient = createTestClient({ mode: 'anvil', chain: anvil, transport: http(chain.url) })
  await testClient.setBlockGasLimit({ gasLimit: blockGasLimit })
  await testClient.setNextBlockTimestamp({ timestamp: BigInt(startedAt) })
  await testClient.setBlockTimestampInterval({ interval: 1 })
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
  const ledger = deployment.consentLedger.address
  const verify = { abi: consentLedgerAbi, functionName: 'verifyHospital', args: [hospital.address] } as const
  const deposit = encodeFunctionData({ abi: sponsorPaymasterAbi, functionName: 'deposit' })
  await send(governor, [{ to: ledger, data: encodeFunctionData(verify) }])
  await send(governor, [{ to: deployment.sponsorPaymaster.address, data: deposit, value: parseEther('10') }])
  let affiliations = 0
  let requests = 0

  async function fundedKey(name: string): Promise<PrivateKeyAccount> {
    const account = privateKeyToAccount(keccak256(toHex(`bench ${name}`)))
    await chain.fund(account.address, parseEther('100'))
    return account
  }

  /** Sends transactions of one account in their order. @throws where one reverts */
  async function send(account: PrivateKeyAccount, calls: readonly Call[]): Promise<Sent[]> {
    let nonce = await client.getTransactionCount({ address: account.address })
    const sent: Sent[] = []
    for (const { gas = plainGasLimit, ...call } of calls) {
      const raw = await account.signTransaction({ type: 'eip1559', chainId: anvil.id, gas, nonce, ...fees, ...call })
      const { status, gasUsed, logs } = await sendRawTransactionSync(client, { serializedTransaction: raw })
      if (status !== 'success') throw new Error(`A call to ${call.to} reverted: the measurement would mean nothing.`)
      sent.push({ gasUsed: Number(gasUsed), raw, logs })
      nonce += 1
    }
    return sent
  }

  async function addPatients(accounts: readonly Address[]): Promise<void> {
    const toCall = (account: Address): Call => ({
      to: ledger,
      data: encodeFunctionData({ abi: consentLedgerAbi, functionName: 'addPatient', args: [account] }),
    })
    await send(hospital, accounts.map(toCall))
  }

  /** Registers doctors; their affiliations count on from the last. */
  async function addDoctors(accounts: readonly Address[]): Promise<number[]> {
    const toCall = (account: Address): Call => ({
      to: ledger,
      data: encodeFunctionData({ abi: consentLedgerAbi, functionName: 'addDoctor', args: [account] }),
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

  /** Deploys by the CREATE2 deployer. */
  async function deploy(code: Hex): Promise<Address> {
    await send(operator, [{ to: create2DeployerAddress, data: concatHex([zeroHash, code]), gas: 10_000_000n }])
    return getContractAddress({ opcode: 'CREATE2', from: create2DeployerAddress, salt: zeroHash, bytecode: code })
  }

  /** Gives each patient a card; from then on only a code answers for her. */
  async function issueCards<T extends Patient>(patients: readonly T[]): Promise<(T & { card: Card })[]> {
    const carded = patients.map((patient) => ({
      ...patient,
      card: newCard({ chainId: deployment.chainId, ledger }, patient.address),
    }))
    const toCall = ({ address, card }: Patient & { card: Card }): Call => ({
      to: ledger,
      data: encodeFunctionData({ abi: consentLedgerAbi, functionName: 'issueFirstCard', args: [address, card.tip] }),
    })
    await send(hospital, carded.map(toCall))
    return carded
  }

  /** A patient who has allowed emergencies: written into the ledger's storage, since the way there takes three days. */
  async function allowEmergencies(patient: Address): Promise<void> {
    // ProviderRegistry.Patient: the bit behind her hospital's number and two times.
    const allowed = 1n << 112n
    for (let slot = 0n; slot < maxSlots; slot += 1n) {
      const index = keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [patient, slot]))
      const before = (await client.getStorageAt({ address: ledger, slot: index })) ?? zeroHash
      await testClient.setStorageAt({ address: ledger, index, value: toHex(BigInt(before) | allowed, { size: 32 }) })
      const call = { address: ledger, abi: consentLedgerAbi, functionName: 'safeguards', args: [patient] } as const
      if ((await client.readContract(call)).emergencyAllowed) return
      await testClient.setStorageAt({ address: ledger, index, value: before })
    }
    throw new Error("The ledger's settings of a patient were not found.")
  }

  /** What a doctor asks for: to see, for seven days. */
  function newRequest({ address: patient, card }: Patient, affiliationId: number): Asked {
    requests += 1
    const line = card?.lines.shift()
    if (card && !line) throw new RangeError('A card has no line left.')
    const request: LedgerRequest = {
      patient,
      affiliationId,
      rights: rightBits.VIEW,
      uses: 0,
      durationDays: 7,
      answerBy,
      scopeCommitment: keccak256(toHex(`bench scope ${requests}`)),
      replaces: zeroHash,
      lineHash: line?.lineHash ?? zeroHash,
      nextLink: line?.nextLink ?? zeroHash,
    }
    const requestId = ledgerRequestIdOf(deployment.chainId, ledger, request)
    const contentId = ledgerContentIdOf(deployment.chainId, ledger, request)
    return { request, requestId, contentId, code: line?.code ?? null }
  }

  /** A doctor with a plain key asks, one transaction for each patient. */
  async function ask(doctor: PrivateKeyAccount, affiliationId: number, patients: readonly Patient[]) {
    const asked = patients.map((patient) => newRequest(patient, affiliationId))
    const sent = await send(
      doctor,
      asked.map(({ request }) => ({ to: ledger, data: openRequestCall(request) })),
    )
    return { asked, sent }
  }

  /** The operation as the server makes it, with limits changed where they are being sought. */
  async function sign(
    { kind, signer, callData }: Operation,
    change: Partial<SignedUserOperation> = {},
  ): Promise<SignedUserOperation> {
    const parts = { kind, sender: signer.address, owner: signer.owner.address, callData, fees }
    const prepared = { ...(await prepareUserOperation(client, deployment, parts)), ...change } as SignedUserOperation
    const signature = parseSignature(await signer.owner.sign({ hash: hashUserOperation(prepared, deployment) }))
    return { ...prepared, signature: toCompactSignature(signature) }
  }

  function handleOpsCall(signed: readonly SignedUserOperation[]): Call & { gas: bigint } {
    const carriers = signed.map((operation) => ({ operation }))
    // In the order that a bundle has, and in one: a peer's operations may ask for more than a transaction of Lisk takes.
    const [bundled = []] = splitByGas(carriers, blockGasLimit)
    return {
      to: deployment.entryPoint.address,
      data: encodeHandleOps(bundled, operator.address),
      gas: signed.reduce((sum, operation) => sum + gasLimitOf(operation), bundleOverhead),
    }
  }

  async function bundle(operations: readonly Operation[], asked: readonly Asked[] = []): Promise<Bundled> {
    return handleOps(await Promise.all(operations.map((operation) => sign(operation))), asked)
  }

  /**
   * One bundle for all.
   *
   * @param asked what the operations answer: with it, the bytes are those of such a bundle, whatever its hashes
   * @throws where one of the operations fails
   */
  async function handleOps(operations: readonly SignedUserOperation[], asked: readonly Asked[]): Promise<Bundled> {
    const [sent] = await send(operator, [handleOpsCall(operations)])
    if (!sent) throw new Error('The bundle was not sent.')
    const events = parseEventLogs({ abi: entryPointAbi, eventName: 'UserOperationEvent', logs: sent.logs })
    const succeeded = events.filter((event) => event.args.success).length
    if (succeeded !== operations.length) throw new Error(`${succeeded} of ${operations.length} operations succeeded.`)
    return {
      gasEach: sent.gasUsed / operations.length,
      bytesEach:
        meanFjordBytes(sent.raw, [...operations.flatMap(randomOf), ...asked.flatMap(hashesOf)]) / operations.length,
      chargedEach: events.reduce((sum, event) => sum + Number(event.args.actualGasUsed), 0) / operations.length,
    }
  }

  /** Moves the chain's time. */
  async function passes(seconds: number): Promise<void> {
    const { timestamp } = await client.getBlock({ blockTag: 'latest' })
    await testClient.setNextBlockTimestamp({ timestamp: timestamp + BigInt(seconds) })
    await testClient.mine({ blocks: 1 })
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
    ...{
      client,
      deployment,
      ledger,
      operator,
      governor,
      fees,
      sponsorDay: encodeSponsorDay(BigInt(startedAt)),
    },
    ...{ fundedKey, send, deploy, addPatients, addDoctors, issueCards, allowEmergencies, holder, newRequest, ask },
    ...{ sign, bundle, handleOps, wouldSucceed, passes, [Symbol.asyncDispose]: chain.stop },
  }
}

type Call = { to: Address; data: Hex; value?: bigint; gas?: bigint }
export type Sent = { gasUsed: number; raw: Hex; logs: Parameters<typeof parseEventLogs>[0]['logs'] }

/** Codes that nobody stretched; one line more than is ever asked for ends the chain. */
function newCard(place: CardPlace, patient: Address): Card {
  const lines: Line[] = []
  let tip = keccak256(toHex(`bench card ${patient}`))
  for (let line = cardLines; line > 0; line -= 1) {
    const stretched = slice(keccak256(toHex(`bench code ${line} ${patient}`)), 0, codeStretch.bytes)
    const code = padHex(stretched, { dir: 'right' })
    const lineHash = lineHashOf(code)
    lines.unshift({ code, lineHash, nextLink: tip })
    tip = linkOf(place, lineHash, tip)
  }
  return { tip, lines }
}

/** What one operation of a bundle cost: the transaction's gas and Fjord bytes, and what the sponsor was charged for. */
export type Bundled = { gasEach: number; bytesEach: number; chargedEach: number }

export function openRequestCall(request: LedgerRequest): Hex {
  return encodeFunctionData({ abi: consentLedgerAbi, functionName: 'openRequest', args: [request] })
}

export function grantCall({ requestId, contentId, code }: Asked): Hex {
  const [abi, artefact] = [consentLedgerAbi, artefactOf(requestId)]
  if (code === null) {
    const args = [requestId, ledgerAnswerOf(artefact, until)] as const
    return encodeFunctionData({ abi, functionName: 'openGrant', args })
  }
  const args = ledgerCodedAnswerOf(contentId, artefact, code, until)
  return encodeFunctionData({ abi, functionName: 'openGrantWithCode', args })
}

function artefactOf(requestId: Hex): Hex {
  return slice(keccak256(toHex(`bench artefact ${requestId}`)), 0, hashBytes)
}

/** What no two bundles have in common. */
export function hashesOf({ requestId, contentId, code }: Asked): Hex[] {
  const [content, artefact] = [slice(contentId, size(contentId) - hashBytes), artefactOf(requestId)]
  if (code === null) return [content, artefact]
  return [slice(content, -codedHashBytes), slice(artefact, 0, codedHashBytes), slice(code, 0, codeStretch.bytes)]
}

/** The last 64 bytes of a signature; of its first ones some accounts make another use. */
function randomOf({ sender, signature }: SignedUserOperation): Hex[] {
  return [sender, slice(signature, -64)]
}

export function requestCall(
  functionName: 'revokeGrant' | 'refuseRequest' | 'withdrawRequest' | 'disputeEmergency',
  { requestId }: Pick<Asked, 'requestId'>,
): Hex {
  return encodeFunctionData({ abi: consentLedgerAbi, functionName, args: [requestId] })
}

/** What a doctor opens without asking. */
export function emergencyCall(emergency: LedgerEmergency): Hex {
  const { patient, affiliationId, reasonCommitment } = emergency
  const args = [patient, affiliationId, reasonCommitment] as const
  return encodeFunctionData({ abi: consentLedgerAbi, functionName: 'openEmergency', args })
}
