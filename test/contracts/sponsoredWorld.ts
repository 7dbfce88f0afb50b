import { network } from 'hardhat'
import {
  type Address,
  ContractFunctionRevertedError,
  encodeFunctionData,
  type Hex,
  keccak256,
  type PrivateKeyAccount,
  parseEther,
  parseEventLogs,
  parseSignature,
  slice,
  toHex,
  zeroHash,
} from 'viem'
import { toPackedUserOperation } from 'viem/account-abstraction'
import { privateKeyToAccount } from 'viem/accounts'
import { entryPointDeployData } from '../../local/chain/prepareEntryPoint.ts'
import {
  accountFactoryAbi,
  consentLedgerAbi,
  entryPointAbi,
  sponsorPaymasterAbi,
} from '../../src/accounts/contracts.generated.ts'
import { create2DeployerAddress, deployContracts } from '../../src/accounts/deployments.ts'
import type { EntryPointVersion } from '../../src/accounts/entryPoint.ts'
import { ledgerAnswerOf } from '../../src/accounts/ledgerRequest.ts'
import {
  encodeSponsorDay,
  hashUserOperation,
  nonceKeyOf,
  type SignedUserOperation,
  toCompactSignature,
} from '../../src/accounts/userOperation.ts'
import { nonceLanes } from '../../src/core/userOperation.ts'

/** The transaction that makes the CREATE2 deployer on every chain, and its one-time sender. Source: Arachnid's repository. */
const create2DeployerTransaction: Hex =
  '0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222222222222222222222222222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222'
const create2DeployerSender: Address = '0x3fab184622dc19b6109349b94811493bf2a45362'

const consentLane = nonceKeyOf(nonceLanes.consent)
const daySeconds = 86_400n

export type Operation = SignedUserOperation
export type World = Awaited<ReturnType<typeof startWorld>>

