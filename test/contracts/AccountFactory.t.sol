// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEntryPoint} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {AccountFactory} from "../../contracts/AccountFactory.sol";
import {DoctorAccount} from "../../contracts/DoctorAccount.sol";
import {PatientAccount} from "../../contracts/PatientAccount.sol";
import {ServerSignedDoctorAccount} from "../../contracts/ServerSignedDoctorAccount.sol";
import {ContractTest} from "./ContractTest.sol";

contract AccountFactoryTest is ContractTest {
    address private _owner = account("owner");
    address private _patientImplementation;
    address private _doctorImplementation;
    address private _passkeyDoctorImplementation;
    AccountFactory private _factory;

    function setUp() public {
        IEntryPoint entryPoint = IEntryPoint(account("entryPoint"));
        _patientImplementation = address(new PatientAccount(entryPoint, account("ledger")));
        _doctorImplementation = address(new ServerSignedDoctorAccount(entryPoint, account("ledger")));
        _passkeyDoctorImplementation = address(new DoctorAccount(entryPoint, account("ledger")));
        _factory = new AccountFactory(_patientImplementation, _doctorImplementation, _passkeyDoctorImplementation);
    }

    function test_theImplementationsAreKnown() public view {
        vm.assertEq(_factory.patientImplementation(), _patientImplementation);
        vm.assertEq(_factory.doctorImplementation(), _doctorImplementation);
        vm.assertEq(_factory.passkeyDoctorImplementation(), _passkeyDoctorImplementation);
    }

    function test_anImplementationMustBeThere() public {
        address nobody = account("nobody");
        vm.expectRevert(abi.encodeWithSelector(AccountFactory.ImplementationMissing.selector, nobody));
        new AccountFactory(nobody, _doctorImplementation, _passkeyDoctorImplementation);
        vm.expectRevert(abi.encodeWithSelector(AccountFactory.ImplementationMissing.selector, nobody));
        new AccountFactory(_patientImplementation, nobody, _passkeyDoctorImplementation);
        vm.expectRevert(abi.encodeWithSelector(AccountFactory.ImplementationMissing.selector, nobody));
        new AccountFactory(_patientImplementation, _doctorImplementation, nobody);
    }

    function testFuzz_anAccountIsWhereItWasForetoldAndBelongsToItsOwner(address owner) public {
        vm.assume(owner != address(0));
        address patient = _factory.patientAccountAddress(owner);
        vm.expectEmit(address(_factory));
        emit AccountFactory.PatientAccountCreated(patient, owner);
        vm.assertEq(_factory.createPatientAccount(owner), patient);
        vm.assertEq(PatientAccount(payable(patient)).ownership().custodian, owner);

        address doctor = _factory.doctorAccountAddress(owner);
        vm.expectEmit(address(_factory));
        emit AccountFactory.DoctorAccountCreated(doctor, owner);
        vm.assertEq(_factory.createDoctorAccount(owner), doctor);
        vm.assertEq(ServerSignedDoctorAccount(payable(doctor)).owner(), owner);
        vm.assertNotEq(patient, doctor);
    }

    function test_makingAnAccountTwiceReturnsTheFirst() public {
        address patient = _factory.createPatientAccount(_owner);
        address doctor = _factory.createDoctorAccount(_owner);
        vm.recordLogs();
        vm.assertEq(_factory.createPatientAccount(_owner), patient);
        vm.assertEq(_factory.createDoctorAccount(_owner), doctor);
        vm.assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_twoOwnersHaveTwoAccounts() public {
        vm.assertNotEq(_factory.createPatientAccount(_owner), _factory.createPatientAccount(account("another")));
    }

    function test_nobodyOwnsNoAccount() public {
        vm.expectRevert(abi.encodeWithSelector(AccountFactory.ZeroOwner.selector));
        _factory.createPatientAccount(address(0));
        vm.expectRevert(abi.encodeWithSelector(AccountFactory.ZeroOwner.selector));
        _factory.createDoctorAccount(address(0));
    }
}
