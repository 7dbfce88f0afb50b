import { execFile } from 'node:child_process'
import { join } from 'node:path'
import {
  concatHex,
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  keccak256,
  type PrivateKeyAccount,
  parseEther,
  parseEventLogs,
  slice,
  toEventSelector,
  toHex,
  zeroHash,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareEntryPoint } from '../../local/chain/prepareEntryPoint.ts'
import { type LocalChain, startChain } from '../../local/chain/startChain.ts'
import { consentLedgerAbi } from '../../src/accounts/contracts.generated.ts'
import { type Deployment, deployContracts } from '../../src/accounts/deployments.ts'
import { ledgerAnswerOf } from '../../src/accounts/ledgerRequest.ts'
import { auditVerify } from '../../src/cli/auditVerify.ts'
import type { Finding } from '../../src/core/audit.ts'
import { type Lie, startLyingNode } from '../support/lyingNode.ts'

const daySeconds = 86_400
const accessLogged = toEventSelector('AccessLogged(bytes32,bytes32,uint8,uint32)')
const newAccount = () => privateKeyToAccount(generatePrivateKey())
const [deployer, governor, hospital, doctor, patient, writer, newWriter] = [
  newAccount(),
  newAccount(),
  newAccount(),
  newAccount(),
  newAccount(),
  newAccount(),
  newAccount(),
] as const
const entryIdOf = (name: string) => keccak256(toHex(name))

let chain: LocalChain
let deployment: Deployment
let client: ReturnType<typeof publicClientOf>
/** Two grants with looks: one that stands and was changed under, one that was removed and looked at late. */
let standing: Hex
let removed: Hex

function publicClientOf({ url }: LocalChain) {
  return createPublicClient({ chain: anvil, transport: http(url), pollingInterval: 20, cacheTime: 0 })
}

async function send(account: PrivateKeyAccount, call: Parameters<ReturnType<typeof walletOf>['writeContract']>[0]) {
  const hash = await walletOf(account).writeContract(call)
  const receipt = await client.waitForTransactionReceipt({ hash })
  if (receipt.status !== 'success') throw new Error('A transaction of the test reverted.')
  return receipt
}

function walletOf(account: PrivateKeyAccount) {
  return createWalletClient({ account, chain: anvil, transport: http(chain.url) })
}

const onLedger = () => ({ address: deployment.consentLedger.address, abi: consentLedgerAbi }) as const

async function now(): Promise<number> {
  return Number((await client.getBlock()).timestamp)
}

async function ask(salt: string): Promise<Hex> {
  const request = {
    patient: patient.address,
    affiliationId: 1,
    rights: 7,
    uses: 0,
    durationDays: 7,
    answerBy: (await now()) + 3_600,
    scopeCommitment: entryIdOf(salt),
    replaces: zeroHash,
    lineHash: zeroHash,
    nextLink: zeroHash,
  }
  const receipt = await send(doctor, { ...onLedger(), functionName: 'openRequest', args: [request] })
  const [opened] = parseEventLogs({ abi: consentLedgerAbi, logs: receipt.logs, eventName: 'RequestOpened' })
  if (!opened) throw new Error('The ledger did not say which request was opened.')
  return opened.args.requestId
}

async function grant(requestId: Hex): Promise<void> {
  const until = Math.ceil(((await now()) + daySeconds) / daySeconds) * daySeconds
  await send(patient, {
    ...onLedger(),
    functionName: 'openGrant',
    args: [requestId, ledgerAnswerOf(slice(entryIdOf('evidence'), 0, 20), until)],
  })
}

async function log(account: PrivateKeyAccount, ...looks: [requestId: Hex, name: string][]): Promise<void> {
  const lookedAt = await now()
  const entries = looks.map(([requestId, name]) => ({ requestId, entryId: entryIdOf(name), right: 1, lookedAt }))
  await send(account, { ...onLedger(), functionName: 'logAccess', args: [entries] })
}

