// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IPatientSafeguards} from "../../contracts/IPatientSafeguards.sol";
import {ConsentTest} from "./ConsentTest.sol";

contract EmergencyTest is ConsentTest {
    bytes32 private constant REASON = keccak256("reason");
    bytes32 private constant FINDING = keccak256("finding");

    function setUp() public override {
        super.setUp();
        vm.prank(patient);
        ledger.scheduleLooseningByRecovery(IPatientSafeguards.LooseningKind.AllowEmergency, 0);
        vm.warp(NOW + 72 hours);
        ledger.executeLoosening(patient, IPatientSafeguards.LooseningKind.AllowEmergency);
    }

    function test_aDoctorOpensTheRecordForADay() public {
        uint40 until = uint40(block.timestamp + 24 hours);
        bytes32 hash = keccak256(abi.encode(block.chainid, address(ledger), patient, affiliationId, REASON));
        bytes32 requestId = bytes32(uint256(uint160(uint256(hash))));
        vm.expectEmit(address(ledger));
        emit IConsentLedger.EmergencyOpened(requestId, patient, affiliationId, until, REASON);
        vm.assertEq(_open(REASON), requestId);
        IConsentLedger.ConsentRequest memory known = ledger.requestState(requestId);
        vm.assertTrue(known.emergency);
        vm.assertTrue(known.state == IConsentLedger.RequestState.Granted);
        vm.assertEq(known.rights, VIEW);
        vm.assertEq(known.uses, 0);
        vm.assertEq(known.until, until);
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        vm.assertFalse(ledger.canAccess(requestId, doctor, ADD));
        vm.expectEmit(address(ledger));
        emit IConsentLedger.AccessLogged(requestId, SCOPE, VIEW, 1);
        log(requestId, SCOPE, VIEW);
        vm.warp(until);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
    }

    function test_onlyWhereThePatientAllowedIt() public {
        vm.prank(patient);
        ledger.forbidEmergency();
        _expectRefused(abi.encodeWithSelector(IConsentLedger.EmergencyNotAllowed.selector, patient));
    }

    function test_notWhileThePatientIsFrozen() public {
        bytes32 requestId = _open(REASON);
        vm.prank(patient);
        ledger.freeze();
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
        _expectRefused(abi.encodeWithSelector(IPatientSafeguards.FrozenPatient.selector, patient));
    }

    function test_notWhileThePatientIsSuspended() public {
        bytes32 requestId = _open(REASON);
        vm.prank(hospital);
        ledger.suspendPatient(patient);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
        _expectRefused(abi.encodeWithSelector(IConsentLedger.SuspendedPatient.selector, patient));
        vm.prank(patient);
        ledger.disputeEmergency(requestId);
    }

    function test_onlyAnActiveDoctorOpensIt() public {
        vm.expectRevert(
            abi.encodeWithSelector(IConsentLedger.NotAffiliatedDoctor.selector, affiliationId, stranger)
        );
        vm.prank(stranger);
        ledger.openEmergency(patient, affiliationId, REASON);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.PatientNotRegistered.selector, stranger));
        vm.prank(doctor);
        ledger.openEmergency(stranger, affiliationId, REASON);
        suspendDoctor();
        _expectRefused(abi.encodeWithSelector(IConsentLedger.AffiliationInactive.selector, affiliationId));
    }

    function test_elsewhereNotByADoctorWithoutAPasskey() public {
        vm.chainId(1135);
        _expectRefused(abi.encodeWithSelector(IConsentLedger.ServerSignedRequest.selector, doctor));
    }

    function test_theNextOneWaitsForTheReviewOfTheLast() public {
        bytes32 first = _open(REASON);
        bytes memory refusal = abi.encodeWithSelector(IConsentLedger.EmergencyUnreviewed.selector, first);
        _expectRefused(refusal);
        vm.warp(block.timestamp + 30 days);
        _expectRefused(refusal);
        _review(governor, first);
        _expectRefused(abi.encodeWithSelector(IConsentLedger.RequestAlreadyKnown.selector, first));
        vm.assertTrue(ledger.canAccess(_open("another reason"), doctor, VIEW));
    }

    function test_theHospitalReviewsWithinThreeDays() public {
        bytes32 requestId = _open(REASON);
        vm.warp(block.timestamp + 72 hours);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.EmergencyReviewed(requestId, hospital, FINDING);
        _review(hospital, requestId);
        _expectNotReviewed(hospital, requestId, IConsentLedger.NotReviewable.selector);
        _expectNotReviewed(governor, requestId, IConsentLedger.NotReviewable.selector);
    }

    function test_afterThreeDaysTheGovernorAloneReviews() public {
        bytes32 requestId = _open(REASON);
        vm.warp(block.timestamp + 72 hours + 1);
        _expectNotReviewer(hospital, requestId);
        _review(governor, requestId);
    }

    function test_nobodyElseReviews() public {
        bytes32 requestId = _open(REASON);
        address[4] memory others = [doctor, patient, accessWriter, stranger];
        for (uint256 i = 0; i < others.length; ++i) _expectNotReviewer(others[i], requestId);
        _expectNotReviewed(governor, ask(), IConsentLedger.NotReviewable.selector);
    }

    function test_thePatientDisputesAndItEnds() public {
        bytes32 requestId = _open(REASON);
        vm.warp(block.timestamp + 1 hours);
        vm.expectEmit(address(ledger));
        emit IConsentLedger.EmergencyDisputed(requestId, patient);
        _dispute(requestId);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
        vm.assertEq(ledger.requestState(requestId).until, block.timestamp);
        vm.recordLogs();
        _dispute(requestId);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        _review(hospital, requestId);
    }

    function test_onlyThePatientDisputesAndOnlyAnEmergency() public {
        bytes32 requestId = _open(REASON);
        vm.expectRevert(
            abi.encodeWithSelector(IConsentLedger.NotRequestPatient.selector, requestId, stranger)
        );
        vm.prank(stranger);
        ledger.disputeEmergency(requestId);
        bytes32 other = ask();
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.NotReviewable.selector, other));
        _dispute(other);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.RequestUnknown.selector, REASON));
        _dispute(REASON);
    }

    function _open(bytes32 reason) private returns (bytes32) {
        vm.prank(doctor);
        return ledger.openEmergency(patient, affiliationId, reason);
    }

    function _review(address reviewer, bytes32 requestId) private {
        vm.prank(reviewer);
        ledger.reviewEmergency(requestId, FINDING);
    }

    function _dispute(bytes32 requestId) private {
        vm.prank(patient);
        ledger.disputeEmergency(requestId);
    }

    function _expectRefused(bytes memory refusal) private {
        vm.expectRevert(refusal);
        _open(REASON);
    }

    function _expectNotReviewer(address caller, bytes32 requestId) private {
        vm.expectRevert(
            abi.encodeWithSelector(IConsentLedger.NotReviewer.selector, requestId, caller)
        );
        _review(caller, requestId);
    }

    function _expectNotReviewed(address caller, bytes32 requestId, bytes4 refusal) private {
        vm.expectRevert(abi.encodeWithSelector(refusal, requestId));
        _review(caller, requestId);
    }
}
