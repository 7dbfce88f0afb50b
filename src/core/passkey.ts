import type { EpochMs } from './people.ts'
import type {
  ConsentRequestRow,
  Hex,
  PasskeyAccountRow,
  PasskeyRow,
  UnsignedOperationRow,
  UserOperationRow,
} from './rows.ts'
import type { PasskeyOperationKind } from './userOperation.ts'

/** A point of the curve P-256: the public half of a passkey, as the chain holds it. */
export type PasskeyPoint = { qx: Hex; qy: Hex }

/** The passkeys that an account obeys, and the one that its hospital proposes in place of both. */
export type HeldPasskeys = {
  first: PasskeyPoint
  second: PasskeyPoint | null
  /** @property readyAt from then on anybody can put it in place */
  proposed: (PasskeyPoint & { readyAt: EpochMs }) | null
}

/** How the account's signatures name a passkey: 0 the first, 1 the second. @returns null for one that it does not obey */
export function slotOf({ first, second }: HeldPasskeys, passkey: PasskeyPoint): 0 | 1 | null {
  if (isSamePoint(first, passkey)) return 0
  return second !== null && isSamePoint(second, passkey) ? 1 : null
}

export function isSamePoint(one: PasskeyPoint, other: PasskeyPoint): boolean {
  return one.qx === other.qx && one.qy === other.qy
}

export type Passkey = PasskeyPoint & {
  /** The credential's own name for itself, base64url. */
  credentialId: string
  /** The last one seen: an authenticator that counts its signatures must not go back. Zero where it does not count. */
  signCount: number
}

/** A verified signature: what the account's contract verifies again on chain. */
export type PasskeySignature = {
  /** OpenZeppelin's WebAuthnAuth, fields without the tuple's own offset; s in the lower half of the curve's order. */
  encoded: Hex
  signCount: number
}

/**
 * Checks what authenticators answer through the browser, as JSON: that it was made on a page of ours (origin, rpId) for our
 * challenge, that the authenticator verified the person, and that an ES256 key signed. A no is null, whatever the reason.
 */
export type PasskeyCheck = {
  /** The site that credentials belong to: the host of the portal's address. */
  rpId: string
  /** @param challenge the 32 bytes that the page was given */
  verifyNew(answer: string, challenge: Hex): Promise<Passkey | null>
  /** The credential that an answer says it comes from: by it the key is found that must have signed. */
  credentialOf(answer: string): string | null
  /** @param challenge the 32 bytes that were to be signed */
  verify(answer: string, challenge: Hex, passkey: Passkey): Promise<PasskeySignature | null>
}

/** What an account of passkeys is asked to sign, kept as text until it is signed; we never sign or change it. */
export type PasskeyOperations = {
  /** Where the account of a first passkey is, or will be. */
  accountOf(passkey: PasskeyPoint): Promise<Hex>
  /** Asks the chain; of an account that is not there yet, its first passkey alone. */
  held(account: AccountOfPasskeys): Promise<HeldPasskeys>
  prepare(asked: OperationToSign): Promise<{ operation: string; hash: Hex }>
  /** True while the chain would still take it: the next nonce, today's budget of the sponsor, a fee that suffices. */
  isCurrent(operation: string, open: readonly UserOperationRow[]): Promise<boolean>
  /** The signed operation as its row keeps it. */
  sign(operation: string, slot: 0 | 1, signature: PasskeySignature): string
}

export type AccountOfPasskeys = Pick<PasskeyAccountRow, 'account' | 'qx' | 'qy'>

/** What an operation that waits for a doctor's signature is about. */
export type ToSign =
  | { kind: RequestKindToSign; request: ConsentRequestRow; patientAccount: Hex }
  /** @property passkey that shall sign too; null where no second one shall */
  | { kind: 'setSecondPasskey'; passkey: PasskeyRow | null }
  | { kind: 'vetoRotation' }

export type RequestKindToSign = Exclude<UnsignedOperationRow['kind'], PasskeyOperationKind>

export type OperationToSign = {
  account: AccountOfPasskeys
  /** The account's operations that are not in a block yet: this one follows them. */
  open: readonly UserOperationRow[]
} & ToSign
