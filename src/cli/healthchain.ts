import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { isAddress } from 'viem/utils'
import { auditVerify } from './auditVerify.ts'
import { issueFromKeyFile, storeCredential } from './credential.ts'
import { listEmergencies, reasonOf, reviewEmergency } from './emergency.ts'
import { exportEvidence } from './exportEvidence.ts'
import {
  addDoctorByHospital,
  addPatientByHospital,
  finishPasskey,
  passkeysOf,
  replacePasskey,
  suspendDoctorByHospital,
  suspendPatientByHospital,
} from './office.ts'

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
  .addHelpText('after', '\nExit codes: 0 printed, 2 it could not be read.')
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

const doctor = healthchain
  .command('doctor')
  .description(
    "What a hospital's office does for its doctors, with the hospital's own key, which pays. Never on the server.",
  )

const ledgerOption = ['--ledger <address>', "the ConsentLedger's address", readAddress] as const
const doctorOption = ['--account <address>', 'as the page of her passkeys shows it', readAddress] as const
const affiliationOption = ['--affiliation <number>', 'hers with this hospital', readNumber] as const

/** What the hospital's own key signs, and pays for. */
function signed(party: Command, name: string, description: string): Command {
  return party
    .command(name)
    .description(description)
    .requiredOption('--rpc <url>', "the chain's node", readUrl)
    .requiredOption('--key-file <file>', "the key of the hospital's account: 64 hexadecimal digits, mode 0600")
    .addHelpText('after', '\nExit codes: 0 done, 1 not done, 2 it could not be tried.')
}

signed(doctor, 'add', 'Adds the account of a doctor to the ledger, and prints the number of her affiliation.')
  .requiredOption(...ledgerOption)
  .requiredOption(...doctorOption)
  .action(({ account: doctorAccount, ...options }) => say(addDoctorByHospital({ ...options, doctorAccount })))

signed(doctor, 'suspend', 'Ends an affiliation for ever, and every grant that names it, at once.')
  .requiredOption(...ledgerOption)
  .requiredOption(...affiliationOption)
  .action(({ affiliation: affiliationId, ...options }) => say(suspendDoctorByHospital({ ...options, affiliationId })))

doctor
  .command('passkeys')
  .description('Prints the passkeys that an account obeys, and the one that is proposed, from the chain alone.')
  .requiredOption('--rpc <url>', "the chain's node", readUrl)
  .requiredOption(...doctorOption)
  .addHelpText('after', '\nExit codes: 0 printed, 2 it could not be read.')
  .action(async ({ rpc, account }) => {
    process.stdout.write(`${(await passkeysOf({ rpc, doctorAccount: account })).join('\n')}\n`)
  })

signed(
  doctor,
  'replace-passkey',
  'Proposes a new passkey in place of all that her account obeys; she can say no for 72 hours.',
)
  .requiredOption(...doctorOption)
  .requiredOption(...affiliationOption)
  .requiredOption('--passkey <x,y>', 'the line from the page of her passkeys', readPasskey)
  .action(({ account: doctorAccount, affiliation: affiliationId, ...options }) =>
    say(replacePasskey({ ...options, doctorAccount, affiliationId })),
  )

signed(doctor, 'finish-passkey', 'Puts the proposed passkey in place, 72 hours after it was proposed. Any key may.')
  .requiredOption(...doctorOption)
  .action(({ account: doctorAccount, ...options }) => say(finishPasskey({ ...options, doctorAccount })))

const patient = healthchain
  .command('patient')
  .description(
    "What a hospital's office does for patients, with the hospital's own key, which pays. Never on the server.",
  )

const patientOption = ['--account <address>', "the patient's account", readAddress] as const

signed(
  patient,
  'add',
  'Adds the account of a patient to the ledger; one that is suspended, any hospital takes in again.',
)
  .requiredOption(...ledgerOption)
  .requiredOption(...patientOption)
  .action(({ account: patientAccount, ...options }) => say(addPatientByHospital({ ...options, patientAccount })))

signed(patient, 'suspend', 'Lets nobody ask her, open an emergency or look, until a hospital adds her again.')
  .requiredOption(...ledgerOption)
  .requiredOption(...patientOption)
  .action(({ account: patientAccount, ...options }) => say(suspendPatientByHospital({ ...options, patientAccount })))

const emergency = healthchain.command('emergency').description('Emergencies that wait for their review.')

