// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {ConsentLedger} from "../../contracts/ConsentLedger.sol";
import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IPatientSafeguards} from "../../contracts/IPatientSafeguards.sol";
import {IProviderRegistry} from "../../contracts/IProviderRegistry.sol";
import {ConsentTest} from "./ConsentTest.sol";

contract ConsentLedgerTest is ConsentTest {
    bytes32 private constant UNKNOWN = keccak256("unknown");
    bytes32 private constant ENTRY = keccak256("entry");
    /// @dev Of the mapping of requests in the ledger's storage.
    uint256 private constant REQUESTS_SLOT = 16;

    // Asking

    function test_aDoctorAsks() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.rights = VIEW | CORRECT;
        request.uses = 1;
        bytes32 requestId = ledger.requestIdOf(request);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.RequestOpened(requestId, patient, affiliationId);
        vm.assertEq(ask(request), requestId);

        IConsentLedger.ConsentRequest memory known = ledger.requestState(requestId);
        vm.assertTrue(known.state == IConsentLedger.RequestState.Open);
        vm.assertEq(known.rights, VIEW | CORRECT);
        vm.assertEq(known.uses, 1);
        vm.assertEq(known.durationDays, 7);
        vm.assertEq(known.answerBy, request.answerBy);
        vm.assertEq(known.until, 0);
        vm.assertEq(known.affiliationId, affiliationId);
        vm.assertEq(known.accessCount, 0);
        vm.assertEq(known.patient, patient);
        vm.assertFalse(known.emergency);
    }

    function test_aRequestsNumberNamesTheChainTheLedgerAndEveryField() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        bytes32 requestId = ledger.requestIdOf(request);
        vm.assertEq(requestId, bytes32(uint256(uint160(uint256(keccak256(abi.encode(block.chainid, address(ledger), request)))))));
        vm.assertNotEq(requestId, new ConsentLedger(governor, accessWriter).requestIdOf(request));
        request.scopeCommitment = keccak256("wider scope");
        vm.assertNotEq(requestId, ledger.requestIdOf(request));
        request = sevenDays();
        vm.chainId(1135);
        vm.assertNotEq(requestId, ledger.requestIdOf(request));
    }

    function test_aStrangerCannotAskInADoctorsName() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        vm.expectRevert(
            abi.encodeWithSelector(IConsentLedger.NotAffiliatedDoctor.selector, affiliationId, stranger)
        );
        vm.prank(stranger);
        ledger.openRequest(request);
    }

    function test_aDoctorCannotAskUnderAnotherDoctorsAffiliation() public {
        vm.prank(hospital);
        uint32 other = ledger.addDoctor(stranger);
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.affiliationId = other;
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.NotAffiliatedDoctor.selector, other, doctor));
        ask(request);
    }

    function test_aSuspendedDoctorCannotAsk() public {
        suspendDoctor();
        _expectRefusedRequest(
            sevenDays(),
            abi.encodeWithSelector(IConsentLedger.AffiliationInactive.selector, affiliationId)
        );
    }

    function test_aDoctorOfASuspendedHospitalCannotAsk() public {
        suspendHospital();
        _expectRefusedRequest(
            sevenDays(),
            abi.encodeWithSelector(IConsentLedger.AffiliationInactive.selector, affiliationId)
        );
    }

    function test_onlyARegisteredPatientCanBeAsked() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.patient = stranger;
        _expectRefusedRequest(
            request,
            abi.encodeWithSelector(IConsentLedger.PatientNotRegistered.selector, stranger)
        );
    }

    function test_aRequestAsksForAtLeastOneKnownRight() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.rights = 0;
        _expectRefusedRequest(request, abi.encodeWithSelector(IConsentLedger.RightsInvalid.selector, uint8(0)));
        request.rights = 8;
        _expectRefusedRequest(request, abi.encodeWithSelector(IConsentLedger.RightsInvalid.selector, uint8(8)));
        request.rights = 7;
        ask(request);
    }

    function test_aRequestLastsOneDayToOneYear() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.durationDays = 0;
        _expectRefusedRequest(request, abi.encodeWithSelector(IConsentLedger.DurationInvalid.selector, uint16(0)));
        request.durationDays = 366;
        _expectRefusedRequest(request, abi.encodeWithSelector(IConsentLedger.DurationInvalid.selector, uint16(366)));
        request.durationDays = 365;
        ask(request);
    }

    function test_theTimeToAnswerIsAheadAndAtMostThreeDays() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.answerBy = NOW;
        _expectRefusedRequest(
            request,
            abi.encodeWithSelector(IConsentLedger.AnswerTimeInvalid.selector, NOW, NOW + 72 hours)
        );
        request.answerBy = NOW + 72 hours + 1;
        _expectRefusedRequest(
            request,
            abi.encodeWithSelector(IConsentLedger.AnswerTimeInvalid.selector, request.answerBy, NOW + 72 hours)
        );
        request.answerBy = NOW + 72 hours;
        ask(request);
        request.answerBy = NOW + 1;
        ask(request);
    }

    function test_theSameRequestIsNotMadeTwiceWhateverBecameOfIt() public {
        bytes32 requestId = ask();
        bytes memory refusal = abi.encodeWithSelector(IConsentLedger.RequestAlreadyKnown.selector, requestId);
        _expectRefusedRequest(sevenDays(), refusal);
        remove(requestId);
        _expectRefusedRequest(sevenDays(), refusal);
    }

    // Withdrawing

    function test_aDoctorWithdrawsAnOpenRequest() public {
        bytes32 requestId = ask();
        vm.expectEmit(address(ledger));
        emit IConsentLedger.RequestWithdrawn(requestId, patient);
        withdraw(requestId);
        _checkState(requestId, IConsentLedger.RequestState.Withdrawn);
    }

    function test_aSuspendedDoctorMayStillWithdraw() public {
        bytes32 requestId = ask();
        suspendDoctor();
        withdraw(requestId);
        _checkState(requestId, IConsentLedger.RequestState.Withdrawn);
    }

    function test_onlyTheRequestsDoctorWithdraws() public {
        bytes32 requestId = ask();
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.NotRequestDoctor.selector, requestId, patient));
        vm.prank(patient);
        ledger.withdrawRequest(requestId);
    }

    function test_aWithdrawnRequestIsNeverGranted() public {
        bytes32 requestId = ask();
        withdraw(requestId);
        _expectNotOpen(requestId, IConsentLedger.RequestState.Withdrawn);
    }

    // Granting

    function test_aPatientAllows() public {
        bytes32 requestId = ask();
        uint40 until = lastEnd(7);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.GrantOpened(requestId, patient, until, ARTEFACT, false);
        allow(requestId, until);
        _checkState(requestId, IConsentLedger.RequestState.Granted);
        vm.assertEq(ledger.requestState(requestId).until, until);
        // What asking needed is no more.
        vm.assertEq(ledger.requestState(requestId).answerBy, 0);
        vm.assertEq(ledger.requestState(requestId).durationDays, 0);
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
    }

    function test_nobodyElseAnswersForThePatient() public {
        bytes32 requestId = ask();
        address[5] memory others = [doctor, hospital, governor, accessWriter, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(
                IConsentLedger.NotRequestPatient.selector,
                requestId,
                others[i]
            );
            uint40 until = lastEnd(7);
            vm.expectRevert(refusal);
            vm.prank(others[i]);
            ledger.openGrant(requestId, answerOf(until));
            vm.expectRevert(refusal);
            vm.prank(others[i]);
            ledger.refuseRequest(requestId);
            vm.expectRevert(refusal);
            vm.prank(others[i]);
            ledger.revokeGrant(requestId);
        }
    }

    function test_anUnknownRequestHasNoAnswer() public {
        bytes memory refusal = abi.encodeWithSelector(IConsentLedger.RequestUnknown.selector, UNKNOWN);
        uint40 until = lastEnd(7);
        vm.expectRevert(refusal);
        allow(UNKNOWN, until);
        vm.expectRevert(refusal);
        refuse(UNKNOWN);
        vm.expectRevert(refusal);
        withdraw(UNKNOWN);
    }

    function test_aGrantIsNotGrantedTwice() public {
        bytes32 requestId = askAndAllow();
        _expectNotOpen(requestId, IConsentLedger.RequestState.Granted);
    }

    function test_aLateReplyGrantsNothing() public {
        bytes32 requestId = ask();
        uint40 answerBy = ledger.requestState(requestId).answerBy;
        vm.warp(answerBy + 1);
        uint40 until = lastEnd(1);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.RequestExpired.selector, requestId, answerBy));
        allow(requestId, until);
    }

    function test_aReplyInTheLastSecondCounts() public {
        bytes32 requestId = ask();
        vm.warp(ledger.requestState(requestId).answerBy);
        allow(requestId, lastEnd(7));
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
    }

    function test_nothingIsGrantedToASuspendedDoctor() public {
        bytes32 requestId = ask();
        suspendDoctor();
        uint40 until = lastEnd(7);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.AffiliationInactive.selector, affiliationId));
        allow(requestId, until);
    }

    function test_aGrantEndsAtMidnightAfterNowAndWithinItsDays() public {
        bytes32 requestId = ask();
        uint40 latest = lastEnd(7);
        uint40[4] memory wrong = [latest + 1 days, latest + 365 days, NOW - (NOW % 1 days), 0];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IConsentLedger.GrantEndInvalid.selector, requestId, wrong[i], latest)
            );
            allow(requestId, wrong[i]);
        }
        allow(requestId, latest - 6 days);
    }

    function test_aGrantAtMidnightLastsItsDaysToTheSecond() public {
        uint256 midnight = NOW - (NOW % 1 days) + 1 days;
        vm.warp(midnight);
        bytes32 requestId = ask();
        vm.expectRevert(
            abi.encodeWithSelector(
                IConsentLedger.GrantEndInvalid.selector,
                requestId,
                uint40(midnight),
                midnight + 7 days
            )
        );
        allow(requestId, uint40(midnight));
        allow(requestId, uint40(midnight + 7 days));
    }

    function testFuzz_aGrantNeverOutlivesItsDaysRoundedUp(uint16 durationDays, uint40 until, uint32 waitS) public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.durationDays = 1 + (durationDays % 365);
        bytes32 requestId = ask(request);
        vm.warp(NOW + (waitS % (24 hours + 1)));
        uint40 latest = lastEnd(request.durationDays);
        // Half of the tries near the end, the others anywhere that two bytes of days reach.
        if (until % 2 == 0) until = latest - 2 days + (until % 4 days);
        until = (until % 65_536 days) - ((until % 65_536 days) % 1 days);
        bool fits = until > block.timestamp && until <= latest;
        if (!fits) {
            vm.expectRevert(
                abi.encodeWithSelector(IConsentLedger.GrantEndInvalid.selector, requestId, until, latest)
            );
        }
        allow(requestId, until);
        vm.assertEq(ledger.canAccess(requestId, doctor, VIEW), fits);
        vm.warp(latest);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
    }

    function testFuzz_aGrantToTheLastMidnightIsAlwaysPossible(uint16 durationDays, uint40 now_) public {
        vm.warp(1 + (uint256(now_) % 4_102_444_800));
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.durationDays = 1 + (durationDays % 365);
        bytes32 requestId = askAndAllow(request);
        uint256 until = ledger.requestState(requestId).until;
        vm.assertTrue(until >= block.timestamp + uint256(request.durationDays) * 1 days);
        vm.assertTrue(until < block.timestamp + uint256(request.durationDays + 1) * 1 days);
    }

    // Refusing

    function test_aPatientRefuses() public {
        bytes32 requestId = ask();
        vm.expectEmit(address(ledger));
        emit IConsentLedger.RequestRefused(requestId, patient);
        refuse(requestId);
        _checkState(requestId, IConsentLedger.RequestState.Refused);
    }

    function test_aRefusedRequestIsNeverGranted() public {
        bytes32 requestId = ask();
        refuse(requestId);
        _expectNotOpen(requestId, IConsentLedger.RequestState.Refused);
    }

    function test_aLateRefusalCounts() public {
        bytes32 requestId = ask();
        vm.warp(NOW + 30 days);
        refuse(requestId);
        _checkState(requestId, IConsentLedger.RequestState.Refused);
    }

    // Removing

    function test_aPatientTakesAccessAway() public {
        bytes32 requestId = askAndAllow();
        vm.expectEmit(address(ledger));
        emit IConsentLedger.GrantRevoked(requestId, patient);
        remove(requestId);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
        _checkState(requestId, IConsentLedger.RequestState.Revoked);
    }

    function test_aRemovedRequestIsNeverGranted() public {
        bytes32 requestId = ask();
        remove(requestId);
        _expectNotOpen(requestId, IConsentLedger.RequestState.Revoked);
    }

    function test_removingTwiceIsRemovingOnce() public {
        bytes32 requestId = askAndAllow();
        remove(requestId);
        vm.recordLogs();
        remove(requestId);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        _checkState(requestId, IConsentLedger.RequestState.Revoked);
    }

    function test_aRequestRemovedBeforeItIsOnChainIsNeverMade() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        bytes32 requestId = ledger.requestIdOf(request);
        vm.assertFalse(ledger.isBarred(patient, requestId));
        vm.expectEmit(address(ledger));
        emit IConsentLedger.GrantRevoked(requestId, patient);
        remove(requestId);
        vm.assertTrue(ledger.isBarred(patient, requestId));
        vm.recordLogs();
        remove(requestId);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        _expectRefusedRequest(
            request,
            abi.encodeWithSelector(IConsentLedger.RequestBarred.selector, requestId, patient)
        );
    }

    function test_nobodyElseBarsARequest() public {
        bytes32 requestId = ledger.requestIdOf(sevenDays());
        vm.prank(stranger);
        ledger.revokeGrant(requestId);
        allow(ask(), lastEnd(7));
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
    }

    function test_aRemovedGrantEndedWhenItWasRemoved() public {
        bytes32 requestId = askAndAllow();
        log(requestId, ENTRY, VIEW);
        vm.warp(NOW + 1 hours);
        remove(requestId);
        vm.assertEq(ledger.requestState(requestId).until, NOW + 1 hours);
        vm.assertEq(ledger.requestState(requestId).accessCount, 1);
        IConsentLedger.AccessRequest memory request = _withScope("another");
        requestId = askAndAllow(request);
        uint256 until = ledger.requestState(requestId).until;
        vm.warp(until + 5);
        remove(requestId);
        vm.assertEq(ledger.requestState(requestId).until, until);
        request = _withScope("third");
        request.answerBy = uint40(block.timestamp + 1 hours);
        requestId = ask(request);
        remove(requestId);
        vm.assertEq(ledger.requestState(requestId).until, 0);
        vm.assertEq(ledger.requestState(requestId).accessCount, 0);
        vm.assertEq(ledger.requestState(requestId).durationDays, 0);
    }

    function test_aPatientTakesAccessAwayFromASuspendedDoctorToo() public {
        bytes32 requestId = askAndAllow();
        suspendHospital();
        remove(requestId);
        _checkState(requestId, IConsentLedger.RequestState.Revoked);
    }

    function testFuzz_noAccessAfterRemovalFromAnyState(uint8 path, uint8 right, uint32 laterS) public {
        bytes32 requestId = ask();
        if (path % 5 == 1) withdraw(requestId);
        if (path % 5 == 2) refuse(requestId);
        if (path % 5 >= 3) allow(requestId, lastEnd(7));
        if (path % 5 == 4) log(requestId, ENTRY, VIEW);
        vm.warp(block.timestamp + laterS);
        remove(requestId);
        _checkState(requestId, IConsentLedger.RequestState.Revoked);
        vm.assertFalse(ledger.canAccess(requestId, doctor, right));
        _expectRefusedEntry(requestId, right, IConsentLedger.AccessRefusal.Revoked);
    }

    // Looking

    function test_aLookIsLoggedAndCounted() public {
        bytes32 requestId = askAndAllow();
        for (uint32 count = 1; count <= 3; ++count) {
            vm.expectEmit(address(ledger));
            emit IConsentLedger.AccessLogged(requestId, keccak256(abi.encode(count)), VIEW, count);
            log(requestId, keccak256(abi.encode(count)), VIEW);
        }
        vm.assertEq(ledger.requestState(requestId).accessCount, 3);
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
    }

    function test_aOneTimeGrantIsUsedUpByItsFirstLook() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.uses = 1;
        request.durationDays = 1;
        bytes32 requestId = askAndAllow(request);
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        log(requestId, ENTRY, VIEW);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
        _expectRefusedEntry(requestId, VIEW, IConsentLedger.AccessRefusal.UsedUp);
        vm.assertEq(ledger.requestState(requestId).accessCount, 1);
    }

    function testFuzz_aCountedGrantIsUsedUpByItsLastUse(uint8 uses, uint8 looks) public {
        uses = 1 + (uses % 12);
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.uses = uses;
        bytes32 requestId = askAndAllow(request);
        for (uint256 i = 0; i < looks % 16; ++i) {
            vm.assertEq(ledger.canAccess(requestId, doctor, VIEW), i < uses);
            log(requestId, ENTRY, VIEW);
        }
        uint256 logged = looks % 16 < uses ? looks % 16 : uses;
        vm.assertEq(ledger.requestState(requestId).accessCount, logged);
    }

    function test_aGrantCountsUpTo65535Looks() public {
        bytes32 requestId = askAndAllow();
        // The count is the word's bits 208 to 223.
        bytes32 slot = keccak256(abi.encode(requestId, REQUESTS_SLOT));
        uint256 word = uint256(vm.load(address(ledger), slot));
        vm.store(address(ledger), slot, bytes32(word | (uint256(65_534) << 208)));
        vm.assertEq(ledger.requestState(requestId).accessCount, 65_534);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessLogged(requestId, ENTRY, VIEW, 65_535);
        log(requestId, ENTRY, VIEW);
        _expectRefusedEntry(requestId, VIEW, IConsentLedger.AccessRefusal.UsedUp);
    }

    function test_aOneTimeGrantIsUsedUpWithinOneBatch() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.uses = 1;
        bytes32 requestId = askAndAllow(request);
        IConsentLedger.AccessEntry[] memory batch = new IConsentLedger.AccessEntry[](2);
        batch[0] = IConsentLedger.AccessEntry({requestId: requestId, entryId: ENTRY, right: VIEW, lookedAt: 0});
        batch[1] = batch[0];
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessLogged(requestId, ENTRY, VIEW, 1);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessRefused(requestId, ENTRY, IConsentLedger.AccessRefusal.UsedUp);
        vm.prank(accessWriter);
        ledger.logAccess(batch);
    }

    function test_oneRefusedLookDoesNotStopTheOthers() public {
        bytes32 open = ask();
        bytes32 granted = askAndAllow(_withScope("another"));
        IConsentLedger.AccessEntry[] memory batch = new IConsentLedger.AccessEntry[](4);
        batch[0] = IConsentLedger.AccessEntry({requestId: open, entryId: bytes32("0"), right: VIEW, lookedAt: 0});
        batch[1] = IConsentLedger.AccessEntry({requestId: granted, entryId: bytes32("1"), right: VIEW, lookedAt: 0});
        batch[2] = IConsentLedger.AccessEntry({requestId: UNKNOWN, entryId: bytes32("2"), right: VIEW, lookedAt: 0});
        batch[3] = IConsentLedger.AccessEntry({requestId: granted, entryId: bytes32("3"), right: VIEW, lookedAt: 0});
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessRefused(open, bytes32("0"), IConsentLedger.AccessRefusal.NotGranted);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessLogged(granted, bytes32("1"), VIEW, 1);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessRefused(UNKNOWN, bytes32("2"), IConsentLedger.AccessRefusal.RequestUnknown);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessLogged(granted, bytes32("3"), VIEW, 2);
        vm.prank(accessWriter);
        ledger.logAccess(batch);
    }

    function test_aLookIsRefusedBeforeTheAnswerAndAfterARefusalOrWithdrawal() public {
        bytes32 requestId = ask();
        _expectRefusedEntry(requestId, VIEW, IConsentLedger.AccessRefusal.NotGranted);
        refuse(requestId);
        _expectRefusedEntry(requestId, VIEW, IConsentLedger.AccessRefusal.NotGranted);
        requestId = ask(_withScope("another"));
        withdraw(requestId);
        _expectRefusedEntry(requestId, VIEW, IConsentLedger.AccessRefusal.NotGranted);
    }

    function test_aLookIsRefusedFromTheGrantsEndOn() public {
        bytes32 requestId = askAndAllow();
        uint40 until = ledger.requestState(requestId).until;
        vm.warp(until - 1);
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        log(requestId, ENTRY, VIEW);
        vm.warp(until);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
        _expectRefusedEntry(requestId, VIEW, IConsentLedger.AccessRefusal.Ended);
    }

    function test_aRightThatWasNotAskedIsRefused() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.rights = VIEW | ADD;
        bytes32 requestId = askAndAllow(request);
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        vm.assertTrue(ledger.canAccess(requestId, doctor, ADD));
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW | ADD));
        uint8[4] memory missing = [0, CORRECT, VIEW | CORRECT, 8];
        for (uint256 i = 0; i < missing.length; ++i) {
            vm.assertFalse(ledger.canAccess(requestId, doctor, missing[i]));
            _expectRefusedEntry(requestId, missing[i], IConsentLedger.AccessRefusal.RightMissing);
        }
    }

    function test_aSuspendedDoctorSeesNothing() public {
        bytes32 requestId = askAndAllow();
        suspendDoctor();
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
        _expectRefusedEntry(requestId, VIEW, IConsentLedger.AccessRefusal.AffiliationInactive);
    }

    function test_aDoctorAddedAgainSeesNothingUnderTheOldGrant() public {
        bytes32 requestId = askAndAllow();
        suspendDoctor();
        vm.prank(hospital);
        ledger.addDoctor(doctor);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
        _expectRefusedEntry(requestId, VIEW, IConsentLedger.AccessRefusal.AffiliationInactive);
    }

    function test_aDoctorOfASuspendedHospitalSeesNothing() public {
        bytes32 requestId = askAndAllow();
        suspendHospital();
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
        _expectRefusedEntry(requestId, VIEW, IConsentLedger.AccessRefusal.AffiliationInactive);
    }

    function test_aGrantOfASuspendedHospitalDoesNotComeBack() public {
        bytes32 requestId = askAndAllow();
        suspendHospital();
        vm.prank(governor);
        ledger.verifyHospital(hospital);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
        _expectRefusedEntry(requestId, VIEW, IConsentLedger.AccessRefusal.AffiliationInactive);
    }

    function test_aGrantIsItsDoctorsAlone() public {
        bytes32 requestId = askAndAllow();
        vm.assertFalse(ledger.canAccess(requestId, stranger, VIEW));
        vm.assertFalse(ledger.canAccess(requestId, patient, VIEW));
        vm.assertFalse(ledger.canAccess(requestId, address(0), VIEW));
    }

    // Late entries

    function test_aLookFromBeforeTheRemovalIsLoggedLate() public {
        bytes32 requestId = askAndAllow();
        uint40 lookedAt = uint40(block.timestamp + 1 hours);
        vm.warp(NOW + 2 hours);
        remove(requestId);
        vm.warp(NOW + 3 hours);
        _expectLate(requestId, lookedAt, 1);
        _expectLate(requestId, NOW + 2 hours - 1, 2);
        _expectNotLate(requestId, NOW + 2 hours, IConsentLedger.AccessRefusal.Revoked);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
    }

    function test_aLookFromBeforeTheEndIsLoggedLate() public {
        bytes32 requestId = askAndAllow();
        uint40 until = ledger.requestState(requestId).until;
        vm.warp(until + 1 days);
        _expectLate(requestId, until - 1, 1);
        _expectNotLate(requestId, until, IConsentLedger.AccessRefusal.Ended);
    }

    function test_aLookFromBeforeASuspensionOrAFreezeIsLoggedLate() public {
        bytes32 requestId = askAndAllow();
        vm.warp(NOW + 1 hours);
        vm.prank(patient);
        ledger.freeze();
        vm.warp(NOW + 2 hours);
        suspendDoctor();
        vm.warp(NOW + 3 hours);
        _expectLate(requestId, NOW + 1 hours - 1, 1);
        _expectNotLate(requestId, NOW + 1 hours, IConsentLedger.AccessRefusal.PatientFrozen);
    }

    function test_aLookFromBeforeASuspensionIsLoggedLate() public {
        bytes32 requestId = askAndAllow();
        vm.warp(NOW + 2 hours);
        suspendHospital();
        vm.warp(NOW + 3 hours);
        _expectLate(requestId, NOW + 2 hours - 1, 1);
        _expectNotLate(requestId, NOW + 2 hours, IConsentLedger.AccessRefusal.AffiliationInactive);
    }

    function test_whatWasNeverAllowedIsNotLate() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.uses = 1;
        bytes32 requestId = askAndAllow(request);
        log(requestId, ENTRY, VIEW);
        vm.warp(NOW + 1 hours);
        _expectNotLate(requestId, NOW, IConsentLedger.AccessRefusal.UsedUp);
        remove(requestId);
        _expectNotLate(requestId, NOW, IConsentLedger.AccessRefusal.Revoked);
        requestId = ask(_withScope("another"));
        _expectNotLate(requestId, NOW, IConsentLedger.AccessRefusal.NotGranted);
        remove(requestId);
        _expectNotLate(requestId, NOW, IConsentLedger.AccessRefusal.Revoked);
        _expectNotLate(UNKNOWN, NOW, IConsentLedger.AccessRefusal.RequestUnknown);
    }

    // Changes

    function test_aDoctorAddsAndCorrectsUnderTheGrant() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.rights = VIEW | ADD | CORRECT;
        request.uses = 2;
        bytes32 requestId = askAndAllow(request);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.RecordChanged(requestId, SCOPE, ADD, 1);
        _change(requestId, ADD);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.RecordChanged(requestId, SCOPE, CORRECT, 2);
        _change(requestId, CORRECT);
        _expectDenied(requestId, ADD, IConsentLedger.AccessRefusal.UsedUp);
        vm.assertEq(ledger.requestState(requestId).accessCount, 2);
    }

    function test_aChangeNeedsAStandingGrantWithItsRight() public {
        bytes32 requestId = ask();
        _expectDenied(requestId, ADD, IConsentLedger.AccessRefusal.NotGranted);
        allow(requestId, lastEnd(7));
        _expectDenied(requestId, ADD, IConsentLedger.AccessRefusal.RightMissing);
        remove(requestId);
        _expectDenied(requestId, ADD, IConsentLedger.AccessRefusal.Revoked);
        IConsentLedger.AccessRequest memory request = _withScope("another");
        request.rights = ADD;
        requestId = askAndAllow(request);
        suspendDoctor();
        _expectDenied(requestId, ADD, IConsentLedger.AccessRefusal.AffiliationInactive);
    }

    function test_onlyTheGrantsDoctorChangesAndOnlyByAddingOrCorrecting() public {
        bytes32 requestId = askAndAllow();
        vm.expectRevert(
            abi.encodeWithSelector(IConsentLedger.NotRequestDoctor.selector, requestId, accessWriter)
        );
        vm.prank(accessWriter);
        ledger.recordChange(requestId, ADD, SCOPE);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.RequestUnknown.selector, UNKNOWN));
        _change(UNKNOWN, ADD);
        uint8[4] memory wrong = [0, VIEW, ADD | CORRECT, 8];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IConsentLedger.ChangeInvalid.selector, wrong[i]));
            _change(requestId, wrong[i]);
        }
    }

    // A hospital ends its own doctors' grants

    function test_aHospitalEndsItsOwnDoctorsGrant() public {
        bytes32 requestId = askAndAllow();
        suspendHospital();
        vm.expectEmit(address(ledger));
        emit IConsentLedger.GrantEndedByHospital(requestId, patient, hospital);
        _endByHospital(hospital, requestId);
        _checkState(requestId, IConsentLedger.RequestState.Revoked);
        vm.recordLogs();
        _endByHospital(hospital, requestId);
        vm.assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_aHospitalBarsItsOwnDoctorsRequest() public {
        bytes32 requestId = ask();
        _endByHospital(hospital, requestId);
        _expectNotOpen(requestId, IConsentLedger.RequestState.Revoked);
    }

    function test_nobodyElseEndsAGrantAsAHospital() public {
        bytes32 requestId = askAndAllow();
        vm.prank(governor);
        ledger.verifyHospital(stranger);
        address[5] memory others = [stranger, doctor, patient, governor, accessWriter];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IConsentLedger.NotRequestHospital.selector, requestId, others[i])
            );
            _endByHospital(others[i], requestId);
        }
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.RequestUnknown.selector, UNKNOWN));
        _endByHospital(hospital, UNKNOWN);
    }

    // A hospital suspends a patient

    function test_aSuspendedPatientIsAskedNothingAndHerRecordIsOpenToNobody() public {
        bytes32 granted = askAndAllow();
        bytes32 answered = ask(_withScope("answered"));
        refuse(answered);
        bytes32 open = ask(_withScope("open"));
        vm.warp(NOW + 1 hours);
        vm.expectEmit(address(ledger));
        emit IProviderRegistry.PatientSuspended(patient, hospital);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.GrantEndedByHospital(open, patient, hospital);
        _suspendPatient();
        _checkState(answered, IConsentLedger.RequestState.Refused);
        _expectNotOpen(open, IConsentLedger.RequestState.Revoked);
        vm.assertFalse(ledger.canAccess(granted, doctor, VIEW));
        _expectRefusedEntry(granted, VIEW, IConsentLedger.AccessRefusal.PatientSuspended);
        _expectNotLate(granted, NOW + 1 hours, IConsentLedger.AccessRefusal.PatientSuspended);
        _expectLate(granted, NOW + 1 hours - 1, 1);
        bytes memory refusal = abi.encodeWithSelector(IConsentLedger.SuspendedPatient.selector, patient);
        _expectRefusedRequest(_withScope("later"), refusal);
        // Of two reasons the registry's comes first.
        vm.prank(patient);
        ledger.freeze();
        _expectRefusedRequest(_withScope("later"), refusal);
    }

    function test_aSuspendedPatientTakesAwayAsBefore() public {
        issueCard();
        bytes32 granted = ask(withLine(sevenDays(), 0));
        allowWithCode(granted, lastEnd(7), stretchedCode(CARD, 0));
        _suspendPatient();
        remove(granted);
        _checkState(granted, IConsentLedger.RequestState.Revoked);
        remove(UNKNOWN);
        vm.prank(patient);
        ledger.forbidEmergency();
        vm.prank(patient);
        ledger.requireCode();
        vm.prank(patient);
        ledger.cancelLoosening(IPatientSafeguards.LooseningKind.Unfreeze);
        vm.prank(patient);
        ledger.freeze();
        vm.assertTrue(ledger.isBarred(patient, UNKNOWN));
        vm.assertEq(ledger.safeguards(patient).frozenAt, NOW);
    }

    function test_aPatientWhoIsAddedAgainIsAskedAgainAndWhatSheGrantedStands() public {
        bytes32 granted = askAndAllow();
        bytes32 open = ask(_withScope("open"));
        _suspendPatient();
        vm.prank(hospital);
        ledger.addPatient(patient);
        vm.assertTrue(ledger.canAccess(granted, doctor, VIEW));
        _expectNotOpen(open, IConsentLedger.RequestState.Revoked);
        askAndAllow(_withScope("another"));
    }

    function test_aSuspensionLeavesThePatientsSafeguardsAsTheyAre() public {
        issueCard();
        vm.prank(patient);
        ledger.freeze();
        IPatientSafeguards.Safeguards memory before = ledger.safeguards(patient);
        _suspendPatient();
        vm.prank(hospital);
        ledger.addPatient(patient);
        vm.assertEq(keccak256(abi.encode(ledger.safeguards(patient))), keccak256(abi.encode(before)));
        vm.assertEq(ledger.safeguards(patient).frozenAt, NOW);
    }

    function test_aSuspensionConcernsOnePatient() public {
        bytes32 granted = askAndAllow();
        vm.prank(hospital);
        ledger.addPatient(stranger);
        vm.prank(hospital);
        ledger.suspendPatient(stranger);
        vm.assertTrue(ledger.canAccess(granted, doctor, VIEW));
    }

    // Replacing a grant

    function test_whatReplacesAGrantHasItsOwnRightsAndNoMore() public {
        bytes32 old = askAndAllow();
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.replaces = old;
        request.rights = ADD;
        bytes32 requestId = ask(request);
        allow(requestId, lastEnd(7));
        vm.assertTrue(ledger.canAccess(requestId, doctor, ADD));
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
    }

    function test_aGrantEndsTheOneItReplaces() public {
        bytes32 old = askAndAllow();
        IConsentLedger.AccessRequest memory request = _withScope("wider");
        request.replaces = old;
        bytes32 requestId = ask(request);
        vm.assertTrue(ledger.canAccess(old, doctor, VIEW));
        vm.warp(NOW + 1 hours);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.GrantSuperseded(old, patient, requestId);
        allow(requestId, lastEnd(7));
        vm.assertFalse(ledger.canAccess(old, doctor, VIEW));
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        _checkState(old, IConsentLedger.RequestState.Superseded);
        vm.assertEq(ledger.requestState(old).until, NOW + 1 hours);
        _expectRefusedEntry(old, VIEW, IConsentLedger.AccessRefusal.Superseded);
        _expectLate(old, NOW, 1);
        remove(old);
        _checkState(old, IConsentLedger.RequestState.Revoked);
        vm.assertEq(ledger.requestState(old).until, NOW + 1 hours);
    }

    function test_aGrantRemovedMeanwhileStaysRemoved() public {
        bytes32 old = askAndAllow();
        IConsentLedger.AccessRequest memory request = _withScope("wider");
        request.replaces = old;
        bytes32 requestId = ask(request);
        remove(old);
        allow(requestId, lastEnd(7));
        _checkState(old, IConsentLedger.RequestState.Revoked);
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
    }

    function test_onlyAStandingGrantOfTheSameDoctorAndPatientIsReplaced() public {
        bytes32 old = ask();
        IConsentLedger.AccessRequest memory request = _withScope("wider");
        request.replaces = old;
        bytes memory refusal = abi.encodeWithSelector(IConsentLedger.ReplacementInvalid.selector, old);
        _expectRefusedRequest(request, refusal);
        allow(old, lastEnd(7));
        vm.prank(hospital);
        ledger.addPatient(stranger);
        request.patient = stranger;
        _expectRefusedRequest(request, refusal);
        vm.prank(hospital);
        uint32 other = ledger.addDoctor(stranger);
        request.patient = patient;
        request.affiliationId = other;
        vm.expectRevert(refusal);
        vm.prank(stranger);
        ledger.openRequest(request);
    }

    function testFuzz_anUnknownRequestOpensNothing(bytes32 requestId, address reader, uint8 right) public view {
        vm.assertFalse(ledger.canAccess(requestId, reader, right));
        vm.assertTrue(ledger.requestState(requestId).state == IConsentLedger.RequestState.Unknown);
    }

    function test_onlyTheAccessWriterLogs() public {
        bytes32 requestId = askAndAllow();
        IConsentLedger.AccessEntry[] memory batch = entries(requestId, ENTRY, VIEW);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.NotAccessWriter.selector, doctor));
        vm.prank(doctor);
        ledger.logAccess(batch);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.NotAccessWriter.selector, governor));
        vm.prank(governor);
        ledger.logAccess(batch);
    }

    // The access writer

    function test_theFirstAccessWriterIsNamedWhenTheLedgerIsMade() public {
        vm.assertEq(ledger.accessWriter(), accessWriter);
        vm.recordLogs();
        new ConsentLedger(governor, accessWriter);
        // Behind the first governor.
        vm.assertEq(vm.getRecordedLogs()[1].topics[0], IConsentLedger.AccessWriterChanged.selector);
    }

    function test_aLedgerNeedsAGovernor() public {
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableInvalidOwner.selector, address(0)));
        new ConsentLedger(address(0), accessWriter);
    }

    function test_theGovernorNamesAnotherAccessWriter() public {
        bytes32 requestId = askAndAllow();
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessWriterChanged(accessWriter, stranger);
        vm.prank(governor);
        ledger.setAccessWriter(stranger);
        vm.assertEq(ledger.accessWriter(), stranger);

        IConsentLedger.AccessEntry[] memory batch = entries(requestId, ENTRY, VIEW);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.NotAccessWriter.selector, accessWriter));
        vm.prank(accessWriter);
        ledger.logAccess(batch);
        vm.prank(stranger);
        ledger.logAccess(batch);
    }

    function test_nobodyElseNamesAnAccessWriter() public {
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, accessWriter));
        vm.prank(accessWriter);
        ledger.setAccessWriter(stranger);
    }

    function test_aNewGovernorGovernsTheLedger() public {
        vm.prank(governor);
        ledger.transferOwnership(stranger);
        vm.prank(stranger);
        ledger.acceptOwnership();
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, governor));
        vm.prank(governor);
        ledger.setAccessWriter(stranger);
        vm.prank(stranger);
        ledger.setAccessWriter(stranger);
    }

    function _withScope(string memory scope) private view returns (IConsentLedger.AccessRequest memory request) {
        request = sevenDays();
        request.scopeCommitment = keccak256(bytes(scope));
    }

    function _checkState(bytes32 requestId, IConsentLedger.RequestState expected) private view {
        vm.assertEq(uint256(ledger.requestState(requestId).state), uint256(expected));
    }

    function _expectRefusedRequest(IConsentLedger.AccessRequest memory request, bytes memory refusal) private {
        vm.expectRevert(refusal);
        ask(request);
    }

    /// @dev Neither granted, refused nor withdrawn from that state.
    function _expectNotOpen(bytes32 requestId, IConsentLedger.RequestState state) private {
        bytes memory refusal = abi.encodeWithSelector(IConsentLedger.RequestNotOpen.selector, requestId, state);
        uint40 until = lastEnd(1);
        vm.expectRevert(refusal);
        allow(requestId, until);
        vm.expectRevert(refusal);
        refuse(requestId);
        vm.expectRevert(refusal);
        withdraw(requestId);
        _checkState(requestId, state);
    }

    function _expectLate(bytes32 requestId, uint40 lookedAt, uint32 count) private {
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessLoggedLate(requestId, ENTRY, VIEW, count, lookedAt);
        _logAt(requestId, lookedAt);
        vm.assertEq(ledger.requestState(requestId).accessCount, count);
    }

    function _expectNotLate(
        bytes32 requestId,
        uint40 lookedAt,
        IConsentLedger.AccessRefusal reason
    ) private {
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessRefused(requestId, ENTRY, reason);
        _logAt(requestId, lookedAt);
    }

    function _logAt(bytes32 requestId, uint40 lookedAt) private {
        IConsentLedger.AccessEntry[] memory batch = entries(requestId, ENTRY, VIEW);
        batch[0].lookedAt = lookedAt;
        vm.prank(accessWriter);
        ledger.logAccess(batch);
    }

    function _change(bytes32 requestId, uint8 right) private {
        vm.prank(doctor);
        ledger.recordChange(requestId, right, SCOPE);
    }

    function _expectDenied(bytes32 requestId, uint8 right, IConsentLedger.AccessRefusal reason) private {
        vm.expectRevert(
            abi.encodeWithSelector(IConsentLedger.AccessDenied.selector, requestId, reason)
        );
        _change(requestId, right);
    }

    function _suspendPatient() private {
        vm.prank(hospital);
        ledger.suspendPatient(patient);
    }

    function _endByHospital(address caller, bytes32 requestId) private {
        vm.prank(caller);
        ledger.endGrantByHospital(requestId);
    }

    function _expectRefusedEntry(bytes32 requestId, uint8 right, IConsentLedger.AccessRefusal reason) private {
        uint32 before = ledger.requestState(requestId).accessCount;
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessRefused(requestId, ENTRY, reason);
        log(requestId, ENTRY, right);
        vm.assertEq(ledger.requestState(requestId).accessCount, before);
    }
}