/** A real EntryPoint and our contracts on a simulated OP stack chain: a hospital, a doctor, a funded sponsor. */
export async function startWorld(entryPointVersion: EntryPointVersion = '0.7') {
  const connection = await network.create({ network: 'simulated', chainType: 'op' })
  const publicClient = await connection.viem.getPublicClient()
  const testClient = await connection.viem.getTestClient()
  const [operator, governor, hospital, doctor, accessWriter] = await connection.viem.getWalletClients()
  if (!operator || !governor || !hospital || !doctor || !accessWriter) throw new TypeError('Too few accounts.')

  await testClient.setBalance({ address: create2DeployerSender, value: parseEther('0.01') })
  await publicClient.sendRawTransaction({ serializedTransaction: create2DeployerTransaction })
  await operator.sendTransaction({ to: create2DeployerAddress, data: entryPointDeployData(entryPointVersion) })
  const deployment = await deployContracts({
    publicClient,
    walletClient: operator,
    governor: governor.account.address,
    accessWriter: accessWriter.account.address,
    entryPointVersion,
  })

  const registry = { abi: consentLedgerAbi, address: deployment.consentLedger.address }
  const ledger = { abi: consentLedgerAbi, address: deployment.consentLedger.address }
  const factory = { abi: accountFactoryAbi, address: deployment.accountFactory.address }
  const sponsor = { abi: sponsorPaymasterAbi, address: deployment.sponsorPaymaster.address }
  const entryPoint = { abi: entryPointAbi, address: deployment.entryPoint.address }

  await governor.writeContract({ ...registry, functionName: 'verifyHospital', args: [hospital.account.address] })
  await hospital.writeContract({ ...registry, functionName: 'addDoctor', args: [doctor.account.address] })
  await operator.writeContract({ ...sponsor, functionName: 'deposit', value: parseEther('10') })

  let people = 0
  let requests = 0

  /** A patient whose hospital has registered her account's address; nothing is deployed for her. */
  async function addPatient() {
    const owner = nextOwner()
    const patient = await publicClient.readContract({
      ...factory,
      functionName: 'patientAccountAddress',
      args: [owner.address],
    })
    await hospital?.writeContract({ ...registry, functionName: 'addPatient', args: [patient] })
    return { owner, address: patient }
  }

  function nextOwner(): PrivateKeyAccount {
    people += 1
    return privateKeyToAccount(keccak256(toHex(`owner ${people}`)))
  }

  /** A request for 7 days, and the last midnight that it may be granted until. */
  async function newRequest(patient: Address, affiliationId: number) {
    requests += 1
    const { timestamp } = await publicClient.getBlock()
    const request = {
      patient,
      affiliationId,
      rights: 1,
      uses: 0,
      durationDays: 7,
      answerBy: Number(timestamp + daySeconds),
      scopeCommitment: keccak256(toHex(`scope ${requests}`)),
      replaces: zeroHash,
      lineHash: zeroHash,
      nextLink: zeroHash,
    }
    const requestId = await publicClient.readContract({ ...ledger, functionName: 'requestIdOf', args: [request] })
    // It takes no line of a card.
    const contentId = requestId
    return { request, requestId, contentId, until: Number((timestamp / daySeconds + 7n) * daySeconds) }
  }

  async function ask(patient: Address) {
    const asked = await newRequest(patient, 1)
    await doctor?.writeContract({ ...ledger, functionName: 'openRequest', args: [asked.request] })
    return asked
  }

  /** An operation with the next nonce of the consent lane, sponsored, deploying the account when it is not there. */
  async function prepare(
    { owner, address: sender }: { owner: PrivateKeyAccount; address: Address },
    callData: Hex,
    overrides: Partial<Operation> = {},
  ): Promise<Operation> {
    const code = await publicClient.getCode({ address: sender })
    const { timestamp } = await publicClient.getBlock()
    const nonce = await publicClient.readContract({
      ...entryPoint,
      functionName: 'getNonce',
      args: [sender, consentLane],
    })
    const deploying = {
      factory: factory.address,
      factoryData: encodeFunctionData({
        abi: accountFactoryAbi,
        functionName: 'createPatientAccount',
        args: [owner.address],
      }),
    }
    return sign(owner, {
      sender,
      nonce,
      callData,
      callGasLimit: 100_000n,
      verificationGasLimit: 250_000n,
      preVerificationGas: 30_000n,
      maxFeePerGas: 1_000_000_000n,
      maxPriorityFeePerGas: 0n,
      paymaster: sponsor.address,
      paymasterVerificationGasLimit: 60_000n,
      paymasterPostOpGasLimit: 0n,
      paymasterData: encodeSponsorDay(timestamp),
      signature: '0x',
      ...(code === undefined ? deploying : {}),
      ...overrides,
    })
  }

  async function sign(owner: PrivateKeyAccount, operation: Operation): Promise<Operation> {
    return {
      ...operation,
      signature: toCompactSignature(parseSignature(await owner.sign({ hash: hashOf(operation) }))),
    }
  }

  function hashOf(userOperation: Operation): Hex {
    return hashUserOperation(userOperation, deployment)
  }

  /** Bundles the operations into one handleOps, after simulating it as a bundler does. */
  async function handle(operations: readonly Operation[]) {
    if (operator === undefined) throw new TypeError('No operator.')
    const { request } = await publicClient.simulateContract({
      ...entryPoint,
      functionName: 'handleOps',
      args: [operations.map((operation) => toPackedUserOperation(operation)), operator.account.address],
      account: operator.account,
      gas: 15_000_000n,
    })
    const receipt = await publicClient.waitForTransactionReceipt({ hash: await operator.writeContract(request) })
    const events = parseEventLogs({ abi: entryPointAbi, logs: receipt.logs })
    return {
      gasUsed: receipt.gasUsed,
      successes: events.filter((event) => event.eventName === 'UserOperationEvent').map(({ args }) => args.success),
      reasons: events.filter((event) => event.eventName === 'UserOperationRevertReason').map(({ args }) => args),
      deployed: events.filter((event) => event.eventName === 'AccountDeployed').map(({ args }) => args.sender),
      logs: receipt.logs,
    }
  }

  /** What the entry point answers to a batch that must not pass. */
  async function refusalOf(operations: readonly Operation[]) {
    const error: unknown = await handle(operations).then(
      () => undefined,
      (thrown) => thrown,
    )
    if (!(error instanceof Error) || !('walk' in error) || typeof error.walk !== 'function') throw error
    const reverted: unknown = error.walk((cause: unknown) => cause instanceof ContractFunctionRevertedError)
    if (!(reverted instanceof ContractFunctionRevertedError)) throw error
    return { name: reverted.data?.errorName, args: reverted.data?.args }
  }

  async function canAccess(requestId: Hex): Promise<boolean> {
    if (doctor === undefined) throw new TypeError('No doctor.')
    return publicClient.readContract({
      ...ledger,
      functionName: 'canAccess',
      args: [requestId, doctor.account.address, 1],
    })
  }

  return {
    ...{ publicClient, testClient, operator, governor, hospital, doctor, accessWriter },
    walletOf: (address: Address) => connection.viem.getWalletClient(address),
    close: () => connection.close(),
    ...{ registry, ledger, factory, sponsor, entryPoint },
    ...{ addPatient, nextOwner, newRequest, ask, prepare, sign, hashOf, handle, refusalOf, canAccess },
  }
}

export function openGrant({ requestId, until }: { requestId: Hex; until: number }): Hex {
  return encodeFunctionData({
    abi: consentLedgerAbi,
    functionName: 'openGrant',
    args: [requestId, ledgerAnswerOf(slice(keccak256(toHex('artefact')), 0, 20), until)],
  })
}
