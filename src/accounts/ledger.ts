import {
  BaseError,
  ContractFunctionRevertedError,
  ContractFunctionZeroDataError,
  getAbiItem,
  type Log,
  type PublicClient,
  parseAbi,
  parseEventLogs,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
} from 'viem'
import { rightBits } from '../core/classes.ts'
import type { Block, Ledger, LedgerEvent } from '../core/ledger.ts'
import type { Hex } from '../core/rows.ts'
import { type SafeguardNews, safeguardKindOf } from '../core/safeguards.ts'
import type { LoggedLook } from '../core/vault.ts'
import { consentLedgerAbi, entryPointAbi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'

const userOperationEvent = getAbiItem({ abi: entryPointAbi, name: 'UserOperationEvent' })

/** IConsentLedger.RequestState.Granted */
const grantedState = 4

const abi = [...consentLedgerAbi, ...entryPointAbi]

const erc1271Abi = parseAbi(['function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)'])
/** What a contract answers to a signature that it accepts. Source: ERC-1271. */
const erc1271Yes = '0x1626ba7e'

/** The chain as the house reads it: our ledger's events and the entry point's verdicts on our paymaster's operations. */
export function openLedger(client: PublicClient, deployment: Deployment): Ledger {
  const ledger = deployment.consentLedger.address
  const entryPoint = deployment.entryPoint.address
  const paymaster = deployment.sponsorPaymaster.address

  function decode(logs: TransactionReceipt['logs']): LedgerEvent[] {
    const ours = logs.filter((log) => isSame(log.address, ledger) || isSame(log.address, entryPoint))
    return parseEventLogs({ abi, logs: ours, strict: true }).flatMap((log): LedgerEvent[] => {
      const where = { blockNumber: Number(log.blockNumber), transactionHash: log.transactionHash }
      if (log.eventName === 'UserOperationEvent')
        return isSame(log.args.paymaster, paymaster)
          ? [{ ...where, kind: 'userOperation', hash: log.args.userOpHash, success: log.args.success }]
          : []
      if (!isSame(log.address, ledger)) return []
      switch (log.eventName) {
        case 'RequestOpened':
          return [{ ...where, kind: 'requestOpened', ledgerRequestId: log.args.requestId }]
        case 'RequestWithdrawn':
          return [{ ...where, kind: 'requestWithdrawn', ledgerRequestId: log.args.requestId }]
        case 'RequestRefused':
          return [{ ...where, kind: 'requestRefused', ledgerRequestId: log.args.requestId }]
        case 'GrantOpened':
          return [{ ...where, kind: 'grantOpened', ledgerRequestId: log.args.requestId, untilSeconds: log.args.until }]
        case 'EmergencyOpened': {
          const { requestId: ledgerRequestId, until: untilSeconds, patient: patientAccount } = log.args
          const { logIndex } = log
          return [{ ...where, kind: 'emergencyOpened', ledgerRequestId, untilSeconds, patientAccount, logIndex }]
        }
        case 'DoctorSuspended':
          return [{ ...where, kind: 'providersEnded', providers: { affiliationId: log.args.affiliationId } }]
        case 'HospitalSuspended':
          return [{ ...where, kind: 'providersEnded', providers: { hospital: log.args.hospital } }]
        case 'EmergencyDisputed':
          return [{ ...where, kind: 'emergencyDisputed', ledgerRequestId: log.args.requestId }]
        case 'EmergencyReviewed':
          return [{ ...where, kind: 'emergencyReviewed', ledgerRequestId: log.args.requestId }]
        case 'GrantRevoked':
        case 'GrantEndedByHospital':
        case 'GrantSuperseded':
          return [{ ...where, kind: 'grantRevoked', ledgerRequestId: log.args.requestId }]
        case 'AccessLogged':
          return [{ ...where, kind: 'accessLogged', ledgerRequestId: log.args.requestId, entryId: log.args.entryId }]
        // A look that reached the chain after the end counts there, and opens nothing here.
        case 'AccessLoggedLate':
        case 'AccessRefused':
          return [{ ...where, kind: 'accessRefused', ledgerRequestId: log.args.requestId, entryId: log.args.entryId }]
        default:
          return safeguardEvent(log)
      }
    })
  }

  async function receiptOf(hash: Hex): Promise<TransactionReceipt | null> {
    try {
      return await client.getTransactionReceipt({ hash })
    } catch (error) {
      if (error instanceof TransactionReceiptNotFoundError) return null
      throw error
    }
  }

  const canAccess: Ledger['canAccess'] = (ledgerRequestId, doctorAccount, right) =>
    client.readContract({
      address: ledger,
      abi: consentLedgerAbi,
      functionName: 'canAccess',
      args: [ledgerRequestId, doctorAccount, rightBits[right]],
    })

  const affiliation: Ledger['affiliation'] = async (affiliationId) => {
    const [doctor, hospital, active] = await client.readContract({
      abi: consentLedgerAbi,
      address: deployment.consentLedger.address,
      functionName: 'affiliation',
      args: [affiliationId],
    })
    return { doctor, hospital, active }
  }

  return {
    affiliation,
    async acceptsSignature(account, hash, signature) {
      if ((await client.getCode({ address: account })) === undefined) return false
      const call = { abi: erc1271Abi, address: account, functionName: 'isValidSignature' } as const
      try {
        return (await client.readContract({ ...call, args: [hash, signature] })) === erc1271Yes
      } catch (error) {
        if (isContractsNo(error)) return false
        throw error
      }
    },
    async head() {
      return toBlock(await client.getBlock({ blockTag: 'latest' }))
    },
    async settled() {
      const [safe, final] = await Promise.all([
        client.getBlock({ blockTag: 'safe' }),
        client.getBlock({ blockTag: 'finalized' }),
      ])
      return { safe: Number(safe.number), final: Number(final.number) }
    },
    async block(number) {
      return client.getBlock({ blockNumber: BigInt(number) }).then(toBlock, (error: Error) => {
        if (error.name === 'BlockNotFoundError') return null
        throw error
      })
    },
    async events(fromBlock, toBlock) {
      const range = { fromBlock: BigInt(fromBlock), toBlock: BigInt(toBlock) }
      // The entry point is everybody's: of its events only those of operations that our paymaster paid for are fetched.
      const [ours, verdicts] = await Promise.all([
        client.getLogs({ ...range, address: ledger }),
        client.getLogs({ ...range, address: entryPoint, event: userOperationEvent, args: { paymaster } }),
      ])
      return decode([...ours, ...verdicts].sort(byPlaceOnChain))
    },
    async receipt(hash) {
      const receipt = await receiptOf(hash)
      return receipt && { blockNumber: Number(receipt.blockNumber), success: receipt.status === 'success' }
    },
    async cardTip(patientAccount) {
      const call = { abi: consentLedgerAbi, address: ledger, functionName: 'safeguards' } as const
      return (await client.readContract({ ...call, args: [patientAccount] })).cardTip
    },
    canAccess,
    async stillStands({ ledgerRequestId }, doctorAccount, oneTime) {
      if (!oneTime) return canAccess(ledgerRequestId, doctorAccount, 'VIEW')
      // Used up by the very look that is being read: everything but the use is asked for.
      const request = { abi: consentLedgerAbi, address: ledger } as const
      const { state, until, affiliationId, patient } = await client.readContract({
        ...request,
        functionName: 'requestState',
        args: [ledgerRequestId],
      })
      const [{ doctor, active }, { frozenAt }, suspendedAt, { timestamp }] = await Promise.all([
        affiliation(affiliationId),
        client.readContract({ ...request, functionName: 'safeguards', args: [patient] }),
        client.readContract({ ...request, functionName: 'patientSuspendedAt', args: [patient] }),
        client.getBlock({ blockTag: 'latest' }),
      ])
      const isShared = frozenAt === 0 && suspendedAt === 0
      return state === grantedState && BigInt(until) > timestamp && active && isSame(doctor, doctorAccount) && isShared
    },
    async proveLogged(entryId, transactionHash) {
      const receipt = await receiptOf(transactionHash)
      if (!receipt) return null
      const event = decode(receipt.logs).find((found) => found.kind === 'accessLogged' && found.entryId === entryId)
      if (event?.kind !== 'accessLogged') return null
      const { ledgerRequestId, blockNumber } = event
      return { entryId, ledgerRequestId, blockNumber, transactionHash } as LoggedLook
    },
  }
}

type LedgerLog = ReturnType<typeof parseEventLogs<typeof abi, true>>[number]

function safeguardEvent(log: LedgerLog): LedgerEvent[] {
  const said = newsOf(log)
  if (!said) return []
  const { blockNumber, transactionHash, logIndex } = log
  return [{ kind: 'safeguards', blockNumber: Number(blockNumber), transactionHash, logIndex, ...said }]
}

function newsOf({ eventName, args }: LedgerLog): (SafeguardNews & { patientAccount: Hex }) | null {
  switch (eventName) {
    case 'PatientFrozen':
      return { patientAccount: args.patient, news: 'frozen' }
    case 'PatientSuspended':
      return { patientAccount: args.patient, news: 'suspended' }
    case 'PatientAdded':
      return { patientAccount: args.patient, news: 'added' }
    case 'EmergencyForbidden':
      return { patientAccount: args.patient, news: 'emergencyForbidden' }
    case 'CodeRequired':
      return { patientAccount: args.patient, news: 'codeRequired' }
    case 'LooseningAsked': {
      const safeguard = safeguardKindOf(args.kind)
      return { patientAccount: args.patient, news: 'looseningAsked', safeguard, lineHash: args.lineHash }
    }
    case 'LooseningScheduled': {
      const { patient: patientAccount, readyAt: readyAtSeconds, byRecovery } = args
      return {
        patientAccount,
        news: 'looseningScheduled',
        safeguard: safeguardKindOf(args.kind),
        newCardTip: BigInt(args.newCardTip) === 0n ? null : args.newCardTip,
        readyAtSeconds,
        byRecovery,
      }
    }
    case 'LooseningCancelled':
      return { patientAccount: args.patient, news: 'looseningCancelled', safeguard: safeguardKindOf(args.kind) }
    case 'LooseningExecuted':
      return { patientAccount: args.patient, news: 'looseningExecuted', safeguard: safeguardKindOf(args.kind) }
    default:
      return null
  }
}

/** A contract that reverts, or has no such function, has not agreed; a chain that is silent has not answered. */
function isContractsNo(error: unknown): boolean {
  const isNo = (cause: unknown) =>
    cause instanceof ContractFunctionRevertedError || cause instanceof ContractFunctionZeroDataError
  return error instanceof BaseError && error.walk(isNo) !== null
}

function byPlaceOnChain(a: Log<bigint, number, false>, b: Log<bigint, number, false>): number {
  return Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function toBlock(block: { number: bigint | null; hash: Hex | null; timestamp: bigint }): Block {
  return { number: Number(block.number), hash: block.hash ?? '0x', timestampSeconds: Number(block.timestamp) }
}
