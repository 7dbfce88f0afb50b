// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEntryPoint} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {AccountFactory} from "../../contracts/AccountFactory.sol";
import {DoctorAccount} from "../../contracts/DoctorAccount.sol";
import {LedgerAccount} from "../../contracts/LedgerAccount.sol";
import {PatientAccount} from "../../contracts/PatientAccount.sol";
import {ContractTest} from "./ContractTest.sol";

contract AccountFactoryTest is ContractTest {
    address private _owner = account("owner");
    address private _patientImplementation;
    address private _doctorImplementation;
    AccountFactory private _factory;

    function setUp() public {
        IEntryPoint entryPoint = IEntryPoint(account("entryPoint"));
        _patientImplementation = address(new PatientAccount(entryPoint, account("ledger")));
        _doctorImplementation = address(new DoctorAccount(entryPoint, account("ledger")));
        _factory = new AccountFactory(_patientImplementation, _doctorImplementation);
    }

    function test_theImplementationsAreKnown() public view {
        vm.assertEq(_factory.patientImplementation(), _patientImplementation);
        vm.assertEq(_factory.doctorImplementation(), _doctorImplementation);
    }

    function test_anImplementationMustBeThere() public {
        address nobody = account("nobody");
        vm.expectRevert(abi.encodeWithSelector(AccountFactory.ImplementationMissing.selector, nobody));
        new AccountFactory(nobody, _doctorImplementation);
        vm.expectRevert(abi.encodeWithSelector(AccountFactory.ImplementationMissing.selector, nobody));
        new AccountFactory(_patientImplementation, nobody);
    }

    function testFuzz_anAccountIsWhereItWasForetoldAndBelongsToItsOwner(address owner) public {
        vm.assume(owner != address(0));
        address patient = _factory.patientAccountAddress(owner);
        vm.expectEmit(address(_factory));
        emit AccountFactory.PatientAccountCreated(patient, owner);
        vm.assertEq(_factory.createPatientAccount(owner), patient);
        vm.assertEq(LedgerAccount(payable(patient)).owner(), owner);

        address doctor = _factory.doctorAccountAddress(owner);
        vm.expectEmit(address(_factory));
        emit AccountFactory.DoctorAccountCreated(doctor, owner);
        vm.assertEq(_factory.createDoctorAccount(owner), doctor);
        vm.assertEq(LedgerAccount(payable(doctor)).owner(), owner);
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
