import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BaseError, createPublicClient, createWalletClient, http, InsufficientFundsError } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { bytesToHex } from 'viem/utils'
import {
  type Emergency,
  type ReviewRefusal,
  readUnreviewed,
  reviewRefusal,
  sendReview,
} from '../accounts/emergencies.ts'
import { readKeyFile } from '../accounts/keyFile.ts'
import { noAnswerOf } from '../accounts/ledgerHistory.ts'
import { openLocalVault } from '../accounts/localVault.ts'
import { foldersOf, readConfig } from '../config.ts'
import type { EpochMs } from '../core/people.ts'
import type { Hex } from '../core/rows.ts'
import { commitToFinding } from '../core/scope.ts'
import { openStore } from '../db/openStore.ts'
import { openPglite } from '../db/pglite.ts'
import { openPostgres } from '../db/postgres.ts'
import { openReason } from '../portal/openEmergency.ts'

/** What the hospital keeps in its files: with it, anybody can check the commitment that stands on chain. */
type Finding = { chainId: number; ledger: Hex; requestId: Hex; finding: string; salt: Hex; findingCommitment: Hex }

/**
 * Prints what waits for review, from the chain alone.
 *
 * @returns the exit code: 0 nothing is overdue, 1 something is
 */
export async function listEmergencies(
  { rpc, ledger, fromBlock, asJson }: { rpc: string; ledger: Hex; fromBlock: number; asJson: boolean },
  out: (line: string) => void,
): Promise<0 | 1> {
  const client = createPublicClient({ transport: http(rpc), cacheTime: 0 })
  const found = await readUnreviewed({ client, ledger }, fromBlock).catch((error: unknown) => {
    throw noAnswerOf(error)
  })
  const { chainId, toBlock, emergencies } = found
  const overdue = emergencies.filter(({ isOverdue }) => isOverdue).length
  if (asJson) out(JSON.stringify({ chainId, ledger, fromBlock, toBlock, emergencies }, null, 2))
  else {
    out(`Ledger ${ledger} on chain ${chainId}, blocks ${fromBlock} to ${toBlock}.`)
    out(`${emergencies.length} emergencies are not reviewed, ${overdue} of them overdue.`)
    for (const emergency of emergencies) out(lineOf(emergency))
  }
  return overdue === 0 ? 0 : 1
}

function lineOf(emergency: Emergency): string {
  const { requestId, openedAt, reviewBy, isOverdue, isDisputed, looks, affiliationId, doctor, hospital } = emergency
  return [
    `\n${requestId}${isDisputed ? '  DISPUTED by the patient' : ''}`,
    `  opened ${utc(openedAt)}, to be reviewed until ${utc(reviewBy)}${isOverdue ? '  OVERDUE: the governor reviews it' : ''}`,
    `  ${looks} looks; affiliation ${affiliationId}: doctor ${doctor}, hospital ${hospital}`,
  ].join('\n')
}

function utc(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

type ReviewOptions = { rpc: string; ledger: Hex; requestId: Hex; keyFile: string; finding: string; outFile: string }

/**
 * Reviews an emergency with the key of its hospital, or of the governor. The finding stays in a file; its salted commitment goes
 * on chain. Doing it again with the same file finishes what broke off.
 *
 * @returns a line for the reviewer, and whether it was reviewed
 */
export async function reviewEmergency(options: ReviewOptions): Promise<{ reviewed: boolean; said: string }> {
  const { rpc, ledger, requestId, keyFile, outFile } = options
  const finding = options.finding.trim()
  if (finding === '') return { reviewed: false, said: 'Not reviewed: the finding is empty.' }
  const account = privateKeyToAccount(bytesToHex(await readKeyFile(keyFile)))
  const client = createPublicClient({ transport: http(rpc), cacheTime: 0 })
  try {
    const place = { client, ledger }
    const salt: Hex = `0x${randomBytes(32).toString('hex')}`
    const fresh = { chainId: await client.getChainId(), ledger, requestId, finding, salt }
    const kept = await readKept(outFile)
    if (kept && !isSameReview(kept, fresh))
      return { reviewed: false, said: `Not reviewed: ${outFile} holds another review. Do: name another file.` }
    const found = kept ?? { ...fresh, findingCommitment: commitToFinding(finding, salt) }
    const refusal = await reviewRefusal(place, account.address, found)
    if (refusal) return { reviewed: false, said: `Not reviewed (${refusal}): ${refusalWords[refusal]}` }
    // Before it is sent: without the salt the commitment on chain would be worth nothing.
    if (!kept) await writeFile(outFile, `${JSON.stringify(found, null, 2)}\n`, { flag: 'wx', mode: 0o600 })
    const hash = await sendReview(place, createWalletClient({ account, transport: http(rpc) }), account, found)
    return { reviewed: true, said: `Reviewed in transaction ${hash}. Keep ${outFile}: it opens what stands on chain.` }
  } catch (error) {
    if (!hasNoMoney(error)) throw noAnswerOf(error)
    return {
      reviewed: false,
      said: "Not reviewed: the key's account has no money for gas. Do: send it some, run this again.",
    }
  }
}

function hasNoMoney(error: unknown): boolean {
  return error instanceof BaseError && error.walk((cause) => cause instanceof InsufficientFundsError) !== null
}

const refusalWords: Readonly<Record<ReviewRefusal, string>> = {
  NotReviewable: 'it is no emergency of this ledger, or was reviewed before.',
  NotReviewer: "this key may not. The doctor's hospital reviews for 72 hours, after that the governor alone.",
}

async function readKept(file: string): Promise<Finding | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Finding
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function isSameReview(kept: Finding, fresh: Omit<Finding, 'findingCommitment'>): boolean {
  const { chainId, ledger, requestId, finding } = fresh
  return (
    [kept.chainId, kept.ledger, kept.requestId, kept.finding].join() === [chainId, ledger, requestId, finding].join() &&
    kept.findingCommitment === commitToFinding(kept.finding, kept.salt)
  )
}

/**
 * What a doctor wrote, with everything that the commitment on chain opens to, for the reviewer. Reads the server's own
 * configuration and its vault key.
 */
export async function reasonOf(ledgerRequestId: Hex): Promise<string | null> {
  const { config, secrets } = readConfig()
  const { database: databaseFolder, keys } = foldersOf(config)
  const { databaseUrl } = config
  const database = databaseUrl ? await openPostgres(databaseUrl) : await openPglite(databaseFolder)
  try {
    const store = openStore(database.kysely)
    const vaultKey = secrets.vaultKey ?? (await readKeyFile(join(keys, 'vault')))
    const { columns } = openLocalVault(vaultKey, store.keys.get, () => Date.now() as EpochMs)
    const request = await store.requests.byLedgerId(ledgerRequestId)
    const reason = request && openReason(request, columns)
    if (!request || reason === null) return null
    const { preset, purpose, recordsFrom, recordsUntil, scopeSalt, scopeCommitment } = request
    const scope = { preset, purpose, recordsFrom, recordsUntil }
    const found = { requestId: ledgerRequestId, reason, ...scope, salt: scopeSalt, reasonCommitment: scopeCommitment }
    return JSON.stringify(found, null, 2)
  } finally {
    await database.close()
  }
}
