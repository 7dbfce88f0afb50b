// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IConsentLedger} from "./IConsentLedger.sol";
import {IProviderRegistry} from "./IProviderRegistry.sol";

/// @title Who may open whose record, kept in two words of storage per request
/// @dev The first word holds everything that changes, the second the patient.
contract ConsentLedger is IConsentLedger {
    uint8 private constant ALL_RIGHTS = 7;
    uint16 private constant MAX_DURATION_DAYS = 365;
    uint256 private constant MAX_ANSWER_TIME = 72 hours;

    IProviderRegistry private immutable _registry;

    address private _accessWriter;
    mapping(bytes32 requestId => ConsentRequest) private _requests;

    constructor(IProviderRegistry registry, address initialAccessWriter) {
        if (address(registry) == address(0)) revert ZeroAccount();
        _registry = registry;
        _setAccessWriter(initialAccessWriter);
    }

    /// @inheritdoc IConsentLedger
    function openRequest(AccessRequest calldata request) external returns (bytes32 requestId) {
        (address doctor, , bool active) = _registry.affiliation(request.affiliationId);
        if (msg.sender != doctor) revert NotAffiliatedDoctor(request.affiliationId, msg.sender);
        if (!active) revert AffiliationInactive(request.affiliationId);
        if (!_registry.isPatient(request.patient)) revert PatientNotRegistered(request.patient);
        if (request.rights == 0 || request.rights > ALL_RIGHTS) revert RightsInvalid(request.rights);
        if (request.durationDays == 0 || request.durationDays > MAX_DURATION_DAYS) {
            revert DurationInvalid(request.durationDays);
        }
        uint256 latestAnswer = block.timestamp + MAX_ANSWER_TIME;
        if (request.answerBy <= block.timestamp || request.answerBy > latestAnswer) {
            revert AnswerTimeInvalid(request.answerBy, latestAnswer);
        }
        requestId = requestIdOf(request);
        if (_requests[requestId].state != RequestState.Unknown) revert RequestAlreadyKnown(requestId);

        _requests[requestId] = ConsentRequest({
            state: RequestState.Open,
            rights: request.rights,
            oneTime: request.oneTime,
            durationDays: request.durationDays,
            answerBy: request.answerBy,
            until: 0,
            affiliationId: request.affiliationId,
            accessCount: 0,
            patient: request.patient
        });
        emit RequestOpened(requestId, request.patient, request.affiliationId);
    }

    /// @inheritdoc IConsentLedger
    function withdrawRequest(bytes32 requestId) external {
        ConsentRequest storage request = _requireKnown(requestId);
        (address doctor, , ) = _registry.affiliation(request.affiliationId);
        if (msg.sender != doctor) revert NotRequestDoctor(requestId, msg.sender);
        _requireOpen(requestId, request);
        request.state = RequestState.Withdrawn;
        emit RequestWithdrawn(requestId, request.patient);
    }

    /// @inheritdoc IConsentLedger
    function openGrant(bytes32 requestId, uint40 until, bytes32 artefactCommitment) external {
        ConsentRequest storage request = _requireOwn(requestId);
        _requireOpen(requestId, request);
        if (block.timestamp > request.answerBy) revert RequestExpired(requestId, request.answerBy);
        uint256 latestEnd = _roundUpToDay(block.timestamp + uint256(request.durationDays) * 1 days);
        if (until <= block.timestamp || until > latestEnd || until % 1 days != 0) {
            revert GrantEndInvalid(requestId, until, latestEnd);
        }
        if (!_isActive(request.affiliationId)) revert AffiliationInactive(request.affiliationId);

        request.state = RequestState.Granted;
        request.until = until;
        emit GrantOpened(requestId, msg.sender, until, artefactCommitment);
    }

    /// @inheritdoc IConsentLedger
    function refuseRequest(bytes32 requestId) external {
        ConsentRequest storage request = _requireOwn(requestId);
        _requireOpen(requestId, request);
        request.state = RequestState.Refused;
        emit RequestRefused(requestId, msg.sender);
    }

    /// @inheritdoc IConsentLedger
    function revokeGrant(bytes32 requestId) external {
        ConsentRequest storage request = _requireOwn(requestId);
        if (request.state == RequestState.Revoked) return;
        request.state = RequestState.Revoked;
        emit GrantRevoked(requestId, msg.sender);
    }

    /// @inheritdoc IConsentLedger
    function logAccess(AccessEntry[] calldata entries) external {
        if (msg.sender != _accessWriter) revert NotAccessWriter(msg.sender);
        for (uint256 i = 0; i < entries.length; ++i) {
            AccessEntry calldata entry = entries[i];
            ConsentRequest storage request = _requests[entry.requestId];
            AccessRefusal refusal = _refusalOf(request, entry.right);
            if (refusal == AccessRefusal.None && !_isActive(request.affiliationId)) {
                refusal = AccessRefusal.AffiliationInactive;
            }
            if (refusal == AccessRefusal.None) {
                emit AccessLogged(entry.requestId, entry.entryId, entry.right, ++request.accessCount);
            } else {
                emit AccessRefused(entry.requestId, entry.entryId, refusal);
            }
        }
    }

    /// @inheritdoc IConsentLedger
    function setAccessWriter(address newAccessWriter) external {
        if (msg.sender != _registry.governor()) revert NotGovernor(msg.sender);
        _setAccessWriter(newAccessWriter);
    }

    /// @inheritdoc IConsentLedger
    function accessWriter() external view returns (address) {
        return _accessWriter;
    }

    /// @inheritdoc IConsentLedger
    function providerRegistry() external view returns (address) {
        return address(_registry);
    }

    /// @inheritdoc IConsentLedger
    function requestState(bytes32 requestId) external view returns (ConsentRequest memory request) {
        return _requests[requestId];
    }

    /// @inheritdoc IConsentLedger
    function canAccess(bytes32 requestId, address doctor, uint8 right) external view returns (bool) {
        ConsentRequest storage request = _requests[requestId];
        if (_refusalOf(request, right) != AccessRefusal.None) return false;
        (address affiliated, , bool active) = _registry.affiliation(request.affiliationId);
        return active && affiliated == doctor;
    }

    /// @inheritdoc IConsentLedger
    function requestIdOf(AccessRequest calldata request) public view returns (bytes32 requestId) {
        return keccak256(abi.encode(block.chainid, address(this), request));
    }

    function _setAccessWriter(address newAccessWriter) private {
        emit AccessWriterChanged(_accessWriter, newAccessWriter);
        _accessWriter = newAccessWriter;
    }

    /// @dev Everything about a look that the ledger knows by itself; the affiliation is the registry's to say.
    function _refusalOf(ConsentRequest storage request, uint8 right) private view returns (AccessRefusal) {
        RequestState state = request.state;
        if (state != RequestState.Granted) {
            if (state == RequestState.Unknown) return AccessRefusal.RequestUnknown;
            if (state == RequestState.Revoked) return AccessRefusal.Revoked;
            return AccessRefusal.NotGranted;
        }
        if (block.timestamp >= request.until) return AccessRefusal.Ended;
        if (request.oneTime && request.accessCount != 0) return AccessRefusal.UsedUp;
        if (right == 0 || right & request.rights != right) return AccessRefusal.RightMissing;
        return AccessRefusal.None;
    }

    function _isActive(uint32 affiliationId) private view returns (bool active) {
        (, , active) = _registry.affiliation(affiliationId);
    }

    function _requireOwn(bytes32 requestId) private view returns (ConsentRequest storage request) {
        request = _requireKnown(requestId);
        if (msg.sender != request.patient) revert NotRequestPatient(requestId, msg.sender);
    }

    function _requireKnown(bytes32 requestId) private view returns (ConsentRequest storage request) {
        request = _requests[requestId];
        if (request.state == RequestState.Unknown) revert RequestUnknown(requestId);
    }

    function _requireOpen(bytes32 requestId, ConsentRequest storage request) private view {
        if (request.state != RequestState.Open) revert RequestNotOpen(requestId, request.state);
    }

    function _roundUpToDay(uint256 timestamp) private pure returns (uint256) {
        return ((timestamp + 1 days - 1) / 1 days) * 1 days;
    }
}
