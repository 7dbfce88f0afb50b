// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPasskeyDoctors} from "./IPasskeyDoctors.sol";
import {IPatientSafeguards} from "./IPatientSafeguards.sol";
import {IProviderRegistry} from "./IProviderRegistry.sol";

/// @title Who may open whose record
/// @notice Keeps, for ever and in order, what doctors asked, what patients answered, and who looked.
/// @dev No class, purpose, name, number or content address is ever here: only rights, days and salted commitments.
/// A patient's account may call: {openGrant}, {openGrantWithCode}, {refuseRequest}, {revokeGrant}, {requireCode}, {freeze},
/// {forbidEmergency}, {askLoosening}, {confirmLoosening}, {cancelLoosening}, {takeCardLine}, {disputeEmergency}; its recovery alone, never its owner's key:
/// {scheduleLooseningByRecovery}.
/// A doctor's account may call: {openRequest}, {withdrawRequest}, {recordChange}, {openEmergency}.
interface IConsentLedger is IPatientSafeguards, IProviderRegistry {
    /// @notice What has become of a request. A grant that ended by time is still Granted, a request nobody answered
    /// still Open: time alone writes nothing.
    enum RequestState {
        Unknown,
        Open,
        Withdrawn,
        Refused,
        Granted,
        Revoked,
        Superseded
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
        AffiliationInactive,
        PatientFrozen,
        Superseded,
        PatientSuspended
    }

    /// @notice What a doctor asks of a patient.
    /// @param patient The patient's account.
    /// @param affiliationId Under which affiliation the doctor asks.
    /// @param rights 1 VIEW, 2 ADD, 4 CORRECT, added up.
    /// @param uses Looks and changes that use the grant up, 1 to 255; 0 for any number within its time.
    /// @param durationDays Days that the grant may last at most, 1 to 365.
    /// @param answerBy Last second in which the patient can grant, Unix seconds.
    /// @param scopeCommitment Salted hash of the classes, purpose and record dates, so that they can't be widened later.
    /// @param replaces A grant of this doctor and patient that ends when this one is granted; zero for none.
    /// @param lineHash Hash of the card line that the request takes; zero for a request that needs no code.
    /// @param nextLink Link of the line after it; ignored without `lineHash`.
    struct AccessRequest {
        address patient;
        uint32 affiliationId;
        uint8 rights;
        uint8 uses;
        uint16 durationDays;
        uint40 answerBy;
        bytes32 scopeCommitment;
        bytes32 replaces;
        bytes32 lineHash;
        bytes32 nextLink;
    }

    /// @notice One look at a record, or one change to it, under a grant. The reader is the affiliation's doctor.
    /// @param requestId The grant's request.
    /// @param entryId Chosen by the writer; the ledger does not compare it with earlier ones. Who reads the events finds a
    /// doubled one, and a missing one by the counts, which have no gap.
    /// @param right Which right is used: 1 VIEW, 2 ADD, 4 CORRECT.
    /// @param lookedAt When the record was opened, Unix seconds, as the writer says; matters only when access has ended.
    struct AccessEntry {
        bytes32 requestId;
        bytes32 entryId;
        uint8 right;
        uint40 lookedAt;
    }

    /// @notice A request and what became of it.
    /// @param state Unknown when nobody made this request; everything else is zero then.
    /// @param rights As asked.
    /// @param codeRequired Only the code of the line that the request took grants it.
    /// @param codeChecked The code was shown when it was granted.
    /// @param emergency Opened in an emergency and not by the patient; never shows PRIVATE records.
    /// @param uses As asked.
    /// @param durationDays As asked; zero once the request was granted or removed.
    /// @param answerBy As asked; zero once the request was granted or removed.
    /// @param until First second without access, Unix seconds: a whole UTC day, or when it was removed before; zero when
    /// never granted.
    /// @param affiliationId As asked.
    /// @param accessCount Looks and changes logged under the grant.
    /// @param patient As asked.
    struct ConsentRequest {
        RequestState state;
        uint8 rights;
        bool codeRequired;
        bool codeChecked;
        bool emergency;
        uint8 uses;
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

    /// @notice `patient` granted the request until `until`; `artefactCommitment` is the beginning of a salted hash of the
    /// evidence, and `codeChecked` says whether the code of the request's card line was shown: then it is sixteen bytes of it,
    /// and four zeros.
    event GrantOpened(
        bytes32 indexed requestId,
        address indexed patient,
        uint40 until,
        bytes20 artefactCommitment,
        bool codeChecked
    );

    /// @notice `patient` refused the request.
    event RequestRefused(bytes32 indexed requestId, address indexed patient);

