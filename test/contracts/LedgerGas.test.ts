import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { encodeAbiParameters, type Hex, keccak256, pad, parseEther, slice, toHex } from 'viem'
import { ledgerAnswerOf, ledgerCodedAnswerOf } from '../../src/accounts/ledgerRequest.ts'
import { startWorld, type World } from './sponsoredWorld.ts'

/** What the ledger costs by itself, called by plain accounts: what an account or a bundle adds is measured elsewhere. */
describe('the gas of the ledger', () => {
  let world: World

  before(async () => {
    world = await startWorld()
  })

  after(async () => {
    await world.close()
  })

  test('a look costs at most 15,500 gas in a batch of fifty, each of another patient', async (context) => {
    const looks = await Promise.all(Array.from({ length: 50 }, granted))
    const lookedAt = Number((await world.publicClient.getBlock()).timestamp)
    const batch = (count: number, round: string) =>
      looks.slice(0, count).map((requestId, index) => ({
        requestId,
        entryId: keccak256(toHex(`entry ${round} ${index}`)),
        right: 1,
        lookedAt,
      }))
    // A grant's first look writes to a word that is not zero either: all are alike.
    const log = async (entries: ReturnType<typeof batch>) =>
      gasOf(await world.accessWriter.writeContract({ ...world.ledger, functionName: 'logAccess', args: [entries] }))
    const fifty = await log(batch(50, 'fifty'))
    const alone = await log(batch(1, 'alone'))
    context.diagnostic(`alone ${alone}, in fifty ${fifty / 50n}`)
    assert.ok(fifty / 50n <= 15_500n, `in fifty: ${fifty / 50n}`)
  })

  test('the code of a card adds at most 1,500 gas to a grant', async (context) => {
    const bare = await patientAccount('bare')
    const asked = await world.ask(bare.address)
    const artefact = slice(keccak256(toHex('artefact')), 0, 20)
    const bareGas = await gasOf(
      await bare.wallet.writeContract({
        ...world.ledger,
        functionName: 'openGrant',
        args: [asked.requestId, ledgerAnswerOf(artefact, asked.until)],
      }),
    )
    const carded = await patientAccount('carded')
    const code = pad(slice(keccak256(toHex('stretched code')), 0, 14), { dir: 'right' })
    const [lineHash, nextLink] = [keccak256(code), keccak256(toHex('the rest of the card'))]
    const link = encodeAbiParameters(
      [{ type: 'uint256' }, { type: 'address' }, { type: 'bytes32' }, { type: 'bytes32' }],
      [31337n, world.ledger.address, lineHash, nextLink],
    )
    await world.hospital.writeContract({
      ...world.ledger,
      functionName: 'issueFirstCard',
      args: [carded.address, keccak256(link)],
    })
    const { request, until } = await world.newRequest(carded.address, 1)
    const withLine = { ...request, lineHash, nextLink }
    const contentId = await world.publicClient.readContract({
      ...world.ledger,
      functionName: 'contentIdOf',
      args: [withLine],
    })
    const askGas = await gasOf(
      await world.doctor.writeContract({ ...world.ledger, functionName: 'openRequest', args: [withLine] }),
    )
    const codeGas = await gasOf(
      await carded.wallet.writeContract({
        ...world.ledger,
        functionName: 'openGrantWithCode',
        args: ledgerCodedAnswerOf(contentId, artefact, code, until),
      }),
    )
    context.diagnostic(`bare ${bareGas}, with code ${codeGas}; the request with a line ${askGas}`)
    assert.ok(codeGas - bareGas <= 1_500n, `${codeGas} - ${bareGas}`)
  })

  async function granted(): Promise<Hex> {
    const owner = world.nextOwner()
    const { address, wallet } = await patientAccount(owner.address)
    const { requestId, until } = await world.ask(address)
    await wallet.writeContract({
      ...world.ledger,
      functionName: 'openGrant',
      args: [requestId, ledgerAnswerOf(slice(keccak256(toHex('artefact')), 0, 20), until)],
    })
    return requestId
  }

  /** A patient who calls the ledger from a plain account. */
  async function patientAccount(name: string) {
    const address: Hex = `0x${keccak256(toHex(name)).slice(-40)}`
    await world.testClient.impersonateAccount({ address })
    await world.testClient.setBalance({ address, value: parseEther('1') })
    await world.hospital.writeContract({ ...world.registry, functionName: 'addPatient', args: [address] })
    return { address, wallet: await world.walletOf(address) }
  }

  async function gasOf(hash: Hex): Promise<bigint> {
    return (await world.publicClient.waitForTransactionReceipt({ hash })).gasUsed
  }
})
