import { BaseError, ContractFunctionRevertedError } from 'viem'
import type { Hex } from '../core/rows.ts'

/** What a contract reverted with, or null where a call failed for another reason. */
export function revertDataOf(error: unknown): Hex | null {
  if (!(error instanceof BaseError)) return null
  const found = error.walk((cause) => typeof (cause as { data?: unknown }).data === 'string') as { data?: Hex } | null
  if (found?.data && found.data !== '0x') return found.data
  const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError)
  return reverted instanceof ContractFunctionRevertedError ? (reverted.raw ?? null) : null
}
