import { encodeFunctionData, zeroHash } from 'viem'
import type { PasskeyPoint } from '../core/passkey.ts'
import type { Hex } from '../core/rows.ts'
import { doctorAccountAbi } from './contracts.generated.ts'

/**
 * How the passkeys of a doctor's account change. The doctor signs for her second passkey and for a veto: operations of the
 * account. Her hospital proposes new ones in its own transaction; after 72 hours without a veto anybody puts them in place.
 */
export type PasskeyChange =
  | { by: 'doctor'; what: 'setSecondPasskey'; passkey: PasskeyPoint | null }
  | { by: 'doctor'; what: 'vetoRotation' }
  | { by: 'hospital'; what: 'proposeRotation'; affiliationId: number; passkey: PasskeyPoint }
  | { by: 'anybody'; what: 'completeRotation' }

/** What the account is called with: as the call data of an operation, or of a transaction to it. */
export function encodePasskeyChange(change: PasskeyChange): Hex {
  const abi = doctorAccountAbi
  switch (change.what) {
    case 'setSecondPasskey': {
      const { qx, qy } = change.passkey ?? { qx: zeroHash, qy: zeroHash }
      return encodeFunctionData({ abi, functionName: change.what, args: [qx, qy] })
    }
    case 'proposeRotation': {
      const { qx, qy } = change.passkey
      return encodeFunctionData({ abi, functionName: change.what, args: [change.affiliationId, qx, qy] })
    }
    case 'vetoRotation':
    case 'completeRotation':
      return encodeFunctionData({ abi, functionName: change.what })
  }
}
