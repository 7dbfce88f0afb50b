// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IAccount, IEntryPoint, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {AccountFactory} from "../../contracts/AccountFactory.sol";
import {DoctorAccount} from "../../contracts/DoctorAccount.sol";
import {ICardCodes} from "../../contracts/ICardCodes.sol";
import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IPatientAccount} from "../../contracts/IPatientAccount.sol";
import {IPatientSafeguards} from "../../contracts/IPatientSafeguards.sol";
import {LedgerAccount} from "../../contracts/LedgerAccount.sol";
import {PatientAccount} from "../../contracts/PatientAccount.sol";
import {ServerSignedDoctorAccount} from "../../contracts/ServerSignedDoctorAccount.sol";
import {PasskeyTest} from "./PasskeyTest.sol";

/// @dev A ledger that keeps cards: one code is right, and what it was spent on is remembered. It answers the rest with ok.
contract CardLedgerStub {
    address public providerRegistry;
    mapping(address patient => mapping(bytes32 actionHash => bool spent)) public spent;
    bytes public lastCall;

    error WrongCode();

    constructor(address registry) {
        providerRegistry = registry;
    }

    fallback() external {
        lastCall = msg.data;
    }

    function spendCardCode(bytes32 actionHash, bytes calldata proof) external {
        if (keccak256(proof) != keccak256("right code")) revert WrongCode();
        spent[msg.sender][actionHash] = true;
    }
}

