import { BaseError, createPublicClient, createWalletClient, http, InsufficientFundsError } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { bytesToHex } from 'viem/utils'
import {
  addDoctor,
  addPatient,
  completeRotation,
  hasReverted,
  type Office,
  type OfficeRefusal,
  proposePasskey,
  suspendDoctor,
  suspendPatient,
} from '../accounts/hospitalOffice.ts'
import { readKeyFile } from '../accounts/keyFile.ts'
import { noAnswerOf } from '../accounts/ledgerHistory.ts'
import { readHeldPasskeys } from '../accounts/passkeyChanges.ts'
import type { PasskeyPoint } from '../core/passkey.ts'
import type { Hex } from '../core/rows.ts'

/** What a command says, and whether it did what was asked. */
type Said = { done: boolean; said: string }

/** Half of Lisk's block time. */
const pollMs = 1_000

type Keyed = { rpc: string; keyFile: string }

export function addDoctorByHospital(options: Keyed & { ledger: Hex; doctorAccount: Hex }): Promise<Said> {
  return withOffice(options, async (office) => {
    const added = await addDoctor(office, options.ledger, options.doctorAccount)
    return 'refused' in added ? added : `Added. Her affiliation is ${added.affiliationId}.`
  })
}

export function suspendDoctorByHospital(options: Keyed & { ledger: Hex; affiliationId: number }): Promise<Said> {
  return withOffice(options, async (office) => {
    const ended = await suspendDoctor(office, options.ledger, options.affiliationId)
    return 'refused' in ended ? ended : `Suspended in transaction ${ended.hash}: its grants are dead for ever.`
  })
}

export function addPatientByHospital(options: Keyed & { ledger: Hex; patientAccount: Hex }): Promise<Said> {
  return withOffice(options, async (office) => {
    const added = await addPatient(office, options.ledger, options.patientAccount)
    return 'refused' in added ? added : `Added in transaction ${added.hash}.`
  })
}

export function suspendPatientByHospital(options: Keyed & { ledger: Hex; patientAccount: Hex }): Promise<Said> {
  return withOffice(options, async (office) => {
    const ended = await suspendPatient(office, options.ledger, options.patientAccount)
    if ('refused' in ended) return ended
    return `Suspended in transaction ${ended.hash}: nobody asks her or looks until a hospital adds her again.`
  })
}

export function replacePasskey(
  options: Keyed & { doctorAccount: Hex; affiliationId: number; passkey: PasskeyPoint },
): Promise<Said> {
  return withOffice(options, async (office) => {
    const proposed = await proposePasskey(office, options.doctorAccount, options)
    if ('refused' in proposed) return proposed
    return `Proposed in transaction ${proposed.hash}. Unless she says no: run \`doctor finish-passkey\` in 72 hours.`
  })
}

export function finishPasskey(options: Keyed & { doctorAccount: Hex }): Promise<Said> {
  return withOffice(options, async (office) => {
    const completed = await completeRotation(office, options.doctorAccount)
    if ('refused' in completed) return completed
    return `In place by transaction ${completed.hash}: her account obeys the new passkey alone.`
  })
}

/** The passkeys that an account obeys and the one that is proposed, a line each, from the chain alone. */
export async function passkeysOf({ rpc, doctorAccount }: { rpc: string; doctorAccount: Hex }): Promise<string[]> {
  const client = createPublicClient({ transport: http(rpc), cacheTime: 0 })
  try {
    if ((await client.getCode({ address: doctorAccount })) === undefined)
      return [
        'No account is there: the address is wrong, or its first operation has yet to make it, which its first passkey signs.',
      ]
    const nobody = { account: doctorAccount, qx: '0x', qy: '0x' } as const
    const { first, second, proposed } = await readHeldPasskeys(client, nobody)
    const line = ({ qx, qy }: PasskeyPoint) => `${qx},${qy}`
    return [
      `first     ${line(first)}`,
      `second    ${second ? line(second) : 'none'}`,
      `proposed  ${proposed ? `${line(proposed)}, from ${new Date(proposed.readyAt).toISOString()} on` : 'none'}`,
    ]
  } catch (error) {
    if (hasReverted(error)) throw new Error(`Another contract is at ${doctorAccount}. Do: compare the address.`)
    throw noAnswerOf(error)
  }
}

async function withOffice(
  { rpc, keyFile }: Keyed,
  work: (office: Office) => Promise<string | OfficeRefusal>,
): Promise<Said> {
  const account = privateKeyToAccount(bytesToHex(await readKeyFile(keyFile)))
  const client = createPublicClient({ transport: http(rpc), cacheTime: 0, pollingInterval: pollMs })
  const office: Office = { client, account, wallet: createWalletClient({ account, transport: http(rpc) }) }
  try {
    const answer = await work(office)
    if (typeof answer === 'string') return { done: true, said: answer }
    const why = refusalWords[answer.refused] ?? 'the contract says no.'
    return { done: false, said: `Nothing was sent (${answer.refused}): ${why}` }
  } catch (error) {
    if (!(error instanceof BaseError && error.walk((cause) => cause instanceof InsufficientFundsError)))
      throw noAnswerOf(error)
    return {
      done: false,
      said: "Nothing was sent: the key's account has no money for gas. Do: send it some, run this again.",
    }
  }
}

const refusalWords: Readonly<Record<string, string>> = {
  NoContract: 'no contract is at that address. Do: compare it; an account is made by its first operation.',
  OtherContract: 'another contract is at that address. Do: compare it.',
  HospitalNotVerified: 'this key is no verified hospital of this ledger. Do: compare --key-file and --ledger.',
  DoctorAlreadyAdded: 'this hospital has added this account before. Do: nothing, or compare --account.',
  PatientAlreadyAdded:
    'a hospital has added this account before, and it is not suspended. Do: nothing, or compare --account.',
  PatientNotHeld:
    'this hospital has not added this account, or has suspended it before. Do: compare --account and --key-file.',
  AffiliationNotHeld:
    'this hospital has no such affiliation, or it has ended. Do: compare --affiliation and --key-file.',
  NotHospitalOfDoctor: 'the affiliation is not hers, not with this hospital, or has ended.',
  PasskeyInvalid: 'this is no point of the curve P-256. Do: copy the line from her page again.',
  RotationNotProposed: 'no passkey is proposed; she said no, or it is in place already.',
  RotationTooEarly: 'the 72 hours are not over.',
}
