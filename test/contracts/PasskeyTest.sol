// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

import {ConsentTest} from "./ConsentTest.sol";

/// @dev The cheat codes for passkeys and storage. Source: the Foundry book.
interface PasskeyVm {
    function signP256(uint256 key, bytes32 digest) external pure returns (bytes32 r, bytes32 s);
    function publicKeyP256(uint256 key) external pure returns (uint256 qx, uint256 qy);
    function record() external;
    function accesses(address account) external returns (bytes32[] memory read, bytes32[] memory written);
}

/// @dev Passkeys that sign as an authenticator does, with the user verified.
abstract contract PasskeyTest is ConsentTest {
    PasskeyVm internal constant records = PasskeyVm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev The key that a name stands for, in the curve's range.
    function passkeyOf(uint256 key) internal pure returns (bytes32 qx, bytes32 qy) {
        (uint256 x, uint256 y) = records.publicKeyP256(key % P256.N);
        return (bytes32(x), bytes32(y));
    }

    function passkeySignature(uint256 key, bytes32 challenge) internal pure returns (bytes memory) {
        bytes memory authenticatorData = abi.encodePacked(sha256("localhost"), bytes1(0x05), uint32(1));
        string memory clientData = string.concat(
            // solhint-disable-next-line quotes
            '{"type":"webauthn.get","challenge":"',
            Base64.encodeURL(abi.encodePacked(challenge)),
            // solhint-disable-next-line quotes
            '","origin":"http://localhost"}'
        );
        bytes32 digest = sha256(abi.encodePacked(authenticatorData, sha256(bytes(clientData))));
        (bytes32 r, bytes32 s) = records.signP256(key % P256.N, digest);
        if (uint256(s) > P256.N / 2) s = bytes32(P256.N - uint256(s));
        return abi.encode(r, s, uint256(23), uint256(1), authenticatorData, clientData);
    }
}
