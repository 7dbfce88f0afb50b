// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Who may open whose record
/// @notice Keeps, for ever and in order, what doctors asked, what patients answered, and who looked.
/// @dev No class, purpose, name, number or content address is ever here: only rights, days and salted commitments.
interface IConsentLedger {
    /// @notice What has become of a request. A grant that ended by time is still Granted, a request nobody answered
    /// still Open: time alone writes nothing.
    enum RequestState {
        Unknown,
        Open,
        Withdrawn,
        Refused,
        Granted,
        Revoked
    }

    /// @notice Why a look was refused. None never appears in an event.
    enum AccessRefusal {
        None,
        RequestUnknown,
        NotGranted,
        Revoked,
        Ended,
        UsedUp,
        RightMissing,
        AffiliationInactive
    }

    /// @notice What a doctor asks of a patient.
    /// @param patient The patient's account.
    /// @param affiliationId Under which affiliation of the {IProviderRegistry} the doctor asks.
    /// @param rights 1 VIEW, 2 ADD, 4 CORRECT, added up.
    /// @param oneTime The first look uses the grant up.
    /// @param durationDays Days that the grant may last at most, 1 to 365.
    /// @param answerBy Last second in which the patient can grant, Unix seconds.
    /// @param scopeCommitment Salted hash of the classes, purpose and record dates, so that they can't be widened later.
    struct AccessRequest {
        address patient;
        uint32 affiliationId;
        uint8 rights;
        bool oneTime;
        uint16 durationDays;
        uint40 answerBy;
        bytes32 scopeCommitment;
    }

    /// @notice One look at a record, or one change to it, under a grant. The reader is the affiliation's doctor.
    /// @param requestId The grant's request.
    /// @param entryId Chosen by the writer; the ledger does not compare it with earlier ones.
    /// @param right Which right is used: 1 VIEW, 2 ADD, 4 CORRECT.
    struct AccessEntry {
        bytes32 requestId;
        bytes32 entryId;
        uint8 right;
    }

    /// @notice A request and what became of it.
    /// @param state Unknown when nobody made this request; everything else is zero then.
    /// @param rights As asked.
    /// @param oneTime As asked.
    /// @param durationDays As asked.
    /// @param answerBy As asked.
    /// @param until First second without access, Unix seconds, a whole UTC day; zero when never granted.
    /// @param affiliationId As asked.
    /// @param accessCount Looks logged under the grant.
    /// @param patient As asked.
    struct ConsentRequest {
        RequestState state;
        uint8 rights;
        bool oneTime;
        uint16 durationDays;
        uint40 answerBy;
        uint40 until;
        uint32 affiliationId;
        uint32 accessCount;
        address patient;
    }

    /// @notice A doctor asked `patient` for access.
    event RequestOpened(bytes32 indexed requestId, address indexed patient, uint32 indexed affiliationId);

    /// @notice The doctor withdrew the request before an answer.
    event RequestWithdrawn(bytes32 indexed requestId, address indexed patient);

    /// @notice `patient` granted the request until `until`; `artefactCommitment` is a salted hash of the evidence.
    event GrantOpened(bytes32 indexed requestId, address indexed patient, uint40 until, bytes32 artefactCommitment);

    /// @notice `patient` refused the request.
    event RequestRefused(bytes32 indexed requestId, address indexed patient);

    /// @notice `patient` took the access away, or barred a request from ever being granted.
    event GrantRevoked(bytes32 indexed requestId, address indexed patient);

    /// @notice A record was opened or changed under the grant, for the `count`th time.
    event AccessLogged(bytes32 indexed requestId, bytes32 indexed entryId, uint8 right, uint32 count);

    /// @notice An entry of a batch was refused; the record must stay closed.
    event AccessRefused(bytes32 indexed requestId, bytes32 indexed entryId, AccessRefusal reason);

    /// @notice The governor named `current` as access writer in place of `previous`.
    event AccessWriterChanged(address indexed previous, address indexed current);

    /// @notice The zero address is nobody's account.
    error ZeroAccount();

    /// @notice `caller` is not the governor of the registry.
    error NotGovernor(address caller);

    /// @notice `caller` is not the access writer.
    error NotAccessWriter(address caller);

    /// @notice `caller` is not the doctor of `affiliationId`.
    error NotAffiliatedDoctor(uint32 affiliationId, address caller);

    /// @notice `affiliationId` or its hospital is suspended.
    error AffiliationInactive(uint32 affiliationId);

    /// @notice No hospital has added `patient`.
    error PatientNotRegistered(address patient);

