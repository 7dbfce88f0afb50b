// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IConsentLedger} from "./IConsentLedger.sol";

/// @title Which function of the ledger is whose
/// @notice The one list behind what accounts may call and what the sponsor pays for.
library LedgerFunctions {
    /// @notice True for what a patient does on the ledger.
    function isPatients(bytes4 selector) internal pure returns (bool) {
        return selector == IConsentLedger.openGrant.selector || isPatientsTightening(selector);
    }

    /// @notice True for what a doctor does on the ledger.
    function isDoctors(bytes4 selector) internal pure returns (bool) {
        return selector == IConsentLedger.openRequest.selector || isDoctorsTightening(selector);
    }

    /// @notice True where a patient's call can only take access away.
    function isPatientsTightening(bytes4 selector) internal pure returns (bool) {
        return
            selector == IConsentLedger.revokeGrant.selector || selector == IConsentLedger.refuseRequest.selector;
    }

    /// @notice True where a doctor's call can only take a question back.
    function isDoctorsTightening(bytes4 selector) internal pure returns (bool) {
        return selector == IConsentLedger.withdrawRequest.selector;
    }
}
