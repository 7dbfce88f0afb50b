import { encodeFunctionData, type PublicClient, zeroHash } from 'viem'
import type { AccountOfPasskeys, HeldPasskeys, PasskeyPoint } from '../core/passkey.ts'
import type { EpochMs } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'
import { doctorAccountAbi as abi } from './contracts.generated.ts'

/** What the doctor signs: her account is called with it. @param passkey null lets no second one sign any more */
export function encodeSecondPasskey(passkey: PasskeyPoint | null): Hex {
  const { qx, qy } = passkey ?? { qx: zeroHash, qy: zeroHash }
  return encodeFunctionData({ abi, functionName: 'setSecondPasskey', args: [qx, qy] })
}

/** Her no to the passkey that her hospital proposes. */
export function encodeVeto(): Hex {
  return encodeFunctionData({ abi, functionName: 'vetoRotation' })
}

/** The passkeys that an account obeys: the chain says so, and before it is made, the one that it is made for. */
export async function readHeldPasskeys(client: PublicClient, made: AccountOfPasskeys): Promise<HeldPasskeys> {
  if ((await client.getCode({ address: made.account })) === undefined)
    return { first: { qx: made.qx, qy: made.qy }, second: null, proposed: null }
  const account = { address: made.account, abi } as const
  const [first, second, [, readyAt, qx, qy]] = await Promise.all([
    client.readContract({ ...account, functionName: 'passkey', args: [0] }),
    client.readContract({ ...account, functionName: 'passkey', args: [1] }),
    client.readContract({ ...account, functionName: 'pendingRotation' }),
  ])
  return {
    first: { qx: first[0], qy: first[1] },
    second: second[0] === zeroHash ? null : { qx: second[0], qy: second[1] },
    proposed: readyAt === 0 ? null : { qx, qy, readyAt: (readyAt * 1000) as EpochMs },
  }
}
