// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {CodeCards} from "./CodeCards.sol";
import {IConsentLedger} from "./IConsentLedger.sol";
import {IPasskeyDoctors} from "./IPasskeyDoctors.sol";
import {IPatientAccount} from "./IPatientAccount.sol";
import {PatientSafeguards} from "./PatientSafeguards.sol";
import {ProviderRegistry} from "./ProviderRegistry.sol";
import {Request, Requests} from "./Request.sol";

/// @title Who may open whose record, kept in one word of storage per request
/// @dev A request that took a card line has that line's hash in its number, so that it needs no second word.
contract ConsentLedger is IConsentLedger, PatientSafeguards {
    struct Emergency {
        uint40 openedAt;
        bool reviewed;
    }

    uint8 private constant ALL_RIGHTS = 7;
    uint8 private constant CODE_REQUIRED = 8;
    uint8 private constant CODE_CHECKED = 16;
    uint8 private constant EMERGENCY = 32;
    uint8 private constant REPLACES = 64;
    uint8 private constant VIEW = 1;
    uint8 private constant ADD = 2;
    uint8 private constant CORRECT = 4;
    uint256 private constant EMERGENCY_TIME = 24 hours;
    uint256 private constant REVIEW_TIME = 72 hours;
    uint16 private constant MAX_DURATION_DAYS = 365;
    uint256 private constant MAX_ANSWER_TIME = 72 hours;
    uint256 private constant MAX_OPEN_OF_DOCTOR = 3;
    uint256 private constant MAX_OPEN_OF_PATIENT = 8;
    /// @dev The chain id that development chains use; on it, servers may sign for doctors.
    uint256 private constant LOCAL_CHAIN_ID = 31_337;

    /// @dev A request's number is a hash's last twenty bytes, as an address is: as strong, and twelve bytes less to pay for.
    bytes32 private constant REQUEST_ID_MASK = bytes32(uint256(type(uint160).max));

    address private _accessWriter;
    IPasskeyDoctors private _passkeyDoctors;
    mapping(bytes32 requestId => Request) private _requests;
    mapping(bytes32 requestId => bytes32) private _replaced;
    mapping(bytes32 requestId => Emergency) private _emergencies;
    mapping(address patient => mapping(address doctor => bytes32 requestId)) private _lastEmergencies;
    mapping(address patient => mapping(bytes32 requestId => bool)) private _barred;
    /// @dev The first `openRequestCount` of a patient's places hold every request of hers that is open.
    mapping(address patient => bytes32[MAX_OPEN_OF_PATIENT]) private _places;

    constructor(address initialGovernor, address initialAccessWriter) ProviderRegistry(initialGovernor) {
        _setAccessWriter(initialAccessWriter);
    }

    /// @inheritdoc IConsentLedger
    function openRequest(AccessRequest calldata request) external returns (bytes32 requestId) {
        address patient = request.patient;
        _requireActiveDoctor(request.affiliationId);
        Patient storage settings = _requireSharing(patient);
        if (request.rights == 0 || request.rights > ALL_RIGHTS) revert RightsInvalid(request.rights);
        if (request.durationDays == 0 || request.durationDays > MAX_DURATION_DAYS) {
            revert DurationInvalid(request.durationDays);
        }
        uint256 latestAnswer = block.timestamp + MAX_ANSWER_TIME;
        if (request.answerBy <= block.timestamp || request.answerBy > latestAnswer) {
            revert AnswerTimeInvalid(request.answerBy, latestAnswer);
        }
        requestId = requestIdOf(request);
        if (_requests[requestId].state() != RequestState.Unknown) revert RequestAlreadyKnown(requestId);
        if (_barred[patient][requestId]) revert RequestBarred(requestId, patient);

        uint8 bits = request.rights;
        if (request.lineHash != 0) {
            _takeLine(patient, request.lineHash, request.nextLink);
            bits |= CODE_REQUIRED;
        } else {
            if (settings.codeRequired) revert CardLineMissing(patient);
            _requirePasskey(msg.sender);
        }
        if (request.replaces != 0) {
            Request replaced = _requests[request.replaces];
            if (
                replaced.state() != RequestState.Granted ||
                replaced.patient() != patient ||
                _doctorOf(replaced.affiliationId()) != msg.sender
            ) revert ReplacementInvalid(request.replaces);
            _replaced[requestId] = request.replaces;
            bits |= REPLACES;
        }
        _takePlace(patient, requestId, request.affiliationId);
        _requests[requestId] = Requests.make(
            patient,
            // The registry counts affiliations in 24 bits, and this one exists.
            uint24(request.affiliationId),
            RequestState.Open,
            bits,
            request.uses,
            request.durationDays,
            uint32(request.answerBy)
        );
        emit RequestOpened(requestId, patient, request.affiliationId);
    }

    /// @inheritdoc IConsentLedger
    function withdrawRequest(bytes32 requestId) external {
        Request request = _requireKnown(requestId);
        if (msg.sender != _doctorOf(request.affiliationId())) revert NotRequestDoctor(requestId, msg.sender);
        _requireOpen(requestId, request);
        _requests[requestId] = request.withState(RequestState.Withdrawn);
        emit RequestWithdrawn(requestId, request.patient());
    }

    /// @inheritdoc IConsentLedger
    function openGrant(bytes32 requestId, bytes32 answer) external {
        Request request = _requireOwn(requestId);
        _requireOpen(requestId, request);
        if (request.bits() & CODE_REQUIRED != 0) revert CodeMissing(requestId);
        uint40 until = _grant(requestId, uint16(uint256(answer) >> 80), request, request.bits());
        emit GrantOpened(requestId, msg.sender, until, bytes20(answer), false);
    }

    /// @inheritdoc IConsentLedger
    function openGrantWithCode(bytes32 contentAndArtefact, bytes16 codeAndDay) external {
        bytes16 content = bytes16(contentAndArtefact);
        bytes32 requestId = _withLine(content, CodeCards.lineHashOf(bytes14(codeAndDay)));
        Request request = _requests[requestId];
        if (request.state() == RequestState.Unknown) revert CodeMismatch(content);
        if (msg.sender != request.patient()) revert NotRequestPatient(requestId, msg.sender);
        _requireOpen(requestId, request);
        uint40 until = _grant(
            requestId,
            uint16(uint128(codeAndDay)),
            request,
            request.bits() | CODE_CHECKED
        );
        emit GrantOpened(requestId, msg.sender, until, bytes20(contentAndArtefact << 128), true);
    }

    /// @inheritdoc IConsentLedger
    function refuseRequest(bytes32 requestId) external {
        Request request = _requireOwn(requestId);
        _requireOpen(requestId, request);
        _requests[requestId] = request.withState(RequestState.Refused);
        emit RequestRefused(requestId, msg.sender);
    }

    /// @inheritdoc IConsentLedger
    function revokeGrant(bytes32 requestId) external {
        Request request = _requests[requestId];
        if (request.state() == RequestState.Unknown) {
            if (_barred[msg.sender][requestId]) return;
            _barred[msg.sender][requestId] = true;
        } else {
            if (msg.sender != request.patient()) revert NotRequestPatient(requestId, msg.sender);
            if (request.state() == RequestState.Revoked) return;
            _revoke(requestId, request);
        }
        emit GrantRevoked(requestId, msg.sender);
    }

    /// @inheritdoc IConsentLedger
    function endGrantByHospital(bytes32 requestId) external {
        Request request = _requireKnown(requestId);
        (, address hospital, ) = affiliation(request.affiliationId());
        if (msg.sender != hospital) revert NotRequestHospital(requestId, msg.sender);
        if (request.state() == RequestState.Revoked) return;
        _revoke(requestId, request);
        emit GrantEndedByHospital(requestId, request.patient(), msg.sender);
    }

    /// @inheritdoc IConsentLedger
    function recordChange(bytes32 requestId, uint8 right, bytes32 commitment) external {
        Request request = _requireKnown(requestId);
        (address doctor, , bool active) = affiliation(request.affiliationId());
        if (msg.sender != doctor) revert NotRequestDoctor(requestId, msg.sender);
        if (right != ADD && right != CORRECT) revert ChangeInvalid(right);
        AccessRefusal refusal = _refusalOf(request, right);
        if (refusal == AccessRefusal.None && !active) refusal = AccessRefusal.AffiliationInactive;
        if (refusal != AccessRefusal.None) revert AccessDenied(requestId, refusal);
        emit RecordChanged(requestId, commitment, right, _countUse(requestId, request));
    }

    /// @inheritdoc IConsentLedger
    function openEmergency(
        address patient,
        uint32 affiliationId,
        bytes32 reasonCommitment
    ) external returns (bytes32 requestId) {
        _requireActiveDoctor(affiliationId);
        Patient storage settings = _requireSharing(patient);
        if (!settings.emergencyAllowed) revert EmergencyNotAllowed(patient);
        _requirePasskey(msg.sender);
        bytes32 last = _lastEmergencies[patient][msg.sender];
        if (last != 0 && !_emergencies[last].reviewed) revert EmergencyUnreviewed(last);
        requestId =
            keccak256(abi.encode(block.chainid, address(this), patient, affiliationId, reasonCommitment)) &
            REQUEST_ID_MASK;
        if (_requests[requestId].state() != RequestState.Unknown) revert RequestAlreadyKnown(requestId);

        uint32 until = uint32(block.timestamp + EMERGENCY_TIME);
        _lastEmergencies[patient][msg.sender] = requestId;
        _emergencies[requestId] = Emergency({openedAt: uint40(block.timestamp), reviewed: false});
        _requests[requestId] = Requests.make(
            patient,
            uint24(affiliationId),
            RequestState.Granted,
            VIEW | EMERGENCY,
            0,
            0,
            until
        );
        emit EmergencyOpened(requestId, patient, affiliationId, until, reasonCommitment);
    }

    /// @inheritdoc IConsentLedger
    function reviewEmergency(bytes32 requestId, bytes32 findingCommitment) external {
        Emergency memory emergency = _emergencies[requestId];
        if (emergency.openedAt == 0 || emergency.reviewed) revert NotReviewable(requestId);
        if (msg.sender != owner()) {
            (, address hospital, ) = affiliation(_requests[requestId].affiliationId());
            if (msg.sender != hospital || block.timestamp > emergency.openedAt + REVIEW_TIME) {
                revert NotReviewer(requestId, msg.sender);
            }
        }
        _emergencies[requestId].reviewed = true;
        emit EmergencyReviewed(requestId, msg.sender, findingCommitment);
    }

    /// @inheritdoc IConsentLedger
    function disputeEmergency(bytes32 requestId) external {
        Request request = _requireOwn(requestId);
        if (request.bits() & EMERGENCY == 0) revert NotReviewable(requestId);
        if (request.state() == RequestState.Revoked) return;
        _revoke(requestId, request);
        emit EmergencyDisputed(requestId, msg.sender);
    }

    /// @inheritdoc IConsentLedger
    function logAccess(AccessEntry[] calldata entries) external {
        if (msg.sender != _accessWriter) revert NotAccessWriter(msg.sender);
        for (uint256 i = 0; i < entries.length; ++i) {
            AccessEntry calldata entry = entries[i];
            Request request = _requests[entry.requestId];
            AccessRefusal refusal = _refusalOf(request, entry.right);
            if (refusal == AccessRefusal.None && !_isActive(request.affiliationId())) {
                refusal = AccessRefusal.AffiliationInactive;
            }
            if (refusal == AccessRefusal.None) {
                uint16 count = _countUse(entry.requestId, request);
                emit AccessLogged(entry.requestId, entry.entryId, entry.right, count);
            } else if (_wasAllowed(request, entry.right, entry.lookedAt)) {
                uint16 count = _countUse(entry.requestId, request);
                emit AccessLoggedLate(entry.requestId, entry.entryId, entry.right, count, entry.lookedAt);
            } else {
                emit AccessRefused(entry.requestId, entry.entryId, refusal);
            }
        }
    }

    /// @inheritdoc IConsentLedger
    function setAccessWriter(address newAccessWriter) external onlyOwner {
        _setAccessWriter(newAccessWriter);
    }

    /// @inheritdoc IConsentLedger
    function namePasskeyDoctors(IPasskeyDoctors newPasskeyDoctors) external onlyOwner {
        if (address(_passkeyDoctors) != address(0)) revert PasskeyDoctorsAlreadyNamed(address(_passkeyDoctors));
        if (address(newPasskeyDoctors) == address(0)) revert ZeroAccount();
        _passkeyDoctors = newPasskeyDoctors;
        emit PasskeyDoctorsNamed(address(newPasskeyDoctors));
    }

    /// @inheritdoc IConsentLedger
    function passkeyDoctors() external view returns (IPasskeyDoctors) {
        return _passkeyDoctors;
    }

    /// @inheritdoc IConsentLedger
    function accessWriter() external view returns (address) {
        return _accessWriter;
    }

    /// @inheritdoc IConsentLedger
    function requestState(bytes32 requestId) external view returns (ConsentRequest memory) {
        Request request = _requests[requestId];
        bool isEnded = request.state() >= RequestState.Granted;
        return
            ConsentRequest({
                state: request.state(),
                rights: request.bits() & ALL_RIGHTS,
                codeRequired: request.bits() & CODE_REQUIRED != 0,
                codeChecked: request.bits() & CODE_CHECKED != 0,
                emergency: request.bits() & EMERGENCY != 0,
                uses: request.uses(),
                durationDays: isEnded ? 0 : request.tally(),
                answerBy: isEnded ? 0 : request.deadline(),
                until: isEnded ? request.deadline() : 0,
                affiliationId: request.affiliationId(),
                accessCount: isEnded ? request.tally() : 0,
                patient: request.patient()
            });
    }

    /// @inheritdoc IConsentLedger
    function isBarred(address patient, bytes32 requestId) external view returns (bool) {
        return _barred[patient][requestId];
    }

    /// @inheritdoc IConsentLedger
    function canAccess(bytes32 requestId, address doctor, uint8 right) external view returns (bool) {
        Request request = _requests[requestId];
        if (_refusalOf(request, right) != AccessRefusal.None) return false;
        (address affiliated, , bool active) = affiliation(request.affiliationId());
        return active && affiliated == doctor;
    }

    /// @inheritdoc IConsentLedger
    function requestIdOf(AccessRequest calldata request) public view returns (bytes32 requestId) {
        bytes32 contentId = contentIdOf(request);
        return
            request.lineHash == 0 ? contentId : _withLine(bytes16(uint128(uint256(contentId))), request.lineHash);
    }

    /// @inheritdoc IConsentLedger
    function contentIdOf(AccessRequest calldata request) public view returns (bytes32 contentId) {
        return keccak256(abi.encode(block.chainid, address(this), request)) & REQUEST_ID_MASK;
    }

    /// @inheritdoc ProviderRegistry
    function _removeOpenRequests(address patient) internal override {
        uint256 count = _patients[patient].openRequestCount;
        for (uint256 place = 0; place < count; ++place) {
            bytes32 requestId = _places[patient][place];
            Request request = _requests[requestId];
            if (request.state() != RequestState.Open) continue;
            _revoke(requestId, request);
            if (msg.sender == patient) emit GrantRevoked(requestId, patient);
            else emit GrantEndedByHospital(requestId, patient, msg.sender);
        }
        _patients[patient].openRequestCount = 0;
    }

    /// @inheritdoc PatientSafeguards
    function _requireMayLoosen() internal view override {
        if (areCustodialGrantsPaused(patientHospital(msg.sender))) _requireOutOfCustody();
    }

    function _setAccessWriter(address newAccessWriter) private {
        emit AccessWriterChanged(_accessWriter, newAccessWriter);
        _accessWriter = newAccessWriter;
    }

    /// @param day The end that the answer names, in days since 1970.
    /// @return until The same in seconds: the first without access.
    function _grant(
        bytes32 requestId,
        uint16 day,
        Request request,
        uint8 bits
    ) private returns (uint40 until) {
        uint256 end = day * uint256(1 days);
        if (block.timestamp > request.deadline()) revert RequestExpired(requestId, request.deadline());
        uint256 latestEnd = _roundUpToDay(block.timestamp + uint256(request.tally()) * 1 days);
        if (end <= block.timestamp || end > latestEnd) revert GrantEndInvalid(requestId, end, latestEnd);
        (bool active, bool paused) = _standingOf(request.affiliationId());
        if (!active) revert AffiliationInactive(request.affiliationId());
        if (paused) _requireOutOfCustody();
        _requests[requestId] = request.with(RequestState.Granted, bits, 0, uint32(end));
        if (bits & REPLACES != 0) _supersede(_replaced[requestId], requestId);
        return uint40(end);
    }

    /// @dev Ends the grant that another one replaces, if it still stands.
    function _supersede(bytes32 requestId, bytes32 successor) private {
        Request request = _requests[requestId];
        if (request.state() != RequestState.Granted) return;
        _requests[requestId] = _ended(request, RequestState.Superseded);
        emit GrantSuperseded(requestId, msg.sender, successor);
    }

    function _revoke(bytes32 requestId, Request request) private {
        _requests[requestId] = _ended(request, RequestState.Revoked);
    }

    /// @dev A grant whose count is at its highest is used up, so one more always fits.
    function _countUse(bytes32 requestId, Request request) private returns (uint16 count) {
        count = request.tally() + 1;
        _requests[requestId] = request.with(request.state(), request.bits(), count, request.deadline());
    }

    /// @dev Gives the new request one of the patient's places. Answered and expired ones leave theirs only here, so that
    /// answering costs nothing; each is dropped once.
    function _takePlace(address patient, bytes32 requestId, uint32 affiliationId) private {
        bytes32[MAX_OPEN_OF_PATIENT] storage places = _places[patient];
        uint256 countBefore = _patients[patient].openRequestCount;
        uint256 count = countBefore;
        uint256 ofDoctor = 0;
        uint256 place = 0;
        while (place < count) {
            Request held = _requests[places[place]];
            if (held.state() == RequestState.Open && block.timestamp <= held.deadline()) {
                if (held.affiliationId() == affiliationId || _doctorOf(held.affiliationId()) == msg.sender) ++ofDoctor;
                ++place;
            } else if (place == --count) {
                break;
            } else {
                places[place] = places[count];
            }
        }
        if (ofDoctor >= MAX_OPEN_OF_DOCTOR) revert TooManyOpenRequests(patient, MAX_OPEN_OF_DOCTOR);
        if (count >= MAX_OPEN_OF_PATIENT) revert TooManyOpenRequests(patient, MAX_OPEN_OF_PATIENT);
        places[count] = requestId;
        ++count;
        if (count != countBefore) _patients[patient].openRequestCount = uint8(count);
    }

    /// @dev Everything about a look that the ledger knows by itself; the affiliation is the registry's to say.
    function _refusalOf(Request request, uint8 right) private view returns (AccessRefusal) {
        RequestState state = request.state();
        if (state != RequestState.Granted) {
            if (state == RequestState.Unknown) return AccessRefusal.RequestUnknown;
            if (state == RequestState.Revoked) return AccessRefusal.Revoked;
            if (state == RequestState.Superseded) return AccessRefusal.Superseded;
            return AccessRefusal.NotGranted;
        }
        if (block.timestamp >= request.deadline()) return AccessRefusal.Ended;
        if (_isUsedUp(request)) return AccessRefusal.UsedUp;
        if (!_hasRight(request, right)) return AccessRefusal.RightMissing;
        Patient storage settings = _patients[request.patient()];
        if (settings.frozenAt != 0) return AccessRefusal.PatientFrozen;
        if (settings.suspendedAt != 0) return AccessRefusal.PatientSuspended;
        return AccessRefusal.None;
    }

    /// @dev True for a look that the grant allowed then and not any more, because it, the affiliation, the patient's standing
    /// or sharing as a whole has ended since.
    function _wasAllowed(Request request, uint8 right, uint40 lookedAt) private view returns (bool) {
        if (request.state() < RequestState.Granted || _isUsedUp(request) || !_hasRight(request, right)) return false;
        if (lookedAt >= request.deadline() || lookedAt > block.timestamp) return false;
        Patient storage settings = _patients[request.patient()];
        if (settings.frozenAt != 0 && lookedAt >= settings.frozenAt) return false;
        if (settings.suspendedAt != 0 && lookedAt >= settings.suspendedAt) return false;
        uint256 endedAt = affiliationEndedAt(request.affiliationId());
        return endedAt == 0 || lookedAt < endedAt;
    }

    function _isUsedUp(Request request) private pure returns (bool) {
        uint16 count = request.tally();
        return request.uses() != 0 ? count >= request.uses() : count == type(uint16).max;
    }

    function _hasRight(Request request, uint8 right) private pure returns (bool) {
        return right != 0 && right & request.bits() & ALL_RIGHTS == right;
    }

    function _requireActiveDoctor(uint32 affiliationId) private view {
        (address doctor, , bool active) = affiliation(affiliationId);
        if (msg.sender != doctor) revert NotAffiliatedDoctor(affiliationId, msg.sender);
        if (!active) revert AffiliationInactive(affiliationId);
    }

    /// @dev What is new is opened to a patient who is known, not suspended and not frozen.
    function _requireSharing(address patient) private view returns (Patient storage settings) {
        settings = _patients[patient];
        if (settings.hospitalId == 0) revert PatientNotRegistered(patient);
        if (settings.suspendedAt != 0) revert SuspendedPatient(patient);
        if (settings.frozenAt != 0) revert FrozenPatient(patient);
    }

    /// @dev Where the patient shows nothing that the server can't show alone, the doctor must.
    function _requirePasskey(address doctor) private view {
        if (block.chainid == LOCAL_CHAIN_ID) return;
        IPasskeyDoctors known = _passkeyDoctors;
        if (address(known) == address(0) || !known.isPasskeyDoctor(doctor)) revert ServerSignedRequest(doctor);
    }

    /// @dev A patient who can't say that she is out of custody is in it.
    function _requireOutOfCustody() private view {
        bool inCustody = msg.sender.code.length == 0 || IPatientAccount(msg.sender).isInCustody();
        if (inCustody) revert CustodialGrantsArePaused(msg.sender);
    }

    function _requireOwn(bytes32 requestId) private view returns (Request request) {
        request = _requireKnown(requestId);
        if (msg.sender != request.patient()) revert NotRequestPatient(requestId, msg.sender);
    }

    function _requireKnown(bytes32 requestId) private view returns (Request request) {
        request = _requests[requestId];
        if (request.state() == RequestState.Unknown) revert RequestUnknown(requestId);
    }

    function _requireOpen(bytes32 requestId, Request request) private pure {
        if (request.state() != RequestState.Open) revert RequestNotOpen(requestId, request.state());
    }

    /// @dev Ends access now; what was never granted has no end and no looks.
    function _ended(Request request, RequestState state) private view returns (Request) {
        if (request.state() < RequestState.Granted) return request.with(state, request.bits(), 0, 0);
        uint32 deadline = request.deadline();
        if (block.timestamp < deadline) deadline = uint32(block.timestamp);
        return request.with(state, request.bits(), request.tally(), deadline);
    }

    /// @dev The number of a request that took a line: who knows the content must still show the line's code to name it.
    function _withLine(bytes16 content, bytes32 lineHash) private pure returns (bytes32) {
        return Hashes.efficientKeccak256(content, lineHash) & REQUEST_ID_MASK;
    }

    function _roundUpToDay(uint256 timestamp) private pure returns (uint256) {
        return ((timestamp + 1 days - 1) / 1 days) * 1 days;
    }
}
