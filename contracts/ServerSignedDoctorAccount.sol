// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEntryPoint} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {LedgerAccount} from "./LedgerAccount.sol";
import {LedgerFunctions} from "./LedgerFunctions.sol";

/// @title The account of a doctor without a passkey
/// @notice Asks and withdraws; it can grant nothing. A server holds its key, so what it asks proves less: the ledger can
/// tell it from a {DoctorAccount}.
contract ServerSignedDoctorAccount is LedgerAccount {
    constructor(IEntryPoint entryPoint_, address ledger_) LedgerAccount(entryPoint_, ledger_) {}

    /// @notice The key that signs for this clone, fixed when the clone was made. Means nothing on the implementation.
    function owner() public view returns (address) {
        return _firstOwner();
    }

    /// @inheritdoc LedgerAccount
    function _requireMayCall(bytes4 selector) internal view override onlyEntryPoint {
        if (!LedgerFunctions.isDoctors(selector)) revert FunctionNotAllowed(selector);
    }

    function _rawSignatureValidation(bytes32 hash, bytes calldata signature) internal view override returns (bool) {
        return _isSignedByKey(owner(), hash, signature);
    }
}
