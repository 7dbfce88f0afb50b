// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IPasskeyDoctors} from "../../contracts/IPasskeyDoctors.sol";
import {IPatientSafeguards} from "../../contracts/IPatientSafeguards.sol";
import {IProviderRegistry} from "../../contracts/IProviderRegistry.sol";
import {ConsentTest} from "./ConsentTest.sol";

contract CodeCardTest is ConsentTest {
    uint256 private constant LISK = 1135;

    // The first card

    function test_theHospitalHandsOverTheFirstCardAndItsCodesAreRequired() public {
        bytes32 tip = cardLink(CARD, 0);
        vm.assertEq(ledger.safeguards(patient).cardTip, 0);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.FirstCardIssued(patient, hospital, tip);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.CodeRequired(patient);
        issueCard();
        vm.assertEq(ledger.safeguards(patient).cardTip, tip);
        vm.assertTrue(ledger.safeguards(patient).codeRequired);
    }

    function test_nobodyElseHandsOverACard() public {
        vm.prank(governor);
        ledger.verifyHospital(stranger);
        address[5] memory others = [patient, doctor, governor, accessWriter, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            _expectNoFirstCard(
                others[i],
                patient,
                abi.encodeWithSelector(IPatientSafeguards.NotPatientHospital.selector, patient, others[i])
            );
        }
    }

    function test_aSuspendedHospitalHandsOverNoCard() public {
        suspendHospital();
        _expectNoFirstCard(
            hospital,
            patient,
            abi.encodeWithSelector(IPatientSafeguards.NotPatientHospital.selector, patient, hospital)
        );
    }

    function test_nobodysPatientGetsNoCard() public {
        _expectNoFirstCard(
            hospital,
            stranger,
            abi.encodeWithSelector(IPatientSafeguards.NotPatientHospital.selector, stranger, hospital)
        );
        _expectNoFirstCard(
            address(0),
            stranger,
            abi.encodeWithSelector(IPatientSafeguards.NotPatientHospital.selector, stranger, address(0))
        );
    }

    function test_aHospitalReplacesNoCard() public {
        issueCard();
        _expectNoFirstCard(
            hospital,
            patient,
            abi.encodeWithSelector(IPatientSafeguards.CardAlreadyIssued.selector, patient)
        );
    }

    function test_aCardHasATip() public {
        vm.expectRevert(abi.encodeWithSelector(IPatientSafeguards.ZeroCardTip.selector));
        vm.prank(hospital);
        ledger.issueFirstCard(patient, 0);
    }

    function test_withoutACardNoCodeCanBeRequired() public {
        vm.expectRevert(abi.encodeWithSelector(IPatientSafeguards.NoCodeCard.selector, patient));
        vm.prank(patient);
        ledger.requireCode();
    }

    function test_requiringTheCodeTwiceIsRequiringItOnce() public {
        issueCard();
        vm.recordLogs();
        vm.prank(patient);
        ledger.requireCode();
        vm.assertEq(vm.getRecordedLogs().length, 0);
    }

    // Lines

    function test_aRequestTakesTheNextLineAndOnlyItsCodeGrants() public {
        issueCard();
        IConsentLedger.AccessRequest memory request = withLine(sevenDays(), 0);
        bytes32 requestId = ledger.requestIdOf(request);
        bytes32 content = ledger.contentIdOf(request) << 128;
        bytes32 hash = keccak256(bytes.concat(content, lineHash(CARD, 0)));
        vm.assertEq(requestId, bytes32(uint256(uint160(uint256(hash)))));
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.CardLineTaken(patient, lineHash(CARD, 0));
        vm.expectEmit(address(ledger));
        emit IConsentLedger.RequestOpened(requestId, patient, affiliationId);
        ask(request);
        vm.assertEq(ledger.safeguards(patient).cardTip, cardLink(CARD, 1));
        vm.assertTrue(ledger.requestState(requestId).codeRequired);
        vm.assertFalse(ledger.requestState(requestId).codeChecked);

        uint40 until = lastEnd(7);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.GrantOpened(requestId, patient, until, bytes20(bytes16(ARTEFACT)), true);
        allowWithCode(requestId, until, stretchedCode(CARD, 0));
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        vm.assertTrue(ledger.requestState(requestId).codeRequired);
        vm.assertTrue(ledger.requestState(requestId).codeChecked);
        vm.assertEq(ledger.requestState(requestId).rights, VIEW);
        vm.assertEq(ledger.requestState(requestId).until, until);
    }

    function test_aBareReplyDoesNotGrantARequestThatTookALine() public {
        issueCard();
        bytes32 requestId = ask(withLine(sevenDays(), 0));
        uint40 until = lastEnd(7);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.CodeMissing.selector, requestId));
        allow(requestId, until);
    }

    function test_anotherLinesCodeDoesNotGrant() public {
        issueCard();
        bytes32 first = ask(withLine(sevenDays(), 0));
        bytes32 second = ask(withLine(sevenDays(), 1));
        _expectCodeMismatch(first, stretchedCode(CARD, 1));
        _expectCodeMismatch(second, stretchedCode(CARD, 0));
        _expectCodeMismatch(second, stretchedCode(CARD, 2));
        _expectCodeMismatch(second, 0);
        allowWithCode(second, lastEnd(7), stretchedCode(CARD, 1));
        vm.assertFalse(ledger.canAccess(first, doctor, VIEW));
    }

    function test_noCodeGrantsARequestThatTookNoLine() public {
        bytes32 requestId = ask();
        issueCard();
        _expectCodeMismatch(requestId, stretchedCode(CARD, 0));
        _expectCodeMismatch(requestId, 0);
    }

    function test_aRequestKeepsTheRuleItWasAskedUnder() public {
        bytes32 requestId = ask();
        issueCard();
        vm.assertFalse(ledger.requestState(requestId).codeRequired);
        allow(requestId, lastEnd(7));
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        vm.assertFalse(ledger.requestState(requestId).codeChecked);
    }

    function test_aRequestWithoutALineIsNotMadeWhereACodeIsRequired() public {
        issueCard();
        _expectRefused(sevenDays(), abi.encodeWithSelector(IConsentLedger.CardLineMissing.selector, patient));
    }

    function test_aRequestTakesNoLineOfAPatientWithoutACard() public {
        _expectRefused(
            withLine(sevenDays(), 0),
            abi.encodeWithSelector(IPatientSafeguards.NoCodeCard.selector, patient)
        );
    }

    function test_onlyTheNextLineCanBeTaken() public {
        issueCard();
        _expectMismatch(withLine(sevenDays(), 1), cardLink(CARD, 0));
        ask(withLine(sevenDays(), 0));
        _expectMismatch(withLine(_withScope("another"), 0), cardLink(CARD, 1));
        IConsentLedger.AccessRequest memory request = withLine(sevenDays(), 1);
        request.nextLink = cardLink(CARD, 3);
        _expectMismatch(request, cardLink(CARD, 1));
        request.nextLink = 0;
        _expectMismatch(request, cardLink(CARD, 1));
    }

    function test_aLineDiesWithItsRequest() public {
        issueCard();
        bytes32 requestId = ask(withLine(sevenDays(), 0));
        withdraw(requestId);
        _expectMismatch(withLine(_withScope("another"), 0), cardLink(CARD, 1));
        uint40 until = lastEnd(7);
        vm.expectRevert(
            abi.encodeWithSelector(
                IConsentLedger.RequestNotOpen.selector,
                requestId,
                IConsentLedger.RequestState.Withdrawn
            )
        );
        allowWithCode(requestId, until, stretchedCode(CARD, 0));
    }

    function test_nobodyTakesALineAfterTheLast() public {
        issueCard();
        for (uint256 i = 0; i < CARD_LINES; ++i) {
            bytes32 requestId = ask(withLine(sevenDays(), i));
            allowWithCode(requestId, lastEnd(7), stretchedCode(CARD, i));
        }
        bytes32 end = cardLink(CARD, CARD_LINES);
        vm.assertEq(ledger.safeguards(patient).cardTip, end);
        _expectMismatch(withLine(_withScope("another"), 0), end);
        _expectNoFirstCard(
            hospital,
            patient,
            abi.encodeWithSelector(IPatientSafeguards.CardAlreadyIssued.selector, patient)
        );
    }

    function test_aCardMustNotEndInZero() public {
        bytes32 only = lineHash(CARD, 0);
        bytes32 tip = keccak256(abi.encode(block.chainid, address(ledger), only, bytes32(0)));
        vm.prank(hospital);
        ledger.issueFirstCard(patient, tip);
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.lineHash = only;
        _expectRefused(request, abi.encodeWithSelector(IPatientSafeguards.ZeroCardTip.selector));
    }

    function test_aCardServesOneChain() public {
        issueCard();
        IConsentLedger.AccessRequest memory request = withLine(sevenDays(), 0);
        vm.chainId(LISK);
        _expectMismatch(request, ledger.safeguards(patient).cardTip);
    }

    function testFuzz_noGuessGrants(bytes14 code) public {
        issueCard();
        bytes32 requestId = ask(withLine(sevenDays(), 0));
        vm.assume(code != stretchedCode(CARD, 0));
        _expectCodeMismatch(requestId, code);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
    }

    function testFuzz_noInventedLineIsTaken(bytes32 hash, bytes32 nextLink) public {
        issueCard();
        vm.assume(hash != 0 && (hash != lineHash(CARD, 0) || nextLink != cardLink(CARD, 1)));
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.lineHash = hash;
        request.nextLink = nextLink;
        _expectMismatch(request, cardLink(CARD, 0));
    }

    // Limits on open requests

    function test_aDoctorHasAtMostThreeOpenRequestsToAPatient() public {
        for (uint256 i = 0; i < 3; ++i) ask(_withScope(i));
        bytes memory refusal = abi.encodeWithSelector(IConsentLedger.TooManyOpenRequests.selector, patient, 3);
        _expectRefused(_withScope(3), refusal);

        // A second affiliation of the same doctor doesn't help.
        vm.prank(governor);
        ledger.verifyHospital(stranger);
        vm.prank(stranger);
        uint32 second = ledger.addDoctor(doctor);
        IConsentLedger.AccessRequest memory request = _withScope(3);
        request.affiliationId = second;
        _expectRefused(request, refusal);
    }

    function test_anAnswerOfAnyKindMakesRoom() public {
        bytes32[3] memory held;
        for (uint256 i = 0; i < 3; ++i) held[i] = ask(_withScope(i));
        refuse(held[1]);
        held[1] = ask(_withScope(3));
        withdraw(held[2]);
        held[2] = ask(_withScope(4));
        allow(held[0], lastEnd(7));
        held[0] = ask(_withScope(5));
        remove(held[1]);
        ask(_withScope(6));
        _expectRefused(
            _withScope(7),
            abi.encodeWithSelector(IConsentLedger.TooManyOpenRequests.selector, patient, 3)
        );
        // In its last second a question still waits for its answer.
        vm.warp(block.timestamp + 24 hours);
        _expectRefused(
            _withScope(8),
            abi.encodeWithSelector(IConsentLedger.TooManyOpenRequests.selector, patient, 3)
        );
        vm.warp(block.timestamp + 1);
        for (uint256 i = 0; i < 3; ++i) ask(_withScope(8 + i));
    }

    function test_aPatientHasAtMostEightOpenRequests() public {
        for (uint256 i = 0; i < 8; ++i) _askAs(i / 3, i);
        bytes memory refusal = abi.encodeWithSelector(IConsentLedger.TooManyOpenRequests.selector, patient, 8);
        address another = _doctor(2);
        IConsentLedger.AccessRequest memory request = _requestOf(2, 8);
        vm.expectRevert(refusal);
        vm.prank(another);
        ledger.openRequest(request);
        vm.warp(block.timestamp + 24 hours + 1);
        for (uint256 i = 0; i < 8; ++i) _askAs(3 + i / 3, 9 + i);
    }

    function test_aRefusedLimitTakesNoLine() public {
        issueCard();
        for (uint256 i = 0; i < 3; ++i) ask(withLine(sevenDays(), i));
        _expectRefused(
            withLine(sevenDays(), 3),
            abi.encodeWithSelector(IConsentLedger.TooManyOpenRequests.selector, patient, 3)
        );
        vm.assertEq(ledger.safeguards(patient).cardTip, cardLink(CARD, 3));
    }

    /// forge-config: default.fuzz.runs = 500
    /// @dev A run is 24 steps: fewer runs than the others have.
    function testFuzz_neverMoreThanThreeOpenOfADoctor(uint8[24] calldata steps) public {
        bytes32[] memory made = new bytes32[](steps.length);
        for (uint256 i = 0; i < steps.length; ++i) {
            uint256 open = 0;
            for (uint256 j = 0; j < i; ++j) {
                IConsentLedger.ConsentRequest memory known = ledger.requestState(made[j]);
                if (known.state == IConsentLedger.RequestState.Open && known.answerBy >= block.timestamp) ++open;
            }
            vm.assertLe(open, 3);
            if (open == 3) {
                _expectRefused(
                    _withScope(i),
                    abi.encodeWithSelector(IConsentLedger.TooManyOpenRequests.selector, patient, 3)
                );
            } else {
                made[i] = ask(_withScope(i));
            }
            bytes32 some = made[steps[i] % (i + 1)];
            if (ledger.requestState(some).state != IConsentLedger.RequestState.Open) continue;
            if (steps[i] < 60) refuse(some);
            else if (steps[i] < 120) withdraw(some);
            else if (steps[i] < 160) remove(some);
            else if (steps[i] > 240) vm.warp(block.timestamp + 13 hours);
        }
    }

    // Server-signed doctors

    function test_elsewhereABareReplyToAServerSignedDoctorIsRefused() public {
        vm.chainId(LISK);
        bytes memory refusal = abi.encodeWithSelector(IConsentLedger.ServerSignedRequest.selector, doctor);
        _expectRefused(sevenDays(), refusal);
        PasskeyDoctorsDouble known = new PasskeyDoctorsDouble(stranger);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.PasskeyDoctorsNamed(address(known));
        vm.prank(governor);
        ledger.namePasskeyDoctors(known);
        vm.assertEq(address(ledger.passkeyDoctors()), address(known));
        _expectRefused(sevenDays(), refusal);
    }

    function test_elsewhereADoctorWithAPasskeyAsksForABareReply() public {
        vm.chainId(LISK);
        PasskeyDoctorsDouble known = new PasskeyDoctorsDouble(doctor);
        vm.prank(governor);
        ledger.namePasskeyDoctors(known);
        allow(ask(), lastEnd(7));
    }

    function test_elsewhereAServerSignedDoctorAsksForACode() public {
        vm.chainId(LISK);
        issueCard();
        allowWithCode(ask(withLine(sevenDays(), 0)), lastEnd(7), stretchedCode(CARD, 0));
    }

    function test_onlyTheGovernorNamesWhoKnowsTheDoctorsAndOnlyOnce() public {
        PasskeyDoctorsDouble known = new PasskeyDoctorsDouble(doctor);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, hospital));
        vm.prank(hospital);
        ledger.namePasskeyDoctors(known);
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.ZeroAccount.selector));
        vm.prank(governor);
        ledger.namePasskeyDoctors(IPasskeyDoctors(address(0)));
        vm.prank(governor);
        ledger.namePasskeyDoctors(known);
        vm.expectRevert(
            abi.encodeWithSelector(IConsentLedger.PasskeyDoctorsAlreadyNamed.selector, address(known))
        );
        vm.prank(governor);
        ledger.namePasskeyDoctors(known);
    }

    function _expectNoFirstCard(address caller, address someone, bytes memory refusal) private {
        bytes32 tip = cardLink(CARD, 0);
        vm.expectRevert(refusal);
        vm.prank(caller);
        ledger.issueFirstCard(someone, tip);
    }

    function _expectCodeMismatch(bytes32 requestId, bytes32 code) private {
        uint40 until = lastEnd(7);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.CodeMismatch.selector, contentOf(requestId)));
        allowWithCode(requestId, until, code);
    }

    function _expectMismatch(IConsentLedger.AccessRequest memory request, bytes32 tip) private {
        _expectRefused(
            request,
            abi.encodeWithSelector(
                IPatientSafeguards.CardLineMismatch.selector,
                patient,
                request.lineHash,
                request.nextLink,
                tip
            )
        );
        vm.assertEq(ledger.safeguards(patient).cardTip, tip);
    }

    function _expectRefused(IConsentLedger.AccessRequest memory request, bytes memory refusal) private {
        vm.expectRevert(refusal);
        ask(request);
    }

    function _withScope(string memory scope) private view returns (IConsentLedger.AccessRequest memory request) {
        request = sevenDays();
        request.scopeCommitment = keccak256(bytes(scope));
    }

    function _withScope(uint256 scope) private view returns (IConsentLedger.AccessRequest memory request) {
        request = sevenDays();
        request.scopeCommitment = bytes32(scope);
    }

    function _doctor(uint256 which) private pure returns (address) {
        return vm.addr(1000 + which);
    }

    function _requestOf(
        uint256 which,
        uint256 scope
    ) private returns (IConsentLedger.AccessRequest memory request) {
        request = _withScope(scope);
        if (!ledger.isDoctor(_doctor(which))) {
            vm.prank(hospital);
            _affiliations[which] = ledger.addDoctor(_doctor(which));
        }
        request.affiliationId = _affiliations[which];
    }

    function _askAs(uint256 which, uint256 scope) private {
        IConsentLedger.AccessRequest memory request = _requestOf(which, scope);
        vm.prank(_doctor(which));
        ledger.openRequest(request);
    }

    mapping(uint256 which => uint32 affiliationId) private _affiliations;
}

contract PasskeyDoctorsDouble is IPasskeyDoctors {
    address private immutable _known;

    constructor(address known) {
        _known = known;
    }

    function isPasskeyDoctor(address doctor) external view returns (bool) {
        return doctor == _known;
    }
}
