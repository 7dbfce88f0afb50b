import { readFile } from 'node:fs/promises'
import { createPublicClient, http } from 'viem'
import { readDoctorAccounts } from '../accounts/doctorAccounts.ts'
import {
  LedgerUnreadableError,
  type ReadHistory,
  type ReadOptions,
  readLedgerHistory,
} from '../accounts/ledgerHistory.ts'
import { checkLookEvidence, type EvidenceReport } from '../accounts/lookEvidence.ts'
import { type AuditEvent, auditLedger, type Finding } from '../core/audit.ts'
import type { LookEvidence } from '../core/lookStatement.ts'

export type AuditVerifyOptions = Pick<ReadOptions, 'rpcUrls' | 'ledger' | 'fromBlock'> & {
  /** A file of `healthchain evidence export`; looks are opened with it. */
  evidenceFile?: string | undefined
  asJson: boolean
}

type Output = { out(line: string): void; progress(line: string): void }

const standardOutput: Output = {
  out: (line) => process.stdout.write(`${line}\n`),
  progress: (line) => process.stderr.write(`${line}\n`),
}

/** What no reading of the chain can show; said with each report, so that a clean one is not read as more. */
const limits = [
  'A look that its writer never logged leaves no trace on chain.',
  'A node that lies in events, receipts and storage alike can hide a request with all that belongs to it: ask a second, independent node with --rpc.',
]

/**
 * Reads a ledger's whole history from nodes and prints what is wrong with it.
 *
 * @returns the exit code: 0 nothing found, 1 findings, 2 not checked
 */
export async function auditVerify(
  { asJson, evidenceFile, ...options }: AuditVerifyOptions,
  { out, progress }: Output = standardOutput,
): Promise<0 | 1 | 2> {
  try {
    const history = await readLedgerHistory({ ...options, onProgress: everyTenth(progress) })
    const opened = evidenceFile === undefined ? null : await openLooks(evidenceFile, history, options)
    const findings = [...history.differences, ...auditLedger(history), ...(opened?.findings ?? [])].toSorted(
      (a, b) => (a.blockNumber ?? Number.POSITIVE_INFINITY) - (b.blockNumber ?? Number.POSITIVE_INFINITY) || 0,
    )
    const report = asJson ? toJson(history, options, findings, opened) : toLines(history, options, findings, opened)
    out(report)
    return findings.length === 0 ? 0 : 1
  } catch (error) {
    if (!(error instanceof LedgerUnreadableError)) throw error
    if (asJson) out(JSON.stringify({ checked: false, code: error.code, message: error.message }, null, 2))
    progress(error.message)
    return 2
  }
}

/** One line per tenth of a step, so that a log of it stays short. */
function everyTenth(progress: (line: string) => void): NonNullable<ReadOptions['onProgress']> {
  let last = ''
  return (step, done, total) => {
    const line = `· reading ${step}: ${Math.floor((10 * done) / total) * 10} % of ${total}`
    if (line !== last) progress(line)
    last = line
  }
}

type Asked = Pick<AuditVerifyOptions, 'rpcUrls' | 'fromBlock'>

/** Opens every look with the evidence that the operator hands out; which passkeys an account had, the first node says. */
async function openLooks(file: string, history: ReadHistory, { rpcUrls, fromBlock }: Asked): Promise<EvidenceReport> {
  const evidence = JSON.parse(await readFile(file, 'utf8')) as LookEvidence
  const client = createPublicClient({ transport: http(rpcUrls[0]) })
  const accounts = await readDoctorAccounts(client, { ...history, fromBlock })
  return checkLookEvidence(history, accounts, evidence)
}

function toLines(
  history: ReadHistory,
  { rpcUrls, fromBlock }: Asked,
  findings: readonly Finding[],
  opened: EvidenceReport | null,
): string {
  const nodes = rpcUrls.length === 1 ? '1 node' : `${rpcUrls.length} nodes`
  const counts = Object.entries(countKinds(history)).map(([name, count]) => `${count} ${name}`)
  const lines = findings.map(({ kind, blockNumber, transactionHash, requestId, text }) =>
    [
      kind.padEnd(8),
      `block ${blockNumber ?? '-'}`,
      `transaction ${transactionHash ?? '-'}`,
      `request ${requestId ?? '-'}`,
      text,
    ].join('  '),
  )
  return [
    `Ledger ${history.ledger} on chain ${history.chainId}, blocks ${fromBlock} to ${history.toBlock}, from ${nodes}.`,
    `${counts.join(', ')}.`,
    ...(opened
      ? [
          `${opened.attributed} looks open to a doctor's word, ${opened.serverSigned} are of doctors a server signs for.`,
        ]
      : []),
    '',
    ...lines,
    ...(lines.length === 0
      ? ['Nothing hidden, doubled, foreign or unlawful was found.']
      : [`${lines.length} findings.`]),
    '',
    'What this can not show:',
    ...limits.map((limit) => `- ${limit}`),
  ].join('\n')
}

function toJson(
  history: ReadHistory,
  { rpcUrls, fromBlock }: Asked,
  findings: readonly Finding[],
  opened: EvidenceReport | null,
): string {
  const { chainId, ledger, toBlock } = history
  const { attributed, serverSigned } = opened ?? {}
  const counts = { ...countKinds(history), attributed, serverSigned }
  return JSON.stringify(
    { checked: true, chainId, ledger, fromBlock, toBlock, nodes: rpcUrls.length, counts, findings, limits },
    null,
    2,
  )
}

function countKinds({ ledger, events }: ReadHistory): Record<string, number> {
  const ofLedger = events.filter((event) => event.address === ledger)
  const count = (...kinds: AuditEvent['kind'][]) => ofLedger.filter(({ kind }) => kinds.includes(kind)).length
  return {
    requests: count('requestOpened'),
    grants: count('grantOpened'),
    emergencies: count('emergencyOpened'),
    looks: count('accessLogged'),
    'late looks': count('accessLoggedLate'),
    changes: count('recordChanged'),
    'refused looks': count('accessRefused'),
  }
}
