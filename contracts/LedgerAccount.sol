// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "@openzeppelin/contracts/account/Account.sol";
import {IEntryPoint} from "@openzeppelin/contracts/interfaces/IERC4337.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title An account that can speak to the consent ledger and do nothing else
/// @notice Base of the patients' and doctors' accounts: clones that carry their owner in their code.
/// @dev There is no execute function. The call data of a user operation IS the ledger call: the entry point calls this
/// account with it, and the fallback hands it on, without value, if the function is one of the account's own. So
/// whatever the owner's key signs, and whoever holds that key, nothing else can happen. ERC-1271 is absent on purpose:
/// a key held in custody must not be able to sign for the account elsewhere.
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

    /// @notice Hands a ledger call on; the entry point only. Returns and reverts as the ledger does.
    /// @dev Reverts with {Account-AccountUnauthorized}, {FunctionNotAllowed}.
    fallback() external onlyEntryPoint {
        if (!_mayCall(msg.sig)) revert FunctionNotAllowed(msg.sig);
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
    function ledger() external view returns (address) {
        return _ledger;
    }

    /// @inheritdoc Account
    function entryPoint() public view override returns (IEntryPoint) {
        return _entryPoint;
    }

    /// @notice The key that signs for this clone, fixed when the clone was made. Means nothing on the implementation.
    function owner() public view returns (address account) {
        assembly ("memory-safe") {
            // The scratch space's first twelve bytes must be zero: only twenty are copied.
            mstore(0, 0)
            extcodecopy(address(), 12, ARGUMENTS_OFFSET, 20)
            account := mload(0)
        }
    }

    /// @dev True for the ledger functions that belong to this kind of account.
    function _mayCall(bytes4 selector) internal pure virtual returns (bool);

    /// @dev The owner signs the user operation's hash as it is, without a message prefix.
    function _rawSignatureValidation(
        bytes32 hash,
        bytes calldata signature
    ) internal view override returns (bool) {
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(hash, signature);
        return failure == ECDSA.RecoverError.NoError && signer == owner();
    }
}