beforeAll(async () => {
  chain = await startChain()
  client = publicClientOf(chain)
  for (const { address } of [deployer, governor, hospital, doctor, patient, writer, newWriter])
    await chain.fund(address, parseEther('10'))
  await prepareEntryPoint(chain)
  deployment = await deployContracts({
    publicClient: client,
    walletClient: walletOf(deployer),
    governor: governor.address,
    accessWriter: writer.address,
  })
  await send(governor, { ...onLedger(), functionName: 'verifyHospital', args: [hospital.address] })
  await send(hospital, { ...onLedger(), functionName: 'addDoctor', args: [doctor.address] })
  await send(hospital, { ...onLedger(), functionName: 'addPatient', args: [patient.address] })

  standing = await ask('standing')
  await grant(standing)
  await log(writer, [standing, 'one'], [standing, 'two'])
  await send(doctor, { ...onLedger(), functionName: 'recordChange', args: [standing, 2, entryIdOf('change')] })
  removed = await ask('removed')
  await log(writer, [removed, 'too early'])
  await grant(removed)
  await log(writer, [removed, 'three'])
  const lookedAt = await now()
  await chain.increaseTime(60)
  await send(patient, { ...onLedger(), functionName: 'revokeGrant', args: [removed] })
  const late = { requestId: removed, entryId: entryIdOf('four'), right: 1, lookedAt }
  await send(writer, { ...onLedger(), functionName: 'logAccess', args: [[late]] })
  await send(governor, { ...onLedger(), functionName: 'setAccessWriter', args: [newWriter.address] })
  await log(newWriter, [standing, 'five'])
  await send(hospital, { ...onLedger(), functionName: 'addDoctor', args: [newWriter.address] })
  await send(hospital, { ...onLedger(), functionName: 'suspendDoctor', args: [2] })
  await ask('open while she is suspended')
  await send(hospital, { ...onLedger(), functionName: 'suspendPatient', args: [patient.address] })
  await send(hospital, { ...onLedger(), functionName: 'addPatient', args: [patient.address] })
})

afterAll(() => chain?.stop())

type Report = { checked: boolean; code?: string; counts: Record<string, number>; findings: Finding[] }

/** The command's own work, through one node or several. */
async function verify(
  ...rpcUrls: [string, ...string[]]
): Promise<{ exitCode: number; report: Report; found: string[] }> {
  let printed = ''
  const exitCode = await auditVerify(
    { rpcUrls, ledger: deployment.consentLedger.address, fromBlock: 0, asJson: true },
    { out: (line) => (printed += line), progress: () => {} },
  )
  const report: Report = JSON.parse(printed)
  return { exitCode, report, found: report.findings?.map(({ kind, text }) => `${kind}: ${text}`) }
}

async function verifyThrough(lie: Lie) {
  await using node = await startLyingNode(chain.url, lie)
  return await verify(node.url)
}

type RawLog = { address: Hex; topics: Hex[]; data: Hex; transactionHash: Hex; blockNumber: Hex; logIndex: Hex }

const isLookOf = (requestId: Hex, name: string) => (log: RawLog) =>
  log.topics[0] === accessLogged && log.topics[1] === requestId && log.topics[2] === entryIdOf(name)

/** A node that changes the lists of events it gives, and the receipts in the same way. */
function changingLogs(change: (logs: RawLog[]) => RawLog[]): Lie {
  return ({ method }, result) => {
    if (method === 'eth_getLogs') return change(result as RawLog[])
    if (method !== 'eth_getTransactionReceipt' || result === null) return result
    const receipt = result as { logs: RawLog[] }
    return { ...receipt, logs: change(receipt.logs) }
  }
}

test('an honest chain is clean, and every kind of entry was counted', async () => {
  expect(await verify(chain.url)).toMatchObject({
    exitCode: 0,
    report: {
      checked: true,
      counts: { requests: 3, grants: 2, looks: 4, 'late looks': 1, changes: 1, 'refused looks': 1 },
      findings: [],
    },
  })
})

test('two honest nodes agree', async () => {
  await using other = await startLyingNode(chain.url, (_call, result) => result)
  expect(await verify(chain.url, other.url)).toMatchObject({ exitCode: 0, report: { nodes: 2 } })
})

test('a node that leaves a look out of its list is caught by the receipt and by the ledger’s counter', async () => {
  const isHidden = isLookOf(standing, 'two')
  const { exitCode, found } = await verifyThrough(({ method }, result) =>
    method === 'eth_getLogs' ? (result as RawLog[]).filter((log) => !isHidden(log)) : result,
  )
  expect(exitCode).toBe(1)
  expect(found).toContain("hidden: The transaction's receipt has an event of the ledger that the node did not list.")
  expect(found).toContain('hidden: The ledger counts 4 looks and changes; missing: 2.')
})

