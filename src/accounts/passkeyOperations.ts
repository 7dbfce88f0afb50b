import { getAccountNonce } from 'permissionless/actions'
import type { PublicClient } from 'viem'
import type { OperationToSign, PasskeyOperations } from '../core/passkey.ts'
import type { Hex, UserOperationRow } from '../core/rows.ts'
import { offeredFees } from './bundle.ts'
import { accountFactoryAbi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'
import type { Fees } from './fees.ts'
import { encodeLedgerCall } from './ledgerRequest.ts'
import { encodePasskeySignature } from './passkey.ts'
import { encodeSecondPasskey, encodeVeto, readHeldPasskeys } from './passkeyChanges.ts'
import {
  encodeSponsorDay,
  hashUserOperation,
  prepareUserOperation,
  readUserOperation,
  writeUserOperation,
} from './userOperation.ts'

/** Prepares what doctors' passkeys sign, and puts the signature to it. */
export function openPasskeyOperations({ client, deployment }: PasskeyOperationParts): PasskeyOperations {
  return {
    accountOf: ({ qx, qy }) =>
      client.readContract({
        address: deployment.accountFactory.address,
        abi: accountFactoryAbi,
        functionName: 'passkeyDoctorAccountAddress',
        args: [qx, qy],
      }),
    held: (account) => readHeldPasskeys(client, account),
    async prepare(asked) {
      const { kind, account, open } = asked
      const operation = await prepareUserOperation(client, deployment, {
        kind,
        sender: account.account,
        owner: account,
        callData: callOf(asked),
        fees: await offered(),
      })
      operation.nonce = nonceAfter(operation.nonce, open)
      // An operation before it makes the account: made a second time, the entry point would refuse it.
      if (open.length > 0) {
        delete operation.factory
        delete operation.factoryData
      }
      return { operation: writeUserOperation(operation), hash: hashUserOperation(operation, deployment) }
    },
    async isCurrent(text, open) {
      const operation = readUserOperation(text)
      const [code, { timestamp }, nonce, fees] = await Promise.all([
        client.getCode({ address: operation.sender }),
        client.getBlock({ blockTag: 'latest' }),
        getNonce(operation.sender, operation.nonce >> 64n),
        offered(),
      ])
      return (
        operation.nonce === nonceAfter(nonce, open) &&
        (code === undefined && open.length === 0) === (operation.factory !== undefined) &&
        operation.paymasterData === encodeSponsorDay(timestamp) &&
        // Twice the base fee is offered: half of what would be offered now still pays for it.
        operation.maxFeePerGas * 2n >= fees.maxFeePerGas
      )
    },
    sign: (text, slot, signature) =>
      writeUserOperation({ ...readUserOperation(text), signature: encodePasskeySignature(slot, signature) }),
  }

  function callOf(asked: OperationToSign): Hex {
    if (asked.kind === 'setSecondPasskey') return encodeSecondPasskey(asked.passkey)
    if (asked.kind === 'vetoRotation') return encodeVeto()
    const { kind, request, patientAccount } = asked
    const { affiliationId } = request
    const { chainId, consentLedger } = deployment
    const parties = { patientAccount, affiliationId, chainId, ledger: consentLedger.address, stretchedCode: null }
    return encodeLedgerCall(kind, request, parties)
  }

  async function offered(): Promise<Fees> {
    const { maxFeePerGas, maxPriorityFeePerGas } = await offeredFees({ client, deployment })
    return { maxFeePerGas, maxPriorityFeePerGas }
  }

  function getNonce(address: Hex, key: bigint): Promise<bigint> {
    return getAccountNonce(client, { address, entryPointAddress: deployment.entryPoint.address, key })
  }
}

export type PasskeyOperationParts = {
  client: PublicClient
  deployment: Deployment
}

/** The nonce behind the account's operations that wait for a block; of one lane, since passkeys sign in one only. */
function nonceAfter(onChain: bigint, open: readonly UserOperationRow[]): bigint {
  let next = onChain
  for (const { signed } of open) {
    if (signed === null) continue
    const { nonce } = readUserOperation(signed)
    if (nonce >= next) next = nonce + 1n
  }
  return next
}
