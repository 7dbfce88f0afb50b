// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

import {IPasskeyDoctors} from "./IPasskeyDoctors.sol";

/// @title Makes the accounts of patients and doctors
/// @notice An account's address follows from its first owner, so a hospital can register it before it exists, and nobody
/// who makes it first can make it another.
contract AccountFactory is IPasskeyDoctors {
    /// @dev An ERC-1167 proxy and, behind it, the passkey it was made for.
    uint256 private constant PASSKEY_CLONE_LENGTH = 45 + 64;

    address private immutable _patientImplementation;
    address private immutable _doctorImplementation;
    address private immutable _passkeyDoctorImplementation;

    /// @notice The account `patient` of `owner` was made.
    event PatientAccountCreated(address indexed patient, address indexed owner);

    /// @notice The server-signed account `doctor` of `owner` was made.
    event DoctorAccountCreated(address indexed doctor, address indexed owner);

    /// @notice The account `doctor` of a passkey was made.
    event PasskeyDoctorAccountCreated(address indexed doctor, bytes32 qx, bytes32 qy);

    /// @notice The zero address owns no account.
    error ZeroOwner();

    /// @notice This is no point of the curve.
    error PasskeyInvalid(bytes32 qx, bytes32 qy);

    /// @notice There is no contract at `implementation`.
    error ImplementationMissing(address implementation);

    /// @param patientImplementation_ A PatientAccount.
    /// @param doctorImplementation_ A ServerSignedDoctorAccount.
    /// @param passkeyDoctorImplementation_ A DoctorAccount.
    constructor(address patientImplementation_, address doctorImplementation_, address passkeyDoctorImplementation_) {
        _patientImplementation = _requireCode(patientImplementation_);
        _doctorImplementation = _requireCode(doctorImplementation_);
        _passkeyDoctorImplementation = _requireCode(passkeyDoctorImplementation_);
    }

    /// @notice Makes the patient's account of `owner`, or returns the one that is there.
    /// @dev Emits {PatientAccountCreated} when it was made. Reverts with {ZeroOwner}.
    function createPatientAccount(address owner) external returns (address patient) {
        bool created;
        (patient, created) = _create(_patientImplementation, _argumentsOf(owner));
        if (created) emit PatientAccountCreated(patient, owner);
    }

    /// @notice Makes the server-signed doctor's account of `owner`, or returns the one that is there.
    /// @dev Emits {DoctorAccountCreated} when it was made. Reverts with {ZeroOwner}.
    function createDoctorAccount(address owner) external returns (address doctor) {
        bool created;
        (doctor, created) = _create(_doctorImplementation, _argumentsOf(owner));
        if (created) emit DoctorAccountCreated(doctor, owner);
    }

    /// @notice Makes the doctor's account of a passkey, or returns the one that is there.
    /// @dev Emits {PasskeyDoctorAccountCreated} when it was made. Reverts with {PasskeyInvalid}.
    function createPasskeyDoctorAccount(bytes32 qx, bytes32 qy) external returns (address doctor) {
        if (!P256.isValidPublicKey(qx, qy)) revert PasskeyInvalid(qx, qy);
        bool created;
        (doctor, created) = _create(_passkeyDoctorImplementation, abi.encodePacked(qx, qy));
        if (created) emit PasskeyDoctorAccountCreated(doctor, qx, qy);
    }

    /// @notice Where the patient's account of `owner` is, or will be.
    function patientAccountAddress(address owner) external view returns (address) {
        return _addressOf(_patientImplementation, abi.encodePacked(owner));
    }

    /// @notice Where the server-signed doctor's account of `owner` is, or will be.
    function doctorAccountAddress(address owner) external view returns (address) {
        return _addressOf(_doctorImplementation, abi.encodePacked(owner));
    }

    /// @notice Where the doctor's account of a passkey is, or will be.
    function passkeyDoctorAccountAddress(bytes32 qx, bytes32 qy) external view returns (address) {
        return _addressOf(_passkeyDoctorImplementation, abi.encodePacked(qx, qy));
    }

    /// @inheritdoc IPasskeyDoctors
    /// @dev Nothing is recorded: the account's code names its first passkey, and only this factory can have put that code
    /// at the address that follows from it. An account that is not there yet is none.
    function isPasskeyDoctor(address doctor) external view returns (bool) {
        if (doctor.code.length != PASSKEY_CLONE_LENGTH) return false;
        return doctor == _addressOf(_passkeyDoctorImplementation, Clones.fetchCloneArgs(doctor));
    }

    /// @notice The contract that patients' accounts are clones of.
    function patientImplementation() external view returns (address) {
        return _patientImplementation;
    }

    /// @notice The contract that server-signed doctors' accounts are clones of.
    function doctorImplementation() external view returns (address) {
        return _doctorImplementation;
    }

    /// @notice The contract that the accounts of doctors with passkeys are clones of.
    function passkeyDoctorImplementation() external view returns (address) {
        return _passkeyDoctorImplementation;
    }

    function _create(address implementation, bytes memory args) private returns (address account, bool created) {
        account = _addressOf(implementation, args);
        if (account.code.length != 0) return (account, false);
        Clones.cloneDeterministicWithImmutableArgs(implementation, args, keccak256(args));
        return (account, true);
    }

    function _addressOf(address implementation, bytes memory args) private view returns (address) {
        return Clones.predictDeterministicAddressWithImmutableArgs(implementation, args, keccak256(args));
    }

    function _requireCode(address implementation) private view returns (address) {
        if (implementation.code.length == 0) revert ImplementationMissing(implementation);
        return implementation;
    }

    function _argumentsOf(address owner) private pure returns (bytes memory) {
        if (owner == address(0)) revert ZeroOwner();
        return abi.encodePacked(owner);
    }
}