test('a node that leaves a look out of list and receipt is caught by the ledger’s counter', async () => {
  const isHidden = isLookOf(removed, 'three')
  const { exitCode, report } = await verifyThrough(changingLogs((logs) => logs.filter((log) => !isHidden(log))))
  expect(exitCode).toBe(1)
  expect(report.findings).toEqual([
    expect.objectContaining({
      kind: 'hidden',
      text: 'The ledger counts 2 looks and changes; missing: 1.',
      requestId: removed,
    }),
  ])
})

test('a node that hides a removal, or a change of the access writer, is caught by storage', async () => {
  const hide = (signature: string) =>
    verifyThrough(changingLogs((logs) => logs.filter((log) => log.topics[0] !== toEventSelector(signature))))
  expect((await hide('GrantRevoked(bytes32,address)')).found).toContain(
    'hidden: The ledger says that the request is revoked; events lead to granted.',
  )
  expect(await hide('AccessWriterChanged(address,address)')).toMatchObject({
    exitCode: 2,
    report: { code: 'beginsTooLate' },
  })
  const isLastChange = (log: RawLog) => log.topics[2]?.endsWith(newWriter.address.slice(2).toLowerCase()) ?? false
  const { found } = await verifyThrough(changingLogs((logs) => logs.filter((log) => !isLastChange(log))))
  expect(found.map((line) => line.split(' ')[0])).toEqual(expect.arrayContaining(['hidden:', 'foreign:']))
})

test('a node that hides a suspended post, or a post as a whole, is caught by storage', async () => {
  const hide = (signature: string) =>
    verifyThrough(changingLogs((logs) => logs.filter((log) => log.topics[0] !== toEventSelector(signature))))
  expect((await hide('DoctorSuspended(address,address,uint32)')).found).toEqual([
    expect.stringMatching(/^hidden: The ledger ended post 2 at \d+; events lead to 0\.$/),
  ])
  expect((await hide('DoctorAdded(address,address,uint32)')).found).toEqual(
    expect.arrayContaining(['hidden: Post 1 was added by no event.', 'hidden: Post 2 was added by no event.']),
  )
  expect((await hide('PatientSuspended(address,address)')).found).toEqual([
    'hidden: A patient was added again, and no event says that she was suspended.',
  ])
  expect((await hide('PatientAdded(address,address)')).found).toContain(
    'hidden: No event says that a hospital added its patient before.',
  )
})

test('a node that gives a look twice is caught', async () => {
  const isTwice = isLookOf(standing, 'one')
  const { exitCode, found } = await verifyThrough(
    changingLogs((logs) => logs.flatMap((log) => (isTwice(log) ? [log, log] : [log]))),
  )
  expect(exitCode).toBe(1)
  expect(found).toEqual(['doubled: The event accessLogged was given twice from one place in its block.'])
})

test('a node that makes a look up is caught', async () => {
  const isModel = isLookOf(standing, 'five')
  const madeUp = (log: RawLog): RawLog => ({
    ...log,
    topics: [accessLogged, standing, entryIdOf('made up')],
    data: concatHex([toHex(1, { size: 32 }), toHex(5, { size: 32 })]),
    logIndex: '0x63',
  })
  const { exitCode, found } = await verifyThrough(
    changingLogs((logs) => logs.flatMap((log) => (isModel(log) ? [log, madeUp(log)] : [log]))),
  )
  expect(exitCode).toBe(1)
  expect(found).toContain('foreign: Entries go to count 5; the ledger counts 4.')
})

test('a look in a transaction that another account sent is caught', async () => {
  const { found } = await verifyThrough(({ method }, result) => {
    const receipt = result as { from: Hex } | null
    const isWriters = method === 'eth_getTransactionReceipt' && receipt?.from === writer.address.toLowerCase()
    return isWriters ? { ...receipt, from: hospital.address.toLowerCase() } : result
  })
  expect(found).toContain(
    `foreign: The entry was sent by ${hospital.address.toLowerCase()}; the access writer was ${writer.address.toLowerCase()}.`,
  )
})

test('a grant that a node makes longer than the ledger allows is caught', async () => {
  const granted = toEventSelector('GrantOpened(bytes32,address,uint40,bytes20,bool)')
  const { found } = await verifyThrough(
    changingLogs((logs) =>
      logs.map((log) => {
        if (log.topics[0] !== granted || log.topics[1] !== standing) return log
        const until = BigInt(log.data.slice(0, 66)) + 400n * BigInt(daySeconds)
        return { ...log, data: concatHex([toHex(until, { size: 32 }), `0x${log.data.slice(66)}`]) }
      }),
    ),
  )
  expect(found).toContain('unlawful: The grant is longer than 365 days.')
})

