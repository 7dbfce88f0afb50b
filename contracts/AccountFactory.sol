// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

/// @title Makes the accounts of patients and doctors
/// @notice An account's address follows from its owner's, so a hospital can register it before it exists.
contract AccountFactory {
    address private immutable _patientImplementation;
    address private immutable _doctorImplementation;

    /// @notice The account `patient` of `owner` was made.
    event PatientAccountCreated(address indexed patient, address indexed owner);

    /// @notice The account `doctor` of `owner` was made.
    event DoctorAccountCreated(address indexed doctor, address indexed owner);

    /// @notice The zero address owns no account.
    error ZeroOwner();

    /// @notice There is no contract at `implementation`.
    error ImplementationMissing(address implementation);

    constructor(address patientImplementation_, address doctorImplementation_) {
        if (patientImplementation_.code.length == 0) revert ImplementationMissing(patientImplementation_);
        if (doctorImplementation_.code.length == 0) revert ImplementationMissing(doctorImplementation_);
        _patientImplementation = patientImplementation_;
        _doctorImplementation = doctorImplementation_;
    }

    /// @notice Makes the patient's account of `owner`, or returns the one that is there.
    /// @dev Emits {PatientAccountCreated} when it was made. Reverts with {ZeroOwner}.
    function createPatientAccount(address owner) external returns (address patient) {
        bool created;
        (patient, created) = _create(_patientImplementation, owner);
        if (created) emit PatientAccountCreated(patient, owner);
    }

    /// @notice Makes the doctor's account of `owner`, or returns the one that is there.
    /// @dev Emits {DoctorAccountCreated} when it was made. Reverts with {ZeroOwner}.
    function createDoctorAccount(address owner) external returns (address doctor) {
        bool created;
        (doctor, created) = _create(_doctorImplementation, owner);
        if (created) emit DoctorAccountCreated(doctor, owner);
    }

    /// @notice Where the patient's account of `owner` is, or will be.
    function patientAccountAddress(address owner) external view returns (address) {
        return _addressOf(_patientImplementation, owner);
    }

    /// @notice Where the doctor's account of `owner` is, or will be.
    function doctorAccountAddress(address owner) external view returns (address) {
        return _addressOf(_doctorImplementation, owner);
    }

    /// @notice The contract that patients' accounts are clones of.
    function patientImplementation() external view returns (address) {
        return _patientImplementation;
    }

    /// @notice The contract that doctors' accounts are clones of.
    function doctorImplementation() external view returns (address) {
        return _doctorImplementation;
    }

    function _create(address implementation, address owner) private returns (address account, bool created) {
        if (owner == address(0)) revert ZeroOwner();
        account = _addressOf(implementation, owner);
        if (account.code.length != 0) return (account, false);
        Clones.cloneDeterministicWithImmutableArgs(implementation, abi.encodePacked(owner), _saltOf(owner));
        return (account, true);
    }

    function _addressOf(address implementation, address owner) private view returns (address) {
        return
            Clones.predictDeterministicAddressWithImmutableArgs(
                implementation,
                abi.encodePacked(owner),
                _saltOf(owner)
            );
    }

    function _saltOf(address owner) private pure returns (bytes32) {
        return bytes32(uint256(uint160(owner)));
    }
}
