import { parseEventLogs } from 'viem'
import type { World } from '../../local/world.ts'
import { consentLedgerAbi, entryPointAbi } from '../../src/accounts/contracts.generated.ts'

type Place = Pick<World, 'chainClient' | 'deployment'>

/** Everything the consent ledger ever wrote, read from the chain itself. */
export async function ledgerEvents({ chainClient, deployment }: Place) {
  const logs = await chainClient.getLogs({ address: deployment.consentLedger.address, fromBlock: 0n })
  return parseEventLogs({ abi: consentLedgerAbi, logs, strict: true })
}

/** The ledger's events as they stand on chain: topics and data. */
export async function rawLedgerEvents({ chainClient, deployment }: Place): Promise<string> {
  const logs = await chainClient.getLogs({ address: deployment.consentLedger.address, fromBlock: 0n })
  return logs.map(({ topics, data }) => topics.join('') + data).join('\n')
}

/** What putting the village up writes, before anybody asks anything. */
const setUp: ReadonlySet<string> = new Set([
  'OwnershipTransferred',
  'PasskeyDoctorsNamed',
  'HospitalVerified',
  'DoctorAdded',
  'PatientAdded',
])

/** How often each event of the ledger stands on chain, those of one request or all but the village's own. */
export async function countEvents(place: Place, requestId?: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { eventName, args } of await ledgerEvents(place)) {
    const isAsked = requestId === undefined || ('requestId' in args && args.requestId === requestId)
    if (isAsked && !setUp.has(eventName)) counts[eventName] = (counts[eventName] ?? 0) + 1
  }
  return counts
}

/** The entry point's verdicts on the user operations of one account, or of all that our paymaster paid for. */
export async function userOperations({ chainClient, deployment }: Place, sender?: string) {
  const logs = await chainClient.getLogs({ address: deployment.entryPoint.address, fromBlock: 0n })
  const events = parseEventLogs({ abi: entryPointAbi, logs, eventName: 'UserOperationEvent', strict: true })
  const paymaster = deployment.sponsorPaymaster.address.toLowerCase()
  return events.filter(
    ({ args }) =>
      args.paymaster.toLowerCase() === paymaster &&
      (sender === undefined || args.sender.toLowerCase() === sender.toLowerCase()),
  )
}

/** Transactions that a node has taken and no block holds yet. */
export async function countPending({ chainClient }: Pick<World, 'chainClient'>): Promise<number> {
  const status = (await chainClient.request({ method: 'txpool_status' } as never)) as { pending: string }
  return Number(status.pending)
}
