import { Command, InvalidArgumentError } from 'commander'
import { isAddress } from 'viem/utils'
import { auditVerify } from './auditVerify.ts'

const healthchain = new Command('healthchain')
  .description('Checks on HealthChain from outside. `healthchain COMMAND --help` says more.')
  .helpCommand(false)
  // Commander would end with 1, which here means findings.
  .exitOverride()

healthchain
  .command('audit')
  .description('Checks the access log that stands on chain.')
  .command('verify')
  .description('Finds hidden, doubled and foreign entries, and grants against the rules, from the chain alone.')
  .requiredOption('--rpc <url...>', "the chain's nodes; with more than one, each must give the same events")
  .requiredOption('--ledger <address>', "the ConsentLedger's address", readAddress)
  .option('--from-block <number>', 'the block of the deployment, or an earlier one', readBlockNumber, 0)
  .option('--json', 'prints the report as JSON')
  .addHelpText(
    'after',
    `
Needs no database and no key. Progress goes to stderr, the report to stdout.

Exit codes: 0 nothing found, 1 findings, 2 it could not be checked.`,
  )
  .action(async ({ rpc, ledger, fromBlock, json }) => {
    process.exitCode = await auditVerify({ rpcUrls: rpc, ledger, fromBlock, asJson: json === true })
  })

try {
  await healthchain.parseAsync()
} catch (error) {
  // Commander has said what is wrong, or shown its help.
  const { exitCode } = error as { exitCode?: number }
  if (exitCode === undefined) throw error
  process.exitCode = exitCode === 0 ? 0 : 2
}

function readAddress(text: string): string {
  if (!isAddress(text))
    throw new InvalidArgumentError('It must be 0x and 40 hexadecimal digits, with a right checksum.')
  return text
}

function readBlockNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}
