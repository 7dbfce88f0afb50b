import { getAccountNonce } from 'permissionless/actions'
import {
  concatHex,
  encodeFunctionData,
  type PublicClient,
  type Signature,
  serializeCompactSignature,
  signatureToCompactSignature,
  toHex,
} from 'viem'
import {
  formatUserOperation,
  formatUserOperationRequest,
  getUserOperationHash,
  toPackedUserOperation,
  type UserOperation,
} from 'viem/account-abstraction'
import type { PasskeyPoint } from '../core/passkey.ts'
import type { Hex } from '../core/rows.ts'
import { laneOf, type UserOperationKind } from '../core/userOperation.ts'
import { accountFactoryAbi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'

export type SignedUserOperation = UserOperation<'0.7'>
export type PackedUserOperation = ReturnType<typeof toPackedUserOperation>

/**
 * Gas limits an operation asks for: measured maxima with a third on top; `bin/bench gas` prints the measured ones.
 *
 * Close, because EntryPoint v0.7 charges a tenth of all call gas that is left, limits fill the bundle, and the sponsor's daily
 * budget is charged with them.
 */
const gas = {
  verification: 52_000n,
  /** With the P-256 precompile, which every OP-stack chain has; a longer origin or a dearer precompile fits the third on top. */
  passkeyVerification: 62_000n,
  deployment: 80_000n,
  paymasterVerification: 61_000n,
  preVerification: 50_000n,
  call: {
    openRequest: 130_000n,
    withdrawRequest: 16_000n,
    openGrant: 25_000n,
    openGrantWithCode: 28_000n,
    refuseRequest: 17_000n,
    revokeGrant: 17_000n,
    /** With some 7,000 for the question whether a passkey owns the account, which the local chain does not ask. */
    openEmergency: 122_000n,
    disputeEmergency: 17_000n,
    /** With eight requests open, the most there can be. */
    freeze: 138_000n,
    requireCode: 34_000n,
    forbidEmergency: 31_000n,
    cancelLoosening: 23_000n,
    /** For a new card, whose tip is one word more. */
    askLoosening: 89_000n,
    confirmLoosening: 61_000n,
    setSecondPasskey: 66_000n,
    vetoRotation: 26_000n,
  },
} as const satisfies { call: Record<UserOperationKind, bigint>; [limit: string]: unknown }

/** What an operation's gas limits sum to at most; the bundle is cut by it. */
export function gasLimitOf(operation: SignedUserOperation): bigint {
  return (
    operation.verificationGasLimit +
    operation.callGasLimit +
    operation.preVerificationGas +
    (operation.paymasterVerificationGasLimit ?? 0n) +
    (operation.paymasterPostOpGasLimit ?? 0n)
  )
}

/** An unsigned operation of an account whose clone is made by the operation itself where it is not there yet. */
export async function prepareUserOperation(
  client: PublicClient,
  deployment: Deployment,
  { kind, sender, owner, callData, fees }: OperationParts,
): Promise<SignedUserOperation> {
  const [nonce, code, { timestamp }] = await Promise.all([
    getAccountNonce(client, {
      address: sender,
      entryPointAddress: deployment.entryPoint.address,
      key: nonceKeyOf(laneOf(kind)),
    }),
    client.getCode({ address: sender }),
    client.getBlock({ blockTag: 'latest' }),
  ])
  const factory =
    code === undefined
      ? { factory: deployment.accountFactory.address, factoryData: encodeAccountCreation(kind, owner) }
      : {}
  const verification = typeof owner === 'string' ? gas.verification : gas.passkeyVerification
  return {
    sender,
    nonce,
    ...factory,
    callData,
    callGasLimit: gas.call[kind],
    verificationGasLimit: verification + (code === undefined ? gas.deployment : 0n),
    preVerificationGas: gas.preVerification,
    ...fees,
    paymaster: deployment.sponsorPaymaster.address,
    paymasterVerificationGasLimit: gas.paymasterVerification,
    paymasterPostOpGasLimit: 0n,
    paymasterData: encodeSponsorDay(timestamp),
    signature: '0x',
  }
}

/**
 * The entry point's key, 24 bytes, of a nonce lane: its number, and 240, in the first of them, as PatientAccount asks.
 *
 * There it stands right behind the sender, and FastLZ takes the zeros after it and the rest of the nonce in one match: from
 * the operation before, since no count of operations comes to look like it.
 */
export function nonceKeyOf(lane: number): bigint {
  return BigInt(240 + lane) << 184n
}

export type OperationParts = {
  kind: UserOperationKind
  sender: Hex
  /** What the account's clone is made for: the address of its key, or its first passkey. */
  owner: Hex | PasskeyPoint
  callData: Hex
  fees: { maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }
}

function encodeAccountCreation(kind: UserOperationKind, owner: Hex | PasskeyPoint): Hex {
  const abi = accountFactoryAbi
  if (typeof owner !== 'string')
    return encodeFunctionData({ abi, functionName: 'createPasskeyDoctorAccount', args: [owner.qx, owner.qy] })
  const isDoctors = kind === 'openRequest' || kind === 'withdrawRequest' || kind === 'openEmergency'
  const functionName = isDoctors ? 'createDoctorAccount' : 'createPatientAccount'
  return encodeFunctionData({ abi, functionName, args: [owner] })
}

/**
 * The day an operation belongs to, as the sponsor's budget counts it: three bytes of days since 1970.
 *
 * @param timestamp of the chain's newest block, Unix seconds: the chain's clock decides, not ours
 */
export function encodeSponsorDay(timestamp: bigint): Hex {
  return toHex(timestamp / 86_400n, { size: 3 })
}

/** Unix seconds of the last block that can take an operation: its sponsor's day, and ten minutes of grace. Source: SponsorPaymaster. */
export function lastSecondOf({ paymasterData }: SignedUserOperation): bigint {
  return (BigInt(paymasterData ?? '0x0') + 1n) * 86_400n - 1n + 600n
}

/** The hash that the account's owner signs, over chain, entry point and everything but the signature: by EIP-712 on v0.8. */
export function hashUserOperation(operation: SignedUserOperation, deployment: Deployment): Hex {
  return getUserOperationHash({
    chainId: deployment.chainId,
    entryPointAddress: deployment.entryPoint.address,
    entryPointVersion: deployment.entryPoint.version,
    userOperation: operation,
  })
}

/** A key's signature as our accounts take it: 64 bytes, one word less in every operation. Source: ERC-2098. */
export function toCompactSignature(signature: Signature): Hex {
  return serializeCompactSignature(signatureToCompactSignature(signature))
}

/** As a row keeps it: the JSON that ERC-4337's JSON-RPC methods take. */
export function writeUserOperation(operation: SignedUserOperation): string {
  return JSON.stringify(formatUserOperationRequest(operation))
}

export function readUserOperation(text: string): SignedUserOperation {
  return formatUserOperation(JSON.parse(text)) as SignedUserOperation
}

/** As the entry point takes it. */
export function packUserOperation(operation: SignedUserOperation): PackedUserOperation {
  const packed = toPackedUserOperation(operation)
  // An account made by an earlier operation of the same row needs no factory; keep the field a hex string either way.
  return { ...packed, initCode: packed.initCode === '0x' ? '0x' : concatHex([packed.initCode]) }
}
