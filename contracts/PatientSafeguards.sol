// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CodeCards} from "./CodeCards.sol";
import {IPatientSafeguards} from "./IPatientSafeguards.sol";
import {ProviderRegistry} from "./ProviderRegistry.sol";

/// @title What must be shown before a patient's word counts
/// @dev Base of the ledger. One word of settings, the registry's own, and one word of card per patient.
abstract contract PatientSafeguards is IPatientSafeguards, ProviderRegistry {
    uint256 private constant LOOSENING_DELAY = 72 hours;

    mapping(address patient => bytes32 link) private _cardTips;
    mapping(address patient => mapping(LooseningKind kind => Loosening)) private _loosenings;
    mapping(address patient => mapping(bytes32 actionHash => bytes32 lineHash)) private _actionLines;

    /// @dev What opens or loosens, called by a patient's account.
    modifier mayLoosen() {
        _requireMayLoosen();
        _;
    }

    /// @inheritdoc IPatientSafeguards
    function issueFirstCard(address patient, bytes32 cardTip) external {
        if (msg.sender != patientHospital(patient) || !isVerifiedHospital(msg.sender)) {
            revert NotPatientHospital(patient, msg.sender);
        }
        if (_cardTips[patient] != 0) revert CardAlreadyIssued(patient);
        if (cardTip == 0) revert ZeroCardTip();
        _cardTips[patient] = cardTip;
        _patients[patient].codeRequired = true;
        emit FirstCardIssued(patient, msg.sender, cardTip);
        emit CodeRequired(patient);
    }

    /// @inheritdoc IPatientSafeguards
    function requireCode() external {
        if (_cardTips[msg.sender] == 0) revert NoCodeCard(msg.sender);
        _cancelLoosening(LooseningKind.LowerAssurance);
        if (_patients[msg.sender].codeRequired) return;
        _patients[msg.sender].codeRequired = true;
        emit CodeRequired(msg.sender);
    }

    /// @inheritdoc IPatientSafeguards
    function freeze() external {
        _cancelLoosening(LooseningKind.Unfreeze);
        if (_patients[msg.sender].frozenAt != 0) return;
        _patients[msg.sender].frozenAt = uint40(block.timestamp);
        emit PatientFrozen(msg.sender);
        _removeOpenRequests(msg.sender);
    }

    /// @inheritdoc IPatientSafeguards
    function forbidEmergency() external {
        _cancelLoosening(LooseningKind.AllowEmergency);
        if (!_patients[msg.sender].emergencyAllowed) return;
        _patients[msg.sender].emergencyAllowed = false;
        emit EmergencyForbidden(msg.sender);
    }

    /// @inheritdoc IPatientSafeguards
    function askLoosening(
        LooseningKind kind,
        bytes32 newCardTip,
        bytes32 lineHash,
        bytes32 nextLink
    ) external mayLoosen {
        _requireNotPending(kind, newCardTip);
        _takeLine(msg.sender, lineHash, nextLink);
        _loosenings[msg.sender][kind] = Loosening({lineHash: lineHash, newCardTip: newCardTip, readyAt: 0});
        emit LooseningAsked(msg.sender, kind, lineHash, newCardTip);
    }

    /// @inheritdoc IPatientSafeguards
    function confirmLoosening(LooseningKind kind, bytes32 code) external mayLoosen {
        Loosening storage asked = _loosenings[msg.sender][kind];
        if (asked.lineHash == 0) revert LooseningNotAsked(msg.sender, kind);
        if (CodeCards.lineHashOf(code) != asked.lineHash) revert LooseningCodeMismatch(msg.sender, kind);
        _schedule(kind, asked.newCardTip, false);
    }

    /// @inheritdoc IPatientSafeguards
    function scheduleLooseningByRecovery(LooseningKind kind, bytes32 newCardTip) external {
        _requireNotPending(kind, newCardTip);
        _schedule(kind, newCardTip, true);
    }

    /// @inheritdoc IPatientSafeguards
    function cancelLoosening(LooseningKind kind) external {
        _cancelLoosening(kind);
    }

    /// @inheritdoc IPatientSafeguards
    function takeCardLine(bytes32 actionHash, bytes32 lineHash, bytes32 nextLink) external {
        _takeLine(msg.sender, lineHash, nextLink);
        _actionLines[msg.sender][actionHash] = lineHash;
        emit CardLineTakenForAction(msg.sender, actionHash, lineHash);
    }

    /// @inheritdoc IPatientSafeguards
    function spendCardCode(bytes32 actionHash, bytes32 code) external {
        // An action that took no line has the line hash zero, which no code has.
        if (CodeCards.lineHashOf(code) != _actionLines[msg.sender][actionHash]) {
            revert ActionCodeMismatch(msg.sender, actionHash);
        }
        delete _actionLines[msg.sender][actionHash];
        emit CardCodeSpent(msg.sender, actionHash);
    }

    /// @inheritdoc IPatientSafeguards
    function executeLoosening(address patient, LooseningKind kind) external {
        Loosening memory waiting = _loosenings[patient][kind];
        if (waiting.readyAt == 0 || block.timestamp < waiting.readyAt) {
            revert LooseningNotReady(patient, kind, waiting.readyAt);
        }
        delete _loosenings[patient][kind];
        if (kind == LooseningKind.LowerAssurance) _patients[patient].codeRequired = false;
        else if (kind == LooseningKind.AllowEmergency) _patients[patient].emergencyAllowed = true;
        else if (kind == LooseningKind.ReplaceCard) _cardTips[patient] = waiting.newCardTip;
        else _patients[patient].frozenAt = 0;
        emit LooseningExecuted(patient, kind);
    }

    /// @inheritdoc IPatientSafeguards
    function loosening(address patient, LooseningKind kind) external view returns (Loosening memory) {
        return _loosenings[patient][kind];
    }

    /// @inheritdoc IPatientSafeguards
    function safeguards(address patient) external view returns (Safeguards memory) {
        Patient memory settings = _patients[patient];
        return
            Safeguards({
                frozenAt: settings.frozenAt,
                emergencyAllowed: settings.emergencyAllowed,
                codeRequired: settings.codeRequired,
                cardTip: _cardTips[patient]
            });
    }

    /// @dev Reverts while the governor has paused what custodians may open and the caller is in custody.
    function _requireMayLoosen() internal view virtual;

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

    function _schedule(LooseningKind kind, bytes32 newCardTip, bool byRecovery) private {
        uint40 readyAt = uint40(block.timestamp + LOOSENING_DELAY);
        _loosenings[msg.sender][kind] = Loosening({lineHash: 0, newCardTip: newCardTip, readyAt: readyAt});
        emit LooseningScheduled(msg.sender, kind, newCardTip, readyAt, byRecovery);
    }

    function _cancelLoosening(LooseningKind kind) private {
        Loosening storage known = _loosenings[msg.sender][kind];
        if (known.lineHash == 0 && known.readyAt == 0) return;
        delete _loosenings[msg.sender][kind];
        emit LooseningCancelled(msg.sender, kind);
    }

    function _requireNotPending(LooseningKind kind, bytes32 newCardTip) private view {
        if ((kind == LooseningKind.ReplaceCard) != (newCardTip != 0)) revert NewCardTipInvalid(kind, newCardTip);
        uint40 readyAt = _loosenings[msg.sender][kind].readyAt;
        if (readyAt != 0) revert LooseningPending(msg.sender, kind, readyAt);
    }
}
