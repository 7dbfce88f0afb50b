// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "@openzeppelin/contracts/account/Account.sol";
import {IEntryPoint} from "@openzeppelin/contracts/interfaces/IERC4337.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {WebAuthn} from "@openzeppelin/contracts/utils/cryptography/WebAuthn.sol";

/// @title An account that can speak to the consent ledger and do nothing else
/// @notice Base of the patients' and doctors' accounts: clones that carry their first owner in their code.
/// @dev There is no execute function. The call data of a user operation IS the ledger call: the entry point calls this
/// account with it, and the fallback hands it on, without value, if the account may make that call now. So whatever the
/// owner's key signs, and whoever holds that key, nothing else can happen.
abstract contract LedgerAccount is Account {
    /// @dev Where a clone's arguments begin in its code: behind the 45 bytes of an ERC-1167 proxy.
    uint256 private constant ARGUMENTS_OFFSET = 45;

    IEntryPoint private immutable _entryPoint;
    address private immutable _ledger;

    /// @notice The account may not call `selector` of the ledger.
    error FunctionNotAllowed(bytes4 selector);

    /// @notice The account takes no value: it could never spend it.
    error ValueNotAccepted();

    constructor(IEntryPoint entryPoint_, address ledger_) {
        _entryPoint = entryPoint_;
        _ledger = ledger_;
    }

    /// @notice Refuses plain transfers.
    receive() external payable override {
        revert ValueNotAccepted();
    }

    /// @notice Hands a ledger call on. Returns and reverts as the ledger does.
    /// @dev Reverts with {Account-AccountUnauthorized}, {FunctionNotAllowed}, and as the kind of account says.
    fallback() external {
        _requireMayCall(msg.sig);
        address target = _ledger;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            calldatacopy(pointer, 0, calldatasize())
            let success := call(gas(), target, 0, pointer, calldatasize(), 0, 0)
            returndatacopy(pointer, 0, returndatasize())
            switch success
            case 0 {
                revert(pointer, returndatasize())
            }
            default {
                return(pointer, returndatasize())
            }
        }
    }

    /// @notice The ledger that this account speaks to.
    function ledger() public view returns (address) {
        return _ledger;
    }

    /// @inheritdoc Account
    function entryPoint() public view override returns (IEntryPoint) {
        return _entryPoint;
    }

    /// @dev Reverts unless the caller may have `selector` of the ledger called now.
    function _requireMayCall(bytes4 selector) internal view virtual;

    /// @dev The address that the clone was made for. Means nothing on the implementation.
    function _firstOwner() internal view returns (address account) {
        assembly ("memory-safe") {
            // The scratch space's first twelve bytes must be zero: only twenty are copied.
            mstore(0, 0)
            extcodecopy(address(), 12, ARGUMENTS_OFFSET, 20)
            account := mload(0)
        }
    }

    /// @dev The public key that the clone was made for. Means nothing on the implementation.
    function _firstPasskey() internal view returns (bytes32 qx, bytes32 qy) {
        assembly ("memory-safe") {
            extcodecopy(address(), 0, ARGUMENTS_OFFSET, 64)
            qx := mload(0)
            qy := mload(32)
        }
    }

    /// @dev A key signs a user operation's hash as it is, without a message prefix, in the 64 bytes of ERC-2098: r, and s
    /// with the parity in its highest bit.
    function _isSignedByKey(address signer, bytes32 hash, bytes calldata signature) internal pure returns (bool) {
        if (signature.length != 64) return false;
        (bytes32 r, bytes32 vs) = (bytes32(signature), bytes32(signature[32:]));
        (address recovered, ECDSA.RecoverError failure, ) = ECDSA.tryRecover(hash, r, vs);
        return failure == ECDSA.RecoverError.NoError && recovered == signer;
    }

    /// @dev A passkey signs with `hash` as its challenge, user verified; origin and rpId are the server's to check. The
    /// encoding is that of WebAuthn.WebAuthnAuth's fields, without the tuple's own offset.
    function _isSignedByPasskey(
        bytes32 qx,
        bytes32 qy,
        bytes32 hash,
        bytes calldata signature
    ) internal view returns (bool) {
        (bool decoded, WebAuthn.WebAuthnAuth calldata assertion) = WebAuthn.tryDecodeAuth(signature);
        return decoded && WebAuthn.verify(abi.encodePacked(hash), assertion, qx, qy);
    }
}
