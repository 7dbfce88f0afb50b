import type { Right } from './classes.ts'
import type { Hex } from './rows.ts'
import type { SafeguardNews } from './safeguards.ts'
import type { LoggedLook } from './vault.ts'

/** What a block says about our requests, looks, user operations and safeguards. The database believes nothing else. */
export type LedgerEvent = { blockNumber: number; transactionHash: Hex } & (
  | { kind: 'userOperation'; hash: Hex; success: boolean }
  | { kind: 'requestOpened' | 'requestWithdrawn' | 'requestRefused' | 'grantRevoked'; ledgerRequestId: Hex }
  | { kind: 'grantOpened'; ledgerRequestId: Hex; untilSeconds: number }
  | { kind: 'emergencyOpened'; ledgerRequestId: Hex; untilSeconds: number; patientAccount: Hex; logIndex: number }
  | { kind: 'emergencyDisputed' | 'emergencyReviewed'; ledgerRequestId: Hex }
  | { kind: 'accessLogged' | 'accessRefused'; ledgerRequestId: Hex; entryId: Hex }
  | { kind: 'providersEnded'; providers: EndedProviders }
  | ({ kind: 'safeguards'; patientAccount: Hex; logIndex: number } & SafeguardNews)
)

/** Whose grants stop at once: a post that its hospital ended, or all posts of a hospital that the governor suspended. */
export type EndedProviders = { affiliationId: number } | { hospital: Hex }

export type Block = { number: number; hash: Hex; timestampSeconds: number }

/** Reads of the chain. Each has a time limit; a chain that does not answer is an error, never a yes. */
export type Ledger = {
  head(): Promise<Block>
  /** Numbers of the last safe and the last final block. */
  settled(): Promise<{ safe: number; final: number }>
  /** The block of a number, or null where the chain has none. */
  block(number: number): Promise<Block | null>
  /** Events of a range of blocks, in their order on chain. */
  events(fromBlock: number, toBlock: number): Promise<LedgerEvent[]>
  receipt(transactionHash: Hex): Promise<{ blockNumber: number; success: boolean } | null>
  /** Who works where under an affiliation, and whether it stands; zero addresses where nobody added it. */
  affiliation(affiliationId: number): Promise<{ doctor: Hex; hospital: Hex; active: boolean }>
  /** True where a contract account says that a signature is its own (ERC-1271); false for an account without code. */
  acceptsSignature(account: Hex, hash: Hex, signature: Hex): Promise<boolean>
  /** The link of the next line of a patient's code card, as the ledger keeps it; all zeros without a card. */
  cardTip(patientAccount: Hex): Promise<Hex>
  canAccess(ledgerRequestId: Hex, doctorAccount: Hex, right: Right): Promise<boolean>
  /** True while the grant behind a logged look stands; a one-time grant that this look used up counts as standing. */
  stillStands(proof: LoggedLook, doctorAccount: Hex, oneTime: boolean): Promise<boolean>
  /** The proof that an entry stands on chain, or null. Asks the chain for the transaction's own events. */
  proveLogged(entryId: Hex, transactionHash: Hex): Promise<LoggedLook | null>
}

/** What a doctor's account signs when it asks: the content that the request's identity commits to. */
export type LedgerRequest = {
  patient: Hex
  affiliationId: number
  rights: number
  /** Looks and changes that use the grant up; 0 for any number within its time. */
  uses: number
  durationDays: number
  /** Unix seconds. */
  answerBy: number
  scopeCommitment: Hex
  /** The grant that this one ends when it is granted; zero for none. */
  replaces: Hex
  /** The line of the patient's code card that the request takes, and the link after it; zero where no code is needed. */
  lineHash: Hex
  nextLink: Hex
}

/** What a doctor's account signs when it opens an emergency. */
export type LedgerEmergency = { patient: Hex; affiliationId: number; reasonCommitment: Hex }
