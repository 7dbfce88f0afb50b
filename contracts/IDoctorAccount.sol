// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A doctor's account, which passkeys own
/// @notice Up to two passkeys sign for it, one byte of the signature says which: 0 the first, 1 the second. A hospital where
/// the doctor works can put a new passkey in place of both; that takes 72 hours, in which the doctor can veto.
interface IDoctorAccount {
    /// @notice A second passkey may sign, or none any more when it is zero.
    event SecondPasskeyChanged(bytes32 qx, bytes32 qy);

    /// @notice `hospital` proposed a new passkey, which {completeRotation} puts in place from `readyAt` on.
    event RotationProposed(uint32 indexed affiliationId, address indexed hospital, bytes32 qx, bytes32 qy, uint40 readyAt);

    /// @notice The doctor vetoed the rotation.
    event RotationVetoed();

    /// @notice The new passkey is the only one.
    event RotationCompleted(bytes32 qx, bytes32 qy);

    /// @notice This is no point of the curve.
    error PasskeyInvalid(bytes32 qx, bytes32 qy);

    /// @notice `caller` is not the hospital of `affiliationId`, that is not this doctor's, or it is not active.
    error NotHospitalOfDoctor(uint32 affiliationId, address caller);

    /// @notice No rotation waits.
    error RotationNotProposed();

    /// @notice The rotation takes effect from `readyAt` on.
    error RotationTooEarly(uint40 readyAt);

    /// @notice Lets a second passkey sign; zeros remove it. The doctor's own operation only.
    /// @dev Emits {SecondPasskeyChanged}. Reverts with {PasskeyInvalid}.
    function setSecondPasskey(bytes32 qx, bytes32 qy) external;

    /// @notice Proposes a new passkey in place of both; a later proposal replaces an earlier one and waits anew.
    /// @dev The hospital of an active affiliation of this doctor only. Emits {RotationProposed}. Reverts with
    /// {NotHospitalOfDoctor}, {PasskeyInvalid}.
    function proposeRotation(uint32 affiliationId, bytes32 qx, bytes32 qy) external;

    /// @notice Voids the waiting rotation. The doctor's own operation only.
    /// @dev Emits {RotationVetoed}. Reverts with {RotationNotProposed}.
    function vetoRotation() external;

    /// @notice Puts the new passkey in place; anybody may, 72 hours after, while the affiliation is active.
    /// @dev Emits {RotationCompleted}. Reverts with {RotationNotProposed}, {RotationTooEarly}, {NotHospitalOfDoctor}.
    function completeRotation() external;

    /// @notice The passkey at `index`, 0 or 1; zeros when there is none.
    function passkey(uint8 index) external view returns (bytes32 qx, bytes32 qy);

    /// @notice The rotation that waits; zeros when none does.
    function pendingRotation()
        external
        view
        returns (uint32 affiliationId, uint40 readyAt, bytes32 qx, bytes32 qy);
}
