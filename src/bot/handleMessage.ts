import { randomBytes, randomUUID } from 'node:crypto'
import { mayHoldCode } from '../core/commands.ts'
import { nextState } from '../core/consent.ts'
import { type ConversationFacts, converse, type RequestFacts, type StretchedCode } from '../core/conversation.ts'
import type { Effect } from '../core/effects.ts'
import { day, type EpochMs, hour } from '../core/people.ts'
import type { CodeMissRow, Hex, InboundMessageRow, PatientRow, PhoneAddressRow } from '../core/rows.ts'
import { canonicalArtefact, commitToArtefact } from '../core/scope.ts'
import type { RequestWithPeople, Store } from '../core/store.ts'
import { newUserOperation, type RequestOperationKind } from '../core/userOperation.ts'
import type { ColumnVault } from '../core/vault.ts'
import { askLoosening, confirmLoosening, gatherSafeguards, keep, tighten } from './changeSafeguards.ts'
import { say } from './say.ts'

/** A request's number rests this long after its end; an answer that names it is told that it has ended. */
const numberRestsMs = 90 * day

export type HandleMessageParts = {
  store: Store
  columns: ColumnVault
  clock: () => EpochMs
  /** argon2id over a typed code, off the event loop; see `stretchCode`. */
  stretchCode(cardId: Hex, line: number, code: string): Promise<Hex>
}
type Patient = PatientRow & { timeZone: string }

/**
 * Reads one stored text and everything that waits before it from the same address: decision, state and outbox rows commit
 * together or not at all. Handling a text twice does nothing.
 */
export async function handleMessage(parts: HandleMessageParts, inboundId: string): Promise<void> {
  let stretched: StretchedCode | null = null
  for (;;) {
    const waitsFor = await handleWaiting(parts, inboundId, stretched)
    if (!waitsFor) return
    // Between two transactions: neither her row nor the database waits for it. What is decided then is decided anew.
    const { cardId, line, code } = waitsFor
    stretched = { cardId, line, code, stretched: await parts.stretchCode(cardId, line, code) }
  }
}

type StretchCode = Extract<Effect, { kind: 'stretchCode' }>

/** @returns the code that must be stretched before the next text can be answered; those before it are */
async function handleWaiting(
  parts: HandleMessageParts,
  inboundId: string,
  stretched: StretchedCode | null,
): Promise<StretchCode | null> {
  return parts.store.transaction(async (store) => {
    const inbound = await store.messages.inbound(inboundId)
    if (!inbound || inbound.handledAt !== null) return null
    const address = await store.people.lockAddress(inbound.addressId)
    if (!address) return null
    const patient = address.patientId ? await store.people.patient(address.patientId) : null
    for (const message of await store.messages.waiting(address.id)) {
      const handling = { ...parts, store, address, patient, message, stretched }
      const facts = await gatherFacts(handling)
      const text = parts.columns.open(message.textSealed, 'inbound_message.text')
      for (const effect of converse(facts, text)) {
        if (effect.kind === 'stretchCode') return effect
        await apply(handling, effect)
      }
      // A code for another line of her card is still good for that one.
      if (mayHoldCode(text)) {
        await store.messages.wipe(message.id, parts.columns.seal('', 'inbound_message.text'))
        await store.outbox.add('redactMessage', message.id, parts.clock())
      }
      await store.messages.markHandled(message.id, parts.clock())
    }
    return null
  })
}

type Handling = HandleMessageParts & {
  address: PhoneAddressRow
  patient: Patient | null
  message: InboundMessageRow
  stretched: StretchedCode | null
}

const ofNobody = {
  patient: null,
  requests: [],
  lastPrompted: null,
  misses: 0,
  pausedUntil: null,
  safeguards: {
    standing: { frozen: false, suspended: false, emergencyAllowed: false, codeRequired: false },
    hasCard: false,
    hasLine: false,
    hasNewCard: false,
    loosenings: [],
  },
  looks: [],
}