    /// @notice `patient` took the access away, or barred a request from ever being granted.
    event GrantRevoked(bytes32 indexed requestId, address indexed patient);

    /// @notice The hospital removed its own doctor's grant, or barred the request; or it suspended the patient, of whom this
    /// was asked.
    event GrantEndedByHospital(bytes32 indexed requestId, address indexed patient, address indexed hospital);

    /// @notice The grant ended because `patient` granted `successor` in its place.
    event GrantSuperseded(bytes32 indexed requestId, address indexed patient, bytes32 indexed successor);

    /// @notice The doctor added or corrected a record under the grant, as its `count`th use.
    event RecordChanged(bytes32 indexed requestId, bytes32 indexed commitment, uint8 right, uint32 count);

    /// @notice A look from before the grant's end was logged after it, as its `count`th use. It opens nothing any more.
    event AccessLoggedLate(
        bytes32 indexed requestId,
        bytes32 indexed entryId,
        uint8 right,
        uint32 count,
        uint40 lookedAt
    );

    /// @notice A doctor opened the record of `patient` in an emergency until `until`.
    event EmergencyOpened(
        bytes32 indexed requestId,
        address indexed patient,
        uint32 indexed affiliationId,
        uint40 until,
        bytes32 reasonCommitment
    );

    /// @notice `reviewer` reviewed the emergency; `findingCommitment` is a salted hash of what was found.
    event EmergencyReviewed(bytes32 indexed requestId, address indexed reviewer, bytes32 findingCommitment);

    /// @notice `patient` disputed the emergency, which ended it.
    event EmergencyDisputed(bytes32 indexed requestId, address indexed patient);

    /// @notice A record was opened or changed under the grant, for the `count`th time.
    event AccessLogged(bytes32 indexed requestId, bytes32 indexed entryId, uint8 right, uint32 count);

    /// @notice An entry of a batch was refused; the record must stay closed.
    event AccessRefused(bytes32 indexed requestId, bytes32 indexed entryId, AccessRefusal reason);

    /// @notice The governor named `current` as access writer in place of `previous`.
    event AccessWriterChanged(address indexed previous, address indexed current);

    /// @notice The governor said, once and for all, who knows the doctors' accounts.
    event PasskeyDoctorsNamed(address indexed passkeyDoctors);

    /// @notice `caller` is not the access writer.
    error NotAccessWriter(address caller);

    /// @notice `caller` is not the doctor of `affiliationId`.
    error NotAffiliatedDoctor(uint32 affiliationId, address caller);

    /// @notice `affiliationId` or its hospital is suspended.
    error AffiliationInactive(uint32 affiliationId);

    /// @notice No hospital has added `patient`.
    error PatientNotRegistered(address patient);

    /// @notice Her hospital has suspended `patient`.
    error SuspendedPatient(address patient);

    /// @notice `rights` is not 1 to 7.
    error RightsInvalid(uint8 rights);

    /// @notice `durationDays` is not 1 to 365.
    error DurationInvalid(uint16 durationDays);

    /// @notice `answerBy` is not after now and at most at `latest`.
    error AnswerTimeInvalid(uint40 answerBy, uint256 latest);

    /// @notice `patient` requires a code, and the request takes no line of her card.
    error CardLineMissing(address patient);

    /// @notice No passkey owns the account `doctor`, and nothing but a bare reply would answer the request: whoever runs
    /// the server could do both alone. Not refused on a local chain.
    error ServerSignedRequest(address doctor);

    /// @notice `patient` has `limit` open requests already, of this doctor or of all.
    error TooManyOpenRequests(address patient, uint256 limit);

    /// @notice Who knows the doctors' accounts was said before, and can't be changed.
    error PasskeyDoctorsAlreadyNamed(address passkeyDoctors);

    /// @notice The governor has paused what custodians may open, and `patient` is in custody.
    error CustodialGrantsArePaused(address patient);

    /// @notice This very request was made before.
    error RequestAlreadyKnown(bytes32 requestId);

    /// @notice Nobody made this request.
    error RequestUnknown(bytes32 requestId);

    /// @notice `patient` removed this request before it was made.
    error RequestBarred(bytes32 requestId, address patient);

    /// @notice The request took a line of the card: a bare reply does not grant it.
    error CodeMissing(bytes32 requestId);

    /// @notice No request with this content took the line of this code.
    error CodeMismatch(bytes16 content);

    /// @notice The request is not open but `state`.
    error RequestNotOpen(bytes32 requestId, RequestState state);

    /// @notice The time to answer the request ended at `answerBy`.
    error RequestExpired(bytes32 requestId, uint40 answerBy);

    /// @notice `caller` is not the doctor who made the request.
    error NotRequestDoctor(bytes32 requestId, address caller);