test('a request that one node hides with all that belongs to it shows when a second node is asked', async () => {
  const withoutRemoved = changingLogs((logs) => logs.filter((log) => log.topics[1] !== removed))
  await using liar = await startLyingNode(chain.url, (call, result) =>
    // Receipts are asked for by the transactions of listed events only, so the liar needs to lie in one place.
    call.method === 'eth_getLogs' ? withoutRemoved(call, result) : result,
  )
  // One node alone: what was never listed is not missed. The report says so.
  expect((await verify(liar.url)).exitCode).toBe(0)
  const { exitCode, report } = await verify(liar.url, chain.url)
  expect(exitCode).toBe(1)
  expect(new Set(report.findings.map(({ text }) => text))).toEqual(new Set(['Node 2 has this event, node 1 does not.']))
  expect(new Set(report.findings.map(({ requestId }) => requestId))).toEqual(new Set([removed]))
})

test('a node that refuses long ranges is read in shorter ones', async () => {
  let refusals = 0
  const { exitCode } = await verifyThrough(({ method, params: [filter] }, result) => {
    if (method !== 'eth_getLogs') return result
    const { fromBlock, toBlock } = filter as { fromBlock: Hex; toBlock: Hex }
    if (Number(toBlock) - Number(fromBlock) < 5) return result
    refusals += 1
    return { error: 'query exceeds max block range 5' }
  })
  expect(exitCode).toBe(0)
  expect(refusals).toBeGreaterThan(0)
})

test('the command says by its exit code what it found, and what it could not check', async () => {
  const run = (...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const command = join(import.meta.dirname, '../../src/cli/healthchain.ts')
      const child = execFile(process.execPath, [command, 'audit', 'verify', ...args], (_error, stdout, stderr) =>
        resolve({ code: child.exitCode ?? -1, stdout, stderr }),
      )
    })
  const ledger = ['--ledger', deployment.consentLedger.address]
  const clean = await run('--rpc', chain.url, ...ledger)
  expect(clean).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing hidden, doubled, foreign') })
  expect(clean.stdout).toContain('3 requests, 2 grants')
  expect(clean.stderr).toContain('reading events')
  const isHidden = isLookOf(removed, 'three')
  await using liar = await startLyingNode(
    chain.url,
    changingLogs((logs) => logs.filter((log) => !isHidden(log))),
  )
  const found = await run('--rpc', liar.url, ...ledger)
  expect(found).toMatchObject({ code: 1, stdout: expect.stringMatching(/^hidden {2}.*missing: 1\.$/m) })
  expect(await run('--rpc', 'http://127.0.0.1:1/key-in-the-address', ...ledger)).toMatchObject({
    code: 2,
    stderr: expect.not.stringContaining('key-in-the-address'),
  })
  expect((await run('--rpc', chain.url, '--ledger', patient.address)).stderr).toContain('no contract at the address')
  const height = String(await client.getBlockNumber())
  expect(await run('--rpc', chain.url, ...ledger, '--from-block', height)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("The ledger's first event is not there."),
  })
  expect((await run('--rpc', chain.url, '--ledger', 'nonsense')).code).toBe(2)
})

// The last ones write what no honest writer would, so that all after them would find it.

test('an imitation by another contract is named', async () => {
  // A contract whose making emits AccessLogged for a request of ours: LOG3 of topics and two words of data.
  const [first, second] = [toHex(1, { size: 32 }), toHex(9, { size: 32 })]
  const code = concatHex([
    ...['0x7f', first, '0x6000', '0x52', '0x7f', second, '0x6020', '0x52'],
    ...['0x7f', entryIdOf('imitation'), '0x7f', standing, '0x7f', accessLogged, '0x6040', '0x6000', '0xa3', '0x00'],
  ] as Hex[])
  const hash = await walletOf(deployer).sendTransaction({ data: code })
  const { contractAddress } = await client.waitForTransactionReceipt({ hash })
  const { exitCode, found } = await verify(chain.url)
  expect(exitCode).toBe(1)
  expect(found).toEqual([
    `foreign: Another contract, ${contractAddress?.toLowerCase()}, emitted accessLogged for this request.`,
  ])
})

test('an entry that its writer logged twice is doubled', async () => {
  await log(newWriter, [standing, 'one'])
  const { exitCode, found } = await verify(chain.url)
  expect(exitCode).toBe(1)
  expect(found).toContainEqual(expect.stringContaining(`doubled: The entry ${entryIdOf('one')} stands already`))
})
