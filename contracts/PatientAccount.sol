// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEntryPoint} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {LedgerAccount} from "./LedgerAccount.sol";
import {LedgerFunctions} from "./LedgerFunctions.sol";

/// @title A patient's account
/// @notice Grants, refuses and removes; it can ask for nothing and log nothing.
contract PatientAccount is LedgerAccount {
    constructor(IEntryPoint entryPoint_, address ledger_) LedgerAccount(entryPoint_, ledger_) {}

    /// @inheritdoc LedgerAccount
    function _mayCall(bytes4 selector) internal pure override returns (bool) {
        return LedgerFunctions.isPatients(selector);
    }
}
