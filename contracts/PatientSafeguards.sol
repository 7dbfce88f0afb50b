// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CodeCards} from "./CodeCards.sol";
import {IPatientSafeguards} from "./IPatientSafeguards.sol";
import {IProviderRegistry} from "./IProviderRegistry.sol";

/// @title What must be shown before a patient's word counts
/// @dev Base of the ledger. One word of settings and one word of card per patient.
abstract contract PatientSafeguards is IPatientSafeguards {
    struct Settings {
        bool codeRequired;
        uint8 openRequestCount;
    }

    IProviderRegistry internal immutable _registry;

    mapping(address patient => Settings) internal _settings;
    mapping(address patient => bytes32 link) private _cardTips;

    constructor(IProviderRegistry registry) {
        _registry = registry;
    }

    /// @inheritdoc IPatientSafeguards
    function issueFirstCard(address patient, bytes32 cardTip) external {
        if (msg.sender != _registry.patientHospital(patient) || !_registry.isVerifiedHospital(msg.sender)) {
            revert NotPatientHospital(patient, msg.sender);
        }
        if (_cardTips[patient] != 0) revert CardAlreadyIssued(patient);
        if (cardTip == 0) revert ZeroCardTip();
        _cardTips[patient] = cardTip;
        _settings[patient].codeRequired = true;
        emit FirstCardIssued(patient, msg.sender, cardTip);
        emit CodeRequired(patient);
    }

    /// @inheritdoc IPatientSafeguards
    function requireCode() external {
        if (_cardTips[msg.sender] == 0) revert NoCodeCard(msg.sender);
        if (_settings[msg.sender].codeRequired) return;
        _settings[msg.sender].codeRequired = true;
        emit CodeRequired(msg.sender);
    }

    /// @inheritdoc IPatientSafeguards
    function safeguards(address patient) external view returns (Safeguards memory) {
        return Safeguards({codeRequired: _settings[patient].codeRequired, cardTip: _cardTips[patient]});
    }

    /// @dev Takes the next line of the patient's card.
    function _takeLine(address patient, bytes32 lineHash, bytes32 nextLink) internal {
        bytes32 cardTip = _cardTips[patient];
        if (cardTip == 0) revert NoCodeCard(patient);
        if (CodeCards.link(lineHash, nextLink) != cardTip) {
            revert CardLineMismatch(patient, lineHash, nextLink, cardTip);
        }
        // A card that ran out is still a card: another one replaces it only with the patient's consent.
        if (nextLink == 0) revert ZeroCardTip();
        _cardTips[patient] = nextLink;
        emit CardLineTaken(patient, lineHash);
    }
}
