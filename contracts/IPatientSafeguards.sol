// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What must be shown before a patient's word counts
/// @notice Keeps each patient's code card and whether a grant needs one of its codes.
interface IPatientSafeguards {
    /// @notice What protects a patient.
    /// @param codeRequired New requests take a line of the code card, and only its code grants them.
    /// @param cardTip Link of the card's next line; zero when she has no card.
    struct Safeguards {
        bool codeRequired;
        bytes32 cardTip;
    }

    /// @notice `hospital` handed `patient` her first code card.
    event FirstCardIssued(address indexed patient, address indexed hospital, bytes32 cardTip);

    /// @notice From now on a grant of `patient` needs a code.
    event CodeRequired(address indexed patient);

    /// @notice The next line of the card of `patient` was taken and serves nothing else.
    event CardLineTaken(address indexed patient, bytes32 indexed lineHash);

    /// @notice `caller` is not the hospital that added `patient`, or it is suspended.
    error NotPatientHospital(address patient, address caller);

    /// @notice `patient` has a code card; another one replaces it only with her consent.
    error CardAlreadyIssued(address patient);

    /// @notice `patient` has no code card.
    error NoCodeCard(address patient);

    /// @notice A card's tip is never zero.
    error ZeroCardTip();

    /// @notice `lineHash` and `nextLink` are not the next line of the card of `patient`, whose link is `cardTip`.
    error CardLineMismatch(address patient, bytes32 lineHash, bytes32 nextLink, bytes32 cardTip);

    /// @notice Registers a patient's first code card and requires its codes from now on.
    /// @dev The hospital that added her only: neither she nor who holds her key, so that a custodian can't make a card of
    /// its own hers. Emits {FirstCardIssued}, {CodeRequired}. Reverts with {NotPatientHospital}, {CardAlreadyIssued},
    /// {ZeroCardTip}.
    function issueFirstCard(address patient, bytes32 cardTip) external;

    /// @notice Requires a code for each request of the calling patient from now on; requests that are open keep their rule.
    /// @dev Emits {CodeRequired}, unless it is required already. Reverts with {NoCodeCard}.
    function requireCode() external;

    /// @notice What protects `patient` now.
    function safeguards(address patient) external view returns (Safeguards memory);
}
