// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC4337} from "solady/src/accounts/ERC4337.sol";
import {ERC4337Factory} from "solady/src/accounts/ERC4337Factory.sol";
import {PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

/// @notice Solady's account with the one thing it leaves to its user: a name.
contract SoladyAccount is ERC4337 {
    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("SoladyAccount", "1");
    }
}

contract SoladyFactory is ERC4337Factory {
    constructor(address implementation_) ERC4337Factory(implementation_) {}
}

/// @notice The key that signs for an ERC-7579 account, checked with as little as can be: no prefix, no malleability check.
/// @dev Kernel and Nexus bring no validator in their package; a dearer one would only make them dearer.
contract KeyValidator {
    mapping(address account => address) private _owners;

    function onInstall(bytes calldata data) external {
        _owners[msg.sender] = address(bytes20(data));
    }

    function onUninstall(bytes calldata) external {
        delete _owners[msg.sender];
    }

    function validateUserOp(PackedUserOperation calldata userOperation, bytes32 hash) external view returns (uint256) {
        bytes calldata signature = userOperation.signature;
        address signer = ecrecover(hash, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        return signer == _owners[msg.sender] ? 0 : 1;
    }

    function isInitialized(address account) external view returns (bool) {
        return _owners[account] != address(0);
    }

    function isModuleType(uint256 moduleType) external pure returns (bool) {
        return moduleType == 1;
    }
}
