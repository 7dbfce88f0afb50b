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
        call = callData;
        bytes4 selector = bytes4(callData);
        uint256 offset;
        if (selector == bytes4(keccak256("execute(address,uint256,bytes)"))) offset = 132;
        else if (selector == bytes4(keccak256("execute(bytes32,bytes)"))) offset = 152;
        else if (selector == bytes4(keccak256("executeUserOp(address,uint256,bytes,uint8)"))) offset = 164;
        assembly ("memory-safe") {
            call.offset := add(call.offset, offset)
            call.length := sub(call.length, offset)
        }
    }
}
`
