import { text } from 'node:stream/consumers'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { isAddress } from 'viem/utils'
import { auditVerify } from './auditVerify.ts'
import { issueFromKeyFile, storeCredential } from './credential.ts'
import { exportEvidence } from './exportEvidence.ts'

const healthchain = new Command('healthchain')
  .description('What is done from a terminal. `healthchain COMMAND --help` says more.')
  .helpCommand(false)
  // Commander would end with 1, which here means that something was found.
  .exitOverride()

healthchain
  .command('audit')
  .description('Checks the access log that stands on chain.')
  .command('verify')
  .description('Finds hidden, doubled and foreign entries, and grants against the rules, from the chain alone.')
  .requiredOption('--rpc <url...>', "the chain's nodes; with more than one, each must give the same events")
  .requiredOption('--ledger <address>', "the ConsentLedger's address", readAddress)
  .option('--from-block <number>', 'the block of the deployment, or an earlier one', readNumber, 0)
  .option('--evidence <file>', "opens every look with the doctors' signed statements, as `evidence export` wrote them")
  .option('--json', 'prints the report as JSON')
  .addHelpText(
    'after',
    `
Needs no database and no key. Progress goes to stderr, the report to stdout.

Exit codes: 0 nothing found, 1 findings, 2 it could not be checked.`,
  )
  .action(async ({ rpc, ledger, fromBlock, evidence, json }) => {
    const options = { rpcUrls: rpc, ledger, fromBlock, evidenceFile: evidence }
    process.exitCode = await auditVerify({ ...options, asJson: json === true })
  })

healthchain
  .command('evidence')
  .description('What opens the entries of the access log.')
  .command('export')
  .description("Writes doctors' signed statements as JSON to stdout. They name nobody and no record.")
  .option('--database <url>', 'the PostgreSQL database of the server')
  .option('--data-folder <folder>', 'where the server keeps its embedded database; stop the server first', './data')
  .action(async ({ database, dataFolder }) => {
    process.stdout.write(`${JSON.stringify(await exportEvidence(database, dataFolder), null, 2)}\n`)
  })

const credential = healthchain
  .command('credential')
  .description("A hospital's signed word that a doctor works there; good for a year, and needed to sign in.")

credential
  .command('issue')
  .description("Signs one with the key of the hospital's account and prints it. For the hospital's own machine.")
  .requiredOption('--key-file <file>', "the key of the hospital's account: 64 hexadecimal digits, mode 0600")
  .requiredOption('--chain-id <number>', '1135 Lisk, 4202 Lisk Sepolia, 31337 local', readNumber)
  .requiredOption('--hospital-name <name>', 'as patients know it')
  .requiredOption('--doctor <address>', "the doctor's account", readAddress)
  .requiredOption('--affiliation <number>', 'the number that the registry gave the post', readNumber)
  .action(async ({ keyFile, chainId, hospitalName, doctor, affiliation }) => {
    const issued = await issueFromKeyFile(keyFile, { chainId, hospitalName, doctor, affiliation })
    process.stdout.write(`${issued}\n`)
  })

credential
  .command('store')
  .description("Reads one from standard input and keeps it as the doctor's, where it would let her in.")
  .requiredOption('--login <name>', "the doctor's login name")
  .addHelpText(
    'after',
    `
Reads the server's configuration from the environment. With the embedded database, stop the server first.

Exit codes: 0 stored, 1 not stored, 2 it could not be tried.`,
  )
  .action(async ({ login }) => {
    const { stored, said } = await storeCredential(login, (await text(process.stdin)).trim())
    process.stdout.write(`${said}\n`)
    process.exitCode = stored ? 0 : 1
  })

try {
  await healthchain.parseAsync()
} catch (error) {
  // Commander has said by itself what is wrong, or shown its help.
  const isSaid = error instanceof CommanderError
  if (!isSaid) process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = isSaid && error.exitCode === 0 ? 0 : 2
}

function readAddress(typed: string): string {
  if (!isAddress(typed))
    throw new InvalidArgumentError('It must be 0x and 40 hexadecimal digits, with a right checksum.')
  return typed
}

function readNumber(typed: string): number {
  if (!/^\d{1,15}$/.test(typed)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(typed)
}
