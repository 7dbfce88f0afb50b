// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IProviderRegistry} from "./IProviderRegistry.sol";

/// @title Who may provide care, as the governor and the hospitals say
/// @dev Base of the ledger, which asks it at every grant and look: one address spares each a call to another. The owner is the governor. Hospitals have numbers of their own so that an affiliation fits one storage word:
/// the ledger reads it for every look at a record. A hospital's suspension ends its term, and an affiliation belongs to
/// the term in which it was made, so none comes back when the hospital is verified again.
abstract contract ProviderRegistry is IProviderRegistry, Ownable2Step {
    struct Hospital {
        address account;
        bool verified;
        uint24 term;
        /// @dev Here, since every grant reads this word anyway.
        bool custodialGrantsPaused;
    }

    struct Affiliation {
        address doctor;
        uint32 hospitalId;
        uint40 suspendedAt;
        uint24 term;
    }

    /// @dev One word of all that is asked about a patient at every turn; the last four are what {PatientSafeguards} keeps.
    struct Patient {
        uint32 hospitalId;
        uint40 suspendedAt;
        uint40 frozenAt;
        bool emergencyAllowed;
        bool codeRequired;
        uint8 openRequestCount;
    }

    uint32 private _hospitalCount;
    /// @dev 24 bits, as many as the ledger has room for beside a grant.
    uint24 private _affiliationCount;
    mapping(address account => uint32 hospitalId) private _hospitalIds;
    mapping(uint32 hospitalId => Hospital) private _hospitals;
    mapping(uint32 hospitalId => mapping(uint24 term => uint40 endedAt)) private _termEnds;
    mapping(uint32 affiliationId => Affiliation) private _affiliations;
    mapping(address doctor => mapping(uint32 hospitalId => uint32 affiliationId)) private _standingAffiliations;
    mapping(address doctor => uint256 count) private _standingAffiliationCounts;
    mapping(address healthWorker => mapping(uint32 hospitalId => bool held)) private _healthWorkers;
    mapping(address healthWorker => uint256 count) private _healthWorkerCounts;
    mapping(address patient => Patient) internal _patients;

    constructor(address initialGovernor) Ownable(initialGovernor) {}

    /// @inheritdoc IProviderRegistry
    function verifyHospital(address hospital) external onlyOwner {
        _requireAccount(hospital);
        uint32 hospitalId = _hospitalIds[hospital];
        if (hospitalId == 0) {
            hospitalId = ++_hospitalCount;
            _hospitalIds[hospital] = hospitalId;
            _hospitals[hospitalId].account = hospital;
        } else if (_hospitals[hospitalId].verified) {
            revert HospitalAlreadyVerified(hospital);
        }
        _hospitals[hospitalId].verified = true;
        emit HospitalVerified(hospital);
    }

    /// @inheritdoc IProviderRegistry
    function suspendHospital(address hospital) external onlyOwner {
        uint32 hospitalId = _requireVerified(hospital);
        Hospital storage suspended = _hospitals[hospitalId];
        suspended.verified = false;
        _termEnds[hospitalId][suspended.term] = uint40(block.timestamp);
        ++suspended.term;
        emit HospitalSuspended(hospital);
    }

    /// @inheritdoc IProviderRegistry
    function pauseCustodialGrants(address[] calldata hospitals, bool paused) external onlyOwner {
        for (uint256 i = 0; i < hospitals.length; ++i) {
            uint32 hospitalId = _hospitalIds[hospitals[i]];
            if (hospitalId == 0) revert HospitalUnknown(hospitals[i]);
            _hospitals[hospitalId].custodialGrantsPaused = paused;
            emit CustodialGrantsPaused(hospitals[i], paused);
        }
    }

    /// @inheritdoc IProviderRegistry
    function addDoctor(address doctor) external returns (uint32 affiliationId) {
        uint32 hospitalId = _requireVerified(msg.sender);
        _requireAccount(doctor);
        uint24 term = _hospitals[hospitalId].term;
        uint32 standing = _standingAffiliations[doctor][hospitalId];
        // One of an earlier term gives way, and is counted already.
        if (standing == 0) ++_standingAffiliationCounts[doctor];
        else if (_affiliations[standing].term == term) revert DoctorAlreadyAdded(doctor, standing);
        affiliationId = ++_affiliationCount;
        _affiliations[affiliationId] = Affiliation({
            doctor: doctor,
            hospitalId: hospitalId,
            suspendedAt: 0,
            term: term
        });
        _standingAffiliations[doctor][hospitalId] = affiliationId;
        emit DoctorAdded(doctor, msg.sender, affiliationId);
    }

    /// @inheritdoc IProviderRegistry
    function suspendDoctor(uint32 affiliationId) external {
        uint32 hospitalId = _requireVerified(msg.sender);
        Affiliation storage held = _affiliations[affiliationId];
        address doctor = held.doctor;
        if (affiliationId == 0 || _standingAffiliations[doctor][hospitalId] != affiliationId) {
            revert AffiliationNotHeld(affiliationId, msg.sender);
        }
        held.suspendedAt = uint40(block.timestamp);
        delete _standingAffiliations[doctor][hospitalId];
        --_standingAffiliationCounts[doctor];
        emit DoctorSuspended(doctor, msg.sender, affiliationId);
    }

    /// @inheritdoc IProviderRegistry
    function addHealthWorker(address healthWorker) external {
        uint32 hospitalId = _requireVerified(msg.sender);
        _requireAccount(healthWorker);
        if (_healthWorkers[healthWorker][hospitalId]) revert HealthWorkerAlreadyAdded(healthWorker);
        _healthWorkers[healthWorker][hospitalId] = true;
        ++_healthWorkerCounts[healthWorker];
        emit HealthWorkerAdded(healthWorker, msg.sender);
    }

    /// @inheritdoc IProviderRegistry
    function suspendHealthWorker(address healthWorker) external {
        uint32 hospitalId = _requireVerified(msg.sender);
        if (!_healthWorkers[healthWorker][hospitalId]) revert HealthWorkerNotHeld(healthWorker, msg.sender);
        _healthWorkers[healthWorker][hospitalId] = false;
        --_healthWorkerCounts[healthWorker];
        emit HealthWorkerSuspended(healthWorker, msg.sender);
    }

    /// @inheritdoc IProviderRegistry
    function addPatient(address patient) external {
        uint32 hospitalId = _requireVerified(msg.sender);
        _requireAccount(patient);
        Patient storage added = _patients[patient];
        uint32 addedBy = added.hospitalId;
        if (addedBy != 0 && added.suspendedAt == 0) {
            revert PatientAlreadyAdded(patient, _hospitals[addedBy].account);
        }
        added.hospitalId = hospitalId;
        added.suspendedAt = 0;
        emit PatientAdded(patient, msg.sender);
    }

    /// @inheritdoc IProviderRegistry
    function suspendPatient(address patient) external {
        uint32 hospitalId = _requireVerified(msg.sender);
        Patient storage held = _patients[patient];
        if (held.hospitalId != hospitalId || held.suspendedAt != 0) revert PatientNotHeld(patient, msg.sender);
        held.suspendedAt = uint40(block.timestamp);
        emit PatientSuspended(patient, msg.sender);
        _removeOpenRequests(patient);
    }

    /// @inheritdoc IProviderRegistry
    function governor() external view returns (address) {
        return owner();
    }

    /// @inheritdoc IProviderRegistry
    function isVerifiedHospital(address hospital) public view returns (bool) {
        return _hospitals[_hospitalIds[hospital]].verified;
    }

    /// @inheritdoc IProviderRegistry
    function areCustodialGrantsPaused(address hospital) public view returns (bool) {
        return _hospitals[_hospitalIds[hospital]].custodialGrantsPaused;
    }

    /// @inheritdoc IProviderRegistry
    function isPatient(address patient) public view returns (bool) {
        return _patients[patient].hospitalId != 0;
    }

    /// @inheritdoc IProviderRegistry
    function patientSuspendedAt(address patient) external view returns (uint40) {
        return _patients[patient].suspendedAt;
    }

    /// @inheritdoc IProviderRegistry
    function isDoctor(address doctor) external view returns (bool) {
        return _standingAffiliationCounts[doctor] != 0;
    }

    /// @inheritdoc IProviderRegistry
    function isHealthWorker(address healthWorker) external view returns (bool) {
        return _healthWorkerCounts[healthWorker] != 0;
    }

    /// @inheritdoc IProviderRegistry
    function affiliation(
        uint32 affiliationId
    ) public view returns (address doctor, address hospital, bool active) {
        Affiliation memory held = _affiliations[affiliationId];
        Hospital memory employer = _hospitals[held.hospitalId];
        active = employer.verified && held.term == employer.term && held.suspendedAt == 0;
        return (held.doctor, employer.account, active);
    }

    /// @inheritdoc IProviderRegistry
    function affiliationEndedAt(uint32 affiliationId) public view returns (uint40 endedAt) {
        Affiliation memory held = _affiliations[affiliationId];
        endedAt = _termEnds[held.hospitalId][held.term];
        if (endedAt == 0 || (held.suspendedAt != 0 && held.suspendedAt < endedAt)) return held.suspendedAt;
    }

    /// @inheritdoc IProviderRegistry
    function patientHospital(address patient) public view returns (address hospital) {
        return _hospitals[_patients[patient].hospitalId].account;
    }

    /// @notice Always refused: the governor can hand over, not give up.
    function renounceOwnership() public pure override {
        revert GovernorRequired();
    }

    /// @dev Removes every request of the patient that can still be granted.
    function _removeOpenRequests(address patient) internal virtual;

    /// @dev Two reads of storage.
    function _standingOf(uint32 affiliationId) internal view returns (bool active, bool paused) {
        Affiliation memory held = _affiliations[affiliationId];
        Hospital memory employer = _hospitals[held.hospitalId];
        active = employer.verified && held.term == employer.term && held.suspendedAt == 0;
        return (active, employer.custodialGrantsPaused);
    }

    function _isActive(uint32 affiliationId) internal view returns (bool active) {
        (active, ) = _standingOf(affiliationId);
    }

    function _doctorOf(uint32 affiliationId) internal view returns (address doctor) {
        return _affiliations[affiliationId].doctor;
    }

    function _requireVerified(address hospital) private view returns (uint32 hospitalId) {
        hospitalId = _hospitalIds[hospital];
        if (!_hospitals[hospitalId].verified) revert HospitalNotVerified(hospital);
    }

    function _requireAccount(address account) private pure {
        if (account == address(0)) revert ZeroAccount();
    }
}
