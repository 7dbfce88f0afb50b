// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Paymaster} from "@openzeppelin/contracts/account/paymaster/Paymaster.sol";
import {IEntryPoint, IPaymaster, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IDoctorAccount} from "../../contracts/IDoctorAccount.sol";
import {IPatientAccount} from "../../contracts/IPatientAccount.sol";
import {IPatientSafeguards} from "../../contracts/IPatientSafeguards.sol";
import {ISponsorPaymaster} from "../../contracts/ISponsorPaymaster.sol";
import {LedgerFunctions} from "../../contracts/LedgerFunctions.sol";
import {SponsorPaymaster} from "../../contracts/SponsorPaymaster.sol";
import {ConsentTest} from "./ConsentTest.sol";

/// @dev An entry point's bank and nothing else.
contract DepositStub {
    mapping(address account => uint256 balanceWei) public balanceOf;

    function depositTo(address account) external payable {
        balanceOf[account] += msg.value;
    }

    function withdrawTo(address payable, uint256 amountWei) external {
        balanceOf[msg.sender] -= amountWei;
    }

    function spend(address account, uint256 amountWei) external {
        balanceOf[account] -= amountWei;
    }
}

/// @dev An entry point's stakes: it notes what it was asked for.
contract StakeStub {
    uint256 public stakeWei;
    uint32 public delaySeconds;
    bool public unlocked;
    address public withdrawnTo;

    function addStake(uint32 unstakeDelaySeconds) external payable {
        stakeWei += msg.value;
        delaySeconds = unstakeDelaySeconds;
    }

    function unlockStake() external {
        unlocked = true;
    }

    function withdrawStake(address payable to) external {
        withdrawnTo = to;
    }
}

/// @dev Reads a contract's storage accesses. Source: the Foundry book.
interface AccessVm {
    function record() external;
    function accesses(address account) external returns (bytes32[] memory read, bytes32[] memory written);
}

