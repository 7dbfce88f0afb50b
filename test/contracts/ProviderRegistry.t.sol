// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {ConsentLedger} from "../../contracts/ConsentLedger.sol";
import {IProviderRegistry} from "../../contracts/IProviderRegistry.sol";
import {ProviderRegistry} from "../../contracts/ProviderRegistry.sol";
import {ContractTest} from "./ContractTest.sol";

contract ProviderRegistryTest is ContractTest {
    address private _governor = account("governor");
    address private _hospital = account("hospital");
    address private _otherHospital = account("otherHospital");
    address private _doctor = account("doctor");
    address private _healthWorker = account("healthWorker");
    address private _patient = account("patient");
    address private _stranger = account("stranger");

    ProviderRegistry private _registry;

    function setUp() public {
        _registry = new ConsentLedger(_governor, address(0));
        vm.prank(_governor);
        _registry.verifyHospital(_hospital);
    }

    // The governor

    function test_theGovernorIsNamedWhenTheRegistryIsMade() public view {
        vm.assertEq(_registry.governor(), _governor);
    }

    function test_aNewGovernorMustAccept() public {
        vm.prank(_governor);
        _registry.transferOwnership(_stranger);
        vm.assertEq(_registry.governor(), _governor);
        vm.prank(_stranger);
        _registry.acceptOwnership();
        vm.assertEq(_registry.governor(), _stranger);
    }

    function test_theGovernorCannotGiveUp() public {
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.GovernorRequired.selector));
        vm.prank(_governor);
        _registry.renounceOwnership();
    }

    function test_onlyTheGovernorVerifiesAndSuspendsHospitals() public {
        bytes memory refusal = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, _stranger);
        vm.expectRevert(refusal);
        vm.prank(_stranger);
        _registry.verifyHospital(_otherHospital);
        vm.expectRevert(refusal);
        vm.prank(_stranger);
        _registry.suspendHospital(_hospital);
    }

    // Hospitals

    function test_aHospitalIsVerified() public {
        vm.assertFalse(_registry.isVerifiedHospital(_otherHospital));
        vm.expectEmit(address(_registry));
        emit IProviderRegistry.HospitalVerified(_otherHospital);
        _verify(_otherHospital);
        vm.assertTrue(_registry.isVerifiedHospital(_otherHospital));
    }

    function test_aVerifiedHospitalIsNotVerifiedTwice() public {
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.HospitalAlreadyVerified.selector, _hospital));
        _verify(_hospital);
    }

    function test_nobodyIsNoHospital() public {
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.ZeroAccount.selector));
        _verify(address(0));
        vm.assertFalse(_registry.isVerifiedHospital(address(0)));
    }

    function test_aHospitalIsSuspendedAndVerifiedAgainWithoutItsOldAffiliations() public {
        uint32 affiliationId = _addDoctor();
        vm.expectEmit(address(_registry));
        emit IProviderRegistry.HospitalSuspended(_hospital);
        _suspend(_hospital);
        vm.assertFalse(_registry.isVerifiedHospital(_hospital));
        _checkAffiliation(affiliationId, _doctor, _hospital, false);
        _verify(_hospital);
        vm.assertTrue(_registry.isVerifiedHospital(_hospital));
        _checkAffiliation(affiliationId, _doctor, _hospital, false);

        uint32 next = _addDoctor();
        vm.assertEq(next, affiliationId + 1);
        _checkAffiliation(next, _doctor, _hospital, true);
        _checkAffiliation(affiliationId, _doctor, _hospital, false);
    }

    function test_aDoctorAddedAgainToAHospitalVerifiedAgainCountsOnce() public {
        uint32 first = _addDoctor();
        _suspend(_hospital);
        _verify(_hospital);
        uint32 second = _addDoctor();
        vm.expectRevert(
            abi.encodeWithSelector(IProviderRegistry.DoctorAlreadyAdded.selector, _doctor, second)
        );
        _addDoctor();
        vm.expectRevert(
            abi.encodeWithSelector(IProviderRegistry.AffiliationNotHeld.selector, first, _hospital)
        );
        vm.prank(_hospital);
        _registry.suspendDoctor(first);
        vm.prank(_hospital);
        _registry.suspendDoctor(second);
        vm.assertFalse(_registry.isDoctor(_doctor));
    }

    function test_aHospitalVerifiedAgainStillSuspendsADoctorOfItsOldTerm() public {
        uint32 affiliationId = _addDoctor();
        _suspend(_hospital);
        _verify(_hospital);
        vm.prank(_hospital);
        _registry.suspendDoctor(affiliationId);
        vm.assertFalse(_registry.isDoctor(_doctor));
        _addDoctor();
        vm.assertTrue(_registry.isDoctor(_doctor));
    }

    function test_anAffiliationRemembersWhenItEnded() public {
        vm.warp(1000);
        uint32 affiliationId = _addDoctor();
        vm.assertEq(_registry.affiliationEndedAt(affiliationId), 0);
        vm.warp(2000);
        _suspend(_hospital);
        vm.assertEq(_registry.affiliationEndedAt(affiliationId), 2000);
        vm.warp(3000);
        _verify(_hospital);
        uint32 next = _addDoctor();
        vm.assertEq(_registry.affiliationEndedAt(next), 0);
        vm.warp(4000);
        vm.prank(_hospital);
        _registry.suspendDoctor(next);
        vm.warp(5000);
        _suspend(_hospital);
        vm.assertEq(_registry.affiliationEndedAt(affiliationId), 2000);
        vm.assertEq(_registry.affiliationEndedAt(next), 4000);
        vm.assertEq(_registry.affiliationEndedAt(99), 0);
    }

    function test_anUnknownHospitalIsNotSuspended() public {
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.HospitalNotVerified.selector, _otherHospital));
        _suspend(_otherHospital);
        _suspend(_hospital);
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.HospitalNotVerified.selector, _hospital));
        _suspend(_hospital);
    }

    function test_aSuspendedHospitalAddsAndSuspendsNobody() public {
        uint32 affiliationId = _addDoctor();
        _suspend(_hospital);
        _checkPowerless(_hospital, affiliationId);
    }

    function test_aStrangerAddsAndSuspendsNobody() public {
        _checkPowerless(_stranger, _addDoctor());
    }

    function test_evenTheGovernorAddsAndSuspendsNobody() public {
        _checkPowerless(_governor, _addDoctor());
    }

    // Doctors

    function test_aHospitalAddsADoctor() public {
        vm.assertFalse(_registry.isDoctor(_doctor));
        vm.expectEmit(address(_registry));
        emit IProviderRegistry.DoctorAdded(_doctor, _hospital, 1);
        vm.assertEq(_addDoctor(), 1);
        vm.assertTrue(_registry.isDoctor(_doctor));
        _checkAffiliation(1, _doctor, _hospital, true);
    }

    function test_aDoctorAtTwoHospitalsHasTwoAffiliations() public {
        uint32 first = _addDoctor();
        _verify(_otherHospital);
        vm.prank(_otherHospital);
        uint32 second = _registry.addDoctor(_doctor);
        vm.assertEq(second, 2);

        vm.prank(_hospital);
        _registry.suspendDoctor(first);
        vm.assertTrue(_registry.isDoctor(_doctor));
        _checkAffiliation(first, _doctor, _hospital, false);
        _checkAffiliation(second, _doctor, _otherHospital, true);
        vm.prank(_otherHospital);
        _registry.suspendDoctor(second);
        vm.assertFalse(_registry.isDoctor(_doctor));
    }

    function test_aDoctorIsNotAddedTwiceByOneHospital() public {
        uint32 affiliationId = _addDoctor();
        vm.expectRevert(
            abi.encodeWithSelector(IProviderRegistry.DoctorAlreadyAdded.selector, _doctor, affiliationId)
        );
        _addDoctor();
    }

    function test_nobodyIsNoDoctor() public {
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.ZeroAccount.selector));
        vm.prank(_hospital);
        _registry.addDoctor(address(0));
    }

    function test_aSuspendedAffiliationNeverComesBack() public {
        uint32 first = _addDoctor();
        vm.expectEmit(address(_registry));
        emit IProviderRegistry.DoctorSuspended(_doctor, _hospital, first);
        vm.prank(_hospital);
        _registry.suspendDoctor(first);
        _checkAffiliation(first, _doctor, _hospital, false);

        uint32 second = _addDoctor();
        vm.assertEq(second, 2);
        _checkAffiliation(first, _doctor, _hospital, false);
        _checkAffiliation(second, _doctor, _hospital, true);

        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.AffiliationNotHeld.selector, first, _hospital));
        vm.prank(_hospital);
        _registry.suspendDoctor(first);
        vm.assertTrue(_registry.isDoctor(_doctor));
    }

    function test_aHospitalSuspendsOnlyItsOwnDoctors() public {
        uint32 affiliationId = _addDoctor();
        _verify(_otherHospital);
        vm.expectRevert(
            abi.encodeWithSelector(IProviderRegistry.AffiliationNotHeld.selector, affiliationId, _otherHospital)
        );
        vm.prank(_otherHospital);
        _registry.suspendDoctor(affiliationId);
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.AffiliationNotHeld.selector, uint32(0), _hospital));
        vm.prank(_hospital);
        _registry.suspendDoctor(0);
    }

    function testFuzz_anUnknownAffiliationIsNobodys(uint32 affiliationId) public view {
        _checkAffiliation(affiliationId, address(0), address(0), false);
    }

    // Health workers

    function test_aHealthWorkerWorksUntilTheLastHospitalSuspendsThem() public {
        _verify(_otherHospital);
        vm.expectEmit(address(_registry));
        emit IProviderRegistry.HealthWorkerAdded(_healthWorker, _hospital);
        vm.prank(_hospital);
        _registry.addHealthWorker(_healthWorker);
        vm.prank(_otherHospital);
        _registry.addHealthWorker(_healthWorker);
        vm.assertTrue(_registry.isHealthWorker(_healthWorker));

        vm.expectEmit(address(_registry));
        emit IProviderRegistry.HealthWorkerSuspended(_healthWorker, _hospital);
        vm.prank(_hospital);
        _registry.suspendHealthWorker(_healthWorker);
        vm.assertTrue(_registry.isHealthWorker(_healthWorker));
        vm.prank(_otherHospital);
        _registry.suspendHealthWorker(_healthWorker);
        vm.assertFalse(_registry.isHealthWorker(_healthWorker));

        vm.prank(_hospital);
        _registry.addHealthWorker(_healthWorker);
        vm.assertTrue(_registry.isHealthWorker(_healthWorker));
    }

    function test_aHealthWorkerIsNotAddedTwiceByOneHospital() public {
        vm.prank(_hospital);
        _registry.addHealthWorker(_healthWorker);
        vm.expectRevert(
            abi.encodeWithSelector(IProviderRegistry.HealthWorkerAlreadyAdded.selector, _healthWorker)
        );
        vm.prank(_hospital);
        _registry.addHealthWorker(_healthWorker);
    }

    function test_nobodyIsNoHealthWorker() public {
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.ZeroAccount.selector));
        vm.prank(_hospital);
        _registry.addHealthWorker(address(0));
    }

    function test_aHospitalSuspendsOnlyItsOwnHealthWorkers() public {
        vm.expectRevert(
            abi.encodeWithSelector(IProviderRegistry.HealthWorkerNotHeld.selector, _healthWorker, _hospital)
        );
        vm.prank(_hospital);
        _registry.suspendHealthWorker(_healthWorker);
    }

    // Patients

    function test_aHospitalAddsAPatient() public {
        vm.assertFalse(_registry.isPatient(_patient));
        vm.expectEmit(address(_registry));
        emit IProviderRegistry.PatientAdded(_patient, _hospital);
        vm.prank(_hospital);
        _registry.addPatient(_patient);
        vm.assertTrue(_registry.isPatient(_patient));
    }

    function test_aPatientIsAddedOnceForAllHospitals() public {
        vm.prank(_hospital);
        _registry.addPatient(_patient);
        _verify(_otherHospital);
        vm.expectRevert(
            abi.encodeWithSelector(IProviderRegistry.PatientAlreadyAdded.selector, _patient, _hospital)
        );
        vm.prank(_otherHospital);
        _registry.addPatient(_patient);
    }

    function test_aPatientStaysWhenTheirHospitalIsSuspended() public {
        vm.prank(_hospital);
        _registry.addPatient(_patient);
        _suspend(_hospital);
        vm.assertTrue(_registry.isPatient(_patient));
    }

    function test_aHospitalSuspendsItsPatientAndSheStaysOne() public {
        _addPatient(_hospital);
        vm.assertEq(_registry.patientSuspendedAt(_patient), 0);
        vm.expectEmit(address(_registry));
        emit IProviderRegistry.PatientSuspended(_patient, _hospital);
        _suspendPatient(_hospital);
        vm.assertEq(_registry.patientSuspendedAt(_patient), block.timestamp);
        vm.assertTrue(_registry.isPatient(_patient));
        vm.assertEq(_registry.patientHospital(_patient), _hospital);
    }

    function test_onlyHerOwnHospitalSuspendsAPatientAndOnce() public {
        _expectNotHeld(_hospital);
        _addPatient(_hospital);
        _verify(_otherHospital);
        _expectNotHeld(_otherHospital);
        _suspendPatient(_hospital);
        _expectNotHeld(_hospital);
    }

    function test_aSuspendedPatientIsAddedAgainByAnyHospital() public {
        _addPatient(_hospital);
        _verify(_otherHospital);
        _suspendPatient(_hospital);
        vm.expectEmit(address(_registry));
        emit IProviderRegistry.PatientAdded(_patient, _otherHospital);
        _addPatient(_otherHospital);
        vm.assertEq(_registry.patientSuspendedAt(_patient), 0);
        vm.assertEq(_registry.patientHospital(_patient), _otherHospital);
        _expectNotHeld(_hospital);
        vm.expectRevert(
            abi.encodeWithSelector(IProviderRegistry.PatientAlreadyAdded.selector, _patient, _otherHospital)
        );
        _addPatient(_hospital);
        _suspendPatient(_otherHospital);
        _addPatient(_otherHospital);
        vm.assertEq(_registry.patientSuspendedAt(_patient), 0);
    }

    function test_nobodyIsNoPatient() public {
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.ZeroAccount.selector));
        vm.prank(_hospital);
        _registry.addPatient(address(0));
    }

    function _addPatient(address hospital) private {
        vm.prank(hospital);
        _registry.addPatient(_patient);
    }

    function _suspendPatient(address hospital) private {
        vm.prank(hospital);
        _registry.suspendPatient(_patient);
    }

    function _expectNotHeld(address hospital) private {
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.PatientNotHeld.selector, _patient, hospital));
        _suspendPatient(hospital);
    }

    function _verify(address hospital) private {
        vm.prank(_governor);
        _registry.verifyHospital(hospital);
    }

    function _suspend(address hospital) private {
        vm.prank(_governor);
        _registry.suspendHospital(hospital);
    }

    function _addDoctor() private returns (uint32) {
        vm.prank(_hospital);
        return _registry.addDoctor(_doctor);
    }

    function _checkPowerless(address caller, uint32 affiliationId) private {
        bytes memory refusal = abi.encodeWithSelector(IProviderRegistry.HospitalNotVerified.selector, caller);
        vm.expectRevert(refusal);
        vm.prank(caller);
        _registry.addDoctor(_stranger);
        vm.expectRevert(refusal);
        vm.prank(caller);
        _registry.suspendDoctor(affiliationId);
        vm.expectRevert(refusal);
        vm.prank(caller);
        _registry.addHealthWorker(_healthWorker);
        vm.expectRevert(refusal);
        vm.prank(caller);
        _registry.suspendHealthWorker(_healthWorker);
        vm.expectRevert(refusal);
        vm.prank(caller);
        _registry.addPatient(_patient);
        vm.expectRevert(refusal);
        vm.prank(caller);
        _registry.suspendPatient(_patient);
    }

    function _checkAffiliation(uint32 affiliationId, address doctor, address hospital, bool active) private view {
        (address foundDoctor, address foundHospital, bool foundActive) = _registry.affiliation(affiliationId);
        vm.assertEq(foundDoctor, doctor);
        vm.assertEq(foundHospital, hospital);
        vm.assertEq(foundActive, active);
    }
}
