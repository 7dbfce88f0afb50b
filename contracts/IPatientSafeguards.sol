// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What must be shown before a patient's word counts
/// @notice Keeps each patient's code card, and what she decided about codes, emergencies and a freeze.
/// @dev Tightening is instant: it needs her account's word and nothing else. Loosening is slow: it takes a line of her card
/// and that line's code, or her account's recovery, then 72 hours in which she can cancel it. A tightening also cancels the
/// loosening that would undo it.
interface IPatientSafeguards {
    /// @notice What can be loosened, one at a time each.
    enum LooseningKind {
        LowerAssurance,
        AllowEmergency,
        ReplaceCard,
        Unfreeze
    }

    /// @notice A loosening on its way.
    /// @param lineHash Hash of the card line that it took; zero when none, or once the code was shown.
    /// @param newCardTip Tip of the card to come, for ReplaceCard; zero for the others.
    /// @param readyAt From when on it can be executed, Unix seconds; zero before the code was shown.
    struct Loosening {
        bytes32 lineHash;
        bytes32 newCardTip;
        uint40 readyAt;
    }

    /// @notice What protects a patient.
    /// @param frozenAt Since when nothing can be asked, granted or looked at, Unix seconds; zero when not frozen.
    /// @param emergencyAllowed Doctors may open her record in an emergency.
    /// @param codeRequired New requests take a line of the code card, and only its code grants them.
    /// @param cardTip Link of the card's next line; zero when she has no card.
    struct Safeguards {
        uint40 frozenAt;
        bool emergencyAllowed;
        bool codeRequired;
        bytes32 cardTip;
    }

    /// @notice `hospital` handed `patient` her first code card.
    event FirstCardIssued(address indexed patient, address indexed hospital, bytes32 cardTip);

    /// @notice From now on a grant of `patient` needs a code.
    event CodeRequired(address indexed patient);

    /// @notice The next line of the card of `patient` was taken and serves nothing else.
    event CardLineTaken(address indexed patient, bytes32 indexed lineHash);

    /// @notice The line taken with `lineHash` serves `actionHash` of the account `patient`; its code alone allows that.
    event CardLineTakenForAction(address indexed patient, bytes32 indexed actionHash, bytes32 indexed lineHash);

    /// @notice The code of the line taken for `actionHash` was shown, and allows it once.
    event CardCodeSpent(address indexed patient, bytes32 indexed actionHash);

    /// @notice `patient` froze all sharing; her open requests are gone.
    event PatientFrozen(address indexed patient);

    /// @notice `patient` does not allow emergency access, or not any more.
    event EmergencyForbidden(address indexed patient);

    /// @notice A line of the card of `patient` was taken for a loosening; its code starts the waiting time.
    event LooseningAsked(
        address indexed patient,
        LooseningKind indexed kind,
        bytes32 indexed lineHash,
        bytes32 newCardTip
    );

    /// @notice A loosening waits until `readyAt`, on a code of the patient's card or `byRecovery`.
    event LooseningScheduled(
        address indexed patient,
        LooseningKind indexed kind,
        bytes32 newCardTip,
        uint40 readyAt,
        bool byRecovery
    );

    /// @notice A loosening that was on its way was cancelled.
    event LooseningCancelled(address indexed patient, LooseningKind indexed kind);

    /// @notice A loosening came into force.
    event LooseningExecuted(address indexed patient, LooseningKind indexed kind);

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

    /// @notice `patient` is frozen.
    error FrozenPatient(address patient);

    /// @notice Only a card's replacement has a new tip, and it must have one.
    error NewCardTipInvalid(LooseningKind kind, bytes32 newCardTip);

    /// @notice No card line was taken for this loosening, or its code was shown already.
    error LooseningNotAsked(address patient, LooseningKind kind);

    /// @notice The code is not that of the line that the loosening took.
    error LooseningCodeMismatch(address patient, LooseningKind kind);

    /// @notice The code is not that of the line that `actionHash` took, or it took none, or its code was shown before.
    error ActionCodeMismatch(address patient, bytes32 actionHash);

    /// @notice The same kind of loosening waits already, until `readyAt`.
    error LooseningPending(address patient, LooseningKind kind, uint40 readyAt);

    /// @notice The loosening does not wait, or waits until `readyAt`.
    error LooseningNotReady(address patient, LooseningKind kind, uint40 readyAt);