    /// @notice `caller` is not the patient whom the request asks.
    error NotRequestPatient(bytes32 requestId, address caller);

    /// @notice `caller` is not the hospital of the doctor who made the request.
    error NotRequestHospital(bytes32 requestId, address caller);

    /// @notice The grant to replace is not one of this doctor and patient.
    error ReplacementInvalid(bytes32 replaces);

    /// @notice The grant does not allow this use.
    error AccessDenied(bytes32 requestId, AccessRefusal reason);

    /// @notice `right` is neither ADD nor CORRECT alone.
    error ChangeInvalid(uint8 right);

    /// @notice `patient` has not allowed emergency access.
    error EmergencyNotAllowed(address patient);

    /// @notice The doctor's last emergency with this patient, `requestId`, was not reviewed yet.
    error EmergencyUnreviewed(bytes32 requestId);

    /// @notice The request is no emergency, or it was reviewed already.
    error NotReviewable(bytes32 requestId);

    /// @notice `caller` may not review the emergency: its hospital may for 72 hours, the governor at any time.
    error NotReviewer(bytes32 requestId, address caller);

    /// @notice `until` is not after now and at most `latest`.
    error GrantEndInvalid(bytes32 requestId, uint256 until, uint256 latest);

    /// @notice Opens a request; the calling account is the affiliation's doctor.
    /// @dev Emits {RequestOpened}. Reverts with {NotAffiliatedDoctor}, {AffiliationInactive}, {PatientNotRegistered},
    /// {RightsInvalid}, {DurationInvalid}, {AnswerTimeInvalid}, {RequestAlreadyKnown}, {RequestBarred},
    /// {SuspendedPatient}, {FrozenPatient}, {CardLineMissing}, {NoCodeCard}, {CardLineMismatch}, {ZeroCardTip}, {ServerSignedRequest}, {TooManyOpenRequests}.
    /// Reverts with {ReplacementInvalid} too. At most 3 requests of one doctor to one patient are open, and 8 of all doctors, so that nobody can spend a card.
    /// @return requestId As {requestIdOf} computes it.
    function openRequest(AccessRequest calldata request) external returns (bytes32 requestId);

    /// @notice Withdraws a request that is still open; its doctor only, suspended or not.
    /// @dev Emits {RequestWithdrawn}. Reverts with {RequestUnknown}, {NotRequestDoctor}, {RequestNotOpen}.
    function withdrawRequest(bytes32 requestId) external;

    /// @notice Opens the grant that the request asks for, on a bare reply; its patient only.
    /// @dev Emits {GrantOpened}. Reverts with {RequestUnknown}, {NotRequestPatient}, {RequestNotOpen}, {CodeMissing},
    /// {RequestExpired}, {GrantEndInvalid}, {AffiliationInactive}, {CustodialGrantsArePaused}.
    /// @param answer In the first twenty bytes those of a salted hash of the evidence for the patient's yes; in the two
    /// behind them the day, counted from 1970, with whose beginning in UTC access ends: after now, and no later than now plus
    /// the request's days rounded up to the day. The other ten are not read. One word, and behind the number's own twenty
    /// bytes: it costs least so.
    function openGrant(bytes32 requestId, bytes32 answer) external;

    /// @notice Opens the grant that the request asks for, on a reply with the code of the card line it took; its patient
    /// only.
    /// @dev Emits {GrantOpened}. Reverts as {openGrant} does, and with {CodeMismatch} instead of {RequestUnknown} and
    /// {CodeMissing}.
    /// All that nothing compresses stands side by side in its two words: it costs least so.
    /// @param contentAndArtefact The last sixteen bytes of the request's {contentIdOf}, from which and from the code its number
    /// follows; then the first sixteen of a salted hash of the evidence for the patient's yes.
    /// @param codeAndDay The stretched code, x_L in {CodeCards}; then in two bytes the day as for {openGrant}.
    function openGrantWithCode(bytes32 contentAndArtefact, bytes16 codeAndDay) external;

    /// @notice Refuses a request that is still open; its patient only. A late refusal counts too.
    /// @dev Emits {RequestRefused}. Reverts with {RequestUnknown}, {NotRequestPatient}, {RequestNotOpen}.
    function refuseRequest(bytes32 requestId) external;

    /// @notice Takes the access away for good, from any state: a request still open can no longer be granted, one that is
    /// not on chain yet can no longer be made.
    /// @dev Its patient only; never reverts for them, and does nothing the second time, so that removing needs no
    /// knowledge of what arrived before. Emits {GrantRevoked}. Reverts with {NotRequestPatient}.
    function revokeGrant(bytes32 requestId) external;

