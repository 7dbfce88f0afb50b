import { encodeFunctionData, zeroHash } from 'viem'
import type { Hex, SafeguardChangeRow } from '../core/rows.ts'
import { safeguardNumberOf } from '../core/safeguards.ts'
import type { SafeguardOperationKind } from '../core/userOperation.ts'
import { consentLedgerAbi as abi } from './contracts.generated.ts'

/**
 * The ledger call of an operation that is about no request: what a patient's account is called with.
 *
 * @param stretchedCode what a confirmation shows; null for the others
 */
export function encodeSafeguardCall(
  kind: SafeguardOperationKind,
  { id, safeguard, lineHash, nextLink, newCardTip }: SafeguardChangeRow,
  stretchedCode: Hex | null,
): Hex {
  const number = safeguardNumberOf(safeguard)
  switch (kind) {
    case 'freeze':
    case 'requireCode':
    case 'forbidEmergency':
      return encodeFunctionData({ abi, functionName: kind })
    case 'cancelLoosening':
      return encodeFunctionData({ abi, functionName: kind, args: [number] })
    case 'askLoosening':
      if (lineHash === null || nextLink === null) throw new TypeError(`Change ${id} has no line of a card to take.`)
      return encodeFunctionData({ abi, functionName: kind, args: [number, newCardTip ?? zeroHash, lineHash, nextLink] })
    case 'confirmLoosening':
      if (stretchedCode === null) throw new TypeError(`Change ${id} has no code to show.`)
      return encodeFunctionData({ abi, functionName: kind, args: [number, stretchedCode] })
  }
}
