// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Account} from "@openzeppelin/contracts/account/Account.sol";
import {IAccount, IEntryPoint, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {AccountFactory} from "../../contracts/AccountFactory.sol";
import {DoctorAccount} from "../../contracts/DoctorAccount.sol";
import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IPatientAccount} from "../../contracts/IPatientAccount.sol";
import {IPatientSafeguards} from "../../contracts/IPatientSafeguards.sol";
import {IProviderRegistry} from "../../contracts/IProviderRegistry.sol";
import {LedgerAccount} from "../../contracts/LedgerAccount.sol";
import {PatientAccount} from "../../contracts/PatientAccount.sol";
import {ServerSignedDoctorAccount} from "../../contracts/ServerSignedDoctorAccount.sol";
import {PasskeyTest} from "./PasskeyTest.sol";

/// @dev The entry point is an ordinary account here; the ledger, and the patient's card on it, are real.
contract PatientAccountTest is PasskeyTest {
    uint256 private constant CUSTODIAN_KEY = uint256(keccak256("custodian"));
    uint256 private constant PASSKEY = uint256(keccak256("her passkey"));
    bytes32 private constant HASH = keccak256("user operation");
    bytes32 private constant SALT = keccak256("salt");

    address private _entryPoint = account("entryPoint");
    address private _organisation = account("organisation");
    address private _helper = account("helper");
    /// @dev The card's next line.
    uint256 private _line;
    PatientAccount private _implementation;
    PatientAccount private _account;

    function setUp() public override {
        super.setUp();
        IEntryPoint entryPoint = IEntryPoint(_entryPoint);
        _implementation = new PatientAccount(entryPoint, address(ledger));
        AccountFactory factory = new AccountFactory(
            address(_implementation),
            address(new ServerSignedDoctorAccount(entryPoint, address(ledger))),
            address(new DoctorAccount(entryPoint, address(ledger)))
        );
        _account = PatientAccount(payable(factory.createPatientAccount(vm.addr(CUSTODIAN_KEY))));
        patient = address(_account);
        vm.prank(hospital);
        ledger.addPatient(patient);
        issueCard();
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

    function testFuzz_noOtherLaneIsTheCustodians(uint192 key, uint8 lane) public {
        bytes memory bare = abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE));
        vm.assume(key != uint192(241) << 184 && key != uint192(242) << 184);
        vm.assertEq(_validateOn(key, bare, _custodianSignature()), 1);
        // The number of a lane alone, as a key's last byte, and a lane with anything behind it, are none either.
        vm.assertEq(_validateOn(lane, bare, _custodianSignature()), 1);
        uint192 known = uint192(241 + (lane % 2)) << 184;
        vm.assertEq(_validateOn(known | (1 + (key >> 10)), bare, _custodianSignature()), 1);
    }

    function test_aPasskeySignsWrappedCallsOnTheThirdLane() public {
        _exit();
        bytes memory bare = abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE));
        vm.assertEq(_validate(3, _wrap(bare), passkeySignature(PASSKEY, HASH)), 0);
        vm.assertEq(_validate(1, _wrap(bare), passkeySignature(PASSKEY, HASH)), 1);
        vm.assertEq(_validate(3, bare, passkeySignature(PASSKEY, HASH)), 1);
        vm.assertEq(_validate(3, _wrap(bare), passkeySignature(PASSKEY + 1, HASH)), 1);
        vm.assertEq(_validate(3, _wrap(bare), passkeySignature(PASSKEY, SCOPE)), 1);
        for (uint8 lane = 1; lane < 4; ++lane) {
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
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.CardLineTakenForAction(patient, changeHash, lineHash(CARD, 0));
        bytes32 code = _takeLine(change);
        vm.expectEmit(address(_account));
        emit IPatientAccount.ChangeProposed(change.kind, change.first, change.second, readyAt);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.CardCodeSpent(patient, changeHash);
        _byCustodian(abi.encodeCall(IPatientAccount.proposeChange, (change, code)));
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
            _expectCodeRefused(changes[i], stretchedCode(CARD, _line));
            _takeLine(changes[i]);
            _expectCodeRefused(changes[i], "wrong code");
            vm.assertEq(_account.ownership().readyAt, 0);
        }
    }

    function test_aLineTakenForOneChangeAllowsNoOther() public {
        bytes32 code = _takeLine(_toPasskey(PASSKEY));
        _expectCodeRefused(_toPasskey(PASSKEY + 1), code);
        _expectCodeRefused(_toCustodian(stranger), code);
        _byCustodian(abi.encodeCall(IPatientAccount.proposeChange, (_toPasskey(PASSKEY), code)));
    }

    function test_aCodeAllowsAChangeOnce() public {
        IPatientAccount.Change memory change = _toPasskey(PASSKEY);
        bytes32 code = _takeLine(change);
        _byCustodian(abi.encodeCall(IPatientAccount.proposeChange, (change, code)));
        _byCustodian(abi.encodeCall(IPatientAccount.vetoChange, ()));
        _expectCodeRefused(change, code);
        // What the veto made another change has no line yet, and the old hash's code is spent.
        vm.expectRevert(
            abi.encodeWithSelector(IPatientSafeguards.ActionCodeMismatch.selector, patient, bytes32(0))
        );
        vm.prank(patient);
        ledger.spendCardCode(bytes32(0), code);
    }

    function test_theCardsNextLineAloneIsTaken() public {
        bytes32 changeHash = _account.changeHashOf(_toPasskey(PASSKEY));
        _expectRefused(
            abi.encodeCall(
                IPatientSafeguards.takeCardLine,
                (changeHash, lineHash(CARD, 1), cardLink(CARD, 2))
            ),
            abi.encodeWithSelector(
                IPatientSafeguards.CardLineMismatch.selector,
                patient,
                lineHash(CARD, 1),
                cardLink(CARD, 2),
                cardLink(CARD, 0)
            )
        );
    }

    function test_afterTheExitTheCustodianCanDoNothingWhateverWasValidatedBefore() public {
        _exit();
        bytes memory refusal = abi.encodeWithSelector(IPatientAccount.CustodyEnded.selector);
        _expectRefused(abi.encodeCall(IConsentLedger.openGrant, (SCOPE, SCOPE)), refusal);
        _expectRefused(abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE)), refusal);
        _expectRefused(abi.encodeCall(IPatientAccount.vetoChange, ()), refusal);
        _expectRefused(abi.encodeCall(IPatientAccount.proposeChange, (_toCustodian(stranger), SCOPE)), refusal);
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
        bytes32 requestId = ask(withLine(sevenDays(), _line));
        bytes memory granting = abi.encodeCall(
            IConsentLedger.openGrantWithCode,
            (contentAndArtefact(requestId), codeAndDay(stretchedCode(CARD, _line), lastEnd(7)))
        );
        _expectRefused(
            _wrap(granting),
            abi.encodeWithSelector(IPatientAccount.OwnerChanging.selector, uint40(NOW + 72 hours))
        );
        vm.warp(NOW + 72 hours + 2);
        _byCustodian(_wrap(granting));
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        bytes memory foreign = abi.encodeCall(IConsentLedger.setAccessWriter, (stranger));
        _expectRefused(
            _wrap(foreign),
            abi.encodeWithSelector(LedgerAccount.FunctionNotAllowed.selector, bytes4(foreign))
        );
    }

    function test_nobodyButTheEntryPointSpeaksAsHerPasskey() public {
        _exit();
        vm.warp(NOW + 73 hours);
        bytes memory removing = abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE));
        address[4] memory others = [hospital, governor, doctor, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Account.AccountUnauthorized.selector, others[i]));
            vm.prank(others[i]);
            _account.asPasskeyOwner(removing);
        }
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
        _byCustodian(_wrap(abi.encodeCall(IPatientAccount.proposeChange, (change, bytes32(0)))));
        vm.warp(NOW + 146 hours);
        _account.completeChange(change);
        vm.assertEq(_account.ownership().qx, change.first);
    }

    function test_herPasskeyCanGiveTheAccountBackIntoCustody() public {
        _exit();
        vm.warp(NOW + 73 hours);
        IPatientAccount.Change memory change = _toCustodian(stranger);
        _byCustodian(_wrap(abi.encodeCall(IPatientAccount.proposeChange, (change, bytes32(0)))));
        vm.warp(NOW + 146 hours);
        vm.assertFalse(_account.isInCustody());
        _account.completeChange(change);
        IPatientAccount.Ownership memory ownership = _account.ownership();
        vm.assertTrue(_account.isInCustody());
        vm.assertEq(ownership.custodian, stranger);
        vm.assertEq(ownership.qx, bytes32(0));
        vm.assertEq(ownership.qy, bytes32(0));
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
            abi.encodeCall(IPatientAccount.proposeChange, (_toGuardians(), bytes32(0))),
            abi.encodeWithSelector(IPatientAccount.ChangePending.selector, NOW + 72 hours)
        );
        _expectNotProposed(_toGuardians());
    }

    function test_aCompletedChangeDoesNotComeBack() public {
        bytes32 before = _account.changeHashOf(_toCustodian(stranger));
        _exit();
        _expectNotProposed(_toPasskey(PASSKEY));
        // Nor does what guardians said of another one before.
        vm.assertNotEq(_account.changeHashOf(_toCustodian(stranger)), before);
    }

    function test_impossibleChangesAreRefused() public {
        (bytes32 qx, bytes32 qy) = passkeyOf(PASSKEY);
        IPatientAccount.Change[8] memory changes = [
            IPatientAccount.Change(IPatientAccount.ChangeKind.None, qx, qy),
            IPatientAccount.Change(IPatientAccount.ChangeKind.None, 0, 0),
            IPatientAccount.Change(IPatientAccount.ChangeKind.ToPasskey, qx, 0),
            IPatientAccount.Change(IPatientAccount.ChangeKind.ToCustodian, 0, 0),
            IPatientAccount.Change(IPatientAccount.ChangeKind.ToCustodian, bytes32(uint256(1) << 160), 0),
            IPatientAccount.Change(IPatientAccount.ChangeKind.ToCustodian, bytes32(uint256(1)), qy),
            IPatientAccount.Change(IPatientAccount.ChangeKind.Guardians, qx, qy),
            IPatientAccount.Change(IPatientAccount.ChangeKind.Loosening, 0, SCOPE)
        ];
        for (uint256 i = 0; i < changes.length; ++i) {
            _expectRefused(
                abi.encodeCall(IPatientAccount.proposeChange, (changes[i], bytes32(0))),
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
            SCOPE
        );
        _support(change, _organisation, 1);
        vm.assertEq(ledger.loosening(patient, IPatientSafeguards.LooseningKind.ReplaceCard).readyAt, 0);
        vm.expectEmit(address(ledger));
        emit IPatientSafeguards.LooseningScheduled(
            patient,
            IPatientSafeguards.LooseningKind.ReplaceCard,
            SCOPE,
            uint40(block.timestamp + 72 hours),
            true
        );
        bytes32 supported = _account.changeHashOf(change);
        bytes32 original = keccak256(abi.encode(block.chainid, patient, uint32(0), change));
        _support(change, _helper, 2);
        // What they said is spent: she cancels, and one of them alone does not begin it anew.
        vm.assertTrue(_account.changeHashOf(change) != supported && _account.changeHashOf(change) != original);
        _byCustodian(
            abi.encodeCall(IPatientSafeguards.cancelLoosening, (IPatientSafeguards.LooseningKind.ReplaceCard))
        );
        _support(change, hospital, 0);
        vm.assertEq(ledger.loosening(patient, IPatientSafeguards.LooseningKind.ReplaceCard).readyAt, 0);
    }

    function test_guardiansSupportTheLastOfEachKind() public {
        _setGuardians();
        IPatientAccount.Change[2] memory changes = [
            _toCustodian(address(type(uint160).max)),
            IPatientAccount.Change(
                IPatientAccount.ChangeKind.Loosening,
                bytes32(uint256(uint8(IPatientSafeguards.LooseningKind.Unfreeze))),
                0
            )
        ];
        for (uint256 i = 0; i < changes.length; ++i) {
            vm.expectEmit(address(_account));
            emit IPatientAccount.ChangeSupported(_account.changeHashOf(changes[i]), 0);
            _support(changes[i], hospital, 0);
        }
    }

    function test_guardiansSupportNothingImpossible() public {
        _setGuardians();
        IPatientAccount.Change memory change = _toCustodian(address(0));
        IPatientAccount.Guardianship memory own = _guardianship(1);
        vm.expectRevert(
            abi.encodeWithSelector(IPatientAccount.ChangeInvalid.selector, change.kind, change.first, change.second)
        );
        vm.prank(_organisation);
        _account.supportChange(change, own);
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
        vm.assertEq(ledger.safeguards(patient).frozenAt, block.timestamp);
    }

    function test_oneGuardianRemovesAGrantAndNobodyElseDoes() public {
        _setGuardians();
        bytes32 requestId = ask(withLine(sevenDays(), _line));
        allowWithCode(requestId, lastEnd(7), stretchedCode(CARD, _line));
        IPatientAccount.Guardianship memory own = _guardianship(2);
        vm.expectRevert(abi.encodeWithSelector(IPatientAccount.NotGuardian.selector, stranger));
        vm.prank(stranger);
        _account.revokeGrantAsGuardian(requestId, own);
        vm.assertTrue(ledger.canAccess(requestId, doctor, VIEW));
        vm.expectEmit(address(ledger));
        emit IConsentLedger.GrantRevoked(requestId, patient);
        vm.prank(_helper);
        _account.revokeGrantAsGuardian(requestId, own);
        vm.assertFalse(ledger.canAccess(requestId, doctor, VIEW));
    }

    // The governor's switch

    function test_theGovernorPausesWhatCustodiansOpenAndNeverWhatTheyRemove() public {
        address[] memory own = _hospitals();
        bytes32 granted = ask(withLine(sevenDays(), 0));
        allowWithCode(granted, lastEnd(7), stretchedCode(CARD, 0));
        bytes32 asked = ask(_anotherRequest(1));
        _line = 2;
        vm.expectEmit(address(ledger));
        emit IProviderRegistry.CustodialGrantsPaused(hospital, true);
        vm.prank(governor);
        ledger.pauseCustodialGrants(own, true);
        vm.assertTrue(ledger.areCustodialGrantsPaused(hospital));

        bytes memory granting = abi.encodeCall(
            IConsentLedger.openGrantWithCode,
            (contentAndArtefact(asked), codeAndDay(stretchedCode(CARD, 1), lastEnd(7)))
        );
        IPatientSafeguards.LooseningKind kind = IPatientSafeguards.LooseningKind.LowerAssurance;
        bytes[3] memory opening = [
            granting,
            abi.encodeCall(IPatientSafeguards.askLoosening, (kind, 0, lineHash(CARD, 2), cardLink(CARD, 3))),
            abi.encodeCall(IPatientSafeguards.confirmLoosening, (kind, stretchedCode(CARD, 2)))
        ];
        for (uint256 i = 0; i < opening.length; ++i) {
            _expectRefused(
                opening[i],
                abi.encodeWithSelector(IConsentLedger.CustodialGrantsArePaused.selector, patient)
            );
        }
        _byCustodian(abi.encodeCall(IConsentLedger.revokeGrant, (granted)));
        vm.assertFalse(ledger.canAccess(granted, doctor, VIEW));
        vm.assertTrue(_account.isInCustody());
        // Who has left custody is not concerned.
        _exit();
        vm.assertFalse(_account.isInCustody());
        vm.warp(NOW + 73 hours);
        asked = ask(_anotherRequest(3));
        granting = abi.encodeCall(
            IConsentLedger.openGrantWithCode,
            (contentAndArtefact(asked), codeAndDay(stretchedCode(CARD, 3), lastEnd(7)))
        );
        _byCustodian(_wrap(granting));
        vm.assertTrue(ledger.canAccess(asked, doctor, VIEW));
    }

    function test_aPauseStopsBareRepliesToo() public {
        // A patient without a card, from a plain account: who can't say that she is out of custody is in it.
        vm.prank(hospital);
        ledger.addPatient(stranger);
        IConsentLedger.AccessRequest memory request = sevenDays();
        request.patient = stranger;
        bytes32 requestId = ask(request);
        address[] memory own = _hospitals();
        vm.prank(governor);
        ledger.pauseCustodialGrants(own, true);
        vm.expectRevert(abi.encodeWithSelector(IConsentLedger.CustodialGrantsArePaused.selector, stranger));
        vm.prank(stranger);
        ledger.openGrant(requestId, answerOf(lastEnd(7)));
    }

    function test_aPauseAtOneHospitalIsNoneAtAnother() public {
        vm.prank(governor);
        ledger.verifyHospital(stranger);
        address[] memory other = new address[](1);
        other[0] = stranger;
        vm.prank(governor);
        ledger.pauseCustodialGrants(other, true);
        vm.assertFalse(ledger.areCustodialGrantsPaused(hospital));
        allowWithCode(ask(withLine(sevenDays(), 0)), lastEnd(7), stretchedCode(CARD, 0));
    }

    function test_aHospitalNobodyVerifiedIsNotPaused() public {
        address[] memory unknown = new address[](1);
        unknown[0] = stranger;
        vm.expectRevert(abi.encodeWithSelector(IProviderRegistry.HospitalUnknown.selector, stranger));
        vm.prank(governor);
        ledger.pauseCustodialGrants(unknown, true);
    }

    function test_afterThePauseCustodiansOpenAgain() public {
        address[] memory own = _hospitals();
        vm.prank(governor);
        ledger.pauseCustodialGrants(own, true);
        vm.prank(governor);
        ledger.pauseCustodialGrants(own, false);
        bytes32 asked = ask(withLine(sevenDays(), 0));
        allowWithCode(asked, lastEnd(7), stretchedCode(CARD, 0));
        vm.assertTrue(ledger.canAccess(asked, doctor, VIEW));
    }

    function test_onlyTheGovernorPauses() public {
        address[] memory own = _hospitals();
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger));
        vm.prank(stranger);
        ledger.pauseCustodialGrants(own, true);
    }

    function test_strangersReachNoneOfIt() public {
        bytes[3] memory calls = [
            abi.encodeCall(IPatientAccount.vetoChange, ()),
            abi.encodeCall(IPatientAccount.proposeChange, (_toPasskey(PASSKEY), bytes32(0))),
            _wrap(abi.encodeCall(IConsentLedger.revokeGrant, (SCOPE)))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(stranger);
            (bool success, ) = address(_account).call(calls[i]);
            vm.assertFalse(success);
        }
    }

    function _hospitals() private view returns (address[] memory list) {
        list = new address[](1);
        list[0] = hospital;
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
        bytes32 code = _takeLine(change);
        _byCustodian(abi.encodeCall(IPatientAccount.proposeChange, (change, code)));
    }

    /// @return code That of the card's next line, which the change takes.
    function _takeLine(IPatientAccount.Change memory change) private returns (bytes32 code) {
        bytes32 changeHash = _account.changeHashOf(change);
        _byCustodian(
            abi.encodeCall(
                IPatientSafeguards.takeCardLine,
                (changeHash, lineHash(CARD, _line), cardLink(CARD, _line + 1))
            )
        );
        return stretchedCode(CARD, _line++);
    }

    function _expectCodeRefused(IPatientAccount.Change memory change, bytes32 code) private {
        _expectRefused(
            abi.encodeCall(IPatientAccount.proposeChange, (change, code)),
            abi.encodeWithSelector(
                IPatientSafeguards.ActionCodeMismatch.selector,
                patient,
                _account.changeHashOf(change)
            )
        );
    }

    /// @dev A second request, with the card's line `i` for itself.
    function _anotherRequest(uint256 i) private view returns (IConsentLedger.AccessRequest memory request) {
        request = withLine(sevenDays(), i);
        request.scopeCommitment = keccak256(abi.encode("scope", i));
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

    function _validate(uint8 lane, bytes memory data, bytes memory signature) private returns (uint256) {
        return _validateOn(uint192(240 + lane) << 184, data, signature);
    }

    function _validateOn(uint192 key, bytes memory data, bytes memory signature) private returns (uint256) {
        PackedUserOperation memory operation;
        operation.sender = address(_account);
        operation.nonce = uint256(key) << 64;
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
        return compactSignature(CUSTODIAN_KEY, HASH);
    }

    function _toCustodian(address custodian) private pure returns (IPatientAccount.Change memory) {
        return IPatientAccount.Change(IPatientAccount.ChangeKind.ToCustodian, bytes32(uint256(uint160(custodian))), 0);
    }

    function _wrap(bytes memory data) private pure returns (bytes memory) {
        return abi.encodeCall(IPatientAccount.asPasskeyOwner, (data));
    }
}
