import { type Address, encodeDeployData, encodeFunctionData, type Hex, keccak256, parseEther, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { sponsorPaymasterAbi } from '../src/accounts/contracts.generated.ts'
import { defaultSponsorLimits } from '../src/accounts/deployments.ts'
import type { SignedUserOperation } from '../src/accounts/userOperation.ts'
import { type Bundled, type GasWorld, grantCall, type Patient } from './gasWorld.ts'
import { capacityRows } from './liskCapacity.ts'
import { deployPeers, type PeerAccount } from './peers/accounts.ts'
import { compile, readSource } from './peers/compile.ts'
import { peersSponsorSource } from './peers/sponsor.ts'
import { progress, type Row, toRow } from './row.ts'

const sizes = [1, 10, 50] as const
type Size = (typeof sizes)[number]
/** A hundredth below each peer would be luck; the project asks for three, and for six where the bundle shares its cost. */
const shareOfPeer: Partial<Record<Size, number>> = { 1: 0.97, 50: 0.94 }
/** The sponsor that all use costs ours this much more than our own does, at most. */
const otherSponsorShare = 1.005
/** What an operation of a peer may use; what it does use is measured. */
const peerGas = { call: 100_000n, verification: 120_000n, making: 400_000n, sponsor: 61_000n, preVerification: 50_000n }

/** A patient with some smart account, and what signs its operations. */
type Granter = Patient & { sign(ledgerCall: Hex): Promise<SignedUserOperation> }
type Kind = { name: string; newGranter(name: string): Promise<Granter> }
type Costs = Record<Size, Bundled>
type Measured = { name: string; first: Costs; steady: Costs; reply: Costs }

/** Grants by other smart accounts beside ours, on the same ledger with the same sponsor. */
export async function measurePeers(world: GasWorld): Promise<Row[]> {
  progress('  compiling the peers')
  const peerContracts = 'bench/peers/PeerContracts.sol'
  const codes = compile({ ...peersSponsorSource(), [peerContracts]: readSource(peerContracts) })
  const sponsor = await deploySponsor(world, codes['SponsorPaymaster'])
  const doctor = await world.fundedKey('doctor of peers')
  const [affiliation = 0] = await world.addDoctors([doctor.address])
  const measure = async (kind: Kind): Promise<Measured> => {
    progress(`  ${kind.name}`)
    const grant = async (of: readonly Granter[]) => {
      const { asked } = await world.ask(doctor, affiliation, of)
      const signed = await Promise.all(asked.map((one, index) => of[index]?.sign(grantCall(one))))
      return world.handleOps(
        signed.filter((operation) => operation !== undefined),
        asked,
      )
    }
    const grantBySize = async (of: readonly Granter[]): Promise<Costs> => ({
      1: await grant(of.slice(0, 1)),
      10: await grant(of.slice(1, 11)),
      50: await grant(of.slice(11, 61)),
    })
    const patients = await newPatients(kind, 'patient')
    await world.addPatients(patients.map(({ address }) => address))
    await grantBySize(patients)
    const reply = await grantBySize(patients)
    const newcomers = await newPatients(kind, 'card holder')
    await world.addPatients(newcomers.map(({ address }) => address))
    const cardHolders = await world.issueCards(newcomers)
    return { name: kind.name, reply, first: await grantBySize(cardHolders), steady: await grantBySize(cardHolders) }
  }
  const byOwnSponsor = await measure(
    ourKind('ours, by our own sponsor', world, world.deployment.sponsorPaymaster.address),
  )
  const ours = await measure(ourKind('ours', world, sponsor))
  const rows = sizes.map((size) => {
    const { gasEach } = byOwnSponsor.steady[size]
    return toRow({
      metric: `Grant with code, N = ${size}, by the sponsor of the comparison`,
      unit: 'gas',
      ours: ours.steady[size].gasEach,
      peer: gasEach,
      peerName: 'by our own sponsor',
      atMost: otherSponsorShare * gasEach,
    })
  })
  for (const peer of await deployPeers(world, codes)) {
    rows.push(...rowsBeside(ours, await measure(peerKind(world, sponsor, peer))))
  }
  return rows
}

function newPatients(kind: Kind, name: string): Promise<Granter[]> {
  const count = sizes.reduce((sum, size) => sum + size, 0)
  return Promise.all(Array.from({ length: count }, (_, index) => kind.newGranter(`${kind.name} ${name} ${index}`)))
}

async function deploySponsor(world: GasWorld, bytecode: Hex | undefined): Promise<Address> {
  if (bytecode === undefined) throw new TypeError('The sponsor was not compiled.')
  const { entryPoint } = world.deployment
  const args = [entryPoint.address, world.ledger, world.governor.address, defaultSponsorLimits] as const
  const address = await world.deploy(encodeDeployData({ abi: sponsorPaymasterAbi, bytecode, args }))
  const data = encodeFunctionData({ abi: sponsorPaymasterAbi, functionName: 'deposit' })
  await world.send(world.governor, [{ to: address, data, value: parseEther('10') }])
  return address
}

function ourKind(name: string, world: GasWorld, paymaster: Address): Kind {
  return {
    name,
    async newGranter(patient) {
      const signer = await world.holder(patient, 'patientAccountAddress')
      const sign = (callData: Hex) => world.sign({ kind: 'openGrant', signer, callData }, { paymaster })
      return { address: signer.address, sign }
    },
  }
}

function peerKind({ client, fees, ledger, sponsorDay }: GasWorld, paymaster: Address, peer: PeerAccount): Kind {
  return {
    name: peer.name,
    async newGranter(name) {
      const owner = privateKeyToAccount(keccak256(toHex(`bench ${name}`)))
      const making = peer.making(owner.address)
      const { data } = await client.call({ to: making.factory, data: making.factoryData })
      const address: Address = `0x${data?.slice(-40)}`
      let signed = 0n
      const sign = async (ledgerCall: Hex): Promise<SignedUserOperation> => {
        const isMade = signed > 0n
        const operation: SignedUserOperation = {
          sender: address,
          nonce: (peer.nonceKey << 64n) | signed,
          ...(isMade ? {} : making),
          callData: peer.call(ledger, ledgerCall),
          callGasLimit: peerGas.call,
          verificationGasLimit: peerGas.verification + (isMade ? 0n : peerGas.making),
          preVerificationGas: peerGas.preVerification,
          ...fees,
          paymaster,
          paymasterVerificationGasLimit: peerGas.sponsor,
          paymasterPostOpGasLimit: 0n,
          paymasterData: sponsorDay,
          signature: '0x',
        }
        signed += 1n
        return { ...operation, signature: await peer.sign(owner, operation) }
      }
      return { address, sign }
    },
  }
}

function rowsBeside(ours: Measured, peer: Measured): Row[] {
  const gas = (what: string, set: 'first' | 'steady' | 'reply', hasTarget: boolean) =>
    sizes.map((size) => {
      const theirs = peer[set][size].gasEach
      const share = hasTarget ? shareOfPeer[size] : undefined
      return toRow({
        metric: `${what}, N = ${size}, same sponsor`,
        unit: 'gas',
        ours: ours[set][size].gasEach,
        peer: theirs,
        peerName: peer.name,
        ...(share === undefined ? {} : { atMost: share * theirs }),
      })
    })
  const bytes = (what: string, set: 'first' | 'steady') =>
    sizes.map((size) =>
      toRow({
        metric: `Fjord bytes of a ${what}, N = ${size}`,
        unit: 'bytes',
        ours: ours[set][size].bytesEach,
        peer: peer[set][size].bytesEach,
        peerName: peer.name,
      }),
    )
  return [
    ...gas('Grant', 'reply', true),
    ...gas('Grant with code', 'steady', true),
    ...gas('First grant with code', 'first', false),
    ...bytes('grant with code', 'steady'),
    ...bytes('first grant with code', 'first'),
    ...capacityRows('Grants with code', { ours: ours.steady[50].gasEach, peer: peer.steady[50].gasEach }, peer.name),
  ]
}
