import type { PublicClient } from 'viem'
import type { EpochMs } from '../core/people.ts'
import { isRevertedForGood, isUrgent, mostTogether } from '../core/userOperation.ts'
import { type Bundler, claimSigned, mayPassLater, type Refusal, type SignedRow } from './bundler.ts'
import { dropFailing, encodeHandleOps, handleOpsGas, splitByGas } from './handleOps.ts'
import type { Operators } from './operators.ts'

export type OwnBundlerParts = {
  client: PublicClient
  operators: Operators
  clock: () => EpochMs
  /** Gas that a transaction may ask for; default 16 M. */
  gasLimit?: bigint
}

/** Our own keys call `handleOps`, in as few transactions as their gas allows. */
export function ownBundler(parts: OwnBundlerParts): Bundler {
  return {
    complete: async (operation) => operation,
    async submit(signed) {
      const done = { sent: 0, refused: [] as Refusal[], postponed: [] as Refusal[] }
      const going: SignedRow[] = []
      for (const one of signed) {
        const { id, reverts, kind } = one.row
        if (isRevertedForGood(reverts, kind)) done.refused.push({ operationId: id, reason: 'handleOps reverted' })
        else going.push(one)
      }
      for (const bundle of splitByGas(going, parts.gasLimit, ({ row }) => mostTogether(row.reverts))) {
        const { sent, refused, postponed } = await sendBundle(parts, bundle)
        done.sent += sent
        done.refused.push(...refused)
        done.postponed.push(...postponed)
      }
      return done
    },
    // Each operation is in a transaction of ours, which its operator chases.
    chase: async () => [],
  }
}

async function sendBundle({ client, operators, clock }: OwnBundlerParts, bundle: readonly SignedRow[]) {
  const urgent = bundle.some(({ row }) => isUrgent(row.kind))
  const operator = await operators.pick(urgent)
  if (!operator) return { sent: 0, refused: [], postponed: [] }
  const { valid, failed } = await dropFailing(client, operator.to.handleOps, operator.address, bundle)
  const [refused, postponed]: [Refusal[], Refusal[]] = [[], []]
  for (const { one, reason } of failed)
    (mayPassLater(reason, one.row) ? postponed : refused).push({ operationId: one.row.id, reason })
  if (valid.length === 0) return { sent: 0, refused, postponed }
  const isSent = await operator.transact({
    kind: 'handleOps',
    data: encodeHandleOps(valid, operator.address),
    gas: handleOpsGas(valid),
    urgent,
    claim: (store, bundleId) => claimSigned(store, valid, bundleId, clock()),
  })
  return { sent: isSent ? valid.length : 0, refused, postponed }
}
