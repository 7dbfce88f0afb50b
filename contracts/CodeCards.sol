// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Code cards as the chain knows them
/// @notice A card's lines are a hash chain that ends in a random word; the ledger keeps the first link that is left.
/// @dev Line i has a code, stretched off chain to x_i, 14 bytes and zeros behind; h_i = keccak256(x_i) is its line hash, and its link
/// c_i = keccak256(abi.encode(chain id, this ledger, h_i, c_(i+1))), so that a card serves one ledger on one chain.
/// Taking a line shows h_i and c_(i+1) and leaves c_(i+1); only x_i opens what took the line.
library CodeCards {
    /// @notice The link of a line: what the ledger keeps while that line is the next one.
    function link(bytes32 lineHash, bytes32 nextLink) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), lineHash, nextLink));
    }

    /// @notice The line hash of a stretched code.
    function lineHashOf(bytes32 code) internal pure returns (bytes32) {
        return keccak256(abi.encode(code));
    }
}