/// @dev The entry point is an ordinary account here, and the ledger a stub with a card.
contract PatientAccountTest is PasskeyTest {
    uint256 private constant CUSTODIAN_KEY = uint256(keccak256("custodian"));
    uint256 private constant PASSKEY = uint256(keccak256("her passkey"));
    bytes32 private constant HASH = keccak256("user operation");
    bytes32 private constant SALT = keccak256("salt");

    address private _entryPoint = account("entryPoint");
    address private _organisation = account("organisation");
    address private _helper = account("helper");
    CardLedgerStub private _ledger;
    PatientAccount private _implementation;
    PatientAccount private _account;

    function setUp() public override {
        super.setUp();
        _ledger = new CardLedgerStub(address(registry));
        IEntryPoint entryPoint = IEntryPoint(_entryPoint);
        _implementation = new PatientAccount(entryPoint, address(_ledger));
        AccountFactory factory = new AccountFactory(
            address(_implementation),
            address(new ServerSignedDoctorAccount(entryPoint, address(_ledger))),
            address(new DoctorAccount(entryPoint, address(_ledger)))
        );
        _account = PatientAccount(payable(factory.createPatientAccount(vm.addr(CUSTODIAN_KEY))));
    }

    // Whose signature counts, on which lane, for which shape of call

    function test_theCustodianSignsBareCallsOnTwoLanes() public {
        bytes memory bare = abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE));
        vm.assertEq(_validate(1, bare, _custodianSignature()), 0);
        vm.assertEq(_validate(2, bare, _custodianSignature()), 0);
        vm.assertEq(_validate(0, bare, _custodianSignature()), 1);
        vm.assertEq(_validate(3, bare, _custodianSignature()), 1);
        vm.assertEq(_validate(1, _wrap(bare), _custodianSignature()), 1);
        vm.assertEq(_validate(3, _wrap(bare), passkeySignature(PASSKEY, HASH)), 1);
    }

    function testFuzz_noOtherLaneIsTheCustodians(uint192 lane) public {
        vm.assume(lane != 1 && lane != 2);
        vm.assertEq(_validate(lane, abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE)), _custodianSignature()), 1);
    }

    function test_aPasskeySignsWrappedCallsOnTheThirdLane() public {
        _exit();
        bytes memory bare = abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE));
        vm.assertEq(_validate(3, _wrap(bare), passkeySignature(PASSKEY, HASH)), 0);
        vm.assertEq(_validate(1, _wrap(bare), passkeySignature(PASSKEY, HASH)), 1);
        vm.assertEq(_validate(3, bare, passkeySignature(PASSKEY, HASH)), 1);
        vm.assertEq(_validate(3, _wrap(bare), passkeySignature(PASSKEY + 1, HASH)), 1);
        vm.assertEq(_validate(3, _wrap(bare), passkeySignature(PASSKEY, SCOPE)), 1);
        for (uint192 lane = 1; lane < 4; ++lane) {
            vm.assertEq(_validate(lane, bare, _custodianSignature()), 1);
            vm.assertEq(_validate(lane, _wrap(bare), _custodianSignature()), 1);
        }
    }

    function test_validationWritesNothing() public {
        bytes memory bare = abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE));
        records.record();
        _validate(1, bare, _custodianSignature());
        (, bytes32[] memory written) = records.accesses(address(_account));
        vm.assertEq(written.length, 0);
    }

    // Leaving custody

    function test_aCardCodeAnd72HoursMakeHerTheOwner() public {
        IPatientAccount.Change memory change = _toPasskey(PASSKEY);
        uint40 readyAt = NOW + 72 hours;
        bytes32 changeHash = _account.changeHashOf(change);
        vm.expectEmit(address(_account));
        emit IPatientAccount.ChangeProposed(change.kind, change.first, change.second, readyAt);
        _byCustodian(abi.encodeCall(IPatientAccount.proposeChange, (change, "right code")));
        vm.assertTrue(_ledger.spent(address(_account), changeHash));
        vm.assertEq(_account.ownership().changeHash, changeHash);
        vm.assertEq(_account.ownership().readyAt, readyAt);

        vm.warp(readyAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IPatientAccount.ChangeTooEarly.selector, readyAt));
        _account.completeChange(change);
        vm.warp(readyAt);
        vm.expectEmit(address(_account));
        emit IPatientAccount.ChangeCompleted(change.kind, change.first, change.second);
        _account.completeChange(change);
        IPatientAccount.Ownership memory ownership = _account.ownership();
        vm.assertEq(ownership.custodian, address(0));
        vm.assertEq(ownership.qx, change.first);
        vm.assertEq(ownership.qy, change.second);
        vm.assertEq(ownership.readyAt, 0);
    }

    function test_withoutTheCodeTheCustodianChangesNothing() public {
        IPatientAccount.Change[3] memory changes = [_toPasskey(PASSKEY), _toCustodian(stranger), _toGuardians()];
        for (uint256 i = 0; i < changes.length; ++i) {
            _expectRefused(
                abi.encodeCall(IPatientAccount.proposeChange, (changes[i], "wrong code")),
                abi.encodeWithSelector(CardLedgerStub.WrongCode.selector)
            );
            vm.assertEq(_account.ownership().readyAt, 0);
        }
    }

    function test_afterTheExitTheCustodianCanDoNothingWhateverWasValidatedBefore() public {
        _exit();
        bytes memory refusal = abi.encodeWithSelector(IPatientAccount.CustodyEnded.selector);
        _expectRefused(abi.encodeCall(IConsentLedger.openGrant, (SCOPE, lastEnd(7), ARTEFACT)), refusal);
        _expectRefused(abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE)), refusal);
        _expectRefused(abi.encodeCall(IPatientAccount.vetoChange, ()), refusal);
        _expectRefused(abi.encodeCall(IPatientAccount.proposeChange, (_toCustodian(stranger), "right code")), refusal);
    }

    function test_whatWasValidatedBeforeANewCustodianDoesNotRunAfter() public {
        _propose(_toCustodian(stranger));
        vm.warp(NOW + 72 hours);
        _account.completeChange(_toCustodian(stranger));
        bytes memory removing = abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE));
        _expectRefused(
            removing,
            abi.encodeWithSelector(IPatientAccount.OwnerChanging.selector, uint40(NOW + 72 hours))
        );
        vm.warp(NOW + 72 hours + 2);
        _byCustodian(removing);
        vm.assertEq(_account.ownership().custodian, stranger);
        vm.assertEq(_validate(1, removing, _custodianSignature()), 1);
    }

    function test_herPasskeySpeaksToTheLedgerAndNothingElse() public {
        _exit();
        bytes memory granting = abi.encodeCall(IConsentLedger.openGrant, (SCOPE, lastEnd(7), ARTEFACT));
        _expectRefused(
            _wrap(granting),
            abi.encodeWithSelector(IPatientAccount.OwnerChanging.selector, uint40(NOW + 72 hours))
        );
        vm.warp(NOW + 72 hours + 2);
        _byCustodian(_wrap(granting));
        vm.assertEq(keccak256(_ledger.lastCall()), keccak256(granting));
        bytes memory foreign = abi.encodeCall(IConsentLedger.setAccessWriter, (stranger));
        _expectRefused(
            _wrap(foreign),
            abi.encodeWithSelector(LedgerAccount.FunctionNotAllowed.selector, bytes4(foreign))
        );
    }

    function test_beforeTheExitNothingCountsAsHerPasskeys() public {
        _expectRefused(
            _wrap(abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE))),
            abi.encodeWithSelector(IPatientAccount.NotPasskeyOwned.selector)
        );
    }

    function test_herPasskeyChangesWithoutACodeAfter72Hours() public {
        _exit();
        vm.warp(NOW + 73 hours);
        IPatientAccount.Change memory change = _toPasskey(PASSKEY + 1);
        _byCustodian(_wrap(abi.encodeCall(IPatientAccount.proposeChange, (change, ""))));
        vm.warp(NOW + 146 hours);
        _account.completeChange(change);
        vm.assertEq(_account.ownership().qx, change.first);
    }

    function test_erc1271IsInvalidInCustodyAndBoundToTheAccountAfter() public {
        bytes4 invalid = 0xffffffff;
        vm.assertEq(_account.isValidSignature(HASH, _custodianSignature()), invalid);
        _exit();
        vm.assertEq(_account.isValidSignature(HASH, _custodianSignature()), invalid);
        vm.assertEq(_account.isValidSignature(HASH, passkeySignature(PASSKEY, HASH)), invalid);
        bytes32 bound = keccak256(abi.encode("HealthChain patient", block.chainid, address(_account), HASH));
        vm.assertEq(
            _account.isValidSignature(HASH, passkeySignature(PASSKEY, bound)),
            IERC1271.isValidSignature.selector
        );
    }

    // Vetoes and impossible changes

    function test_aVetoVoidsTheChangeAndWhatGuardiansSaid() public {
        _setGuardians();
        IPatientAccount.Change memory change = _toCustodian(stranger);
        bytes32 before = _account.changeHashOf(change);
        _support(change, _helper, 2);
        _propose(_toPasskey(PASSKEY));
        vm.expectEmit(address(_account));
        emit IPatientAccount.ChangeVetoed();
        _byCustodian(abi.encodeCall(IPatientAccount.vetoChange, ()));
        vm.assertNotEq(_account.changeHashOf(change), before);
        vm.warp(NOW + 300 hours);
        _expectNotProposed(_toPasskey(PASSKEY));
        _support(change, hospital, 0);
        vm.assertEq(_account.ownership().readyAt, 0);
    }

    function test_oneChangeAtATime() public {
        _propose(_toPasskey(PASSKEY));
        _expectRefused(
            abi.encodeCall(IPatientAccount.proposeChange, (_toGuardians(), "right code")),
            abi.encodeWithSelector(IPatientAccount.ChangePending.selector, NOW + 72 hours)
        );
        _expectNotProposed(_toGuardians());
    }

    function test_aCompletedChangeDoesNotComeBack() public {
        _exit();
        _expectNotProposed(_toPasskey(PASSKEY));
    }

    function test_impossibleChangesAreRefused() public {
        (bytes32 qx, bytes32 qy) = passkeyOf(PASSKEY);
        IPatientAccount.Change[7] memory changes = [
            IPatientAccount.Change(IPatientAccount.ChangeKind.None, qx, qy),
            IPatientAccount.Change(IPatientAccount.ChangeKind.ToPasskey, qx, 0),
            IPatientAccount.Change(IPatientAccount.ChangeKind.ToCustodian, 0, 0),
            IPatientAccount.Change(IPatientAccount.ChangeKind.ToCustodian, bytes32(uint256(1) << 160), 0),
            IPatientAccount.Change(IPatientAccount.ChangeKind.ToCustodian, bytes32(uint256(1)), qy),
            IPatientAccount.Change(IPatientAccount.ChangeKind.Guardians, qx, qy),
            IPatientAccount.Change(IPatientAccount.ChangeKind.Loosening, 0, 0)
        ];
        for (uint256 i = 0; i < changes.length; ++i) {
            _expectRefused(
                abi.encodeCall(IPatientAccount.proposeChange, (changes[i], "right code")),
                abi.encodeWithSelector(
                    IPatientAccount.ChangeInvalid.selector,
                    changes[i].kind,
                    changes[i].first,
                    changes[i].second
                )
            );
        }
    }

    // Recovery

    function test_twoGuardiansOfThreeAnd72HoursReplaceTheCustodian() public {
        _setGuardians();
        IPatientAccount.Change memory change = _toCustodian(stranger);
        vm.expectEmit(address(_account));
        emit IPatientAccount.ChangeSupported(_account.changeHashOf(change), 0);
        _support(change, hospital, 0);
        _support(change, hospital, 0);
        vm.assertEq(_account.ownership().readyAt, 0);
        _support(change, _helper, 2);
        uint40 readyAt = _account.ownership().readyAt;
        vm.assertEq(readyAt, NOW + 144 hours);
        vm.warp(readyAt);
        _account.completeChange(change);
        vm.assertEq(_account.ownership().custodian, stranger);
    }

    function test_twoGuardiansStartALooseningOnTheLedger() public {
        _setGuardians();
        IPatientAccount.Change memory change = IPatientAccount.Change(
            IPatientAccount.ChangeKind.Loosening,
            bytes32(uint256(uint8(IPatientSafeguards.LooseningKind.ReplaceCard))),
            ARTEFACT
        );
        _support(change, _organisation, 1);
        vm.assertEq(_ledger.lastCall().length, 0);
        _support(change, _helper, 2);
        vm.assertEq(
            keccak256(_ledger.lastCall()),
            keccak256(
                abi.encodeCall(
                    IPatientSafeguards.scheduleLooseningByRecovery,
                    (IPatientSafeguards.LooseningKind.ReplaceCard, ARTEFACT)
                )
            )
        );
    }

    function test_theOwnerNeverSchedulesByRecovery() public {
        bytes memory data = abi.encodeCall(
            IPatientSafeguards.scheduleLooseningByRecovery,
            (IPatientSafeguards.LooseningKind.LowerAssurance, bytes32(0))
        );
        bytes memory refusal = abi.encodeWithSelector(LedgerAccount.FunctionNotAllowed.selector, bytes4(data));
        _expectRefused(data, refusal);
        _exit();
        vm.warp(NOW + 73 hours);
        _expectRefused(_wrap(data), refusal);
    }

    function test_nobodyElseIsAGuardian() public {
        _setGuardians();
        IPatientAccount.Change memory change = _toCustodian(stranger);
        IPatientAccount.Guardianship memory own = _guardianship(2);
        bytes memory refusal = abi.encodeWithSelector(IPatientAccount.NotGuardian.selector, stranger);
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _account.supportChange(change, own);
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _account.freezeAsGuardian(own);
        own.leaves[2] = keccak256(abi.encode(stranger, SALT));
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _account.supportChange(change, own);
        own = _guardianship(2);
        own.index = 3;
        vm.expectRevert(abi.encodeWithSelector(IPatientAccount.NotGuardian.selector, _helper));
        vm.prank(_helper);
        _account.supportChange(change, own);
    }

    function test_withoutGuardiansNobodyIsOne() public {
        vm.expectRevert(abi.encodeWithSelector(IPatientAccount.NotGuardian.selector, hospital));
        vm.prank(hospital);
        _account.supportChange(_toCustodian(stranger), _guardianship(0));
    }

    function test_oneGuardianFreezes() public {
        _setGuardians();
        IPatientAccount.Guardianship memory own = _guardianship(1);
        vm.prank(_organisation);
        _account.freezeAsGuardian(own);
        vm.assertEq(keccak256(_ledger.lastCall()), keccak256(abi.encodeCall(IPatientSafeguards.freeze, ())));
    }

    // The governor's switch

    function test_theGovernorPausesWhatCustodiansOpenAndNeverWhatTheyRemove() public {
        vm.expectEmit(address(_implementation));
        emit IPatientAccount.CustodialGrantsPaused(true);
        vm.prank(governor);
        _implementation.pauseCustodialGrants(true);
        bytes memory granting = abi.encodeCall(IConsentLedger.openGrant, (SCOPE, lastEnd(7), ARTEFACT));
        bytes memory refusal = abi.encodeWithSelector(IPatientAccount.CustodialGrantsArePaused.selector);
        _expectRefused(granting, refusal);
        _expectRefused(
            abi.encodeCall(IConsentLedger.openGrantWithCode, (SCOPE, lastEnd(7), ARTEFACT, SCOPE)),
            refusal
        );
        _byCustodian(abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE)));
        _byCustodian(abi.encodeCall(IConsentLedger.refuseRequest, (SCOPE)));
        _byCustodian(abi.encodeCall(IPatientSafeguards.freeze, ()));
        _exit();
        vm.warp(NOW + 73 hours);
        _byCustodian(_wrap(granting));
        vm.prank(governor);
        _implementation.pauseCustodialGrants(false);
        vm.assertFalse(_implementation.areCustodialGrantsPaused());
    }

    function test_onlyTheGovernorAndOnlyOnTheImplementation() public {
        vm.expectRevert(abi.encodeWithSelector(IPatientAccount.NotGovernor.selector, stranger));
        vm.prank(stranger);
        _implementation.pauseCustodialGrants(true);
        vm.expectRevert(abi.encodeWithSelector(IPatientAccount.NotGovernor.selector, governor));
        vm.prank(governor);
        _account.pauseCustodialGrants(true);
    }

    function test_strangersReachNoneOfIt() public {
        bytes[3] memory calls = [
            abi.encodeCall(IPatientAccount.vetoChange, ()),
            abi.encodeCall(IPatientAccount.proposeChange, (_toPasskey(PASSKEY), "right code")),
            _wrap(abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE)))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(stranger);
            (bool success, ) = address(_account).call(calls[i]);
            vm.assertFalse(success);
        }
    }

    function _exit() private {
        _propose(_toPasskey(PASSKEY));
        vm.warp(_account.ownership().readyAt);
        _account.completeChange(_toPasskey(PASSKEY));
    }

    function _setGuardians() private {
        _propose(_toGuardians());
        vm.warp(_account.ownership().readyAt);
        _account.completeChange(_toGuardians());
        vm.assertEq(_account.ownership().guardians, _toGuardians().first);
    }

    function _propose(IPatientAccount.Change memory change) private {
        _byCustodian(abi.encodeCall(IPatientAccount.proposeChange, (change, "right code")));
    }

    function _support(IPatientAccount.Change memory change, address guardian, uint8 index) private {
        IPatientAccount.Guardianship memory own = _guardianship(index);
        vm.prank(guardian);
        _account.supportChange(change, own);
    }

    function _byCustodian(bytes memory data) private {
        vm.prank(_entryPoint);
        (bool success, ) = address(_account).call(data);
        vm.assertTrue(success);
    }

    function _expectRefused(bytes memory data, bytes memory refusal) private {
        vm.prank(_entryPoint);
        (bool success, bytes memory answer) = address(_account).call(data);
        vm.assertFalse(success);
        vm.assertEq(keccak256(answer), keccak256(refusal));
    }

    function _expectNotProposed(IPatientAccount.Change memory change) private {
        bytes32 changeHash = _account.changeHashOf(change);
        vm.expectRevert(abi.encodeWithSelector(IPatientAccount.ChangeNotProposed.selector, changeHash));
        _account.completeChange(change);
    }

    function _validate(uint192 lane, bytes memory data, bytes memory signature) private returns (uint256) {
        PackedUserOperation memory operation;
        operation.sender = address(_account);
        operation.nonce = uint256(lane) << 64;
        operation.callData = data;
        operation.signature = signature;
        vm.prank(_entryPoint);
        return IAccount(_account).validateUserOp(operation, HASH, 0);
    }

    function _guardianship(uint8 index) private view returns (IPatientAccount.Guardianship memory) {
        bytes32[3] memory leaves = [
            keccak256(abi.encode(hospital, SALT)),
            keccak256(abi.encode(_organisation, SALT)),
            keccak256(abi.encode(_helper, SALT))
        ];
        return IPatientAccount.Guardianship({index: index, salt: SALT, leaves: leaves});
    }

    function _toGuardians() private view returns (IPatientAccount.Change memory) {
        bytes32 commitment = keccak256(abi.encode(_guardianship(0).leaves));
        return IPatientAccount.Change(IPatientAccount.ChangeKind.Guardians, commitment, 0);
    }

    function _toPasskey(uint256 key) private pure returns (IPatientAccount.Change memory) {
        (bytes32 qx, bytes32 qy) = passkeyOf(key);
        return IPatientAccount.Change(IPatientAccount.ChangeKind.ToPasskey, qx, qy);
    }

    function _custodianSignature() private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(CUSTODIAN_KEY, HASH);
        return abi.encodePacked(r, s, v);
    }

    function _toCustodian(address custodian) private pure returns (IPatientAccount.Change memory) {
        return IPatientAccount.Change(IPatientAccount.ChangeKind.ToCustodian, bytes32(uint256(uint160(custodian))), 0);
    }

    function _wrap(bytes memory data) private pure returns (bytes memory) {
        return abi.encodeCall(IPatientAccount.asPasskeyOwner, (data));
    }
}