emergency
  .command('list')
  .description('Lists those that nobody reviewed yet, from the chain alone: accounts, and no names.')
  .requiredOption('--rpc <url>', "the chain's node", readUrl)
  .requiredOption('--ledger <address>', "the ConsentLedger's address", readAddress)
  .option('--from-block <number>', 'the block of the deployment, or an earlier one', readNumber, 0)
  .option('--json', 'prints the list as JSON')
  .addHelpText('after', '\nExit codes: 0 nothing is overdue, 1 something is, 2 it could not be read.')
  .action(async ({ rpc, ledger, fromBlock, json }) => {
    const options = { rpc, ledger, fromBlock, asJson: json === true }
    process.exitCode = await listEmergencies(options, (line) => process.stdout.write(`${line}\n`))
  })

emergency
  .command('review')
  .description('Reviews one: the hospital of its doctor within 72 hours, the governor at any time.')
  .requiredOption('--rpc <url>', "the chain's node", readUrl)
  .requiredOption('--ledger <address>', "the ConsentLedger's address", readAddress)
  .requiredOption('--request <number>', 'as the list gives it: 0x and 64 hexadecimal digits', readRequestId)
  .requiredOption('--key-file <file>', "the reviewer's key, which pays: 64 hexadecimal digits, mode 0600")
  .requiredOption('--finding <file>', 'what was found, a text; - reads it from standard input')
  .requiredOption('--out <file>', "for the hospital's files: the finding and the salt that opens what stands on chain")
  .addHelpText(
    'after',
    `
Only a salted hash of the finding goes on chain. Run it again with the same files when it broke off.

Exit codes: 0 reviewed, 1 not reviewed, 2 it could not be tried.`,
  )
  .action(async ({ rpc, ledger, request, keyFile, finding: file, out }) => {
    const finding = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8')
    const options = { rpc, ledger, requestId: request, keyFile, finding, outFile: out }
    const { reviewed, said } = await reviewEmergency(options)
    process.stdout.write(`${said}\n`)
    process.exitCode = reviewed ? 0 : 1
  })

emergency
  .command('reason')
  .description('Prints what the doctor wrote, for the reviewer, with the salt that opens its commitment on chain.')
  .requiredOption('--request <number>', 'as the list gives it: 0x and 64 hexadecimal digits', readRequestId)
  .addHelpText(
    'after',
    `
Reads the server's configuration from the environment, and its vault key. With the embedded database, stop the server first.

Exit codes: 0 printed, 1 the server knows no such emergency, 2 it could not be read.`,
  )
  .action(async ({ request }) => {
    const found = await reasonOf(request)
    if (found) process.stdout.write(`${found}\n`)
    else process.stderr.write('This server knows no such emergency.\n')
    process.exitCode = found ? 0 : 1
  })

try {
  await healthchain.parseAsync()
} catch (error) {
  // Commander has said by itself what is wrong, or shown its help.
  const isSaid = error instanceof CommanderError
  if (!isSaid) process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = isSaid && error.exitCode === 0 ? 0 : 2
}

async function say(saying: Promise<{ done: boolean; said: string }>): Promise<void> {
  const { done, said } = await saying
  process.stdout.write(`${said}\n`)
  process.exitCode = done ? 0 : 1
}

function readPasskey(typed: string): { qx: `0x${string}`; qy: `0x${string}` } {
  const [, qx, qy] = /^(0x[0-9a-f]{64}),(0x[0-9a-f]{64})$/i.exec(typed.trim()) ?? []
  if (!qx || !qy)
    throw new InvalidArgumentError('A passkey is 0x and 64 hexadecimal digits, a comma, and the same again.')
  return { qx: qx as `0x${string}`, qy: qy as `0x${string}` }
}

function readUrl(typed: string): string {
  if (!/^https?:$/.test(URL.parse(typed)?.protocol ?? ''))
    throw new InvalidArgumentError('An address begins with https:// or http://.')
  return typed
}

function readAddress(typed: string): string {
  if (!isAddress(typed))
    throw new InvalidArgumentError('It must be 0x and 40 hexadecimal digits, with a right checksum.')
  return typed
}

function readRequestId(typed: string): string {
  if (!/^0x[0-9a-fA-F]{64}$/.test(typed)) throw new InvalidArgumentError('It must be 0x and 64 hexadecimal digits.')
  return typed.toLowerCase()
}

function readNumber(typed: string): number {
  if (!/^\d{1,15}$/.test(typed)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(typed)
}
