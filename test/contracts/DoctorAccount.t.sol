// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "@openzeppelin/contracts/account/Account.sol";
import {IAccount, IEntryPoint, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

import {AccountFactory} from "../../contracts/AccountFactory.sol";
import {DoctorAccount} from "../../contracts/DoctorAccount.sol";
import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IDoctorAccount} from "../../contracts/IDoctorAccount.sol";
import {LedgerAccount} from "../../contracts/LedgerAccount.sol";
import {PatientAccount} from "../../contracts/PatientAccount.sol";
import {ServerSignedDoctorAccount} from "../../contracts/ServerSignedDoctorAccount.sol";
import {PasskeyTest} from "./PasskeyTest.sol";

/// @dev The entry point is an ordinary account here.
contract DoctorAccountTest is PasskeyTest {
    uint256 private constant FIRST = uint256(keccak256("first passkey"));
    uint256 private constant SECOND = uint256(keccak256("second passkey"));
    uint256 private constant NEW = uint256(keccak256("new passkey"));
    bytes32 private constant HASH = keccak256("user operation");

    address private _entryPoint = account("entryPoint");
    AccountFactory private _factory;
    DoctorAccount private _account;

    function setUp() public override {
        super.setUp();
        IEntryPoint entryPoint = IEntryPoint(_entryPoint);
        _factory = new AccountFactory(
            address(new PatientAccount(entryPoint, address(ledger))),
            address(new ServerSignedDoctorAccount(entryPoint, address(ledger))),
            address(new DoctorAccount(entryPoint, address(ledger)))
        );
        (bytes32 qx, bytes32 qy) = passkeyOf(FIRST);
        _account = DoctorAccount(payable(_factory.createPasskeyDoctorAccount(qx, qy)));
        doctor = address(_account);
        vm.prank(hospital);
        affiliationId = ledger.addDoctor(doctor);
    }

    // Who signs

    function test_thePasskeyInTheAccountsCodeSigns() public {
        vm.assertEq(_validate(_by(0, FIRST, HASH)), 0);
        vm.assertEq(_validate(_by(0, SECOND, HASH)), 1);
        vm.assertEq(_validate(_by(0, FIRST, SCOPE)), 1);
        vm.assertEq(_validate(_by(1, FIRST, HASH)), 1);
        vm.assertEq(_validate(_by(2, FIRST, HASH)), 1);
        vm.assertEq(_validate(""), 1);
        vm.assertEq(_validate(hex"00"), 1);
    }

    function testFuzz_noMadeUpSignatureIsValid(bytes calldata signature) public {
        vm.assertEq(_validate(signature), 1);
    }

    function test_aSecondPasskeySignsUntilItIsRemoved() public {
        (bytes32 qx, bytes32 qy) = passkeyOf(SECOND);
        vm.expectEmit(doctor);
        emit IDoctorAccount.SecondPasskeyChanged(qx, qy);
        _execute(abi.encodeCall(IDoctorAccount.setSecondPasskey, (qx, qy)));
        vm.assertEq(_validate(_by(1, SECOND, HASH)), 0);
        vm.assertEq(_validate(_by(0, FIRST, HASH)), 0);
        // There is no third place.
        vm.assertEq(_validate(_by(2, SECOND, HASH)), 1);
        (qx, qy) = _account.passkey(2);
        vm.assertEq(qx, 0);
        vm.assertEq(qy, 0);
        _execute(abi.encodeCall(IDoctorAccount.setSecondPasskey, (0, 0)));
        vm.assertEq(_validate(_by(1, SECOND, HASH)), 1);
    }

    function test_whatIsNoPointOfTheCurveIsNoPasskey() public {
        (bytes32 qx, bytes32 qy) = passkeyOf(SECOND);
        bytes memory refusal = abi.encodeWithSelector(IDoctorAccount.PasskeyInvalid.selector, qx, bytes32(0));
        _expectRefused(abi.encodeCall(IDoctorAccount.setSecondPasskey, (qx, 0)), refusal);
        vm.expectRevert(refusal);
        vm.prank(hospital);
        _account.proposeRotation(affiliationId, qx, 0);
        vm.expectRevert(abi.encodeWithSelector(AccountFactory.PasskeyInvalid.selector, bytes32(0), qy));
        _factory.createPasskeyDoctorAccount(0, qy);
    }

    // What it can do

    function test_itAsksAndTakesBackAndDoesNothingElse() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.affiliationId = affiliationId;
        bytes32 requestId = ledger.requestIdOf(request);
        _expectRefused(
            abi.encodeCall(IConsentLedger.openGrant, (requestId, answerOf(lastEnd(7)))),
            abi.encodeWithSelector(LedgerAccount.FunctionNotAllowed.selector, IConsentLedger.openGrant.selector)
        );
        _expectRefused(
            abi.encodeCall(IConsentLedger.withdrawRequest, (requestId)),
            abi.encodeWithSelector(IConsentLedger.RequestUnknown.selector, requestId)
        );
    }

    function test_nobodyButTheEntryPointHasItCallTheLedger() public {
        bytes memory asking = abi.encodeCall(IConsentLedger.openRequest, (sevenDays()));
        address[4] memory others = [doctor, patient, hospital, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.prank(others[i]);
            (bool success, bytes memory answer) = doctor.call(asking);
            vm.assertFalse(success);
            vm.assertEq(
                keccak256(answer),
                keccak256(abi.encodeWithSelector(Account.AccountUnauthorized.selector, others[i]))
            );
        }
    }

    function test_onlyItsOwnOperationsChangeIt() public {
        (bytes32 qx, bytes32 qy) = passkeyOf(NEW);
        bytes memory refusal = abi.encodeWithSelector(Account.AccountUnauthorized.selector, hospital);
        vm.expectRevert(refusal);
        vm.prank(hospital);
        _account.setSecondPasskey(qx, qy);
        vm.expectRevert(refusal);
        vm.prank(hospital);
        _account.vetoRotation();
    }

    // Rotation

    function test_theHospitalPutsANewPasskeyInPlaceAfter72Hours() public {
        (bytes32 qx, bytes32 qy) = passkeyOf(SECOND);
        _execute(abi.encodeCall(IDoctorAccount.setSecondPasskey, (qx, qy)));
        (qx, qy) = passkeyOf(NEW);
        uint40 readyAt = NOW + 72 hours;
        vm.expectEmit(doctor);
        emit IDoctorAccount.RotationProposed(affiliationId, hospital, qx, qy, readyAt);
        _rotate();
        (uint32 waitingFor, uint40 from, , ) = _account.pendingRotation();
        vm.assertEq(waitingFor, affiliationId);
        vm.assertEq(from, readyAt);
        vm.warp(readyAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IDoctorAccount.RotationTooEarly.selector, readyAt));
        _account.completeRotation();
        vm.warp(readyAt);
        vm.expectEmit(doctor);
        emit IDoctorAccount.RotationCompleted(qx, qy);
        _account.completeRotation();
        vm.assertEq(_validate(_by(0, NEW, HASH)), 0);
        vm.assertEq(_validate(_by(0, FIRST, HASH)), 1);
        vm.assertEq(_validate(_by(1, SECOND, HASH)), 1);
        vm.expectRevert(abi.encodeWithSelector(IDoctorAccount.RotationNotProposed.selector));
        _account.completeRotation();
    }

    function test_theDoctorVetoesIt() public {
        _rotate();
        vm.expectEmit(doctor);
        emit IDoctorAccount.RotationVetoed();
        _execute(abi.encodeCall(IDoctorAccount.vetoRotation, ()));
        vm.warp(NOW + 300 hours);
        vm.expectRevert(abi.encodeWithSelector(IDoctorAccount.RotationNotProposed.selector));
        _account.completeRotation();
        _expectRefused(
            abi.encodeCall(IDoctorAccount.vetoRotation, ()),
            abi.encodeWithSelector(IDoctorAccount.RotationNotProposed.selector)
        );
    }

    function test_onlyTheHospitalOfAnActiveAffiliationOfThisDoctorRotates() public {
        (bytes32 qx, bytes32 qy) = passkeyOf(NEW);
        vm.expectRevert(
            abi.encodeWithSelector(IDoctorAccount.NotHospitalOfDoctor.selector, affiliationId, stranger)
        );
        vm.prank(stranger);
        _account.proposeRotation(affiliationId, qx, qy);
        // Another doctor's affiliation of the same hospital.
        vm.expectRevert(
            abi.encodeWithSelector(IDoctorAccount.NotHospitalOfDoctor.selector, affiliationId - 1, hospital)
        );
        vm.prank(hospital);
        _account.proposeRotation(affiliationId - 1, qx, qy);
    }

    function test_aRotationDiesWithTheAffiliation() public {
        _rotate();
        suspendDoctor();
        vm.warp(NOW + 73 hours);
        vm.expectRevert(
            abi.encodeWithSelector(IDoctorAccount.NotHospitalOfDoctor.selector, affiliationId, address(0))
        );
        _account.completeRotation();
    }

    // Which kind an address is

    function test_onlyAnAccountMadeHereForAPasskeyIsAPasskeyDoctors() public {
        vm.assertTrue(_factory.isPasskeyDoctor(doctor));
        vm.assertFalse(_factory.isPasskeyDoctor(_factory.createDoctorAccount(stranger)));
        vm.assertFalse(_factory.isPasskeyDoctor(_factory.createPatientAccount(stranger)));
        vm.assertFalse(_factory.isPasskeyDoctor(stranger));
        vm.assertFalse(_factory.isPasskeyDoctor(address(_factory)));
        (bytes32 qx, bytes32 qy) = passkeyOf(NEW);
        vm.assertFalse(_factory.isPasskeyDoctor(_factory.passkeyDoctorAccountAddress(qx, qy)));
    }

    function test_theSameCodeMadeElsewhereIsNone() public {
        (bytes32 qx, bytes32 qy) = passkeyOf(NEW);
        bytes memory args = abi.encodePacked(qx, qy);
        address same = Clones.cloneDeterministicWithImmutableArgs(
            _factory.passkeyDoctorImplementation(),
            args,
            keccak256(args)
        );
        vm.assertFalse(_factory.isPasskeyDoctor(same));
        address other = Clones.cloneWithImmutableArgs(address(this), args);
        vm.assertFalse(_factory.isPasskeyDoctor(other));
    }

    function test_makingItTwiceReturnsTheFirst() public {
        (bytes32 qx, bytes32 qy) = passkeyOf(FIRST);
        vm.recordLogs();
        vm.assertEq(_factory.createPasskeyDoctorAccount(qx, qy), doctor);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        (qx, qy) = passkeyOf(NEW);
        address foretold = _factory.passkeyDoctorAccountAddress(qx, qy);
        vm.expectEmit(address(_factory));
        emit AccountFactory.PasskeyDoctorAccountCreated(foretold, qx, qy);
        vm.assertEq(_factory.createPasskeyDoctorAccount(qx, qy), foretold);
    }

    function _rotate() private {
        (bytes32 qx, bytes32 qy) = passkeyOf(NEW);
        vm.prank(hospital);
        _account.proposeRotation(affiliationId, qx, qy);
    }

    function _execute(bytes memory data) private {
        vm.prank(_entryPoint);
        (bool success, ) = doctor.call(data);
        vm.assertTrue(success);
    }

    function _expectRefused(bytes memory data, bytes memory refusal) private {
        vm.prank(_entryPoint);
        (bool success, bytes memory answer) = doctor.call(data);
        vm.assertFalse(success);
        vm.assertEq(keccak256(answer), keccak256(refusal));
    }

    function _validate(bytes memory signature) private returns (uint256) {
        PackedUserOperation memory operation;
        operation.sender = doctor;
        operation.signature = signature;
        vm.prank(_entryPoint);
        return IAccount(doctor).validateUserOp(operation, HASH, 0);
    }

    function _by(uint8 index, uint256 key, bytes32 challenge) private pure returns (bytes memory) {
        return abi.encodePacked(index, passkeySignature(key, challenge));
    }
}
