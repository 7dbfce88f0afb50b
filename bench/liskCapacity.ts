import { type Row, toRow } from './row.ts'

/**
 * Lisk makes a block of 30 M gas every two seconds, and its base fee rises above a twentieth of that.
 *
 * Source: ethereum-optimism/superchain-registry, superchain/configs/mainnet/lisk.toml: `block_time`, `eip1559_elasticity`, and
 * `gasLimit` as of genesis, which the chain's SystemConfig may have changed since.
 */
const lisk = { blockGas: 30_000_000, blockTimeS: 2, elasticity: 20 } as const
const gasPerSecond = lisk.blockGas / lisk.blockTimeS

/**
 * Grants a second that Lisk carries, were nothing else on it: for long, and in full blocks, until the base fee is too high.
 *
 * The cap of 16.78 M gas per transaction only says how bundles cut a block: one of fifty takes a fifth of it.
 */
export function capacityRows(what: string, gas: { ours: number; peer: number }, peerName: string): Row[] {
  const row = (how: string, available: number) =>
    toRow({
      metric: `${what} a second ${how}`,
      unit: 'grants/s',
      ours: available / gas.ours,
      peer: available / gas.peer,
      peerName,
    })
  return [
    row("within Lisk's base-fee target", gasPerSecond / lisk.elasticity),
    row('in full blocks of Lisk', gasPerSecond),
  ]
}
