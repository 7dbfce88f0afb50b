import { type PublicClient, sliceHex, zeroAddress, zeroHash } from 'viem'
import type { LedgerHistory } from '../core/audit.ts'
import type { Hex } from '../core/rows.ts'
import { accountFactoryAbi, consentLedgerAbi, doctorAccountAbi } from './contracts.generated.ts'
import type { DoctorAccounts, HeldPasskey } from './lookEvidence.ts'

/** A clone's first passkey stands behind the 45 bytes of an ERC-1167 proxy. Source: contracts/LedgerAccount.sol. */
const passkeyOffset = 45

const always = Number.POSITIVE_INFINITY

/**
 * The doctors' accounts behind a ledger's requests, and every passkey that each of them ever obeyed: the first from its code,
 * the others from its own events. Which accounts passkeys own, the factory says that the ledger names.
 */
export async function readDoctorAccounts(
  client: PublicClient,
  history: Pick<LedgerHistory, 'ledger' | 'stored'> & { fromBlock: number; toBlock: number },
): Promise<DoctorAccounts> {
  const ledger = { address: history.ledger, abi: consentLedgerAbi } as const
  const factory = await client.readContract({ ...ledger, functionName: 'passkeyDoctors' })
  const accounts = new Map<number, { account: Hex; passkeys: HeldPasskey[] | null }>()
  for (const { affiliationId } of history.stored.values()) {
    if (accounts.has(affiliationId)) continue
    const [account] = await client.readContract({ ...ledger, functionName: 'affiliation', args: [affiliationId] })
    const call = { abi: accountFactoryAbi, address: factory, functionName: 'isPasskeyDoctor', args: [account] } as const
    const isOwned = factory !== zeroAddress && (await client.readContract(call))
    accounts.set(affiliationId, { account, passkeys: isOwned ? await passkeysOf(client, account, history) : null })
  }
  return accounts
}

async function passkeysOf(
  client: PublicClient,
  account: Hex,
  { fromBlock, toBlock }: { fromBlock: number; toBlock: number },
): Promise<HeldPasskey[]> {
  const code = (await client.getCode({ address: account })) ?? '0x'
  const [qx, qy] = [passkeyOffset, passkeyOffset + 32].map((at) => sliceHex(code, at, at + 32))
  if (!qx || !qy) throw new TypeError('The code of a clone ends with its first passkey.')
  const held: [HeldPasskey, HeldPasskey | null] = [{ qx, qy, from: 0, until: always }, null]
  const ended: HeldPasskey[] = []
  const logs = await client.getContractEvents({
    address: account,
    abi: doctorAccountAbi,
    fromBlock: BigInt(fromBlock),
    toBlock: BigInt(toBlock),
    strict: true,
  })
  for (const log of logs) {
    if (log.eventName !== 'SecondPasskeyChanged' && log.eventName !== 'RotationCompleted') continue
    const at = Number((await client.getBlock({ blockNumber: log.blockNumber })).timestamp)
    const next = log.args.qx === zeroHash ? null : { qx: log.args.qx, qy: log.args.qy, from: at, until: always }
    const [first, second] = held
    if (second) ended.push({ ...second, until: at })
    held[1] = log.eventName === 'SecondPasskeyChanged' ? next : null
    if (log.eventName !== 'RotationCompleted' || !next) continue
    ended.push({ ...first, until: at })
    held[0] = next
  }
  return [...ended, ...held.filter((passkey) => passkey !== null)]
}