    /// @notice Takes away the access of the calling hospital's own doctor for good; for a request still open, bars it.
    /// @dev The hospital may be suspended. Does nothing the second time. Emits {GrantEndedByHospital}. Reverts with
    /// {RequestUnknown}, {NotRequestHospital}.
    function endGrantByHospital(bytes32 requestId) external;

    /// @notice Says that the calling doctor adds or corrects a record under the grant, before it is stored. Counts as a use.
    /// @dev Emits {RecordChanged}. Reverts with {RequestUnknown}, {NotRequestDoctor}, {ChangeInvalid}, {AccessDenied}.
    /// @param right 2 ADD or 4 CORRECT.
    /// @param commitment Salted hash of the record's new version.
    function recordChange(bytes32 requestId, uint8 right, bytes32 commitment) external;

    /// @notice Opens the record of a patient who allowed it for 24 hours, to VIEW; the calling account is the affiliation's
    /// doctor.
    /// @dev Where servers sign for doctors it is refused as a bare reply is. Emits {EmergencyOpened}. Reverts with
    /// {NotAffiliatedDoctor}, {AffiliationInactive}, {PatientNotRegistered}, {SuspendedPatient}, {FrozenPatient}, {EmergencyNotAllowed},
    /// {ServerSignedRequest}, {EmergencyUnreviewed}, {RequestAlreadyKnown}.
    /// @param reasonCommitment Salted hash of the reason.
    /// @return requestId Last twenty bytes of keccak256(abi.encode(chain id, this ledger, patient, affiliation id, reason)).
    function openEmergency(
        address patient,
        uint32 affiliationId,
        bytes32 reasonCommitment
    ) external returns (bytes32 requestId);

    /// @notice Reviews an emergency once: the doctor's hospital within 72 hours, the governor at any time.
    /// @dev Emits {EmergencyReviewed}. Reverts with {NotReviewable}, {NotReviewer}.
    function reviewEmergency(bytes32 requestId, bytes32 findingCommitment) external;

    /// @notice Disputes an emergency and ends it; its patient only. Does nothing when it was disputed or removed.
    /// @dev Emits {EmergencyDisputed}. Reverts with {RequestUnknown}, {NotRequestPatient}, {NotReviewable}.
    function disputeEmergency(bytes32 requestId) external;

    /// @notice Logs looks at records before they are shown; the access writer only.
    /// @dev Each entry is checked and refused alone. Emits {AccessLogged}, {AccessLoggedLate} or {AccessRefused} for each,
    /// in order.
    /// Reverts with {NotAccessWriter}.
    function logAccess(AccessEntry[] calldata entries) external;

    /// @notice Names the access writer; zero names none. The governor only.
    /// @dev Emits {AccessWriterChanged}. Reverts with {Ownable-OwnableUnauthorizedAccount}.
    function setAccessWriter(address newAccessWriter) external;

    /// @notice Says who knows the doctors' accounts; until then none counts as passkey-owned. The governor only,
    /// once and for all.
    /// @dev Emits {PasskeyDoctorsNamed}. Reverts with {Ownable-OwnableUnauthorizedAccount}, {PasskeyDoctorsAlreadyNamed}, {ZeroAccount}.
    function namePasskeyDoctors(IPasskeyDoctors passkeyDoctors) external;

    /// @notice Who knows the doctors' accounts; zero until the governor said.
    function passkeyDoctors() external view returns (IPasskeyDoctors);

    /// @notice The account that may log looks.
    function accessWriter() external view returns (address);

    /// @notice The number of a request: its {contentIdOf}; if it takes a card line, the last twenty bytes of
    /// keccak256(abi.encode(bytes16 of that's last sixteen, line hash)), behind zeros.
    function requestIdOf(AccessRequest calldata request) external view returns (bytes32 requestId);

    /// @notice The content of a request: the last twenty bytes of keccak256(abi.encode(chain id, this ledger, request)),
    /// behind zeros.
    function contentIdOf(AccessRequest calldata request) external view returns (bytes32 contentId);

    /// @notice What the ledger knows of a request; all zeros when nothing.
    function requestState(bytes32 requestId) external view returns (ConsentRequest memory request);

    /// @notice True when `patient` removed a request that is not on chain; it can't be made any more.
    function isBarred(address patient, bytes32 requestId) external view returns (bool);

    /// @notice True when a look by `doctor` with all of `right` would be logged now.
    /// @dev The grant is open, not ended by block time and not used up; the affiliation is active and the doctor's.
    /// @param right 1 VIEW, 2 ADD, 4 CORRECT, added up when several are needed; zero is never granted.
    function canAccess(bytes32 requestId, address doctor, uint8 right) external view returns (bool);
}
