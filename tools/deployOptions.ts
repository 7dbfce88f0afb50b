import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Address, type Chain, type Hex, isAddress, isHex, parseEther, parseGwei, zeroHash } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { anvil, lisk, liskSepolia } from 'viem/chains'
import { defaultSponsorLimits, type SponsorLimits } from '../src/accounts/deployments.ts'
import { type EntryPointVersion, entryPointVersions } from '../src/accounts/entryPoint.ts'

/** A base fee on Lisk is about a thousandth of a development chain's, so the sponsor's caps are a hundredth. */
const liskDefaults = { deposit: '0.05', depositFloor: '0.01', maxFeePerGas: '0.05', dailyBudget: '0.0005' }

const chains = {
  lisk: { definition: lisk, ...liskDefaults },
  'lisk-sepolia': { definition: liskSepolia, ...liskDefaults },
  local: {
    definition: { ...anvil, name: 'the local chain' },
    deposit: '10',
    depositFloor: '0',
    maxFeePerGas: '5',
    dailyBudget: '0.05',
  },
} as const
type ChainName = keyof typeof chains
const chainNames: readonly ChainName[] = ['lisk', 'lisk-sepolia', 'local']

export const help = `Puts the contracts on a chain, sets them up and hands the roles over. What is there already stays: run it again
after an interruption, or to see that nothing is left to do.

  node tools/deploy.ts --chain lisk|lisk-sepolia|local [options]

Roles
  --governor ADDRESS       verifies hospitals: a multisig, or a timelock. Needed on Lisk
  --sponsor-owner ADDRESS  sets the sponsor's limits, withdraws its money. Default: the governor
  --operator ADDRESS       logs looks: the account of the server's OPERATOR_KEY. Needed on Lisk
  --no-handover            names governor, sponsor owner and operator in the constructors. The deployer's key then never
                           has a role, but the contracts' addresses follow from theirs, and what only they may call is
                           written to a file instead of sent

What is deployed
  --entry-point 0.7|0.8    default 0.7
  --salt 0x…               32 bytes; another salt gives other addresses. Default: zero

The sponsor, amounts in ETH
  --stake 0.1              staked, with --unstake-delay 86400 (seconds)
  --deposit ETH            its deposit is brought up to this; 0.05 on Lisk, 10 on the local chain
  --deposit-floor ETH      below it only what tightens is sponsored; 0.01 on Lisk, 0 on the local chain
  --max-fee GWEI           the highest fee per gas it pays; 0.05 on Lisk, 5 on the local chain
  --daily-budget ETH       for one account in one day; 0.0005 on Lisk, 0.05 on the local chain

How
  --dry-run                says what would be sent and what it would cost, and sends nothing
  --deployer ADDRESS       in place of DEPLOYER_KEY, for a dry run
  --rpc-url URL            default: CHAIN_RPC_URL, else the chain's public node
  --folder FOLDER          default: DEPLOYMENTS_FOLDER, else ./deployments
  --no-verification        leaves out Blockscout's verification input, which takes half a minute of compiling
  --help

DEPLOYER_KEY in the environment is the key that pays and, until the handover is accepted, holds the roles. It is no flag:
others can read a command line. On the local chain governor and operator are the key files in DATA_FOLDER/keys, made when
they are not there, and the governor deploys.

The same deployer, salt, entry point and contracts have the same addresses on every chain, whoever gets the roles there.`

export type DeployCommand = {
  readonly chain: Chain
  readonly isLocal: boolean
  readonly rpcUrl: string
  readonly folder: string
  readonly keyFolder: string
  readonly isDryRun: boolean
  readonly hasHandover: boolean
  readonly hasVerification: boolean
  readonly entryPointVersion: EntryPointVersion
  readonly salt: Hex
  /** Only an address: good for a dry run. null: the local chain's governor. */
  readonly deployer: PrivateKeyAccount | Address | null
  /** null: on the local chain, the address of the key file. */
  readonly governor: Address | null
  readonly operator: Address | null
  readonly sponsorOwner: Address | null
  readonly limits: SponsorLimits
  readonly stakeWei: bigint
  readonly unstakeDelayS: number
  readonly depositWei: bigint
  readonly depositFloorWei: bigint
}

/** Told on the command line, in one line: the command cannot be carried out as it is. */
export class DeployCommandError extends Error {
  override readonly name = 'DeployCommandError'
}

/**
 * Reads flags and environment.
 *
 * @returns undefined where help is asked for
 * @throws {DeployCommandError} which names the flag or variable that is missing or wrong
 */
