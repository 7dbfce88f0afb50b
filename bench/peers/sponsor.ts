import { toFunctionSelector } from 'viem'
import { readSource } from './compile.ts'

const file = 'contracts/SponsorPaymaster.sol'
const lookup = /bytes4 selector = _selectorOf\((\w+)\);/g

/**
 * The sponsor, with one change: where it asks which ledger function is called, it looks inside the peers' execute functions.
 * It reads and writes the same storage, and does not ask which contract is called, which only favours the peers.
 */
export function peersSponsorSource(): Record<string, string> {
  const source = readSource(file)
  if (source.match(lookup)?.length !== 1) throw new Error(`${file} asks for the selector in another place than it did.`)
  return { [file]: source.replace(lookup, 'bytes4 selector = _selectorOf(PeerCalls.inner($1));') + unwrapping }
}

/** Where the call begins: behind selector, arguments and length, and in ERC-7579 also behind target and value. */
const unwrapping = `
library PeerCalls {
    function inner(bytes calldata callData) internal pure returns (bytes calldata call) {
        assembly ("memory-safe") {
            let offset := 0
            switch shr(224, calldataload(callData.offset))
            case ${toFunctionSelector('execute(address,uint256,bytes)')} { offset := 132 }
            case ${toFunctionSelector('execute(bytes32,bytes)')} { offset := 152 }
            case ${toFunctionSelector('executeUserOp(address,uint256,bytes,uint8)')} { offset := 164 }
            call.offset := add(callData.offset, offset)
            call.length := sub(callData.length, offset)
        }
    }
}
`
