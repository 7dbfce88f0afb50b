// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEntryPoint, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {AccountFactory} from "../../contracts/AccountFactory.sol";
import {ConsentLedger} from "../../contracts/ConsentLedger.sol";
import {DoctorAccount} from "../../contracts/DoctorAccount.sol";
import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IPatientAccount} from "../../contracts/IPatientAccount.sol";
import {IPatientSafeguards} from "../../contracts/IPatientSafeguards.sol";
import {IProviderRegistry} from "../../contracts/IProviderRegistry.sol";
import {PatientAccount} from "../../contracts/PatientAccount.sol";
import {ServerSignedDoctorAccount} from "../../contracts/ServerSignedDoctorAccount.sol";
import {ConsentTest} from "./ConsentTest.sol";
import {ContractTest} from "./ContractTest.sol";

/// @dev An entry point that hands on whatever the custodian of one patient signs, in any order.
contract DishonestCustodian is ContractTest {
    uint256 private constant KEY = uint256(keccak256("custodian"));

    bytes32[] private _requests;
    address private _account;
    address private _other;
    ConsentLedger private _ledger;
    uint256 public done;

    function owner() external pure returns (address) {
        return vm.addr(KEY);
    }

    function begin(ConsentLedger ledger, address account, address other, bytes32[] calldata requests) external {
        // The fuzzer calls this too.
        if (_account != address(0)) return;
        (_ledger, _account, _other, _requests) = (ledger, account, other, requests);
    }

    /// @dev A call of any function that anybody offers, with arguments that sometimes fit.
    function signsAnything(uint8 what, uint8 which, bytes32 first, bytes32 second) external {
        bytes32 request = _requests[which % _requests.length];
        bytes32 answer = bytes32(bytes20(second)) | bytes32(block.timestamp / 1 days + 1 + (uint256(first) % 8));
        bytes memory call;
        if (what % 5 == 0) call = abi.encodeCall(IConsentLedger.openGrant, (request, answer));
        else if (what % 5 == 1) call = abi.encodeWithSelector(_selector(what / 5), request, second, first);
        else if (what % 5 == 2) call = abi.encodeWithSelector(_selector(what / 5), _other, first, second);
        else if (what % 5 == 3) call = abi.encodeWithSelector(_selector(what / 5), _ledger, 1 ether, second);
        else call = abi.encodePacked(first, second);
        _handle(call, what % 2 == 0 ? 1 : 2);
    }

    function timePasses(uint24 seconds_) external {
        vm.warp(block.timestamp + seconds_);
    }

    function _handle(bytes memory call, uint256 lane) private {
        PackedUserOperation memory operation;
        operation.sender = _account;
        operation.nonce = (240 + lane) << 248;
        operation.callData = call;
        bytes32 hash = keccak256(abi.encode(operation, done));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, hash);
        operation.signature = abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
        uint256 validation = PatientAccount(payable(_account)).validateUserOp(operation, hash, 0);
        vm.assertEq(validation, 0);
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, ) = _account.call(call);
        if (success) ++done;
    }

    function _selector(uint8 what) private pure returns (bytes4) {
        bytes4[30] memory selectors = [
            IConsentLedger.openGrantWithCode.selector,
            IConsentLedger.revokeGrant.selector,
            IConsentLedger.refuseRequest.selector,
            IConsentLedger.disputeEmergency.selector,
            IConsentLedger.openRequest.selector,
            IConsentLedger.withdrawRequest.selector,
            IConsentLedger.recordChange.selector,
            IConsentLedger.openEmergency.selector,
            IConsentLedger.logAccess.selector,
            IConsentLedger.setAccessWriter.selector,
            IConsentLedger.endGrantByHospital.selector,
            IPatientSafeguards.freeze.selector,
            IPatientSafeguards.requireCode.selector,
            IPatientSafeguards.forbidEmergency.selector,
            IPatientSafeguards.askLoosening.selector,
            IPatientSafeguards.confirmLoosening.selector,
            IPatientSafeguards.cancelLoosening.selector,
            IPatientSafeguards.scheduleLooseningByRecovery.selector,
            IPatientSafeguards.executeLoosening.selector,
            IPatientSafeguards.issueFirstCard.selector,
            IProviderRegistry.addPatient.selector,
            IProviderRegistry.suspendPatient.selector,
            IProviderRegistry.addDoctor.selector,
            IPatientAccount.proposeChange.selector,
            IPatientAccount.completeChange.selector,
            IPatientAccount.asPasskeyOwner.selector,
            // What other accounts and tokens offer: execute, transfer, approve, setOwner.
            bytes4(0xb61d27f6),
            bytes4(0xa9059cbb),
            bytes4(0x095ea7b3),
            bytes4(0x13af4035)
        ];
        return selectors[what % 30];
    }
}

