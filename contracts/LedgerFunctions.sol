// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IConsentLedger} from "./IConsentLedger.sol";
import {IDoctorAccount} from "./IDoctorAccount.sol";
import {IPatientAccount} from "./IPatientAccount.sol";
import {IPatientSafeguards} from "./IPatientSafeguards.sol";

/// @title Which function is whose
/// @notice The one list behind what accounts may call of the ledger and what the sponsor pays for.
library LedgerFunctions {
    /// @notice True for what a patient does on the ledger.
    function isPatients(bytes4 selector) internal pure returns (bool) {
        return
            selector == IConsentLedger.openGrantWithCode.selector ||
            selector == IConsentLedger.openGrant.selector ||
            isPatientsTightening(selector) ||
            selector == IPatientSafeguards.askLoosening.selector ||
            selector == IPatientSafeguards.takeCardLine.selector ||
            selector == IPatientSafeguards.confirmLoosening.selector;
    }

    /// @notice True where a patient's call to the ledger can only take access away.
    function isPatientsTightening(bytes4 selector) internal pure returns (bool) {
        return
            selector == IConsentLedger.revokeGrant.selector ||
            selector == IConsentLedger.refuseRequest.selector ||
            selector == IConsentLedger.disputeEmergency.selector ||
            selector == IPatientSafeguards.freeze.selector ||
            selector == IPatientSafeguards.requireCode.selector ||
            selector == IPatientSafeguards.forbidEmergency.selector ||
            selector == IPatientSafeguards.cancelLoosening.selector;
    }

    /// @notice True for what a patient's owner does to the account itself.
    function isPatientsOwn(bytes4 selector) internal pure returns (bool) {
        return
            selector == IPatientAccount.proposeChange.selector || selector == IPatientAccount.vetoChange.selector;
    }

    /// @notice True for what a doctor does on the ledger.
    function isDoctors(bytes4 selector) internal pure returns (bool) {
        return
            selector == IConsentLedger.openRequest.selector ||
            selector == IConsentLedger.recordChange.selector ||
            selector == IConsentLedger.openEmergency.selector ||
            isDoctorsTightening(selector);
    }

    /// @notice True where a doctor's call to the ledger can only take a question back.
    function isDoctorsTightening(bytes4 selector) internal pure returns (bool) {
        return selector == IConsentLedger.withdrawRequest.selector;
    }

    /// @notice True for what a doctor does to the account itself.
    function isDoctorsOwn(bytes4 selector) internal pure returns (bool) {
        return
            selector == IDoctorAccount.setSecondPasskey.selector || selector == IDoctorAccount.vetoRotation.selector;
    }
}
