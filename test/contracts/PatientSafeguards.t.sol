// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IPatientSafeguards} from "../../contracts/IPatientSafeguards.sol";
import {ConsentTest} from "./ConsentTest.sol";

contract PatientSafeguardsTest is ConsentTest {
    bytes32 private constant NEW_CARD = keccak256("new card");

    IPatientSafeguards.LooseningKind private constant LOWER = IPatientSafeguards.LooseningKind.LowerAssurance;
    IPatientSafeguards.LooseningKind private constant EMERGENCY = IPatientSafeguards.LooseningKind.AllowEmergency;
    IPatientSafeguards.LooseningKind private constant REPLACE = IPatientSafeguards.LooseningKind.ReplaceCard;
    IPatientSafeguards.LooseningKind private constant UNFREEZE = IPatientSafeguards.LooseningKind.Unfreeze;

    // Freezing

    function test_aFreezePausesEveryGrantAndRemovesEveryOpenRequest() public {
        bytes32 granted = askAndAllow();
        bytes32 answered = ask(_withScope(1));
        refuse(answered);
        bytes32 open = ask(_withScope(2));
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.PatientFrozen(patient);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.GrantRevoked(open, patient);
        _freeze();
        vm.assertEq(ledger.safeguards(patient).frozenAt, NOW);
        vm.assertFalse(ledger.canAccess(granted, doctor, VIEW));
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessRefused(granted, SCOPE, IConsentLedger.AccessRefusal.PatientFrozen);
        log(granted, SCOPE, VIEW);
        vm.assertTrue(ledger.requestState(open).state == IConsentLedger.RequestState.Revoked);
        vm.assertTrue(ledger.requestState(answered).state == IConsentLedger.RequestState.Refused);
        IConsentLedger.AccessRequest memory request = _withScope(3);
        vm.expectRevert(abi.encodeWithSelector(IPatientSafeguards.FrozenPatient.selector, patient));
        ask(request);
        remove(granted);
        vm.assertTrue(ledger.requestState(granted).state == IConsentLedger.RequestState.Revoked);
    }

    function test_freezingTwiceIsFreezingOnce() public {
        _freeze();
        vm.warp(NOW + 1 days);
        vm.recordLogs();
        _freeze();
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertEq(ledger.safeguards(patient).frozenAt, NOW);
    }

    function test_aFreezeConcernsOnePatient() public {
        bytes32 granted = askAndAllow();
        vm.prank(stranger);
        ledger.freeze();
        vm.assertTrue(ledger.canAccess(granted, doctor, VIEW));
    }

    function test_anUnfrozenPatientsGrantsGoOn() public {
        issueCard();
        bytes32 requestId = ask(withLine(sevenDays(), 0));
        allowWithCode(requestId, lastEnd(7), stretchedCode(CARD, 0));
        _freeze();
        _loosenByCode(UNFREEZE, 0, 1);
        vm.assertEq(ledger.safeguards(patient).frozenAt, 0);
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        ask(withLine(_withScope(1), 2));
    }

    function test_aFreezeCancelsAnUnfreezing() public {
        issueCard();
        _freeze();
        _ask(UNFREEZE, 0, 0);
        _confirm(UNFREEZE, 0);
        vm.warp(NOW + 71 hours);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.LooseningCancelled(patient, UNFREEZE);
        _freeze();
        vm.warp(NOW + 73 hours);
        _expectNotReady(UNFREEZE, 0);
        vm.assertEq(ledger.safeguards(patient).frozenAt, NOW);
    }

    // Loosening

    function test_aCodeAndThreeDaysLowerTheAssurance() public {
        issueCard();
        bytes32 hash = lineHash(CARD, 0);
        bytes32 next = cardLink(CARD, 1);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.CardLineTaken(patient, hash);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.LooseningAsked(patient, LOWER, hash, 0);
        vm.prank(patient);
        ledger.askLoosening(LOWER, 0, hash, next);
        vm.assertEq(ledger.safeguards(patient).cardTip, next);
        vm.assertEq(ledger.loosening(patient, LOWER).lineHash, hash);
        vm.assertEq(ledger.loosening(patient, LOWER).readyAt, 0);
        _expectNotReady(LOWER, 0);

        vm.warp(NOW + 1 hours);
        uint40 readyAt = NOW + 73 hours;
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.LooseningScheduled(patient, LOWER, 0, readyAt, false);
        _confirm(LOWER, 0);
        vm.assertEq(ledger.loosening(patient, LOWER).readyAt, readyAt);
        vm.warp(readyAt - 1);
        _expectNotReady(LOWER, readyAt);
        vm.assertTrue(ledger.safeguards(patient).codeRequired);
        vm.warp(readyAt);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.LooseningExecuted(patient, LOWER);
        ledger.executeLoosening(patient, LOWER);
        vm.assertFalse(ledger.safeguards(patient).codeRequired);
        _expectNotReady(LOWER, 0);
        allow(ask(), lastEnd(7));
    }

    function test_aNewCardTakesTheOldOnesPlace() public {
        issueCard();
        bytes32 tip = cardLink(NEW_CARD, 0);
        _loosenByCode(REPLACE, tip, 0);
        vm.assertEq(ledger.safeguards(patient).cardTip, tip);
        IConsentLedger.AccessRequest memory request = withLine(sevenDays(), 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPatientSafeguards.CardLineMismatch.selector,
                patient,
                request.lineHash,
                request.nextLink,
                tip
            )
        );
        ask(request);
    }

    function test_emergencyAccessIsAllowedSlowlyAndForbiddenAtOnce() public {
        issueCard();
        vm.assertFalse(ledger.safeguards(patient).emergencyAllowed);
        _loosenByCode(EMERGENCY, 0, 0);
        vm.assertTrue(ledger.safeguards(patient).emergencyAllowed);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.EmergencyForbidden(patient);
        vm.prank(patient);
        ledger.forbidEmergency();
        vm.assertFalse(ledger.safeguards(patient).emergencyAllowed);
        vm.recordLogs();
        vm.prank(patient);
        ledger.forbidEmergency();
        vm.assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_aTighteningCancelsTheLooseningThatWouldUndoIt() public {
        issueCard();
        _ask(LOWER, 0, 0);
        _confirm(LOWER, 0);
        _ask(EMERGENCY, 0, 1);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.LooseningCancelled(patient, LOWER);
        vm.prank(patient);
        ledger.requireCode();
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.LooseningCancelled(patient, EMERGENCY);
        vm.prank(patient);
        ledger.forbidEmergency();
        vm.warp(NOW + 30 days);
        _expectNotReady(LOWER, 0);
        _expectNotReady(EMERGENCY, 0);
        _expectNotAsked(EMERGENCY);
    }

    function test_theCodeIsRequiredAgainAtOnce() public {
        issueCard();
        _loosenByCode(LOWER, 0, 0);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.CodeRequired(patient);
        vm.prank(patient);
        ledger.requireCode();
        vm.assertTrue(ledger.safeguards(patient).codeRequired);
    }

    function test_onlyTheCodeOfItsLineStartsTheDays() public {
        issueCard();
        _expectNotAsked(LOWER);
        _ask(LOWER, 0, 0);
        _ask(EMERGENCY, 0, 1);
        bytes32[3] memory wrong = [stretchedCode(CARD, 1), stretchedCode(CARD, 2), bytes32(0)];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IPatientSafeguards.LooseningCodeMismatch.selector, patient, LOWER)
            );
            vm.prank(patient);
            ledger.confirmLoosening(LOWER, wrong[i]);
        }
        _confirm(LOWER, 0);
        _expectNotAsked(LOWER);
    }

    function test_aLooseningsLineOpensNoGrant() public {
        issueCard();
        bytes32 requestId = ask(withLine(sevenDays(), 0));
        _ask(LOWER, 0, 1);
        uint40 until = lastEnd(7);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.CodeMismatch.selector, contentOf(requestId)));
        allowWithCode(requestId, until, stretchedCode(CARD, 1));
    }

    function test_askingAgainTakesAnotherLineAndTheFirstIsDead() public {
        issueCard();
        _ask(LOWER, 0, 0);
        _ask(LOWER, 0, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IPatientSafeguards.LooseningCodeMismatch.selector, patient, LOWER)
        );
        _confirm(LOWER, 0);
        _confirm(LOWER, 1);
    }

    function test_oneLooseningOfAKindWaits() public {
        issueCard();
        _ask(LOWER, 0, 0);
        _confirm(LOWER, 0);
        bytes memory refusal = abi.encodeWithSelector(
            IPatientSafeguards.LooseningPending.selector,
            patient,
            LOWER,
            NOW + 72 hours
        );
        bytes32 hash = lineHash(CARD, 1);
        bytes32 next = cardLink(CARD, 2);
        vm.expectRevert(refusal);
        vm.prank(patient);
        ledger.askLoosening(LOWER, 0, hash, next);
        vm.expectRevert(refusal);
        vm.prank(patient);
        ledger.scheduleLooseningByRecovery(LOWER, 0);
        _ask(UNFREEZE, 0, 1);
    }

    function test_aLooseningIsCancelledAtOnce() public {
        issueCard();
        _ask(LOWER, 0, 0);
        _confirm(LOWER, 0);
        vm.warp(NOW + 100 hours);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.LooseningCancelled(patient, LOWER);
        _cancel(LOWER);
        _expectNotReady(LOWER, 0);
        vm.recordLogs();
        _cancel(LOWER);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        _ask(LOWER, 0, 1);
        _cancel(LOWER);
        _expectNotAsked(LOWER);
    }

    function test_onlyACardsReplacementHasANewTip() public {
        issueCard();
        _expectTipInvalid(LOWER, NEW_CARD);
        _expectTipInvalid(EMERGENCY, NEW_CARD);
        _expectTipInvalid(UNFREEZE, NEW_CARD);
        _expectTipInvalid(REPLACE, 0);
    }

    function test_recoveryNeedsNoCodeButTheDays() public {
        bytes32 tip = cardLink(NEW_CARD, 0);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.LooseningScheduled(patient, REPLACE, tip, NOW + 72 hours, true);
        vm.prank(patient);
        ledger.scheduleLooseningByRecovery(REPLACE, tip);
        vm.warp(NOW + 72 hours - 1);
        _expectNotReady(REPLACE, NOW + 72 hours);
        vm.warp(NOW + 72 hours);
        ledger.executeLoosening(patient, REPLACE);
        vm.assertEq(ledger.safeguards(patient).cardTip, tip);
    }

    function test_withoutACardNothingIsLoosenedByCode() public {
        bytes32 hash = lineHash(CARD, 0);
        vm.expectRevert(abi.encodeWithSelector(IPatientSafeguards.NoCodeCard.selector, patient));
        vm.prank(patient);
        ledger.askLoosening(UNFREEZE, 0, hash, SCOPE);
    }

    function test_aLooseningConcernsTheCallerAlone() public {
        issueCard();
        bytes32 hash = lineHash(CARD, 0);
        bytes32 next = cardLink(CARD, 1);
        vm.expectRevert(abi.encodeWithSelector(IPatientSafeguards.NoCodeCard.selector, doctor));
        vm.prank(doctor);
        ledger.askLoosening(LOWER, 0, hash, next);
        vm.prank(stranger);
        ledger.scheduleLooseningByRecovery(LOWER, 0);
        vm.warp(NOW + 72 hours);
        ledger.executeLoosening(stranger, LOWER);
        vm.assertTrue(ledger.safeguards(patient).codeRequired);
    }

    function testFuzz_nothingIsLoosenedBeforeItsTime(uint8 which, uint32 waitS, bool byRecovery) public {
        IPatientSafeguards.LooseningKind kind = IPatientSafeguards.LooseningKind(which % 4);
        bytes32 tip = kind == REPLACE ? NEW_CARD : bytes32(0);
        issueCard();
        _freeze();
        if (byRecovery) {
            vm.prank(patient);
            ledger.scheduleLooseningByRecovery(kind, tip);
        } else {
            _ask(kind, tip, 0);
            _confirm(kind, 0);
        }
        waitS %= 144 hours;
        vm.warp(NOW + waitS);
        bool ready = waitS >= 72 hours;
        if (!ready) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IPatientSafeguards.LooseningNotReady.selector,
                    patient,
                    kind,
                    NOW + 72 hours
                )
            );
        }
        ledger.executeLoosening(patient, kind);
        IPatientSafeguards.Safeguards memory now_ = ledger.safeguards(patient);
        vm.assertEq(now_.codeRequired, !(ready && kind == LOWER));
        vm.assertEq(now_.emergencyAllowed, ready && kind == EMERGENCY);
        vm.assertEq(now_.cardTip == NEW_CARD, ready && kind == REPLACE);
        vm.assertEq(now_.frozenAt == 0, ready && kind == UNFREEZE);
    }

    function _loosenByCode(IPatientSafeguards.LooseningKind kind, bytes32 tip, uint256 line) private {
        _ask(kind, tip, line);
        _confirm(kind, line);
        vm.warp(block.timestamp + 72 hours);
        ledger.executeLoosening(patient, kind);
    }

    function _ask(IPatientSafeguards.LooseningKind kind, bytes32 tip, uint256 line) private {
        bytes32 hash = lineHash(CARD, line);
        bytes32 next = cardLink(CARD, line + 1);
        vm.prank(patient);
        ledger.askLoosening(kind, tip, hash, next);
    }

    function _confirm(IPatientSafeguards.LooseningKind kind, uint256 line) private {
        vm.prank(patient);
        ledger.confirmLoosening(kind, stretchedCode(CARD, line));
    }

    function _cancel(IPatientSafeguards.LooseningKind kind) private {
        vm.prank(patient);
        ledger.cancelLoosening(kind);
    }

    function test_aLinesCodeIsSpentOnceAndOnItsOwnActionOnly() public {
        issueCard();
        bytes32 action = keccak256("what her account is to do");
        bytes32 code = stretchedCode(CARD, 0);
        vm.prank(patient);
        ledger.takeCardLine(action, lineHash(CARD, 0), cardLink(CARD, 1));
        _expectNotSpent(keccak256("something else"), code);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.CardCodeSpent(patient, action);
        vm.prank(patient);
        ledger.spendCardCode(action, code);
        _expectNotSpent(action, code);
    }

    function _expectNotSpent(bytes32 action, bytes32 code) private {
        vm.expectRevert(abi.encodeWithSelector(IPatientSafeguards.ActionCodeMismatch.selector, patient, action));
        vm.prank(patient);
        ledger.spendCardCode(action, code);
    }

    function _freeze() private {
        vm.prank(patient);
        ledger.freeze();
    }

    function _expectNotReady(IPatientSafeguards.LooseningKind kind, uint40 readyAt) private {
        vm.expectRevert(
            abi.encodeWithSelector(IPatientSafeguards.LooseningNotReady.selector, patient, kind, readyAt)
        );
        ledger.executeLoosening(patient, kind);
    }

    function _expectNotAsked(IPatientSafeguards.LooseningKind kind) private {
        vm.expectRevert(
            abi.encodeWithSelector(IPatientSafeguards.LooseningNotAsked.selector, patient, kind)
        );
        vm.prank(patient);
        ledger.confirmLoosening(kind, 0);
    }

    function _expectTipInvalid(IPatientSafeguards.LooseningKind kind, bytes32 tip) private {
        bytes memory refusal = abi.encodeWithSelector(
            IPatientSafeguards.NewCardTipInvalid.selector,
            kind,
            tip
        );
        bytes32 hash = lineHash(CARD, 0);
        bytes32 next = cardLink(CARD, 1);
        vm.expectRevert(refusal);
        vm.prank(patient);
        ledger.askLoosening(kind, tip, hash, next);
        vm.expectRevert(refusal);
        vm.prank(patient);
        ledger.scheduleLooseningByRecovery(kind, tip);
    }

    function _withScope(uint256 scope) private view returns (IConsentLedger.AccessRequest memory request) {
        request = sevenDays();
        request.scopeCommitment = bytes32(scope);
    }
}
