import { encodeFunctionData, type PublicClient } from 'viem'
import type { Hex } from '../core/rows.ts'
import { type SafeguardKind, safeguardNumberOf } from '../core/safeguards.ts'
import { consentLedgerAbi as abi } from './contracts.generated.ts'
import type { Deployment } from './deployments.ts'
import type { Operators } from './operators.ts'

/** Measured: 34k, after a fifth at most was given back for the words that it empties. */
const gas = 80_000n

export type ExecutionParts = { client: PublicClient; deployment: Deployment; operators: Operators }

/**
 * Sends the transaction that puts a loosening into force; anybody may, once its 72 hours are over. Row first, then the
 * transaction; a second try sends nothing.
 *
 * @returns `notWaiting` where the ledger has none that waits; `noOperator` while no key of ours can send
 */
export async function executeLoosening(
  { client, deployment, operators }: ExecutionParts,
  { changeId, patientAccount, safeguard }: { changeId: string; patientAccount: Hex; safeguard: SafeguardKind },
): Promise<'sent' | 'notWaiting' | 'noOperator'> {
  const args = [patientAccount, safeguardNumberOf(safeguard)] as const
  const { address } = deployment.consentLedger
  const { readyAt } = await client.readContract({ address, abi, functionName: 'loosening', args })
  if (readyAt === 0) return 'notWaiting'
  const operator = await operators.pick(false)
  if (!operator) return 'noOperator'
  await operator.transact({
    kind: 'executeLoosening',
    data: encodeFunctionData({ abi, functionName: 'executeLoosening', args }),
    gas,
    urgent: false,
    claim: (inside, transactionId) => inside.safeguards.claimExecution(changeId, transactionId),
  })
  return 'sent'
}
