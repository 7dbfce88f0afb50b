// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Whose key a doctor's account obeys
/// @notice Answered by whoever makes the accounts, not by an account or a hospital, which could claim anything.
interface IPasskeyDoctors {
    /// @notice True for a doctor's account that obeys passkeys only: no server holds a key that signs for it.
    function isPasskeyDoctor(address doctor) external view returns (bool);
}
