import { randomBytes, randomInt } from 'node:crypto'
import { createWalletClient, http } from 'viem'
import { openLedger } from '../src/accounts/ledger.ts'
import { registerCard as registerInStore } from '../src/accounts/registerCard.ts'
import type { App } from '../src/app.ts'
import { stretchCode } from '../src/bot/stretchCode.ts'
import { cardLines, chainLines, codeDigits, lineHashOf, writeCodeCard } from '../src/core/codeCard.ts'
import type { EpochMs } from '../src/core/people.ts'
import type { Hex } from '../src/core/rows.ts'
import type { World } from './world.ts'

const hex = (bytes: number): Hex => `0x${randomBytes(bytes).toString('hex')}`

/**
 * Plays the hospital's computer, which the server never sees: makes a card and hands over its file of hashes. The chain must
 * mine each transaction at once.
 *
 * @returns the codes by line, as they would be on paper
 */
export async function printCard(app: App, world: World, healthId: string): Promise<readonly string[]> {
  const cardId = hex(16)
  const codes = Array.from({ length: cardLines }, () =>
    Array.from({ length: codeDigits }, () => randomInt(10)).join(''),
  )
  const stretched = await Promise.all(codes.map((code, index) => stretchCode(cardId, index + 1, code)))
  const { chainId, consentLedger } = world.deployment
  const place = { chainId, ledger: consentLedger.address }
  const card = chainLines(place, cardId, stretched.map(lineHashOf), hex(32))
  await registerCard(app, world, healthId, writeCodeCard(place, card))
  return codes
}

/** Registers a card's file with the key of the village's hospital. @throws {Error} where it is refused */
export async function registerCard(app: App, world: World, healthId: string, file: string): Promise<void> {
  const { deployment, chainClient: client, hospital, chain } = world
  const wallet = createWalletClient({ account: hospital, transport: http(chain.url) })
  const done = await registerInStore(
    {
      store: app.store,
      ledger: openLedger(client, deployment),
      client,
      deployment,
      hospital: wallet,
      clock: () => Date.now() as EpochMs,
    },
    healthId,
    file,
  )
  if (typeof done === 'object') throw new Error(`The card was not registered: ${done.refused}.`)
}
