// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "@openzeppelin/contracts/account/Account.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IAccount, IAccountExecute, IEntryPoint, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {AccountFactory} from "../../contracts/AccountFactory.sol";
import {DoctorAccount} from "../../contracts/DoctorAccount.sol";
import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IPatientAccount} from "../../contracts/IPatientAccount.sol";
import {IPatientSafeguards} from "../../contracts/IPatientSafeguards.sol";
import {LedgerAccount} from "../../contracts/LedgerAccount.sol";
import {PatientAccount} from "../../contracts/PatientAccount.sol";
import {ServerSignedDoctorAccount} from "../../contracts/ServerSignedDoctorAccount.sol";
import {ConsentTest} from "./ConsentTest.sol";

/// @dev The entry point is an ordinary account here; EntryPoint.test.ts runs the real one.
contract LedgerAccountTest is ConsentTest {
    uint256 private constant OWNER_KEY = uint256(keccak256("owner"));
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    bytes32 private constant OPERATION_HASH = keccak256("user operation");

    address private _entryPoint = account("entryPoint");
    address private _owner = vm.addr(OWNER_KEY);
    LedgerAccount private _patientAccount;
    LedgerAccount private _doctorAccount;

    function setUp() public override {
        super.setUp();
        IEntryPoint entryPoint = IEntryPoint(_entryPoint);
        AccountFactory factory = new AccountFactory(
            address(new PatientAccount(entryPoint, address(ledger))),
            address(new ServerSignedDoctorAccount(entryPoint, address(ledger))),
            address(new DoctorAccount(entryPoint, address(ledger)))
        );
        _patientAccount = LedgerAccount(payable(factory.createPatientAccount(_owner)));
        _doctorAccount = LedgerAccount(payable(factory.createDoctorAccount(_owner)));
        patient = address(_patientAccount);
        doctor = address(_doctorAccount);
        vm.prank(hospital);
        ledger.addPatient(patient);
        vm.prank(hospital);
        affiliationId = ledger.addDoctor(doctor);
    }

    // What an account can do

    function test_aDoctorsAccountAsksAndThePatientsAccountAllowsRefusesAndRemoves() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        bytes32 requestId = abi.decode(
            _execute(_doctorAccount, abi.encodeCall(IConsentLedger.openRequest, (request))),
            (bytes32)
        );
        vm.assertEq(requestId, ledger.requestIdOf(request));
        _execute(_patientAccount, abi.encodeCall(IConsentLedger.openGrant, (requestId, answerOf(lastEnd(7)))));
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        _execute(_patientAccount, abi.encodeCall(IConsentLedger.revokeGrant, (requestId)));
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));

        request.scopeCommitment = keccak256("another");
        requestId = ask(request);
        _execute(_patientAccount, abi.encodeCall(IConsentLedger.refuseRequest, (requestId)));
        request.scopeCommitment = keccak256("a third");
        requestId = ask(request);
        _execute(_doctorAccount, abi.encodeCall(IConsentLedger.withdrawRequest, (requestId)));
    }

    function test_theLedgersReasonComesThrough() public {
        _expectExecutionRefused(
            _patientAccount,
            abi.encodeCall(IConsentLedger.refuseRequest, (SCOPE)),
            abi.encodeWithSelector(IConsentLedger.RequestUnknown.selector, SCOPE)
        );
    }

    // What whoever holds the key cannot make it do

    function test_aPatientsAccountCannotAsk() public {
        _expectNotAllowed(_patientAccount, abi.encodeCall(IConsentLedger.openRequest, (sevenDays())));
        _expectNotAllowed(_patientAccount, abi.encodeCall(IConsentLedger.withdrawRequest, (SCOPE)));
    }

    function test_aDoctorsAccountCannotAnswer() public {
        _expectNotAllowed(_doctorAccount, abi.encodeCall(IConsentLedger.openGrant, (SCOPE, SCOPE)));
        _expectNotAllowed(_doctorAccount, abi.encodeCall(IConsentLedger.refuseRequest, (SCOPE)));
        _expectNotAllowed(_doctorAccount, abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE)));
    }

    function test_noAccountLogsOrNamesTheAccessWriter() public {
        vm.prank(governor);
        ledger.transferOwnership(patient);
        bytes memory logging = abi.encodeCall(IConsentLedger.logAccess, (entries(SCOPE, CARD, VIEW)));
        bytes memory naming = abi.encodeCall(IConsentLedger.setAccessWriter, (stranger));
        _expectNotAllowed(_patientAccount, logging);
        _expectNotAllowed(_patientAccount, naming);
        _expectNotAllowed(_doctorAccount, logging);
        _expectNotAllowed(_doctorAccount, naming);
    }

    function test_commonExecuteFunctionsAreNotThere() public {
        bytes[6] memory calls = [
            abi.encodeWithSignature("execute(address,uint256,bytes)", stranger, 1, ""),
            abi.encodeWithSignature("execute(bytes32,bytes)", bytes32(0), ""),
            abi.encodeWithSignature("executeBatch(address[],uint256[],bytes[])", "", "", ""),
            abi.encodeWithSelector(IAccountExecute.executeUserOp.selector, "", SCOPE),
            abi.encodeWithSignature("transferOwnership(address)", stranger),
            abi.encodeWithSignature("upgradeToAndCall(address,bytes)", stranger, "")
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            _expectNotAllowed(_patientAccount, calls[i]);
            _expectNotAllowed(_doctorAccount, calls[i]);
        }
    }

    function testFuzz_noOtherSelectorPasses(bytes4 selector, bytes calldata rest) public {
        vm.assume(!_isOwnFunction(selector));
        bytes memory data = bytes.concat(selector, rest);
        if (!_isPatientFunction(selector)) _expectNotAllowed(_patientAccount, data);
        if (!_isDoctorFunction(selector)) _expectNotAllowed(_doctorAccount, data);
    }

    function test_aCallTooShortForAFunctionIsRefused() public {
        _expectExecutionRefused(
            _patientAccount,
            hex"010203",
            abi.encodeWithSelector(LedgerAccount.FunctionNotAllowed.selector, bytes4(hex"010203"))
        );
    }

    function test_onlyTheEntryPointMayMakeItSpeak() public {
        bytes32 requestId = ask();
        bytes memory data = abi.encodeCall(IConsentLedger.openGrant, (requestId, answerOf(lastEnd(7))));
        // Not the account itself: a passkey owner calls by it.
        address[5] memory others = [_owner, doctor, hospital, governor, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.prank(others[i]);
            (bool success, bytes memory answer) = patient.call(data);
            vm.assertFalse(success);
            vm.assertEq(
                keccak256(answer),
                keccak256(abi.encodeWithSelector(Account.AccountUnauthorized.selector, others[i]))
            );
        }
    }

    function test_onlyTheEntryPointMakesAServerSignedDoctorsAccountSpeak() public {
        IConsentLedger.AccessRequest memory request = sevenDays();
        address[4] memory others = [_owner, patient, hospital, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.prank(others[i]);
            (bool success, bytes memory answer) = doctor.call(abi.encodeCall(IConsentLedger.openRequest, (request)));
            vm.assertFalse(success);
            vm.assertEq(
                keccak256(answer),
                keccak256(abi.encodeWithSelector(Account.AccountUnauthorized.selector, others[i]))
            );
        }
    }

    function test_theServersKeyAndNoOtherSignsForItsDoctorsAccount() public {
        PackedUserOperation memory operation = _operation(_sign(OWNER_KEY, OPERATION_HASH));
        operation.sender = doctor;
        vm.prank(_entryPoint);
        vm.assertEq(IAccount(doctor).validateUserOp(operation, OPERATION_HASH, 0), 0);
        operation.signature = _sign(OWNER_KEY + 1, OPERATION_HASH);
        vm.prank(_entryPoint);
        vm.assertEq(IAccount(doctor).validateUserOp(operation, OPERATION_HASH, 0), 1);
    }

    function test_anAccountInCustodySignsNothingElsewhere() public {
        bytes memory asked = abi.encodeCall(
            IERC1271.isValidSignature,
            (OPERATION_HASH, _sign(OWNER_KEY, OPERATION_HASH))
        );
        (bool success, bytes memory answer) = patient.call(asked);
        vm.assertTrue(success);
        vm.assertEq(abi.decode(answer, (bytes32)), bytes32(bytes4(0xffffffff)));
        (success, ) = doctor.call(asked);
        vm.assertFalse(success);
    }

    function test_anAccountTakesNoValue() public {
        vm.deal(stranger, 2 ether);
        vm.prank(stranger);
        (bool success, bytes memory answer) = patient.call{value: 1 ether}("");
        vm.assertFalse(success);
        vm.assertEq(keccak256(answer), keccak256(abi.encodeWithSelector(LedgerAccount.ValueNotAccepted.selector)));
        vm.deal(_entryPoint, 1 ether);
        vm.prank(_entryPoint);
        (success, ) = patient.call{value: 1 ether}(abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE)));
        vm.assertFalse(success);
    }

    // Who signs for it

    function test_anAccountKnowsItsOwnerLedgerAndEntryPoint() public view {
        vm.assertEq(PatientAccount(payable(patient)).ownership().custodian, _owner);
        vm.assertEq(ServerSignedDoctorAccount(payable(doctor)).owner(), _owner);
        vm.assertEq(_patientAccount.ledger(), address(ledger));
        vm.assertEq(address(_patientAccount.entryPoint()), _entryPoint);
    }

    function test_theOwnersSignatureIsValid() public {
        vm.assertEq(_validate(_sign(OWNER_KEY, OPERATION_HASH)), 0);
    }

    function test_anotherKeysSignatureIsNot() public {
        vm.assertEq(_validate(_sign(OWNER_KEY + 1, OPERATION_HASH)), 1);
        vm.assertEq(_validate(_sign(OWNER_KEY, SCOPE)), 1);
        vm.assertEq(_validate(""), 1);
        vm.assertEq(_validate(new bytes(64)), 1);
        // In 65 bytes, as other accounts take it.
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(OWNER_KEY, OPERATION_HASH);
        vm.assertEq(_validate(abi.encodePacked(r, s, v)), 1);
    }

    function test_theMirrorImageOfASignatureIsNotValid() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(OWNER_KEY, OPERATION_HASH);
        uint256 high = CURVE_ORDER - uint256(s);
        // Its highest bit is where the parity stands, so it cannot even be written.
        vm.assertEq(_validate(abi.encodePacked(r, bytes32(high))), 1);
        vm.assertEq(_validate(abi.encodePacked(r, bytes32(high | (uint256(28 - v) << 255)))), 1);
    }

    function testFuzz_noMadeUpSignatureIsValid(bytes calldata signature) public {
        vm.assertEq(_validate(signature), 1);
    }

    function test_onlyTheEntryPointAsksForValidation() public {
        PackedUserOperation memory operation = _operation("");
        vm.expectRevert(abi.encodeWithSelector(Account.AccountUnauthorized.selector, _owner));
        vm.prank(_owner);
        IAccount(patient).validateUserOp(operation, OPERATION_HASH, 0);
    }

    function _execute(LedgerAccount sender, bytes memory data) private returns (bytes memory) {
        vm.prank(_entryPoint);
        (bool success, bytes memory answer) = address(sender).call(data);
        vm.assertTrue(success);
        return answer;
    }

    function _expectNotAllowed(LedgerAccount sender, bytes memory data) private {
        _expectExecutionRefused(
            sender,
            data,
            abi.encodeWithSelector(LedgerAccount.FunctionNotAllowed.selector, bytes4(data))
        );
    }

    function _expectExecutionRefused(LedgerAccount sender, bytes memory data, bytes memory refusal) private {
        vm.prank(_entryPoint);
        (bool success, bytes memory answer) = address(sender).call(data);
        vm.assertFalse(success);
        vm.assertEq(keccak256(answer), keccak256(refusal));
    }

    function _validate(bytes memory signature) private returns (uint256) {
        vm.prank(_entryPoint);
        return IAccount(patient).validateUserOp(_operation(signature), OPERATION_HASH, 0);
    }

    function _operation(bytes memory signature) private view returns (PackedUserOperation memory operation) {
        operation.sender = patient;
        operation.nonce = 241 << 248;
        operation.signature = signature;
    }

    function _sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        return compactSignature(key, digest);
    }

    function _isPatientFunction(bytes4 selector) private pure returns (bool) {
        bytes4[12] memory all = [
            IConsentLedger.openGrant.selector,
            IConsentLedger.openGrantWithCode.selector,
            IConsentLedger.refuseRequest.selector,
            IConsentLedger.revokeGrant.selector,
            IConsentLedger.disputeEmergency.selector,
            IPatientSafeguards.requireCode.selector,
            IPatientSafeguards.freeze.selector,
            IPatientSafeguards.forbidEmergency.selector,
            IPatientSafeguards.askLoosening.selector,
            IPatientSafeguards.confirmLoosening.selector,
            IPatientSafeguards.takeCardLine.selector,
            IPatientSafeguards.cancelLoosening.selector
        ];
        for (uint256 i = 0; i < all.length; ++i) if (all[i] == selector) return true;
        return false;
    }

    function _isDoctorFunction(bytes4 selector) private pure returns (bool) {
        return
            selector == IConsentLedger.openRequest.selector ||
            selector == IConsentLedger.recordChange.selector ||
            selector == IConsentLedger.openEmergency.selector ||
            selector == IConsentLedger.withdrawRequest.selector;
    }

    /// @dev What an account answers itself: who it is, its nonces, and validation.
    function _isOwnFunction(bytes4 selector) private pure returns (bool) {
        return
            selector == ServerSignedDoctorAccount.owner.selector ||
            _isPatientsOwnFunction(selector) ||
            selector == LedgerAccount.ledger.selector ||
            selector == Account.entryPoint.selector ||
            selector == IAccount.validateUserOp.selector ||
            selector == bytes4(keccak256("getNonce()")) ||
            selector == bytes4(keccak256("getNonce(uint192)"));
    }

    /// @dev What a patient's account is asked by others than its owner; PatientAccount.t.sol tests it.
    function _isPatientsOwnFunction(bytes4 selector) private pure returns (bool) {
        bytes4[11] memory own = [
            IPatientAccount.freezeAsGuardian.selector,
            IPatientAccount.vetoChange.selector,
            IPatientAccount.proposeChange.selector,
            IPatientAccount.supportChange.selector,
            IPatientAccount.completeChange.selector,
            IPatientAccount.asPasskeyOwner.selector,
            IPatientAccount.revokeGrantAsGuardian.selector,
            IPatientAccount.isInCustody.selector,
            IPatientAccount.changeHashOf.selector,
            IPatientAccount.ownership.selector,
            IERC1271.isValidSignature.selector
        ];
        for (uint256 i = 0; i < own.length; ++i) if (own[i] == selector) return true;
        return false;
    }
}
