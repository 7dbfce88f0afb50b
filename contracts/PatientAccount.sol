// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IEntryPoint, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";
import {ERC4337Utils} from "@openzeppelin/contracts/account/utils/ERC4337Utils.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

import {IConsentLedger} from "./IConsentLedger.sol";
import {IPatientAccount} from "./IPatientAccount.sol";
import {IPatientSafeguards} from "./IPatientSafeguards.sol";
import {LedgerAccount} from "./LedgerAccount.sol";
import {LedgerFunctions} from "./LedgerFunctions.sol";

/// @title A patient's account
/// @notice Grants, refuses and removes; it can ask for nothing and log nothing.
/// @dev Validation writes nothing. It ties the nonce's lane and the shape of the call to the kind of owner: lanes 1 and 2
/// and bare calls are the custodian's, lane 3 and calls in {asPasskeyOwner} the passkey's. Execution compares the shape
/// with the owner again: what changed in between, in the same bundle even, counts.
contract PatientAccount is IPatientAccount, IERC1271, LedgerAccount {
    /// @dev Everything an ordinary operation needs to know, in one word that is zero until something happened.
    struct Standing {
        bool passkeyOwned;
        address custodian;
        uint40 changedAt;
        uint32 changeCount;
    }

    struct Pending {
        uint40 readyAt;
        bytes32 changeHash;
    }

    uint256 private constant CHANGE_DELAY = 72 hours;
    /// @dev Nonce keys: the lane's number, and 240, in the first of their 24 bytes. Behind the sender bytes are cheapest to
    /// send, if no other byte before zeros is like them: a count of operations would be.
    uint256 private constant CONSENT_LANE = uint256(241) << 184;
    uint256 private constant REMOVAL_LANE = uint256(242) << 184;
    uint256 private constant PASSKEY_LANE = uint256(243) << 184;

    Standing private _standing;
    bytes32 private _qx;
    bytes32 private _qy;
    bytes32 private _guardians;
    Pending private _pending;
    mapping(bytes32 changeHash => uint256 bits) private _support;

    /// @dev The owner's own operation: bare from the entry point while in custody, by {asPasskeyOwner} after.
    modifier onlyOwner() {
        _requireOwner();
        _;
    }

    constructor(IEntryPoint entryPoint_, address ledger_) LedgerAccount(entryPoint_, ledger_) {}

    /// @inheritdoc IPatientAccount
    function freezeAsGuardian(Guardianship calldata guardianship) external {
        _requireGuardian(guardianship);
        IPatientSafeguards(ledger()).freeze();
    }

    /// @inheritdoc IPatientAccount
    function revokeGrantAsGuardian(bytes32 requestId, Guardianship calldata guardianship) external {
        _requireGuardian(guardianship);
        IConsentLedger(ledger()).revokeGrant(requestId);
    }

    /// @inheritdoc IPatientAccount
    function vetoChange() external onlyOwner {
        delete _pending;
        ++_standing.changeCount;
        emit ChangeVetoed();
    }

    /// @inheritdoc IPatientAccount
    function proposeChange(Change calldata change, bytes32 code) external onlyOwner {
        _requireValid(change);
        if (change.kind == ChangeKind.Loosening) revert ChangeInvalid(change.kind, change.first, change.second);
        bytes32 changeHash = changeHashOf(change);
        _propose(change, changeHash);
        if (!_standing.passkeyOwned) IPatientSafeguards(ledger()).spendCardCode(changeHash, code);
    }

    /// @inheritdoc IPatientAccount
    function supportChange(Change calldata change, Guardianship calldata guardianship) external {
        _requireGuardian(guardianship);
        _requireValid(change);
        bytes32 changeHash = changeHashOf(change);
        uint256 bits = _support[changeHash] | (1 << guardianship.index);
        _support[changeHash] = bits;
        emit ChangeSupported(changeHash, guardianship.index);
        // Two bits of three: no power of two, and not zero.
        if (bits & (bits - 1) == 0) return;
        if (change.kind != ChangeKind.Loosening) return _propose(change, changeHash);
        ++_standing.changeCount;
        IPatientSafeguards.LooseningKind kind = IPatientSafeguards.LooseningKind(uint8(uint256(change.first)));
        IPatientSafeguards(ledger()).scheduleLooseningByRecovery(kind, change.second);
    }

    /// @inheritdoc IPatientAccount
    function completeChange(Change calldata change) external {
        bytes32 changeHash = changeHashOf(change);
        Pending memory pending = _pending;
        if (pending.readyAt == 0 || pending.changeHash != changeHash) revert ChangeNotProposed(changeHash);
        if (block.timestamp < pending.readyAt) revert ChangeTooEarly(pending.readyAt);
        delete _pending;
        _apply(change);
        emit ChangeCompleted(change.kind, change.first, change.second);
    }

    /// @inheritdoc IPatientAccount
    function asPasskeyOwner(bytes calldata call) external onlyEntryPoint returns (bytes memory) {
        Standing memory standing = _standing;
        if (!standing.passkeyOwned) revert NotPasskeyOwned();
        _requireSettled(standing);
        // To itself: every function checks its caller, and the fallback which ledger function it is.
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, bytes memory answer) = address(this).call(call);
        if (success) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    /// @inheritdoc IPatientAccount
    function isInCustody() external view returns (bool) {
        return !_standing.passkeyOwned;
    }

    /// @notice ERC-1271: nothing is valid while in custody; the passkey signs the hash with chain and account after.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        bytes32 bound = keccak256(abi.encode("HealthChain patient", block.chainid, address(this), hash));
        bool valid = _standing.passkeyOwned && _isSignedByPasskey(_qx, _qy, bound, signature);
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @inheritdoc IPatientAccount
    function ownership() external view returns (Ownership memory) {
        Standing memory standing = _standing;
        return
            Ownership({
                custodian: standing.passkeyOwned ? address(0) : _custodianOf(standing.custodian),
                readyAt: _pending.readyAt,
                qx: _qx,
                qy: _qy,
                guardians: _guardians,
                changeHash: _pending.changeHash
            });
    }

    /// @inheritdoc IPatientAccount
    function changeHashOf(Change calldata change) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), _standing.changeCount, change));
    }

    /// @dev Reverts with {CustodyEnded}, {OwnerChanging}.
    function _requireMayCall(bytes4 selector) internal view override {
        _requireOwner();
        if (!LedgerFunctions.isPatients(selector)) revert FunctionNotAllowed(selector);
    }

    function _validateUserOp(
        PackedUserOperation calldata userOperation,
        bytes32 userOperationHash,
        bytes calldata signature
    ) internal view override returns (uint256) {
        uint256 lane = userOperation.nonce >> 64;
        bool wrapped = bytes4(userOperation.callData) == IPatientAccount.asPasskeyOwner.selector;
        Standing memory standing = _standing;
        bool shaped = standing.passkeyOwned
            ? wrapped && lane == PASSKEY_LANE
            : !wrapped && (lane == CONSENT_LANE || lane == REMOVAL_LANE);
        return
            shaped && _isSignedByOwner(standing, userOperationHash, signature)
                ? ERC4337Utils.SIG_VALIDATION_SUCCESS
                : ERC4337Utils.SIG_VALIDATION_FAILED;
    }

    function _rawSignatureValidation(bytes32 hash, bytes calldata signature) internal view override returns (bool) {
        return _isSignedByOwner(_standing, hash, signature);
    }

    function _propose(Change calldata change, bytes32 changeHash) private {
        if (_pending.readyAt != 0) revert ChangePending(_pending.readyAt);
        uint40 readyAt = uint40(block.timestamp + CHANGE_DELAY);
        _pending = Pending({readyAt: readyAt, changeHash: changeHash});
        emit ChangeProposed(change.kind, change.first, change.second, readyAt);
    }

    function _apply(Change calldata change) private {
        Standing memory standing = _standing;
        ++standing.changeCount;
        if (change.kind == ChangeKind.ToPasskey) {
            (_qx, _qy) = (change.first, change.second);
            standing.passkeyOwned = true;
            standing.changedAt = uint40(block.timestamp);
        } else if (change.kind == ChangeKind.ToCustodian) {
            (_qx, _qy) = (0, 0);
            standing.passkeyOwned = false;
            standing.custodian = address(uint160(uint256(change.first)));
            standing.changedAt = uint40(block.timestamp);
        } else {
            _guardians = change.first;
        }
        _standing = standing;
    }

    function _requireOwner() private view {
        if (msg.sender == address(this)) return;
        _checkEntryPoint();
        Standing memory standing = _standing;
        if (standing.passkeyOwned) revert CustodyEnded();
        _requireSettled(standing);
    }

    /// @dev What the owner before signed may have been validated earlier in this bundle.
    function _requireSettled(Standing memory standing) private view {
        if (standing.changedAt == block.timestamp) revert OwnerChanging(standing.changedAt);
    }

    function _isSignedByOwner(
        Standing memory standing,
        bytes32 hash,
        bytes calldata signature
    ) private view returns (bool) {
        return
            standing.passkeyOwned
                ? _isSignedByPasskey(_qx, _qy, hash, signature)
                : _isSignedByKey(_custodianOf(standing.custodian), hash, signature);
    }

    function _requireGuardian(Guardianship calldata guardianship) private view {
        bytes32 leaf = keccak256(abi.encode(msg.sender, guardianship.salt));
        if (
            guardianship.index > 2 ||
            guardianship.leaves[guardianship.index] != leaf ||
            keccak256(abi.encode(guardianship.leaves)) != _guardians
        ) revert NotGuardian(msg.sender);
    }

    function _custodianOf(address replacement) private view returns (address) {
        return replacement == address(0) ? _firstOwner() : replacement;
    }

    function _requireValid(Change calldata change) private pure {
        bool valid;
        if (change.kind == ChangeKind.ToPasskey) valid = P256.isValidPublicKey(change.first, change.second);
        else if (change.kind == ChangeKind.ToCustodian) {
            valid = change.second == 0 && change.first != 0 && uint256(change.first) <= type(uint160).max;
        } else if (change.kind == ChangeKind.Guardians) valid = change.second == 0;
        else if (change.kind == ChangeKind.Loosening) {
            valid = uint256(change.first) <= uint256(type(IPatientSafeguards.LooseningKind).max);
        }
        if (!valid) revert ChangeInvalid(change.kind, change.first, change.second);
    }
}
