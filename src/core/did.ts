import { getAddress, isAddress } from 'viem/utils'
import type { Hex } from './rows.ts'

/** A party's account as a decentralized identifier, e.g. `did:pkh:eip155:1135:0x…`. Source: did:pkh method, CAIP-10. */
export type Did = `did:pkh:eip155:${number}:${Hex}`

/** The identifier of an account on a chain: hospitals, doctors and patients alike. */
export function didOf(chainId: number, account: Hex): Did {
  return `did:pkh:eip155:${chainId}:${getAddress(account)}`
}

/** What can't be resolved, and why. Names are those of DID Core. */
export type DidFault = 'invalidDid' | 'notFound' | 'methodNotSupported'

/** did-core's `did` rule: no path, query or fragment. */
const didPattern = /^did:([a-z0-9]+):((?:(?:[\w.-]|%[0-9A-Fa-f]{2})*:)*(?:[\w.-]|%[0-9A-Fa-f]{2})+)$/

/** CAIP-2's namespace and reference, then CAIP-10's account. */
const accountPattern = /^([-a-z0-9]{3,8}):([-\w]{1,32}):([-.%a-zA-Z0-9]{1,128})$/

/**
 * Reads an account out of a DID of one chain.
 *
 * An address in one case has no check; one in both cases must be checksummed (EIP-55), so that a mistyped account is not
 * taken for another.
 */
export function parseDid(text: string, chainId: number): { did: Did; account: Hex } | { fault: DidFault } {
  const [, method, rest = ''] = didPattern.exec(text) ?? []
  if (method === undefined) return { fault: 'invalidDid' }
  if (method !== 'pkh') return { fault: 'methodNotSupported' }
  const [, namespace, reference, address = ''] = accountPattern.exec(rest) ?? []
  if (namespace === undefined) return { fault: 'invalidDid' }
  if (namespace !== 'eip155') return { fault: 'notFound' }
  if (!/^(0|[1-9]\d*)$/.test(reference ?? '') || !isAddress(address)) return { fault: 'invalidDid' }
  if (reference !== String(chainId)) return { fault: 'notFound' }
  return { did: text as Did, account: getAddress(address) }
}

/**
 * The document of an account's DID. It follows from the identifier alone: nothing is looked up, so it says the same whether
 * the account is a patient's, a doctor's, a hospital's or nobody's.
 *
 * Source: did:pkh method specification, "Read (Resolve)".
 */
export function didDocument(did: Did) {
  const method = `${did}#blockchainAccountId`
  return {
    '@context': [
      'https://www.w3.org/ns/did/v1',
      {
        blockchainAccountId: 'https://w3id.org/security#blockchainAccountId',
        EcdsaSecp256k1RecoveryMethod2020:
          'https://identity.foundation/EcdsaSecp256k1RecoverySignature2020#EcdsaSecp256k1RecoveryMethod2020',
      },
    ],
    id: did,
    verificationMethod: [
      {
        id: method,
        type: 'EcdsaSecp256k1RecoveryMethod2020',
        controller: did,
        blockchainAccountId: did.slice('did:pkh:'.length),
      },
    ],
    authentication: [method],
    assertionMethod: [method],
  }
}