contract CustodyInvariantsTest is ConsentTest {
    DishonestCustodian private _custodian;
    address private _account;
    address private _other = account("another patient");
    bytes32[2] private _others;
    bytes32 private _before;

    function setUp() public override {
        super.setUp();
        _custodian = new DishonestCustodian();
        IEntryPoint entryPoint = IEntryPoint(address(_custodian));
        AccountFactory factory = new AccountFactory(
            address(new PatientAccount(entryPoint, address(ledger))),
            address(new ServerSignedDoctorAccount(entryPoint, address(ledger))),
            address(new DoctorAccount(entryPoint, address(ledger)))
        );
        _account = factory.createPatientAccount(_custodian.owner());
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(hospital);
            ledger.addPatient(i == 0 ? _account : _other);
        }
        patient = _other;
        _others = [askAndAllow(), _askOf(_other, "another scope")];
        bytes32[] memory requests = new bytes32[](4);
        (requests[0], requests[1]) = (_others[0], _others[1]);
        requests[2] = _askOf(_account, "first scope");
        requests[3] = _askOf(_account, "second scope");
        vm.deal(address(_custodian), 10 ether);
        vm.deal(address(ledger), 1 ether);
        _custodian.begin(ledger, _account, _other, requests);
        _before = _everythingElse();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_custodian);
    }

    /// @dev Nobody in particular: with senders of its own choice the fuzzer, by some seeds (0x04), ends with an account of the
    /// test's empty that nobody took anything from.
    function targetSenders() external view returns (address[] memory senders) {
        senders = new address[](1);
        senders[0] = stranger;
    }

    /// @dev Whatever the custodian signs changes that patient's own consents and nothing else, and moves no value.
    function invariant_theCustodianTouchesNothingButThatPatientsConsents() external view {
        vm.assertEq(_everythingElse(), _before);
        vm.assertEq(_account.balance, 0);
        vm.assertEq(address(_custodian).balance, 10 ether);
        vm.assertEq(address(ledger).balance, 1 ether);
    }

    function _askOf(address asked, string memory scope) private returns (bytes32) {
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.patient = asked;
        request.scopeCommitment = keccak256(bytes(scope));
        return ask(request);
    }

    /// @dev Another patient's requests and safeguards, who is who, who logs, and whose the account is.
    function _everythingElse() private view returns (bytes32) {
        bytes memory consents = abi.encode(
            ledger.requestState(_others[0]),
            ledger.requestState(_others[1]),
            ledger.safeguards(_other),
            ledger.loosening(_other, IPatientSafeguards.LooseningKind.ReplaceCard)
        );
        (address affiliated, address employer, bool active) = ledger.affiliation(affiliationId);
        bytes memory people = abi.encode(
            affiliated,
            employer,
            active,
            ledger.governor(),
            ledger.accessWriter(),
            ledger.patientHospital(_other),
            ledger.patientSuspendedAt(_other),
            ledger.isVerifiedHospital(hospital),
            ledger.isDoctor(_account)
        );
        return keccak256(abi.encode(consents, people, PatientAccount(payable(_account)).ownership()));
    }
}
