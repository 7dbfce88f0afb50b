// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Who may provide care
/// @notice Knows the hospitals that the governor verified, and the doctors, health workers and patients they added.
/// @dev Holds accounts and numbers only: nothing here names a person.
interface IProviderRegistry {
    /// @notice The governor verified `hospital`.
    event HospitalVerified(address indexed hospital);

    /// @notice The governor suspended `hospital`; its doctors' affiliations are inactive for ever.
    event HospitalSuspended(address indexed hospital);

    /// @notice `hospital` added `doctor` under `affiliationId`.
    event DoctorAdded(address indexed doctor, address indexed hospital, uint32 indexed affiliationId);

    /// @notice `hospital` suspended `affiliationId` of `doctor`, for good.
    event DoctorSuspended(address indexed doctor, address indexed hospital, uint32 indexed affiliationId);

    /// @notice `hospital` added `healthWorker`.
    event HealthWorkerAdded(address indexed healthWorker, address indexed hospital);

    /// @notice `hospital` suspended its `healthWorker`.
    event HealthWorkerSuspended(address indexed healthWorker, address indexed hospital);

    /// @notice `hospital` added the account `patient`.
    event PatientAdded(address indexed patient, address indexed hospital);

    /// @notice `hospital` suspended its `patient`; what was asked of her and not answered is gone.
    event PatientSuspended(address indexed patient, address indexed hospital);

    /// @notice The governor paused or resumed what custodians may open for the patients of `hospital` and its doctors.
    event CustodialGrantsPaused(address indexed hospital, bool paused);

    /// @notice The zero address is nobody's account.
    error ZeroAccount();

    /// @notice A registry without a governor could never suspend a hospital.
    error GovernorRequired();

    /// @notice `hospital` is verified already.
    error HospitalAlreadyVerified(address hospital);

    /// @notice `hospital` was never verified.
    error HospitalUnknown(address hospital);

    /// @notice `hospital` is not a verified hospital.
    error HospitalNotVerified(address hospital);

    /// @notice `doctor` is with this hospital already, under `affiliationId`.
    error DoctorAlreadyAdded(address doctor, uint32 affiliationId);

    /// @notice `hospital` has no affiliation `affiliationId` that still stands.
    error AffiliationNotHeld(uint32 affiliationId, address hospital);

    /// @notice `healthWorker` is with this hospital already.
    error HealthWorkerAlreadyAdded(address healthWorker);

    /// @notice `healthWorker` does not work for `hospital`.
    error HealthWorkerNotHeld(address healthWorker, address hospital);

    /// @notice `patient` was added before, by `hospital`, and is not suspended.
    error PatientAlreadyAdded(address patient, address hospital);

    /// @notice `hospital` is not the one that added `patient`, or it has suspended her already.
    error PatientNotHeld(address patient, address hospital);

    /// @notice Verifies `hospital`, or verifies it again after a suspension; it then adds its doctors again.
    /// @dev The governor only. Emits {HospitalVerified}. Reverts with {ZeroAccount}, {HospitalAlreadyVerified}.
    function verifyHospital(address hospital) external;

    /// @notice Suspends `hospital`: it adds nobody, and none of its doctors' affiliations is ever active again.
    /// @dev The governor only. Emits {HospitalSuspended}. Reverts with {HospitalNotVerified}.
    function suspendHospital(address hospital) external;

    /// @notice Pauses or resumes what custodians may open: grants to doctors of `hospitals`, and the loosening of what
    /// protects patients that they added. Removals always go, and a patient whose own passkey owns her account is not
    /// concerned.
    /// @dev The governor only; one transaction has room for 3,000 hospitals. Emits {CustodialGrantsPaused} for each.
    /// Reverts with {HospitalUnknown}.
    function pauseCustodialGrants(address[] calldata hospitals, bool paused) external;

    /// @notice Adds `doctor` to the calling hospital.
    /// @dev Emits {DoctorAdded}. Reverts with {HospitalNotVerified}, {ZeroAccount}, {DoctorAlreadyAdded}.
    /// @return affiliationId Counts from 1 over all hospitals; one doctor at two hospitals has two.
    function addDoctor(address doctor) external returns (uint32 affiliationId);

    /// @notice Suspends an affiliation of the calling hospital. It never comes back: a doctor added again gets a new one.
    /// @dev Emits {DoctorSuspended}. Reverts with {HospitalNotVerified}, {AffiliationNotHeld}.
    function suspendDoctor(uint32 affiliationId) external;

    /// @notice Adds `healthWorker` to the calling hospital.
    /// @dev Emits {HealthWorkerAdded}. Reverts with {HospitalNotVerified}, {ZeroAccount}, {HealthWorkerAlreadyAdded}.
    function addHealthWorker(address healthWorker) external;

    /// @notice Ends the work of `healthWorker` for the calling hospital; other hospitals are not touched.
    /// @dev Emits {HealthWorkerSuspended}. Reverts with {HospitalNotVerified}, {HealthWorkerNotHeld}.
    function suspendHealthWorker(address healthWorker) external;

    /// @notice Adds a patient's account, once for all hospitals; its contract need not be deployed yet. One that is suspended
    /// any hospital adds again, and is her hospital from then on: none can shut her out for good.
    /// @dev Emits {PatientAdded}. Reverts with {HospitalNotVerified}, {ZeroAccount}, {PatientAlreadyAdded}.
    function addPatient(address patient) external;

    /// @notice Suspends a patient of the calling hospital: her open requests are removed, none can be made, no emergency
    /// opened, and no grant lets anybody look until a hospital adds her again. What she takes away she takes away as before.
    /// @dev Emits {PatientSuspended}, {IConsentLedger-GrantEndedByHospital} for each request. Reverts with
    /// {HospitalNotVerified}, {PatientNotHeld}.
    function suspendPatient(address patient) external;

    /// @notice Who verifies hospitals and names the access writer.
    function governor() external view returns (address);

    /// @notice True while `hospital` is verified and not suspended.
    function isVerifiedHospital(address hospital) external view returns (bool);

    /// @notice True while what custodians may open is paused at `hospital`.
    function areCustodialGrantsPaused(address hospital) external view returns (bool);

    /// @notice True once a hospital has added `patient`, for good, suspended or not: her removals are sponsored for ever.
    function isPatient(address patient) external view returns (bool);

    /// @notice Since when `patient` is suspended, Unix seconds; zero while she is not.
    function patientSuspendedAt(address patient) external view returns (uint40);

    /// @notice True while `doctor` has an affiliation that is not suspended, whatever became of the hospital.
    function isDoctor(address doctor) external view returns (bool);

    /// @notice True while a hospital has `healthWorker` and has not suspended them.
    function isHealthWorker(address healthWorker) external view returns (bool);

    /// @notice Who works where under `affiliationId`; zeros when there is no such affiliation.
    /// @return doctor The doctor's account.
    /// @return hospital The hospital's account.
    /// @return active True until the affiliation or its hospital is suspended; never again after that.
    function affiliation(
        uint32 affiliationId
    ) external view returns (address doctor, address hospital, bool active);

    /// @notice First second in which `affiliationId` was not active any more, Unix seconds; zero while it is active.
    function affiliationEndedAt(uint32 affiliationId) external view returns (uint40 endedAt);

    /// @notice The hospital that added `patient`, suspended or not; zero when nobody did.
    function patientHospital(address patient) external view returns (address hospital);
}
