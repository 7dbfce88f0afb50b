// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEntryPoint} from "@openzeppelin/contracts/interfaces/IERC4337.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

import {IDoctorAccount} from "./IDoctorAccount.sol";
import {IProviderRegistry} from "./IProviderRegistry.sol";
import {LedgerAccount} from "./LedgerAccount.sol";
import {LedgerFunctions} from "./LedgerFunctions.sol";

/// @title A doctor's account
/// @notice Asks and withdraws; it can grant nothing. Passkeys own it: no server signs for it.
contract DoctorAccount is IDoctorAccount, LedgerAccount {
    struct Passkey {
        bytes32 qx;
        bytes32 qy;
    }

    struct Rotation {
        uint32 affiliationId;
        uint40 readyAt;
        bytes32 qx;
        bytes32 qy;
    }

    uint256 private constant ROTATION_DELAY = 72 hours;

    /// @dev Zero as long as the passkey in the clone's code is the first.
    Passkey private _first;
    Passkey private _second;
    Rotation private _rotation;

    constructor(IEntryPoint entryPoint_, address ledger_) LedgerAccount(entryPoint_, ledger_) {}

    /// @inheritdoc IDoctorAccount
    function setSecondPasskey(bytes32 qx, bytes32 qy) external onlyEntryPoint {
        if (qx != 0 || qy != 0) _requirePasskey(qx, qy);
        _second = Passkey({qx: qx, qy: qy});
        emit SecondPasskeyChanged(qx, qy);
    }

    /// @inheritdoc IDoctorAccount
    function proposeRotation(uint32 affiliationId, bytes32 qx, bytes32 qy) external {
        if (_hospitalOf(affiliationId) != msg.sender) revert NotHospitalOfDoctor(affiliationId, msg.sender);
        _requirePasskey(qx, qy);
        uint40 readyAt = uint40(block.timestamp + ROTATION_DELAY);
        _rotation = Rotation({affiliationId: affiliationId, readyAt: readyAt, qx: qx, qy: qy});
        emit RotationProposed(affiliationId, msg.sender, qx, qy, readyAt);
    }

    /// @inheritdoc IDoctorAccount
    function vetoRotation() external onlyEntryPoint {
        if (_rotation.readyAt == 0) revert RotationNotProposed();
        delete _rotation;
        emit RotationVetoed();
    }

    /// @inheritdoc IDoctorAccount
    function completeRotation() external {
        Rotation memory rotation = _rotation;
        if (rotation.readyAt == 0) revert RotationNotProposed();
        if (block.timestamp < rotation.readyAt) revert RotationTooEarly(rotation.readyAt);
        address hospital = _hospitalOf(rotation.affiliationId);
        if (hospital == address(0)) revert NotHospitalOfDoctor(rotation.affiliationId, hospital);
        _first = Passkey({qx: rotation.qx, qy: rotation.qy});
        delete _second;
        delete _rotation;
        emit RotationCompleted(rotation.qx, rotation.qy);
    }

    /// @inheritdoc IDoctorAccount
    function pendingRotation()
        external
        view
        returns (uint32 affiliationId, uint40 readyAt, bytes32 qx, bytes32 qy)
    {
        Rotation memory rotation = _rotation;
        return (rotation.affiliationId, rotation.readyAt, rotation.qx, rotation.qy);
    }

    /// @inheritdoc IDoctorAccount
    function passkey(uint8 index) public view returns (bytes32 qx, bytes32 qy) {
        if (index > 1) return (0, 0);
        Passkey memory held = index == 0 ? _first : _second;
        if (index == 0 && held.qx == 0) return _firstPasskey();
        return (held.qx, held.qy);
    }

    /// @inheritdoc LedgerAccount
    function _requireMayCall(bytes4 selector) internal view override onlyEntryPoint {
        if (!LedgerFunctions.isDoctors(selector)) revert FunctionNotAllowed(selector);
    }

    function _rawSignatureValidation(bytes32 hash, bytes calldata signature) internal view override returns (bool) {
        if (signature.length == 0) return false;
        (bytes32 qx, bytes32 qy) = passkey(uint8(signature[0]));
        // No point of the curve has x = 0 and y = 0: a passkey that is not there signs nothing.
        return _isSignedByPasskey(qx, qy, hash, signature[1:]);
    }

    /// @return hospital Whose active affiliation of this doctor that is; zero when it is none.
    function _hospitalOf(uint32 affiliationId) private view returns (address hospital) {
        (address doctor, address employer, bool active) = IProviderRegistry(ledger()).affiliation(affiliationId);
        return active && doctor == address(this) ? employer : address(0);
    }

    function _requirePasskey(bytes32 qx, bytes32 qy) private pure {
        if (!P256.isValidPublicKey(qx, qy)) revert PasskeyInvalid(qx, qy);
    }
}
