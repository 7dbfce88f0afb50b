// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What a patient's account asks of whoever keeps the code cards
interface ICardCodes {
    /// @notice Spends one code of the calling patient's card on `actionHash` and on nothing else; reverts when it is wrong.
    /// @param actionHash What the code shall allow, hashed with the account and a number that never comes back.
    /// @param proof The code and what is needed to check it, as the keeper of the cards defines it.
    function spendCardCode(bytes32 actionHash, bytes calldata proof) external;
}
