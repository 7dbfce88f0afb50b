import {
  type Abi,
  AbiErrorSignatureNotFoundError,
  BaseError,
  ContractFunctionRevertedError,
  decodeErrorResult,
  ExecutionRevertedError,
  encodeFunctionData,
  type LocalAccount,
  type PublicClient,
  parseEventLogs,
  type TransactionReceipt,
  type WalletClient,
} from 'viem'
import type { PasskeyPoint } from '../core/passkey.ts'
import type { Hex } from '../core/rows.ts'
import { consentLedgerAbi, doctorAccountAbi } from './contracts.generated.ts'
import { revertDataOf } from './revertData.ts'

/** A hospital's own key, which pays for its transactions; no server holds it. */
export type Office = { client: PublicClient; wallet: WalletClient; account: LocalAccount }

/**
 * The name of the error with which the contract would say no; `NoContract` and `OtherContract` where there is none, or another,
 * at the address. Nothing was sent.
 */
export type OfficeRefusal = { refused: string }

/** @returns the affiliation that its grants will name */
export async function addDoctor(
  office: Office,
  ledger: Hex,
  doctorAccount: Hex,
): Promise<{ affiliationId: number } | OfficeRefusal> {
  const call = { abi: consentLedgerAbi, functionName: 'addDoctor', args: [doctorAccount] } as const
  const sent = await send(office, ledger, consentLedgerAbi, encodeFunctionData(call))
  if ('refused' in sent) return sent
  const [added] = parseEventLogs({ abi: consentLedgerAbi, logs: sent.logs, eventName: 'DoctorAdded' })
  if (!added) throw new Error(`Transaction ${sent.transactionHash} added no doctor. Do: compare the ledger's address.`)
  return { affiliationId: added.args.affiliationId }
}

/** Ends the affiliation and all its grants, for ever. @returns the transaction, once a block holds it */
export function suspendDoctor(
  office: Office,
  ledger: Hex,
  affiliationId: number,
): Promise<{ hash: Hex } | OfficeRefusal> {
  const call = { abi: consentLedgerAbi, functionName: 'suspendDoctor', args: [affiliationId] } as const
  return sent(office, ledger, consentLedgerAbi, encodeFunctionData(call))
}

/** Adds a patient's account, or takes in one that is suspended, from whichever hospital she came. */
export function addPatient(office: Office, ledger: Hex, patientAccount: Hex): Promise<{ hash: Hex } | OfficeRefusal> {
  return toPatient(office, ledger, 'addPatient', patientAccount)
}

/** Nothing is asked of her and nobody looks until a hospital adds her again; what she takes away she takes away as before. */
export function suspendPatient(
  office: Office,
  ledger: Hex,
  patientAccount: Hex,
): Promise<{ hash: Hex } | OfficeRefusal> {
  return toPatient(office, ledger, 'suspendPatient', patientAccount)
}

function toPatient(office: Office, ledger: Hex, functionName: 'addPatient' | 'suspendPatient', account: Hex) {
  const call = { abi: consentLedgerAbi, functionName, args: [account] } as const
  return sent(office, ledger, consentLedgerAbi, encodeFunctionData(call))
}

/** Proposes a passkey in place of all that the account of a doctor of this hospital obeys; see contracts/IDoctorAccount.sol. */
export function proposePasskey(
  office: Office,
  doctorAccount: Hex,
  { affiliationId, passkey: { qx, qy } }: { affiliationId: number; passkey: PasskeyPoint },
): Promise<{ hash: Hex } | OfficeRefusal> {
  const call = { abi: doctorAccountAbi, functionName: 'proposeRotation', args: [affiliationId, qx, qy] } as const
  return sent(office, doctorAccount, doctorAccountAbi, encodeFunctionData(call))
}

/** Puts the proposed passkey in place, 72 hours after it was proposed. Anybody may. */
export function completeRotation(office: Office, doctorAccount: Hex): Promise<{ hash: Hex } | OfficeRefusal> {
  const call = { abi: doctorAccountAbi, functionName: 'completeRotation' } as const
  return sent(office, doctorAccount, doctorAccountAbi, encodeFunctionData(call))
}

async function sent(...call: Parameters<typeof send>): Promise<{ hash: Hex } | OfficeRefusal> {
  const receipt = await send(...call)
  return 'refused' in receipt ? receipt : { hash: receipt.transactionHash }
}

async function send(
  { client, wallet, account }: Office,
  to: Hex,
  abi: Abi,
  data: Hex,
): Promise<TransactionReceipt | OfficeRefusal> {
  // A transaction to nobody succeeds, and is paid for. An account is made by its first operation.
  if ((await client.getCode({ address: to })) === undefined) return { refused: 'NoContract' }
  try {
    await client.call({ account: account.address, to, data })
  } catch (error) {
    const revertData = revertDataOf(error)
    // A contract that has no such function says no without a word.
    if (revertData === null && hasReverted(error)) return { refused: 'OtherContract' }
    if (revertData === null) throw error
    return { refused: nameOf(abi, revertData) }
  }
  const hash = await wallet.sendTransaction({ account, chain: null, to, data })
  const receipt = await client.waitForTransactionReceipt({ hash })
  if (receipt.status !== 'success') throw new Error(`The transaction ${hash} failed. Do: run the same command again.`)
  return receipt
}

/** The error's name; an error that this contract does not have is another contract's. */
function nameOf(abi: Abi, data: Hex): string {
  try {
    return decodeErrorResult({ abi, data }).errorName
  } catch (error) {
    if (error instanceof AbiErrorSignatureNotFoundError) return 'OtherContract'
    throw error
  }
}

/** The contract was asked, and said no. */
export function hasReverted(error: unknown): boolean {
  return (
    error instanceof BaseError &&
    error.walk((cause) => cause instanceof ExecutionRevertedError || cause instanceof ContractFunctionRevertedError) !==
      null
  )
}
