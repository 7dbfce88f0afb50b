import type { Preset, Purpose } from './classes.ts'
import type { ConsentRequestId, EpochMs } from './people.ts'
import type { Hex } from './rows.ts'
import type { SafeguardKind } from './safeguards.ts'

/** What a decision does. `bot/` stores the effects of one message in one transaction; `jobs/` perform them. */
export type Effect =
  /** On a bare reply. */
  | { kind: 'openGrant'; requestId: ConsentRequestId }
  | { kind: 'openGrantWithCode'; requestId: ConsentRequestId; stretchedCode: Hex }
  /** Not decided yet: the code must be stretched first, which takes a while. Comes alone. */
  | { kind: 'stretchCode'; cardId: Hex; line: number; code: string }
  | { kind: 'missCode'; requestId: ConsentRequestId }
  | { kind: 'pauseSharing'; until: EpochMs }
  | { kind: 'refuse'; requestId: ConsentRequestId; notMe: boolean }
  | { kind: 'revokeGrant'; requestId: ConsentRequestId }
  | { kind: 'disputeEmergency'; requestId: ConsentRequestId }
  | { kind: 'tighten'; safeguard: SafeguardKind }
  /** Takes the next line of her card; she is asked for its code once the chain has it. */
  | { kind: 'askLoosening'; safeguard: SafeguardKind }
  | { kind: 'confirmLoosening'; changeId: string; stretchedCode: Hex }
  | { kind: 'missLooseningCode'; changeId: string }
  | { kind: 'keep'; changeIds: readonly string[] }
  | { kind: 'say'; phrase: Phrase }

/**
 * Everything we ever say to a phone, with what is filled in. How it sounds lives in `bot/phrases/` alone; no phrase holds a
 * diagnosis, a link, a patient's name or anything she typed.
 */
export type Phrase =
  | ({ name: 'prompt' } & Ask)
  | ({ name: 'reminder' } & Ask)
  | { name: 'granted'; number: number; doctor: string; preset: Preset; until: EpochMs }
  | { name: 'grantFailed'; number: number }
  | { name: 'refused'; number: number }
  | { name: 'notMe'; number: number }
  | { name: 'removed'; number: number; doctor: string }
  /** A doctor opened her record without asking, as she allowed for emergencies. */
  | { name: 'emergency'; number: number; doctor: string; hospital: string }
  | { name: 'howToDispute'; number: number; doctor: string; until: EpochMs }
  | { name: 'disputed'; number: number; doctor: string }
  | { name: 'alreadyAllowed'; number: number; doctor: string; until: EpochMs }
  | { name: 'alreadyOnItsWay'; number: number }
  | { name: 'ended'; number: number }
  | { name: 'undoTooLate'; number: number }
  | { name: 'undoRefusal'; number: number }
  | { name: 'howToAnswer'; number: number }
  /** A bare reply does not suffice: the code of this line does. */
  | { name: 'codeNeeded'; number: number; line: number }
  | { name: 'codeWrong'; number: number; line: number }
  | { name: 'sharingPaused'; until: EpochMs }
  | { name: 'howToRemove'; number: number; doctor: string }
  /** @property code one of them at least needs the code of a card */
  | { name: 'whichOne'; numbers: readonly number[]; code: boolean }
  | { name: 'noSuchNumber' }
  | { name: 'nothingOpen' }
  | { name: 'tooSoon'; number: number }
  | { name: 'log'; looks: readonly { number: number; doctor: string; at: EpochMs }[] }
  | { name: 'who'; grants: readonly { number: number; doctor: string; until: EpochMs }[] }
  | { name: 'menu' }
  | { name: 'unknownSender' }
  /** What protects her, as it is from now on. */
  | { name: 'frozen'; hasCard: boolean }
  | { name: 'emergencyOff' }
  | { name: 'emergencyElsewhere' }
  | { name: 'codeOn' }
  | { name: 'loosened'; safeguard: SafeguardKind }
  /** The code of this line allows it. */
  | { name: 'looseningCode'; safeguard: SafeguardKind; line: number }
  | { name: 'looseningCodeWrong'; safeguard: SafeguardKind; line: number }
  | { name: 'looseningWaits'; safeguard: SafeguardKind; at: EpochMs }
  | { name: 'changeOnItsWay' }
  | { name: 'changeFailed' }
  | { name: 'kept' }
  | { name: 'nothingToKeep' }
  | { name: 'soAlready' }
  | { name: 'needsCard' }
  | { name: 'needsNewCard' }
  | { name: 'safety' }
  | { name: 'whoPaused'; numbers: readonly number[] }

/** What a prompt tells: who, which hospital, what, for how long, why, and its number. */
export type Ask = {
  number: number
  doctor: string
  hospital: string
  preset: Preset
  days: number
  oneTime: boolean
  purpose: Purpose
  /** The line of her card whose code allows it; null where a bare reply does. */
  line: number | null
}

export type PhraseName = Phrase['name']