async function gatherFacts({ store, clock, address, patient, stretched }: Handling): Promise<ConversationFacts> {
  const now = clock()
  if (!patient) return { ...ofNobody, now, stretched }
  const requests = await store.requests.ofPatient(patient.id, (now - numberRestsMs) as EpochMs)
  const last = await store.messages.lastOutbound(address.id)
  const wasSent = last?.state === 'sending' || last?.state === 'sent' || last?.state === 'delivered'
  const isPrompt = wasSent && ['prompt', 'reminder', 'emergency'].includes(last.phrase)
  const lastPrompted = isPrompt ? last.consentRequestId : null
  const unasked = new Set<string>()
  for (const { id, state } of requests)
    if (state === 'asked' && id !== lastPrompted && !(await hasLeft(store, id))) unasked.add(id)
  const looks = await store.looks.ofPatient(patient.id, 3)
  return {
    now,
    patient: { language: patient.language, addressSince: address.since },
    requests: requests.map((request) => toFacts(request, now, unasked.has(request.id))),
    lastPrompted,
    stretched,
    misses: await store.cards.countMisses(patient.id),
    pausedUntil: await store.cards.pausedUntil(patient.id, now),
    safeguards: await gatherSafeguards(store, patient),
    looks: looks.map((look) => ({
      number: look.number,
      doctor: look.doctorShortName,
      at: look.loggedAt ?? look.createdAt,
    })),
  }
}

/** A prompt that waits for the morning, or was held back after her STOP, has asked her nothing: nobody allows unread. */
async function hasLeft(store: Store, requestId: RequestWithPeople['id']): Promise<boolean> {
  const state = (await store.messages.promptOf(requestId))?.state
  return state !== undefined && state !== 'queued' && state !== 'suppressed'
}

function toFacts(request: RequestWithPeople, now: EpochMs, isUnasked: boolean): RequestFacts {
  const hasEnded = request.state === 'granted' && request.grantedUntil !== null && request.grantedUntil <= now
  const state = hasEnded ? 'expired' : isUnasked ? 'asking' : request.state
  const { cardId, cardLine, lineHash } = request
  const card = cardId && lineHash && cardLine !== null ? { cardId, line: cardLine, lineHash } : null
  return { ...request, state, doctor: request.doctorShortName, card }
}

async function apply(handling: Handling, effect: Exclude<Effect, StretchCode>): Promise<void> {
  const { patient, columns } = handling
  switch (effect.kind) {
    case 'say':
      return speak(handling, effect)
    case 'openGrant':
      return answer(handling, effect.requestId, 'allow', null)
    case 'openGrantWithCode':
      return answer(handling, effect.requestId, 'allow', effect.stretchedCode)
    case 'refuse':
      return answer(handling, effect.requestId, effect.notMe ? 'notMe' : 'refuse', null)
    case 'revokeGrant':
      return close(handling, effect.requestId, 'remove')
    case 'disputeEmergency':
      return close(handling, effect.requestId, 'dispute')
    case 'missCode':
      return missCode(handling, { consentRequestId: effect.requestId, safeguardChangeId: null })
    case 'missLooseningCode':
      return missCode(handling, { consentRequestId: null, safeguardChangeId: effect.changeId })
    case 'pauseSharing':
      return pauseSharing(handling, effect.until)
    case 'tighten':
      return patient ? tighten({ ...handling, patient }, effect.safeguard) : undefined
    case 'askLoosening':
      return patient ? askLoosening({ ...handling, patient }, effect.safeguard) : undefined
    case 'confirmLoosening': {
      const code = columns.seal(effect.stretchedCode, 'user_operation.code')
      return patient ? confirmLoosening({ ...handling, patient }, effect.changeId, code) : undefined
    }
    case 'keep':
      return patient ? keep({ ...handling, patient }, effect.changeIds) : undefined
  }
}

