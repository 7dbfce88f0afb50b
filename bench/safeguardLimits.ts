import { encodeFunctionData, zeroHash } from 'viem'
import { consentLedgerAbi as abi } from '../src/accounts/contracts.generated.ts'
import { type SafeguardKind, safeguardNumberOf } from '../src/core/safeguards.ts'
import { leastLimit, limitRow } from './gasLimits.ts'
import { type GasWorld, type Holder, type Operation, type Patient, startGasWorld } from './gasWorld.ts'
import type { Row } from './row.ts'

const looseningDelay = 72 * 3600
/** Most requests of a patient that are open at once, and most of one doctor. Source: ConsentLedger. */
const openRequests = { ofPatient: 8, ofDoctor: 3 }

type Guarded = Holder & Required<Patient>

/** The gas that a patient's own safeguards need at most: each tightening while the loosening waits that it cancels. */
export async function measureSafeguardLimits(): Promise<Row[]> {
  await using world = await startGasWorld()
  return [...(await freezeLimit(world)), ...(await otherLimits(world))]
}

/** A freeze removes each open request. */
async function freezeLimit(world: GasWorld): Promise<Row[]> {
  const patient = await world.holder('freezing', 'patientAccountAddress')
  await world.addPatients([patient.address])
  for (let asked = 0; asked < openRequests.ofPatient; asked += openRequests.ofDoctor) {
    const doctor = await world.fundedKey(`doctor after ${asked}`)
    const [affiliation = 0] = await world.addDoctors([doctor.address])
    const count = Math.min(openRequests.ofDoctor, openRequests.ofPatient - asked)
    await world.ask(doctor, affiliation, Array<Holder>(count).fill(patient))
  }
  const [guarded] = await world.issueCards([patient])
  if (!guarded) throw new Error('The card was not issued.')
  await world.bundle([ask(guarded, 'unfreeze')])
  await world.bundle([confirm(guarded, 'unfreeze')])
  return [await limitOf(world, { kind: 'freeze', signer: guarded, callData: call('freeze') })]
}

async function otherLimits(world: GasWorld): Promise<Row[]> {
  const patient = await world.holder('guarded', 'patientAccountAddress')
  await world.addPatients([patient.address])
  const [guarded] = await world.issueCards([patient])
  if (!guarded) throw new Error('The card was not issued.')

  // A card's replacement keeps one word more.
  const asking = ask(guarded, 'replaceCard')
  const rows = [await limitOf(world, asking)]
  guarded.card.lines.unshift(asking.line)
  await world.bundle([ask(guarded, 'allowEmergency')])
  const confirming = confirm(guarded, 'allowEmergency')
  rows.push(await limitOf(world, confirming))
  await world.bundle([confirming])
  await execute(world, guarded, 'allowEmergency')
  for (const [safeguard, kind] of [
    ['allowEmergency', 'forbidEmergency'],
    ['lowerAssurance', 'requireCode'],
  ] as const) {
    await world.bundle([ask(guarded, safeguard)])
    await world.bundle([confirm(guarded, safeguard)])
    if (safeguard === 'lowerAssurance') {
      await execute(world, guarded, safeguard)
      await world.bundle([ask(guarded, safeguard)])
      await world.bundle([confirm(guarded, safeguard)])
    }
    rows.push(await limitOf(world, { kind, signer: guarded, callData: call(kind) }))
  }
  const args = [safeguardNumberOf('lowerAssurance')] as const
  const callData = encodeFunctionData({ abi, functionName: 'cancelLoosening', args })
  return [...rows, await limitOf(world, { kind: 'cancelLoosening', signer: guarded, callData })]
}

async function limitOf(world: GasWorld, operation: Operation): Promise<Row> {
  return limitRow(`Call ${operation.kind}`, await leastLimit(world, operation, 'callGasLimit'))
}

const call = (functionName: 'freeze' | 'requireCode' | 'forbidEmergency') => encodeFunctionData({ abi, functionName })

const shown = new Map<string, `0x${string}`>()

/** Takes the card's next line, whose code the next {@link confirm} shows. */
function ask(signer: Guarded, safeguard: SafeguardKind): Operation & { line: Guarded['card']['lines'][number] } {
  const line = signer.card.lines.shift()
  if (!line) throw new RangeError('A card has no line left.')
  shown.set(signer.address, line.code)
  const newCardTip = safeguard === 'replaceCard' ? line.lineHash : zeroHash
  const args = [safeguardNumberOf(safeguard), newCardTip, line.lineHash, line.nextLink] as const
  const callData = encodeFunctionData({ abi, functionName: 'askLoosening', args })
  return { kind: 'askLoosening', signer, callData, line }
}

function confirm(signer: Guarded, safeguard: SafeguardKind): Operation {
  const args = [safeguardNumberOf(safeguard), shown.get(signer.address) ?? zeroHash] as const
  return {
    kind: 'confirmLoosening',
    signer,
    callData: encodeFunctionData({ abi, functionName: 'confirmLoosening', args }),
  }
}

async function execute(world: GasWorld, { address }: Guarded, safeguard: SafeguardKind): Promise<void> {
  await world.passes(looseningDelay)
  const args = [address, safeguardNumberOf(safeguard)] as const
  const data = encodeFunctionData({ abi, functionName: 'executeLoosening', args })
  await world.send(world.operator, [{ to: world.ledger, data }])
}
