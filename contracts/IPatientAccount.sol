// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A patient's account: in custody first, her own once she has a passkey
/// @notice Vetoing is instant: it takes the account's ordinary signature. A change of owner or guardians is slow: it takes
/// a card code (or her passkey), or two guardians of three, and 72 hours. What is loosened on the ledger waits there.
interface IPatientAccount {
    /// @notice What a change does.
    enum ChangeKind {
        None,
        ToPasskey,
        ToCustodian,
        Guardians,
        Loosening
    }

    /// @notice A change that waits.
    /// @param kind What it does.
    /// @param first ToPasskey: x of the public key. ToCustodian: the key's address. Guardians: their commitment.
    /// Loosening: the ledger's kind of it, for guardians only.
    /// @param second ToPasskey: y of the public key. Loosening: the tip of the new card, or zero.
    struct Change {
        ChangeKind kind;
        bytes32 first;
        bytes32 second;
    }

    /// @notice Whose the account is, and what waits.
    /// @param custodian The custodian's key; zero once a passkey owns the account.
    /// @param readyAt From when the change that waits can be completed, Unix seconds.
    /// @param qx x of the passkey that owns the account; zero while in custody.
    /// @param qy y of it.
    /// @param guardians Commitment to the three guardians; zero when there are none.
    /// @param changeHash The change that waits, as {changeHashOf}; zero when none does.
    struct Ownership {
        address custodian;
        uint40 readyAt;
        bytes32 qx;
        bytes32 qy;
        bytes32 guardians;
        bytes32 changeHash;
    }

    /// @notice A guardian's part of the commitment, opened: the leaf of the caller is keccak256(abi.encode(caller, salt)),
    /// and the commitment is keccak256(abi.encode(the three leaves)): hospital, organisation of health workers, helper.
    struct Guardianship {
        uint8 index;
        bytes32 salt;
        bytes32[3] leaves;
    }

    /// @notice A change was proposed and takes effect by {completeChange} from `readyAt` on.
    event ChangeProposed(ChangeKind kind, bytes32 first, bytes32 second, uint40 readyAt);

    /// @notice The guardian at `index` supports the change `changeHash`.
    event ChangeSupported(bytes32 indexed changeHash, uint8 index);

    /// @notice The waiting change, and all support for any, is void.
    event ChangeVetoed();

    /// @notice The change took effect.
    event ChangeCompleted(ChangeKind kind, bytes32 first, bytes32 second);

    /// @notice The account is its patient's own: the custodian's key does nothing, whenever its operation was validated.
    error CustodyEnded();

    /// @notice The account is in custody; no passkey owns it.
    error NotPasskeyOwned();

    /// @notice The owner changed in this block: nothing that the one before signed may run.
    error OwnerChanging(uint40 changedAt);

    /// @notice Another change waits: complete or veto it first.
    error ChangePending(uint40 readyAt);

    /// @notice No change, or another one, waits.
    error ChangeNotProposed(bytes32 changeHash);

    /// @notice The change takes effect from `readyAt` on.
    error ChangeTooEarly(uint40 readyAt);

    /// @notice The change is of no kind, or its public key or address is none.
    error ChangeInvalid(ChangeKind kind, bytes32 first, bytes32 second);

    /// @notice `caller` does not open the guardians' commitment.
    error NotGuardian(address caller);

    /// @notice Has the ledger freeze all sharing, as the patient could; one guardian is enough.
    /// @dev Reverts with {NotGuardian}.
    function freezeAsGuardian(Guardianship calldata guardianship) external;

    /// @notice Takes a grant away on the ledger, as the patient could; one guardian is enough.
    /// @dev Reverts with {NotGuardian}, and as {IConsentLedger-revokeGrant} does.
    function revokeGrantAsGuardian(bytes32 requestId, Guardianship calldata guardianship) external;

    /// @notice Voids the waiting change and the guardians' support for any. Its owner, custodian or passkey.
    /// @dev Emits {ChangeVetoed}.
    function vetoChange() external;

    /// @notice Proposes a change: with a code of the patient's card while in custody, with her passkey's signature after.
    /// @dev The card's line is taken for {changeHashOf} the change first, by {IPatientSafeguards-takeCardLine}: so its code
    /// serves this change alone. Emits {ChangeProposed}. Reverts with {ChangePending}, {ChangeInvalid}, and as
    /// {IPatientSafeguards-spendCardCode} does.
    /// @param code The stretched code; ignored when a passkey owns the account.
    function proposeChange(Change calldata change, bytes32 code) external;

    /// @notice Supports a change; with the second of three guardians it is proposed, and a loosening scheduled on the ledger,
    /// where its own 72 hours begin and the patient can cancel it.
    /// @dev Emits {ChangeSupported}, {ChangeProposed}. Reverts with {NotGuardian}, {ChangePending}, {ChangeInvalid}.
    function supportChange(Change calldata change, Guardianship calldata guardianship) external;

    /// @notice Makes the waiting change take effect; anybody may, 72 hours after it was proposed.
    /// @dev Emits {ChangeCompleted}. Reverts with {ChangeNotProposed}, {ChangeTooEarly}.
    function completeChange(Change calldata change) external;

    /// @notice Does `call`, a ledger call or one of {vetoChange}, {proposeChange}, as the passkey owner says.
    /// @dev The operations of a passkey begin with this function, the custodian's never do: that is the tag by which a
    /// custodian's operation is known when it runs. Reverts with {NotPasskeyOwned}, {OwnerChanging}.
    function asPasskeyOwner(bytes calldata call) external returns (bytes memory);

    /// @notice True until a passkey owns the account.
    function isInCustody() external view returns (bool);

    /// @notice Whose the account is, and what waits.
    function ownership() external view returns (Ownership memory);

    /// @notice The hash of a change as guardians support it now: it is another one after each veto and completion.
    function changeHashOf(Change calldata change) external view returns (bytes32);
}