/// @dev The entry point is an ordinary account here; EntryPoint.test.ts runs the real one, deposits and stake included.
contract SponsorPaymasterTest is ConsentTest {
    uint64 private constant MAX_FEE = 5 gwei;
    uint32 private constant MAX_GAS = 1_000_000;
    uint32 private constant MAX_PRE_VERIFICATION = 120_000;
    uint96 private constant BUDGET = 0.01 ether;

    address private _entryPoint = account("entryPoint");
    address private _owner = account("sponsorOwner");
    SponsorPaymaster private _paymaster;

    function setUp() public override {
        super.setUp();
        _paymaster = new SponsorPaymaster(IEntryPoint(_entryPoint), ledger, _owner, _limits());
    }

    // Whom it pays for

    function test_everyLedgerCallOfAPatientAndADoctorIsPaid() public {
        _sponsor(_operation(patient, IConsentLedger.openGrant.selector), 1);
        _sponsor(_operation(patient, IConsentLedger.refuseRequest.selector), 1);
        _sponsor(_operation(patient, IConsentLedger.revokeGrant.selector), 1);
        _sponsor(_operation(doctor, IConsentLedger.openRequest.selector), 1);
        _sponsor(_operation(doctor, IConsentLedger.withdrawRequest.selector), 1);
        _sponsor(_operation(doctor, IConsentLedger.recordChange.selector), 1);
        _sponsor(_operation(doctor, IConsentLedger.openEmergency.selector), 1);
    }

    function test_whatOwnersDoToTheirAccountsIsPaid() public {
        _sponsor(_operation(patient, IPatientAccount.vetoChange.selector), 1);
        _sponsor(_operation(patient, IPatientAccount.proposeChange.selector), 1);
        _sponsor(_operation(doctor, IDoctorAccount.setSecondPasskey.selector), 1);
        _sponsor(_operation(doctor, IDoctorAccount.vetoRotation.selector), 1);
    }

    function test_ofAPasskeysCallTheWrappedOneCounts() public {
        PackedUserOperation memory operation = _operation(patient, bytes4(0));
        bytes memory wrapped = abi.encodeCall(IConsentLedger.openGrant, (SCOPE, SCOPE));
        operation.callData = abi.encodeCall(IPatientAccount.asPasskeyOwner, (wrapped));
        _sponsor(operation, 1);
        bytes4 foreign = IConsentLedger.logAccess.selector;
        operation.callData = abi.encodeCall(IPatientAccount.asPasskeyOwner, (abi.encodePacked(foreign)));
        _expectRefused(
            operation,
            1,
            abi.encodeWithSelector(ISponsorPaymaster.CallNotSponsored.selector, patient, foreign)
        );
        foreign = IPatientAccount.asPasskeyOwner.selector;
        operation.callData = abi.encodePacked(foreign);
        _expectRefused(
            operation,
            1,
            abi.encodeWithSelector(ISponsorPaymaster.CallNotSponsored.selector, patient, foreign)
        );
    }

    function test_aStrangerPaysForThemselves() public {
        bytes memory refusal = abi.encodeWithSelector(ISponsorPaymaster.AccountNotRegistered.selector, stranger);
        _expectRefused(_operation(stranger, IConsentLedger.openGrant.selector), 1, refusal);
        _expectRefused(_operation(stranger, IConsentLedger.openRequest.selector), 1, refusal);
    }

    function test_aPatientsCallIsNotPaidForADoctorAndNoDoctorsForAPatient() public {
        _expectRefused(
            _operation(doctor, IConsentLedger.openGrant.selector),
            1,
            abi.encodeWithSelector(ISponsorPaymaster.AccountNotRegistered.selector, doctor)
        );
        _expectRefused(
            _operation(patient, IConsentLedger.openRequest.selector),
            1,
            abi.encodeWithSelector(ISponsorPaymaster.AccountNotRegistered.selector, patient)
        );
    }

    function test_aDoctorWithoutAnAffiliationIsNotPaidFor() public {
        suspendDoctor();
        _expectRefused(
            _operation(doctor, IConsentLedger.openRequest.selector),
            1,
            abi.encodeWithSelector(ISponsorPaymaster.AccountNotRegistered.selector, doctor)
        );
    }

    function testFuzz_noOtherCallIsPaid(bytes4 selector) public {
        vm.assume(
            !LedgerFunctions.isPatients(selector) &&
                !LedgerFunctions.isPatientsOwn(selector) &&
                !LedgerFunctions.isDoctors(selector) &&
                !LedgerFunctions.isDoctorsOwn(selector)
        );
        _expectRefused(
            _operation(patient, selector),
            1,
            abi.encodeWithSelector(ISponsorPaymaster.CallNotSponsored.selector, patient, selector)
        );
    }

    function test_anEmptyCallIsNotPaid() public {
        PackedUserOperation memory operation = _operation(patient, bytes4(0));
        operation.callData = "";
        _expectRefused(
            operation,
            1,
            abi.encodeWithSelector(ISponsorPaymaster.CallNotSponsored.selector, patient, bytes4(0))
        );
    }

    // How much it pays

    function test_aGasPriceAboveTheLimitIsNotPaid() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        operation.gasFees = _pair(1, MAX_FEE);
        _sponsor(operation, 1);
        operation.gasFees = _pair(1, MAX_FEE + 1);
        _expectRefused(
            operation,
            1,
            abi.encodeWithSelector(ISponsorPaymaster.FeeTooHigh.selector, MAX_FEE + 1, MAX_FEE)
        );
    }

    function test_theFiveGasLimitsTogetherStayBelowTheLimit() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        operation.accountGasLimits = _pair(200_000, 300_000);
        operation.preVerificationGas = 100_000;
        operation.paymasterAndData = _paymasterData(250_000, 150_000);
        _sponsor(operation, 1);
        bytes memory refusal = abi.encodeWithSelector(ISponsorPaymaster.GasTooHigh.selector, MAX_GAS + 1, MAX_GAS);
        operation.preVerificationGas += 1;
        _expectRefused(operation, 1, refusal);
        operation.preVerificationGas -= 1;
        operation.accountGasLimits = _pair(200_001, 300_000);
        _expectRefused(operation, 1, refusal);
        operation.accountGasLimits = _pair(200_000, 300_001);
        _expectRefused(operation, 1, refusal);
        operation.accountGasLimits = _pair(200_000, 300_000);
        operation.paymasterAndData = _paymasterData(250_001, 150_000);
        _expectRefused(operation, 1, refusal);
        operation.paymasterAndData = _paymasterData(250_000, 150_001);
        _expectRefused(operation, 1, refusal);
    }

    function test_preVerificationGasHasALimitOfItsOwn() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        operation.preVerificationGas = MAX_PRE_VERIFICATION;
        _sponsor(operation, 1);
        operation.preVerificationGas += 1;
        _expectRefused(
            operation,
            1,
            abi.encodeWithSelector(
                ISponsorPaymaster.PreVerificationGasTooHigh.selector,
                MAX_PRE_VERIFICATION + 1,
                MAX_PRE_VERIFICATION
            )
        );
    }

    function testFuzz_hugeGasLimitsDoNotWrapAround(uint128[4] calldata limits, uint256 preVerificationGas) public {
        uint256 sum = uint256(limits[0]) + limits[1] + limits[2] + limits[3];
        vm.assume(sum > MAX_GAS);
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        operation.accountGasLimits = _pair(limits[0], limits[1]);
        operation.paymasterAndData = _paymasterData(limits[2], limits[3]);
        operation.preVerificationGas = preVerificationGas;
        vm.expectRevert();
        vm.prank(_entryPoint);
        _paymaster.validatePaymasterUserOp(operation, SCOPE, 1);
    }

    function test_anAccountHasADailyBudget() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        vm.assertEq(_paymaster.budgetLeft(patient), BUDGET);
        _sponsor(operation, BUDGET - 10);
        vm.assertEq(_paymaster.budgetLeft(patient), 10);
        _expectRefused(
            operation,
            11,
            abi.encodeWithSelector(ISponsorPaymaster.BudgetExceeded.selector, patient, 11, 10)
        );
        _sponsor(operation, 10);
        _expectRefused(
            operation,
            1,
            abi.encodeWithSelector(ISponsorPaymaster.BudgetExceeded.selector, patient, 1, 0)
        );
        vm.assertEq(_paymaster.budgetLeft(doctor), BUDGET);
        _sponsor(_operation(doctor, IConsentLedger.openRequest.selector), BUDGET);
    }

    function test_theBudgetIsFreshEveryUtcDay() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        uint256 midnight = NOW - (NOW % 1 days) + 1 days;
        vm.warp(midnight - 1);
        _sponsor(operation, BUDGET);
        vm.assertEq(_paymaster.budgetLeft(patient), 0);
        vm.warp(midnight);
        vm.assertEq(_paymaster.budgetLeft(patient), BUDGET);
        operation.paymasterAndData = _onDay(uint24(midnight / 1 days));
        _sponsorOn(midnight / 1 days, operation, BUDGET);
        vm.assertEq(_paymaster.budgetLeft(patient), 0);
    }

    function test_anOperationIsValidOnItsDayAndTenMinutesMore() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        operation.paymasterAndData = _onDay(20_000);
        vm.prank(_entryPoint);
        (, uint256 validationData) = _paymaster.validatePaymasterUserOp(operation, SCOPE, 1);
        vm.assertEq(uint160(validationData), uint160(0));
        vm.assertEq(uint48(validationData >> 160), 20_001 days + 10 minutes - 1);
        vm.assertEq(uint48(validationData >> 208), 20_000 days);
    }

    function test_aDayThatPassedDoesNotComeBack() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        operation.paymasterAndData = _onDay(20_001);
        _sponsorOn(20_001, operation, 1);
        operation.paymasterAndData = _onDay(20_000);
        _expectRefused(
            operation,
            1,
            abi.encodeWithSelector(ISponsorPaymaster.DayPassed.selector, patient, 20_000, 20_001)
        );
    }

    function test_theDayIsThreeBytesNoMoreNoLess() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        for (uint256 length = 0; length < 6; ++length) {
            if (length == 3) continue;
            operation.paymasterAndData = abi.encodePacked(
                address(_paymaster),
                uint128(50_000),
                uint128(0),
                new bytes(length)
            );
            _expectRefused(operation, 1, abi.encodeWithSelector(ISponsorPaymaster.DayMissing.selector, length));
        }
    }

    function test_aKnownPatientIsNoDoctor() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        _sponsor(operation, 1);
        _expectRefused(
            _operation(patient, IConsentLedger.openRequest.selector),
            1,
            abi.encodeWithSelector(ISponsorPaymaster.AccountNotRegistered.selector, patient)
        );
        _sponsor(operation, 1);
    }

    function test_aDoctorIsNotTakenForAPatientByHisFirstOperation() public {
        _sponsor(_operation(doctor, IConsentLedger.openRequest.selector), 1);
        _expectRefused(
            _operation(doctor, IConsentLedger.openGrant.selector),
            1,
            abi.encodeWithSelector(ISponsorPaymaster.AccountNotRegistered.selector, doctor)
        );
    }

    function test_theRegistryIsAskedAboutAPatientOnce() public {
        AccessVm records = AccessVm(address(vm));
        _sponsor(_operation(patient, IConsentLedger.openGrant.selector), 1);
        records.record();
        _sponsor(_operation(patient, IConsentLedger.openGrant.selector), 1);
        (bytes32[] memory read, ) = records.accesses(address(ledger));
        vm.assertEq(read.length, 0);
    }

    function test_aWrappedCallOfFourBytesCountsAndOneOfThreeIsNone() public {
        PackedUserOperation memory operation = _operation(patient, bytes4(0));
        bytes4 wrapper = IPatientAccount.asPasskeyOwner.selector;
        bytes memory offsetAndLength = abi.encode(uint256(32), uint256(4));
        operation.callData = abi.encodePacked(wrapper, offsetAndLength, IConsentLedger.openGrant.selector);
        _sponsor(operation, 1);
        operation.callData = abi.encodePacked(wrapper, offsetAndLength, bytes3(IConsentLedger.openGrant.selector));
        _expectRefused(
            operation,
            1,
            abi.encodeWithSelector(ISponsorPaymaster.CallNotSponsored.selector, patient, wrapper)
        );
    }

    // When its money runs low

    function test_theOwnerAddsUnlocksAndTakesBackTheStake() public {
        StakeStub stakes = new StakeStub();
        _paymaster = new SponsorPaymaster(IEntryPoint(address(stakes)), ledger, _owner, _limits());
        vm.deal(_owner, 2);
        vm.prank(_owner);
        _paymaster.addStake{value: 2}(60);
        vm.assertEq(stakes.stakeWei(), 2);
        vm.assertEq(stakes.delaySeconds(), 60);
        vm.prank(_owner);
        _paymaster.unlockStake();
        vm.assertTrue(stakes.unlocked());
        vm.prank(_owner);
        _paymaster.withdrawStake(payable(stranger));
        vm.assertEq(stakes.withdrawnTo(), stranger);
    }

    function test_belowTheFloorOnlyWhatTakesAccessAwayIsPaid() public {
        DepositStub bank = new DepositStub();
        _entryPoint = address(bank);
        _paymaster = new SponsorPaymaster(IEntryPoint(_entryPoint), ledger, _owner, _limits());
        _paymaster.deposit{value: 3}();
        vm.expectEmit(address(_paymaster));
        emit ISponsorPaymaster.DepositFloorChanged(4);
        vm.expectEmit(address(_paymaster));
        emit ISponsorPaymaster.DepositLowChanged(true, 3);
        vm.prank(_owner);
        _paymaster.setDepositFloor(4);
        vm.assertTrue(_paymaster.isDepositLow());
        vm.assertEq(_paymaster.depositFloor(), 4);

        _expectRefused(
            _operation(patient, IConsentLedger.openGrant.selector),
            1,
            abi.encodeWithSelector(ISponsorPaymaster.DepositLow.selector, IConsentLedger.openGrant.selector)
        );
        _expectRefused(
            _operation(doctor, IConsentLedger.openRequest.selector),
            1,
            abi.encodeWithSelector(ISponsorPaymaster.DepositLow.selector, IConsentLedger.openRequest.selector)
        );
        bytes4[7] memory tightening = [
            IConsentLedger.revokeGrant.selector,
            IConsentLedger.refuseRequest.selector,
            IConsentLedger.disputeEmergency.selector,
            IPatientSafeguards.freeze.selector,
            IPatientSafeguards.requireCode.selector,
            IPatientSafeguards.forbidEmergency.selector,
            IPatientSafeguards.cancelLoosening.selector
        ];
        for (uint256 i = 0; i < tightening.length; ++i) _sponsor(_operation(patient, tightening[i]), 1);
        _sponsor(_operation(doctor, IConsentLedger.withdrawRequest.selector), 1);

        vm.expectEmit(address(_paymaster));
        emit ISponsorPaymaster.DepositLowChanged(false, 4);
        _paymaster.deposit{value: 1}();
        _sponsor(_operation(patient, IConsentLedger.openGrant.selector), 1);

        vm.prank(_owner);
        _paymaster.withdraw(payable(_owner), 1);
        vm.assertTrue(_paymaster.isDepositLow());
    }

    function test_anybodyMayHaveTheDepositNoted() public {
        DepositStub bank = new DepositStub();
        _paymaster = new SponsorPaymaster(IEntryPoint(address(bank)), ledger, _owner, _limits());
        _paymaster.deposit{value: 10}();
        vm.prank(_owner);
        _paymaster.setDepositFloor(10);
        bank.spend(address(_paymaster), 1);
        vm.assertFalse(_paymaster.isDepositLow());
        vm.prank(stranger);
        _paymaster.noteDeposit();
        vm.assertTrue(_paymaster.isDepositLow());
        vm.recordLogs();
        vm.prank(stranger);
        _paymaster.noteDeposit();
        vm.assertEq(vm.getRecordedLogs().length, 0);
    }

    function testFuzz_noAccountSpendsMoreThanItsBudgetInADay(uint128[8] calldata costs) public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        uint256 spent = 0;
        for (uint256 i = 0; i < costs.length; ++i) {
            uint256 cost = costs[i] % BUDGET;
            vm.prank(_entryPoint);
            try _paymaster.validatePaymasterUserOp(operation, SCOPE, cost) {
                spent += cost;
            } catch {
                vm.assertTrue(spent + cost > BUDGET);
            }
        }
        vm.assertLe(spent, BUDGET);
        vm.assertEq(_paymaster.budgetLeft(patient), BUDGET - spent);
    }

    function test_aLowerBudgetLeavesNothingToThoseWhoSpentMore() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        _sponsor(operation, BUDGET);
        ISponsorPaymaster.Limits memory lower = _limits();
        lower.dailyBudgetWei = BUDGET / 2;
        vm.prank(_owner);
        _paymaster.setLimits(lower);
        vm.assertEq(_paymaster.budgetLeft(patient), 0);
        _expectRefused(
            operation,
            1,
            abi.encodeWithSelector(ISponsorPaymaster.BudgetExceeded.selector, patient, 1, 0)
        );
    }

    // Who asks it and who governs it

    function test_onlyTheEntryPointAsks() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        bytes memory refusal = abi.encodeWithSelector(Paymaster.PaymasterUnauthorized.selector, patient);
        vm.expectRevert(refusal);
        vm.prank(patient);
        _paymaster.validatePaymasterUserOp(operation, SCOPE, 1);
        vm.expectRevert(refusal);
        vm.prank(patient);
        _paymaster.postOp(IPaymaster.PostOpMode.opSucceeded, "", 1, 1);
        vm.assertEq(address(_paymaster.entryPoint()), _entryPoint);
        vm.assertEq(_paymaster.providerRegistry(), address(ledger));
    }

    function test_theOwnerPausesAndResumes() public {
        PackedUserOperation memory operation = _operation(patient, IConsentLedger.openGrant.selector);
        vm.expectEmit(address(_paymaster));
        emit ISponsorPaymaster.Paused();
        vm.prank(_owner);
        _paymaster.pause();
        vm.assertTrue(_paymaster.paused());
        _expectRefused(operation, 1, abi.encodeWithSelector(ISponsorPaymaster.SponsorPaused.selector));
        vm.expectEmit(address(_paymaster));
        emit ISponsorPaymaster.Unpaused();
        vm.prank(_owner);
        _paymaster.unpause();
        vm.assertFalse(_paymaster.paused());
        _sponsor(operation, 1);
    }

    function test_newLimitsDoNotEndAPause() public {
        vm.prank(_owner);
        _paymaster.pause();
        vm.prank(_owner);
        _paymaster.setLimits(_limits());
        vm.assertTrue(_paymaster.paused());
    }

    function test_theOwnerSetsTheLimits() public {
        ISponsorPaymaster.Limits memory next = ISponsorPaymaster.Limits({
            maxFeePerGasWei: 1,
            maxGasPerOperation: 2,
            maxPreVerificationGas: 3,
            dailyBudgetWei: 4
        });
        vm.expectEmit(address(_paymaster));
        emit ISponsorPaymaster.LimitsChanged(1, 2, 3, 4);
        vm.prank(_owner);
        _paymaster.setLimits(next);
        vm.assertEq(keccak256(abi.encode(_paymaster.limits())), keccak256(abi.encode(next)));
    }

    function test_nobodyElseMayDoAnyOfThis() public {
        bytes memory refusal = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger);
        ISponsorPaymaster.Limits memory next = _limits();
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _paymaster.setLimits(next);
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _paymaster.setDepositFloor(1);
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _paymaster.pause();
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _paymaster.unpause();
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _paymaster.withdraw(payable(stranger), 1);
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _paymaster.addStake(1);
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _paymaster.unlockStake();
        vm.expectRevert(refusal);
        vm.prank(stranger);
        _paymaster.withdrawStake(payable(stranger));
    }

    function test_theOwnerCannotGiveUp() public {
        vm.expectRevert(abi.encodeWithSelector(ISponsorPaymaster.OwnerRequired.selector));
        vm.prank(_owner);
        _paymaster.renounceOwnership();
    }

    function _limits() private pure returns (ISponsorPaymaster.Limits memory) {
        return
            ISponsorPaymaster.Limits({
                maxFeePerGasWei: MAX_FEE,
                maxGasPerOperation: MAX_GAS,
                maxPreVerificationGas: MAX_PRE_VERIFICATION,
                dailyBudgetWei: BUDGET
            });
    }

    function _operation(address sender, bytes4 selector) private view returns (PackedUserOperation memory operation) {
        operation.sender = sender;
        operation.callData = abi.encodePacked(selector, SCOPE);
        operation.accountGasLimits = _pair(100_000, 100_000);
        operation.preVerificationGas = 50_000;
        operation.gasFees = _pair(1, 1 gwei);
        operation.paymasterAndData = _paymasterData(50_000, 0);
    }

    function _paymasterData(uint128 verificationGas, uint128 postOpGas) private view returns (bytes memory) {
        return abi.encodePacked(address(_paymaster), verificationGas, postOpGas, uint24(block.timestamp / 1 days));
    }

    function _onDay(uint24 day) private view returns (bytes memory) {
        return abi.encodePacked(address(_paymaster), uint128(50_000), uint128(0), day);
    }

    function _pair(uint128 high, uint128 low) private pure returns (bytes32) {
        return bytes32(abi.encodePacked(high, low));
    }

    function _sponsor(PackedUserOperation memory operation, uint256 maxCostWei) private {
        _sponsorOn(block.timestamp / 1 days, operation, maxCostWei);
    }

    function _sponsorOn(uint256 day, PackedUserOperation memory operation, uint256 maxCostWei) private {
        vm.prank(_entryPoint);
        (bytes memory context, uint256 validationData) = _paymaster.validatePaymasterUserOp(
            operation,
            SCOPE,
            maxCostWei
        );
        vm.assertEq(context.length, 0);
        vm.assertEq(validationData >> 208, day * 1 days);
    }

    function _expectRefused(PackedUserOperation memory operation, uint256 maxCostWei, bytes memory refusal) private {
        vm.expectRevert(refusal);
        vm.prank(_entryPoint);
        _paymaster.validatePaymasterUserOp(operation, SCOPE, maxCostWei);
    }
}