export function readDeployCommand(args: readonly string[], env: NodeJS.ProcessEnv): DeployCommand | undefined {
  const values = parse(args)
  if (values.help) return undefined
  const chainName = chainNames.find((name) => name === values.chain)
  if (chainName === undefined) throw new DeployCommandError(`--chain must be ${orList(chainNames)}. See --help.`)
  const { definition: chain, ...defaults } = chains[chainName]
  const isLocal = chainName === 'local'

  const address = (name: 'governor' | 'sponsor-owner' | 'operator' | 'deployer'): Address | null => {
    const value = values[name]
    if (value === undefined) return null
    if (!isAddress(value)) throw new DeployCommandError(`--${name} must be an address, with its checksum if any.`)
    return value
  }
  const needed = (name: 'governor' | 'operator'): Address | null => {
    const found = address(name)
    if (found === null && !isLocal) throw new DeployCommandError(`--${name} is needed on ${chain.name}. See --help.`)
    return found
  }
  const amount = (name: AmountName, value: string, toWei: (text: string) => bigint): bigint => {
    if (!/^\d+(\.\d+)?$/.test(value)) throw new DeployCommandError(`--${name} must be a number like 0.1.`)
    return toWei(value)
  }
  const version = entryPointVersions.find((known) => known === values['entry-point'])
  if (version === undefined) throw new DeployCommandError(`--entry-point must be ${orList(entryPointVersions)}.`)
  const { salt } = values
  if (!isHex(salt) || salt.length !== zeroHash.length)
    throw new DeployCommandError('--salt must be 0x and 64 hexadecimal digits.')
  const delay = Number(values['unstake-delay'])
  if (!Number.isInteger(delay) || delay < 1 || delay > 0xffffffff)
    throw new DeployCommandError('--unstake-delay must be a whole number of seconds, at least 1.')

  return {
    chain,
    isLocal,
    rpcUrl: values['rpc-url'] ?? (env['CHAIN_RPC_URL']?.trim() || chain.rpcUrls.default.http[0]),
    folder: resolve(values.folder ?? (env['DEPLOYMENTS_FOLDER']?.trim() || './deployments')),
    keyFolder: resolve(env['DATA_FOLDER']?.trim() || './data', 'keys'),
    isDryRun: values['dry-run'],
    hasHandover: !values['no-handover'],
    hasVerification: !isLocal && !values['no-verification'],
    entryPointVersion: version,
    salt,
    deployer: deployerOf(env['DEPLOYER_KEY']?.trim() ?? '', address('deployer'), values['dry-run'], isLocal),
    governor: needed('governor'),
    operator: needed('operator'),
    sponsorOwner: address('sponsor-owner'),
    limits: {
      ...defaultSponsorLimits,
      maxFeePerGasWei: amount('max-fee', values['max-fee'] ?? defaults.maxFeePerGas, parseGwei),
      dailyBudgetWei: amount('daily-budget', values['daily-budget'] ?? defaults.dailyBudget, parseEther),
    },
    stakeWei: amount('stake', values.stake, parseEther),
    unstakeDelayS: delay,
    depositWei: amount('deposit', values.deposit ?? defaults.deposit, parseEther),
    depositFloorWei: amount('deposit-floor', values['deposit-floor'] ?? defaults.depositFloor, parseEther),
  }
}

type AmountName = 'stake' | 'deposit' | 'deposit-floor' | 'max-fee' | 'daily-budget'

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        chain: { type: 'string' },
        governor: { type: 'string' },
        'sponsor-owner': { type: 'string' },
        operator: { type: 'string' },
        'no-handover': { type: 'boolean', default: false },
        'entry-point': { type: 'string', default: '0.7' },
        salt: { type: 'string', default: zeroHash },
        stake: { type: 'string', default: '0.1' },
        'unstake-delay': { type: 'string', default: '86400' },
        deposit: { type: 'string' },
        'deposit-floor': { type: 'string' },
        'max-fee': { type: 'string' },
        'daily-budget': { type: 'string' },
        'dry-run': { type: 'boolean', default: false },
        deployer: { type: 'string' },
        'no-verification': { type: 'boolean', default: false },
        'rpc-url': { type: 'string' },
        folder: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    const [firstSentence = ''] = String((error as Error).message).split('. ')
    throw new DeployCommandError(`${firstSentence.replace(/\.$/, '')}. See --help.`)
  }
}

function deployerOf(
  key: string,
  address: Address | null,
  isDryRun: boolean,
  isLocal: boolean,
): PrivateKeyAccount | Address | null {
  if (address !== null && !isDryRun)
    throw new DeployCommandError('--deployer is for a dry run: sending needs DEPLOYER_KEY in the environment.')
  if (address !== null) return address
  if (key === '' && isLocal) return null
  if (key === '') throw new DeployCommandError('DEPLOYER_KEY is not set in the environment. See --help.')
  if (!isHex(key) || key.length !== zeroHash.length)
    throw new DeployCommandError('DEPLOYER_KEY must be 0x and 64 hexadecimal digits.')
  return privateKeyToAccount(key)
}

function orList(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}
