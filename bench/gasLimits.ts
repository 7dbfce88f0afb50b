import { keccak256, toHex } from 'viem'
import { ledgerEmergencyIdOf } from '../src/accounts/ledgerRequest.ts'
import type { SignedUserOperation } from '../src/accounts/userOperation.ts'
import type { UserOperationKind } from '../src/core/userOperation.ts'
import type { GasPeople } from './gas.ts'
import {
  emergencyCall,
  type GasWorld,
  grantCall,
  type Holder,
  type Operation,
  openRequestCall,
  requestCall,
} from './gasWorld.ts'
import { type Row, toRow } from './row.ts'

/** A limit is what was measured and a third on top: closer and a small change fails, wider and the call's rest is penalised. */
const shareOfLimit = 3 / 4
/** Limits are found to this much gas. */
const gasStep = 20n

type LimitName = 'verificationGasLimit' | 'paymasterVerificationGasLimit' | 'callGasLimit'
type Need = { needed: number; limit: number }

/**
 * The gas that operations need at most, each beside the limit they ask for: the least limit with which the operation still
 * succeeds, alone in its bundle, where all storage is cold.
 */
export async function measureLimits(world: GasWorld, people: GasPeople): Promise<Row[]> {
  const { clinician, askAs } = people
  const newcomer = await world.holder('newcomer', 'patientAccountAddress')
  await world.addPatients([newcomer.address])
  const { asked } = await askAs(0, [newcomer, newcomer, newcomer])
  const [toGrant, toRefuse, toRemove] = asked
  if (!toGrant || !toRefuse || !toRemove) throw new Error('The requests were not opened.')

  const making = { kind: 'openGrant', signer: newcomer, callData: grantCall(toGrant) } as const
  const made = await leastLimit(world, making, 'verificationGasLimit')
  // The first operation of an account takes a new word of the sponsor's budget.
  const sponsored = await leastLimit(world, making, 'paymasterVerificationGasLimit')
  await world.bundle([making])
  const removing = { kind: 'revokeGrant', signer: newcomer, callData: requestCall('revokeGrant', toGrant) } as const
  // The first of a nonce lane takes a new word as well.
  const verified = await leastLimit(world, removing, 'verificationGasLimit')

  const { request } = world.newRequest(newcomer, clinician.affiliation)
  const asking = { kind: 'openRequest', signer: clinician, callData: openRequestCall(request) } as const
  const calls: Operation[] = [
    asking,
    { kind: 'openGrant', signer: newcomer, callData: grantCall(toRemove) },
    { kind: 'refuseRequest', signer: newcomer, callData: requestCall('refuseRequest', toRefuse) },
    removing,
  ]
  const needs: [UserOperationKind, Need][] = []
  for (const call of calls) needs.push([call.kind, await leastLimit(world, call, 'callGasLimit')])
  needs.push(['withdrawRequest', await withdrawalNeed(world, asking)])
  await world.allowEmergencies(newcomer.address)
  const emergency = {
    patient: newcomer.address,
    affiliationId: clinician.affiliation,
    reasonCommitment: keccak256(toHex('bench reason')),
  }
  const opening = { kind: 'openEmergency', signer: clinician, callData: emergencyCall(emergency) } as const
  needs.push(['openEmergency', await leastLimit(world, opening, 'callGasLimit')])
  await world.bundle([opening])
  const requestId = ledgerEmergencyIdOf(world.deployment.chainId, world.ledger, emergency)
  const callData = requestCall('disputeEmergency', { requestId })
  const disputing = { kind: 'disputeEmergency', signer: newcomer, callData } as const
  needs.push(['disputeEmergency', await leastLimit(world, disputing, 'callGasLimit')])
  return [
    limitRow('Verification', verified),
    limitRow('Verification that makes the account', made),
    limitRow("Sponsor's verification", sponsored),
    ...needs.map(([kind, need]) => limitRow(`Call ${kind}`, need)),
  ]

  async function withdrawalNeed(inside: GasWorld, opening: Operation & { signer: Holder }): Promise<Need> {
    const toWithdraw = inside.newRequest(newcomer, clinician.affiliation)
    await inside.bundle([{ ...opening, callData: openRequestCall(toWithdraw.request) }])
    const callData = requestCall('withdrawRequest', toWithdraw)
    return leastLimit(inside, { kind: 'withdrawRequest', signer: clinician, callData }, 'callGasLimit')
  }
}

/** @returns the least limit with which the operation still succeeds, beside the one it asks for */
export async function leastLimit(world: GasWorld, operation: Operation, name: LimitName): Promise<Need> {
  const asked: SignedUserOperation = await world.sign(operation)
  const limit = asked[name] ?? 0n
  // Found from above where the limit asked for is itself too low.
  let enough = limit
  while (!(await world.wouldSucceed(operation, { [name]: enough }))) {
    enough *= 2n
    if (enough > 16n * limit) throw new Error(`${operation.kind} fails for another reason than its ${name}.`)
  }
  let tooLittle = 0n
  while (enough - tooLittle > gasStep) {
    const middle = (enough + tooLittle) / 2n
    if (await world.wouldSucceed(operation, { [name]: middle })) enough = middle
    else tooLittle = middle
  }
  return { needed: Number(enough), limit: Number(limit) }
}

export function limitRow(what: string, { needed, limit }: Need): Row {
  return toRow({
    metric: `${what}: gas needed at most`,
    unit: 'gas',
    ours: needed,
    peer: limit,
    peerName: 'limit asked for',
    atMost: limit * shareOfLimit,
  })
}