async function speak(handling: Handling, { phrase }: Extract<Effect, { kind: 'say' }>): Promise<void> {
  const { store, address, patient } = handling
  await say(store, handling, {
    to: address,
    phrase,
    language: patient?.language ?? 'en',
    timeZone: patient?.timeZone ?? 'UTC',
  })
}

/** Keeps the evidence of an answer, sealed here and committed to on chain, and hands the operation to the jobs. */
async function answer(
  handling: Handling,
  requestId: RequestWithPeople['id'],
  event: 'allow' | 'refuse' | 'notMe',
  stretchedCode: Hex | null,
): Promise<void> {
  const { store, columns, clock, message, patient } = handling
  const request = await store.requests.lock(requestId)
  const state = request && nextState(request.state, event)
  if (!request || !state || !patient) return
  const now = clock()
  const prompt = await store.messages.promptOf(requestId)
  const artefact = canonicalArtefact({
    request: request.ledgerRequestId,
    prompt: prompt ? columns.open(prompt.textSealed, 'outbound_message.text') : '',
    language: patient.language,
    inboundMessageId: message.providerId,
    answer: event,
    assurance: stretchedCode === null ? 'A0' : 'A1',
    promptedAt: prompt?.sentAt ?? null,
    receivedAt: message.receivedAt,
    decidedAt: now,
  })
  const salt: Hex = `0x${randomBytes(32).toString('hex')}`
  await store.requests.update(requestId, {
    state,
    answeredAt: now,
    endedAt: event === 'allow' ? null : now,
    artefactSealed: columns.seal(artefact, 'consent_request.artefact'),
    artefactSalt: salt,
    artefactCommitment: commitToArtefact(artefact, salt),
  })
  if (event !== 'allow') return operate(handling, 'refuseRequest', requestId)
  if (stretchedCode === null) return operate(handling, 'openGrant', requestId)
  await store.cards.clearMisses(patient.id)
  await operate(handling, 'openGrantWithCode', requestId, columns.seal(stretchedCode, 'user_operation.code'))
}

async function missCode(
  { store, clock, message, patient }: Handling,
  subject: Pick<CodeMissRow, 'consentRequestId' | 'safeguardChangeId'>,
): Promise<void> {
  if (!patient) return
  await store.cards.addMiss({
    inboundMessageId: message.id,
    patientId: patient.id,
    ...subject,
    missedAt: clock(),
  })
}

/** Nobody looks and nothing is granted until then. The row waits for whoever tells her health worker. */
async function pauseSharing({ store, clock, patient }: Handling, pausedUntil: EpochMs): Promise<void> {
  if (!patient) return
  const now = clock()
  const pause = { id: randomUUID(), patientId: patient.id, reason: 'codesMissed', pausedAt: now, pausedUntil } as const
  await store.cards.addPause({ ...pause, healthWorkerToldAt: null })
  await store.cards.clearMisses(patient.id)
  // A page may still show what a one-time grant opened, which ended with that look.
  for (const { id } of await store.requests.ofPatient(patient.id, (now - hour) as EpochMs))
    await store.announce('request', id)
}

/** Closed at our gate from this commit on; the chain follows. */
async function close(
  handling: Handling,
  requestId: RequestWithPeople['id'],
  event: 'remove' | 'dispute',
): Promise<void> {
  const { store, clock } = handling
  const request = await store.requests.lock(requestId)
  const state = request && nextState(request.state, event)
  if (!state) return
  await store.requests.update(requestId, { state, endedAt: clock() })
  await operate(handling, event === 'remove' ? 'revokeGrant' : 'disputeEmergency', requestId)
}

async function operate(
  { store, clock, patient }: Handling,
  kind: RequestOperationKind,
  requestId: RequestWithPeople['id'],
  codeSealed: Uint8Array | null = null,
): Promise<void> {
  if (!patient) return
  const id = randomUUID()
  const operation = newUserOperation(id, kind, requestId, patient, clock())
  const isNew = await store.operations.add({ ...operation, codeSealed })
  if (isNew) await store.outbox.add('submitUserOperations', id, clock())
  await store.announce('request', requestId)
}
