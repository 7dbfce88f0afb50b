import { encodeAbiParameters, keccak256, slice, stringToBytes } from 'viem/utils'
import { type Preset, type Purpose, presetClasses, recordClasses } from './classes.ts'
import type { EpochMs } from './people.ts'
import type { Hex } from './rows.ts'

/** What a request is about: known to the doctor and us, on chain only as a salted commitment inside what the doctor signs. */
export type Scope = {
  preset: Preset
  purpose: Purpose
  recordsFrom: EpochMs
  recordsUntil: EpochMs
}

/** keccak256 over salt, classes (one bit each, in the order of `recordClasses`), purpose and window. */
export function commitToScope(scope: Scope, salt: Hex): Hex {
  const classes = presetClasses[scope.preset].reduce((bits, name) => bits | (1 << recordClasses.indexOf(name)), 0)
  return keccak256(
    encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'uint32' }, { type: 'string' }, { type: 'uint64' }, { type: 'uint64' }],
      [salt, classes, scope.purpose, BigInt(scope.recordsFrom), BigInt(scope.recordsUntil)],
    ),
  )
}

/** Of an emergency: keccak256 over its scope's commitment and the reason. The salt of the scope hides both. */
export function commitToEmergency(scope: Scope, reason: string, salt: Hex): Hex {
  return saltedHash(reason, commitToScope(scope, salt))
}

/** What a reviewer found, as it stands on chain. */
export function commitToFinding(finding: string, salt: Hex): Hex {
  return saltedHash(finding, salt)
}

/** The evidence of an answer, as its salted hash on chain commits to it. */
export type Artefact = {
  request: Hex
  prompt: string
  language: string
  inboundMessageId: string
  answer: string
  /** A0: a bare reply. A1: the code of the card line that the request took. */
  assurance: 'A0' | 'A1'
  promptedAt: number | null
  receivedAt: number
  decidedAt: number
}

/** Members in the order of their names, no white space: one text for one artefact. */
export function canonicalArtefact(artefact: Artefact): string {
  return JSON.stringify(artefact, Object.keys(artefact).sort())
}

/** First twenty bytes of keccak256 over salt and artefact: as strong as an address, and cheaper in every grant. */
export function commitToArtefact(canonical: string, salt: Hex): Hex {
  return slice(saltedHash(canonical, salt), 0, 20)
}

/** keccak256(abi.encode(bytes32 salt, bytes text)), the text in UTF-8. */
function saltedHash(text: string, salt: Hex): Hex {
  return keccak256(
    encodeAbiParameters([{ type: 'bytes32' }, { type: 'bytes' }], [salt, bytesToHex(stringToBytes(text))]),
  )
}

function bytesToHex(bytes: Uint8Array): Hex {
  return `0x${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