    /// @notice Registers a patient's first code card and requires its codes from now on.
    /// @dev The hospital that added her only: neither she nor who holds her key, so that a custodian can't make a card of
    /// its own hers. Emits {FirstCardIssued}, {CodeRequired}. Reverts with {NotPatientHospital}, {CardAlreadyIssued},
    /// {ZeroCardTip}.
    function issueFirstCard(address patient, bytes32 cardTip) external;

    /// @notice Requires a code for each request of the calling patient from now on; requests that are open keep their rule.
    /// @dev Emits {CodeRequired} unless it is required already, {LooseningCancelled}. Reverts with {NoCodeCard}.
    function requireCode() external;

    /// @notice Freezes all sharing of the calling patient: her open requests are removed, none can be made, and no grant
    /// lets anybody look until she is unfrozen. Cancels an unfreezing.
    /// @dev Never reverts. Emits {PatientFrozen} unless she is frozen already, {IConsentLedger-GrantRevoked} for each
    /// request, {LooseningCancelled}.
    function freeze() external;

    /// @notice Forbids emergency access to the calling patient's record from now on; what was opened before is disputed or
    /// removed one by one. Cancels its allowance.
    /// @dev Never reverts. Emits {EmergencyForbidden} unless it is forbidden already, {LooseningCancelled}.
    function forbidEmergency() external;

    /// @notice Takes the next line of the calling patient's card for a loosening, as a request takes one for a grant: only
    /// then is she asked for that line's code, so that the code can serve nothing else. Asking again takes another line.
    /// @dev Emits {CardLineTaken}, {LooseningAsked}. Reverts with {NewCardTipInvalid}, {LooseningPending}, {NoCodeCard},
    /// {CardLineMismatch}, {ZeroCardTip}, {IConsentLedger-CustodialGrantsArePaused}.
    /// @param newCardTip Tip of the new card for ReplaceCard, zero for the others.
    function askLoosening(LooseningKind kind, bytes32 newCardTip, bytes32 lineHash, bytes32 nextLink) external;

    /// @notice Shows the code of the line that the loosening took; it can be executed 72 hours later.
    /// @dev Emits {LooseningScheduled}. Reverts with {LooseningNotAsked}, {LooseningCodeMismatch},
    /// {IConsentLedger-CustodialGrantsArePaused}.
    /// @param code The stretched code.
    function confirmLoosening(LooseningKind kind, bytes32 code) external;

    /// @notice Starts the 72 hours of a loosening without a code.
    /// @dev For the recovery of a patient's account alone: an account must never let its owner's key call this. Emits
    /// {LooseningScheduled}. Reverts with {NewCardTipInvalid}, {LooseningPending}.
    function scheduleLooseningByRecovery(LooseningKind kind, bytes32 newCardTip) external;

    /// @notice Takes the next line of the calling patient's card for something that her account is to do, as a request takes
    /// one for a grant. Taking again replaces the line.
    /// @dev Emits {CardLineTaken}, {CardLineTakenForAction}. Reverts with {NoCodeCard}, {CardLineMismatch}, {ZeroCardTip}.
    /// @param actionHash What it is, hashed with the account and a number that never comes back.
    function takeCardLine(bytes32 actionHash, bytes32 lineHash, bytes32 nextLink) external;

    /// @notice Spends the code of the line taken for `actionHash`, on that and on nothing else.
    /// @dev For a patient's account itself, in the operation that the code allows. Emits {CardCodeSpent}. Reverts with
    /// {ActionCodeMismatch}.
    /// @param code The stretched code.
    function spendCardCode(bytes32 actionHash, bytes32 code) external;

    /// @notice Cancels the calling patient's loosening, asked or waiting.
    /// @dev Never reverts. Emits {LooseningCancelled} if there was one.
    function cancelLoosening(LooseningKind kind) external;

    /// @notice Puts a loosening into force whose 72 hours are over. Anyone may: it was decided when they began.
    /// @dev Emits {LooseningExecuted}. Reverts with {LooseningNotReady}.
    function executeLoosening(address patient, LooseningKind kind) external;

    /// @notice The loosening of that kind that is on its way; all zeros when none.
    function loosening(address patient, LooseningKind kind) external view returns (Loosening memory);

    /// @notice What protects `patient` now.
    function safeguards(address patient) external view returns (Safeguards memory);
}
