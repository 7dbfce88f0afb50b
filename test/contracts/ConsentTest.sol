// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ConsentLedger} from "../../contracts/ConsentLedger.sol";
import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {ContractTest} from "./ContractTest.sol";

/// @dev One hospital, one doctor, one patient, and what they can do.
abstract contract ConsentTest is ContractTest {
    uint8 internal constant VIEW = 1;
    uint8 internal constant ADD = 2;
    uint8 internal constant CORRECT = 4;
    /// @dev 1 November 2026, 10:00 UTC.
    uint40 internal constant NOW = 1_793_527_200;
    bytes32 internal constant SCOPE = keccak256("scope");
    bytes20 internal constant ARTEFACT = bytes20(keccak256("artefact"));
    bytes32 internal constant CARD = keccak256("card");
    uint256 internal constant CARD_LINES = 20;

    address internal governor = account("governor");
    address internal hospital = account("hospital");
    address internal doctor = account("doctor");
    address internal patient = account("patient");
    address internal accessWriter = account("accessWriter");
    address internal stranger = account("stranger");

    ConsentLedger internal ledger;
    uint32 internal affiliationId;
    /// @dev What a patient's answer with a code names in place of the number.
    mapping(bytes32 requestId => bytes32 contentId) internal contentIds;

    function setUp() public virtual {
        vm.warp(NOW);
        ledger = new ConsentLedger(governor, accessWriter);
        vm.prank(governor);
        ledger.verifyHospital(hospital);
        vm.prank(hospital);
        affiliationId = ledger.addDoctor(doctor);
        vm.prank(hospital);
        ledger.addPatient(patient);
    }

    function sevenDays() internal view returns (IConsentLedger.AccessRequest memory) {
        return
            IConsentLedger.AccessRequest({
                patient: patient,
                affiliationId: affiliationId,
                rights: VIEW,
                uses: 0,
                durationDays: 7,
                answerBy: uint40(block.timestamp + 24 hours),
                scopeCommitment: SCOPE,
                replaces: 0,
                lineHash: 0,
                nextLink: 0
            });
    }

    function ask(IConsentLedger.AccessRequest memory request) internal returns (bytes32 requestId) {
        vm.prank(doctor);
        requestId = ledger.openRequest(request);
        contentIds[requestId] = ledger.contentIdOf(request);
    }

    function ask() internal returns (bytes32) {
        return ask(sevenDays());
    }

    function allow(bytes32 requestId, uint40 until) internal {
        vm.prank(patient);
        ledger.openGrant(requestId, answerOf(until));
    }

    function askAndAllow() internal returns (bytes32 requestId) {
        return askAndAllow(sevenDays());
    }

    function askAndAllow(IConsentLedger.AccessRequest memory request) internal returns (bytes32 requestId) {
        requestId = ask(request);
        allow(requestId, lastEnd(request.durationDays));
    }

    function allowWithCode(bytes32 requestId, uint40 until, bytes32 code) internal {
        vm.prank(patient);
        ledger.openGrantWithCode(contentAndArtefact(requestId), codeAndDay(code, until));
    }

    /// @dev A patient's answer: what commits to the evidence, and the day with whose beginning access ends.
    function answerOf(uint40 until) internal pure returns (bytes32) {
        return bytes32(ARTEFACT) | bytes32((uint256(until) / 1 days) << 80);
    }

    /// @dev The first word of an answer with a code: what names the request, and what commits to the evidence.
    function contentAndArtefact(bytes32 requestId) internal view returns (bytes32) {
        return bytes32(contentOf(requestId)) | (bytes32(ARTEFACT) >> 128);
    }

    /// @dev The end of a request's content, by which an answer with a code names it.
    function contentOf(bytes32 requestId) internal view returns (bytes16) {
        return bytes16(contentIds[requestId] << 128);
    }

    /// @dev The second one.
    function codeAndDay(bytes32 code, uint40 until) internal pure returns (bytes16) {
        return bytes16(code | bytes32((uint256(until) / 1 days) << 128));
    }

    /// @dev A key's signature as our accounts take it: r, and s with the parity on top.
    function compactSignature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s | bytes32(uint256(v - 27) << 255));
    }

    function issueCard() internal {
        bytes32 tip = cardLink(CARD, 0);
        vm.prank(hospital);
        ledger.issueFirstCard(patient, tip);
    }

    /// @dev The request as it takes line `i` of the patient's first card; its scope is the line's own.
    function withLine(
        IConsentLedger.AccessRequest memory request,
        uint256 i
    ) internal view returns (IConsentLedger.AccessRequest memory) {
        request.lineHash = lineHash(CARD, i);
        request.nextLink = cardLink(CARD, i + 1);
        return request;
    }

    /// @dev x_i, the code of line i as argon2id would give it: 14 bytes, then zeros.
    function stretchedCode(bytes32 card, uint256 i) internal pure returns (bytes32) {
        return bytes14(keccak256(abi.encode(card, i)));
    }

    /// @dev h_i.
    function lineHash(bytes32 card, uint256 i) internal pure returns (bytes32) {
        return keccak256(bytes.concat(stretchedCode(card, i)));
    }

    /// @dev c_i, computed from the card's end as the card's maker does; the end is the random word.
    function cardLink(bytes32 card, uint256 i) internal view returns (bytes32 link) {
        link = keccak256(abi.encode(card, "end"));
        for (uint256 line = CARD_LINES; line > i; --line) {
            link = keccak256(bytes.concat(bytes32(block.chainid), bytes32(uint256(uint160(address(ledger)))), lineHash(card, line - 1), link));
        }
    }

    function refuse(bytes32 requestId) internal {
        vm.prank(patient);
        ledger.refuseRequest(requestId);
    }

    function remove(bytes32 requestId) internal {
        vm.prank(patient);
        ledger.revokeGrant(requestId);
    }

    function withdraw(bytes32 requestId) internal {
        vm.prank(doctor);
        ledger.withdrawRequest(requestId);
    }

    function suspendDoctor() internal {
        vm.prank(hospital);
        ledger.suspendDoctor(affiliationId);
    }

    function suspendHospital() internal {
        vm.prank(governor);
        ledger.suspendHospital(hospital);
    }

    function log(bytes32 requestId, bytes32 entryId, uint8 right) internal {
        vm.prank(accessWriter);
        ledger.logAccess(entries(requestId, entryId, right));
    }

    function entries(
        bytes32 requestId,
        bytes32 entryId,
        uint8 right
    ) internal view returns (IConsentLedger.AccessEntry[] memory list) {
        list = new IConsentLedger.AccessEntry[](1);
        list[0] = IConsentLedger.AccessEntry({requestId: requestId, entryId: entryId, right: right, lookedAt: uint40(block.timestamp)});
    }

    /// @dev The midnight at or after now plus the days, found by counting midnights.
    function lastEnd(uint256 durationDays) internal view returns (uint40 midnight) {
        uint256 atLeast = block.timestamp + durationDays * 86_400;
        uint256 today = block.timestamp - (block.timestamp % 86_400);
        midnight = uint40(today + durationDays * 86_400);
        if (midnight < atLeast) midnight += 86_400;
    }
}