    /// @notice `rights` is not 1 to 7.
    error RightsInvalid(uint8 rights);

    /// @notice `durationDays` is not 1 to 365.
    error DurationInvalid(uint16 durationDays);

    /// @notice `answerBy` is not after now and at most at `latest`.
    error AnswerTimeInvalid(uint40 answerBy, uint256 latest);

    /// @notice This very request was made before.
    error RequestAlreadyKnown(bytes32 requestId);

    /// @notice Nobody made this request.
    error RequestUnknown(bytes32 requestId);

    /// @notice The request is not open but `state`.
    error RequestNotOpen(bytes32 requestId, RequestState state);

    /// @notice The time to answer the request ended at `answerBy`.
    error RequestExpired(bytes32 requestId, uint40 answerBy);

    /// @notice `caller` is not the doctor who made the request.
    error NotRequestDoctor(bytes32 requestId, address caller);

    /// @notice `caller` is not the patient whom the request asks.
    error NotRequestPatient(bytes32 requestId, address caller);

    /// @notice `until` is not a whole UTC day after now and at most `latest`.
    error GrantEndInvalid(bytes32 requestId, uint40 until, uint256 latest);

    /// @notice Opens a request; the calling account is the affiliation's doctor.
    /// @dev Emits {RequestOpened}. Reverts with {NotAffiliatedDoctor}, {AffiliationInactive}, {PatientNotRegistered},
    /// {RightsInvalid}, {DurationInvalid}, {AnswerTimeInvalid}, {RequestAlreadyKnown}.
    /// @return requestId As {requestIdOf} computes it.
    function openRequest(AccessRequest calldata request) external returns (bytes32 requestId);

    /// @notice Withdraws a request that is still open; its doctor only, suspended or not.
    /// @dev Emits {RequestWithdrawn}. Reverts with {RequestUnknown}, {NotRequestDoctor}, {RequestNotOpen}.
    function withdrawRequest(bytes32 requestId) external;

    /// @notice Opens the grant that the request asks for; its patient only.
    /// @dev Emits {GrantOpened}. Reverts with {RequestUnknown}, {NotRequestPatient}, {RequestNotOpen},
    /// {RequestExpired}, {GrantEndInvalid}, {AffiliationInactive}.
    /// @param requestId The request.
    /// @param until First second without access, Unix seconds: a whole UTC day, after now, and no later than now plus
    /// the request's days rounded up to the day.
    /// @param artefactCommitment Salted hash of the evidence for the patient's yes.
    function openGrant(bytes32 requestId, uint40 until, bytes32 artefactCommitment) external;

    /// @notice Refuses a request that is still open; its patient only. A late refusal counts too.
    /// @dev Emits {RequestRefused}. Reverts with {RequestUnknown}, {NotRequestPatient}, {RequestNotOpen}.
    function refuseRequest(bytes32 requestId) external;

    /// @notice Takes the access away for good, from any state: a request still open can no longer be granted.
    /// @dev Its patient only; never reverts for them, and does nothing the second time, so that removing needs no
    /// knowledge of what arrived before. Emits {GrantRevoked}. Reverts with {RequestUnknown}, {NotRequestPatient}.
    function revokeGrant(bytes32 requestId) external;

    /// @notice Logs looks at records before they are shown; the access writer only.
    /// @dev Each entry is checked and refused alone. Emits {AccessLogged} or {AccessRefused} for each, in order.
    /// Reverts with {NotAccessWriter}.
    function logAccess(AccessEntry[] calldata entries) external;

    /// @notice Names the access writer; zero names none. The registry's governor only.
    /// @dev Emits {AccessWriterChanged}. Reverts with {NotGovernor}.
    function setAccessWriter(address newAccessWriter) external;

    /// @notice The account that may log looks.
    function accessWriter() external view returns (address);

    /// @notice The registry that this ledger asks.
    function providerRegistry() external view returns (address);

    /// @notice The number of a request: keccak256(abi.encode(chain id, this ledger, request)).
    function requestIdOf(AccessRequest calldata request) external view returns (bytes32 requestId);

    /// @notice What the ledger knows of a request; all zeros when nothing.
    function requestState(bytes32 requestId) external view returns (ConsentRequest memory request);

    /// @notice True when a look by `doctor` with all of `right` would be logged now.
    /// @dev The grant is open, not ended by block time and not used up; the affiliation is active and the doctor's.
    /// @param right 1 VIEW, 2 ADD, 4 CORRECT, added up when several are needed; zero is never granted.
    function canAccess(bytes32 requestId, address doctor, uint8 right) external view returns (bool);
}
