// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Paymaster} from "@openzeppelin/contracts/account/paymaster/Paymaster.sol";
import {IEntryPoint, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {IPatientAccount} from "./IPatientAccount.sol";
import {IProviderRegistry} from "./IProviderRegistry.sol";
import {ISponsorPaymaster} from "./ISponsorPaymaster.sol";
import {LedgerFunctions} from "./LedgerFunctions.sol";

/// @title Pays the gas of patients and doctors
/// @dev The budget is charged with the most that an operation may cost, at validation, and nothing is given back: that
/// needs no second call per operation, and no failing or nested execution can spend more. While validating, one word
/// of limits, one word that belongs to the sender and the registry's word on the sender are read, and no clock.
contract SponsorPaymaster is ISponsorPaymaster, Paymaster, Ownable2Step {
    /// @dev Limits and switches in one word of storage.
    struct Policy {
        uint64 maxFeePerGasWei;
        uint32 maxGasPerOperation;
        uint32 maxPreVerificationGas;
        uint96 dailyBudgetWei;
        bool paused;
        bool depositLow;
    }

    /// @dev A patient is one for good, so the registry is asked about her once.
    struct Spending {
        uint24 day;
        uint96 reservedWei;
        bool knownPatient;
        /// @dev Fills the word, so that writing it does not read it first.
        uint128 unused;
    }

    /// @dev The paymaster's data begins with its address and its two gas limits; three bytes of ours follow.
    uint256 private constant LIMITS_OFFSET = 20;
    uint256 private constant DAY_OFFSET = 52;
    uint256 private constant DATA_LENGTH = 55;
    /// @dev Where the call begins in the call data of asPasskeyOwner(bytes): behind selector, offset and length.
    uint256 private constant WRAPPED_OFFSET = 68;
    /// @dev An operation sent in the last seconds of its day may be in a block of the next.
    uint256 private constant GRACE = 10 minutes;

    IEntryPoint private immutable _entryPoint;
    IProviderRegistry private immutable _registry;

    Policy private _policy;
    uint128 private _depositFloorWei;
    mapping(address account => Spending) private _spendings;

    constructor(
        IEntryPoint entryPoint_,
        IProviderRegistry registry,
        address initialOwner,
        Limits memory initialLimits
    ) Ownable(initialOwner) {
        _entryPoint = entryPoint_;
        _registry = registry;
        _setLimits(initialLimits);
    }

    /// @inheritdoc ISponsorPaymaster
    function setLimits(Limits calldata newLimits) external onlyOwner {
        _setLimits(newLimits);
    }

    /// @inheritdoc ISponsorPaymaster
    function setDepositFloor(uint128 floorWei) external onlyOwner {
        _depositFloorWei = floorWei;
        emit DepositFloorChanged(floorWei);
        noteDeposit();
    }

    /// @inheritdoc ISponsorPaymaster
    function pause() external onlyOwner {
        _policy.paused = true;
        emit Paused();
    }

    /// @inheritdoc ISponsorPaymaster
    function unpause() external onlyOwner {
        _policy.paused = false;
        emit Unpaused();
    }

    /// @inheritdoc ISponsorPaymaster
    function deposit() external payable {
        _deposit(msg.value);
        noteDeposit();
    }

    /// @inheritdoc ISponsorPaymaster
    function withdraw(address payable to, uint256 amountWei) external onlyOwner {
        _withdraw(to, amountWei);
        noteDeposit();
    }

    /// @inheritdoc ISponsorPaymaster
    function addStake(uint32 unstakeDelaySeconds) external payable onlyOwner {
        _addStake(msg.value, unstakeDelaySeconds);
    }

    /// @inheritdoc ISponsorPaymaster
    function unlockStake() external onlyOwner {
        _unlockStake();
    }

    /// @inheritdoc ISponsorPaymaster
    function withdrawStake(address payable to) external onlyOwner {
        _withdrawStake(to);
    }

    /// @inheritdoc ISponsorPaymaster
    function limits() external view returns (Limits memory) {
        Policy memory policy = _policy;
        return
            Limits({
                maxFeePerGasWei: policy.maxFeePerGasWei,
                maxGasPerOperation: policy.maxGasPerOperation,
                maxPreVerificationGas: policy.maxPreVerificationGas,
                dailyBudgetWei: policy.dailyBudgetWei
            });
    }

    /// @inheritdoc ISponsorPaymaster
    function paused() external view returns (bool) {
        return _policy.paused;
    }

    /// @inheritdoc ISponsorPaymaster
    function depositFloor() external view returns (uint256) {
        return _depositFloorWei;
    }

    /// @inheritdoc ISponsorPaymaster
    function isDepositLow() external view returns (bool) {
        return _policy.depositLow;
    }

    /// @inheritdoc ISponsorPaymaster
    function budgetLeft(address account) external view returns (uint256) {
        Spending memory spending = _spendings[account];
        uint256 reservedWei = spending.day == block.timestamp / 1 days ? spending.reservedWei : 0;
        return _left(_policy.dailyBudgetWei, reservedWei);
    }

    /// @inheritdoc ISponsorPaymaster
    function providerRegistry() external view returns (address) {
        return address(_registry);
    }

    /// @inheritdoc ISponsorPaymaster
    function noteDeposit() public {
        uint256 depositWei = _entryPoint.balanceOf(address(this));
        bool low = depositWei < _depositFloorWei;
        if (low == _policy.depositLow) return;
        _policy.depositLow = low;
        emit DepositLowChanged(low, depositWei);
    }

    /// @inheritdoc Paymaster
    function entryPoint() public view override returns (IEntryPoint) {
        return _entryPoint;
    }

    /// @notice Always refused: ownership can be handed over, not given up.
    function renounceOwnership() public pure override {
        revert OwnerRequired();
    }

    /// @dev Reverts with {SponsorPaused}, {DepositLow}, {FeeTooHigh}, {PreVerificationGasTooHigh}, {GasTooHigh},
    /// {DayMissing}, {DayPassed}, {CallNotSponsored}, {AccountNotRegistered}, {BudgetExceeded}.
    function _validatePaymasterUserOp(
        PackedUserOperation calldata userOperation,
        bytes32,
        uint256 maxCostWei
    ) internal override returns (bytes memory context, uint256 validationData) {
        Policy storage policy = _policy;
        if (policy.paused) revert SponsorPaused();
        uint24 day = _requireWithinCaps(userOperation, policy);

        address account = userOperation.sender;
        Spending storage spending = _spendings[account];
        bool knownPatient = spending.knownPatient;
        uint24 lastDay = spending.day;
        uint256 reservedWei = day == lastDay ? spending.reservedWei : 0;
        if (day < lastDay) revert DayPassed(account, day, lastDay);
        uint256 leftWei = _left(policy.dailyBudgetWei, reservedWei);
        if (maxCostWei > leftWei) revert BudgetExceeded(account, maxCostWei, leftWei);
        knownPatient = _requireSponsoredCall(account, userOperation.callData, knownPatient, policy.depositLow);
        unchecked {
            // It fits: the sum is at most the budget.
            _spendings[account] = Spending({
                day: day,
                reservedWei: uint96(reservedWei + maxCostWei),
                knownPatient: knownPatient,
                unused: 0
            });
        }
        return ("", _validOn(day));
    }

    /// @return True when the account is known to be a patient's now.
    function _requireSponsoredCall(
        address account,
        bytes calldata callData,
        bool knownPatient,
        bool depositLow
    ) private view returns (bool) {
        bytes4 selector = _selectorOf(callData);
        if (LedgerFunctions.isPatients(selector) || LedgerFunctions.isPatientsOwn(selector)) {
            if (depositLow) _requireTightening(selector);
            if (!knownPatient && !_registry.isPatient(account)) revert AccountNotRegistered(account);
            return true;
        }
        if (!LedgerFunctions.isDoctors(selector) && !LedgerFunctions.isDoctorsOwn(selector)) {
            revert CallNotSponsored(account, selector);
        }
        if (depositLow) _requireTightening(selector);
        if (!_registry.isDoctor(account)) revert AccountNotRegistered(account);
        return knownPatient;
    }

    function _setLimits(Limits memory newLimits) private {
        Policy storage policy = _policy;
        policy.maxFeePerGasWei = newLimits.maxFeePerGasWei;
        policy.maxGasPerOperation = newLimits.maxGasPerOperation;
        policy.maxPreVerificationGas = newLimits.maxPreVerificationGas;
        policy.dailyBudgetWei = newLimits.dailyBudgetWei;
        emit LimitsChanged(
            newLimits.maxFeePerGasWei,
            newLimits.maxGasPerOperation,
            newLimits.maxPreVerificationGas,
            newLimits.dailyBudgetWei
        );
    }

    /// @return day As the paymaster's data names it.
    function _requireWithinCaps(
        PackedUserOperation calldata userOperation,
        Policy storage policy
    ) private view returns (uint24 day) {
        uint256 feeWei = uint128(uint256(userOperation.gasFees));
        if (feeWei > policy.maxFeePerGasWei) revert FeeTooHigh(feeWei, policy.maxFeePerGasWei);
        uint256 preVerificationGas = userOperation.preVerificationGas;
        if (preVerificationGas > policy.maxPreVerificationGas) {
            revert PreVerificationGasTooHigh(preVerificationGas, policy.maxPreVerificationGas);
        }
        bytes calldata paymasterAndData = userOperation.paymasterAndData;
        if (paymasterAndData.length != DATA_LENGTH) revert DayMissing(paymasterAndData.length - DAY_OFFSET);
        uint256 accountLimits = uint256(userOperation.accountGasLimits);
        uint256 paymasterLimits = uint256(bytes32(paymasterAndData[LIMITS_OFFSET:DAY_OFFSET]));
        uint256 gasLimitSum;
        unchecked {
            // Four numbers of 128 bits and one of 32.
            gasLimitSum =
                (accountLimits >> 128) +
                uint128(accountLimits) +
                (paymasterLimits >> 128) +
                uint128(paymasterLimits) +
                preVerificationGas;
        }
        if (gasLimitSum > policy.maxGasPerOperation) revert GasTooHigh(gasLimitSum, policy.maxGasPerOperation);
        return uint24(bytes3(paymasterAndData[DAY_OFFSET:]));
    }

    function _requireTightening(bytes4 selector) private pure {
        if (
            !LedgerFunctions.isPatientsTightening(selector) &&
            selector != IPatientAccount.vetoChange.selector &&
            !LedgerFunctions.isDoctorsTightening(selector)
        ) revert DepositLow(selector);
    }

    /// @dev The function that is called, or the one that a patient's passkey has called. The wrapped call's place is taken
    /// for granted: an owner who puts it elsewhere spends the account's own budget on a call that fails.
    function _selectorOf(bytes calldata callData) private pure returns (bytes4 selector) {
        selector = bytes4(callData);
        if (selector == IPatientAccount.asPasskeyOwner.selector && callData.length >= WRAPPED_OFFSET + 4) {
            return bytes4(callData[WRAPPED_OFFSET:]);
        }
    }

    /// @dev ERC-4337's validation data: no aggregator, and the two seconds between which the operation is valid.
    function _validOn(uint24 day) private pure returns (uint256 validationData) {
        unchecked {
            uint256 midnight = uint256(day) * 1 days;
            return (midnight << 208) | ((midnight + 1 days - 1 + GRACE) << 160);
        }
    }

    function _left(uint256 budgetWei, uint256 reservedWei) private pure returns (uint256) {
        return reservedWei < budgetWei ? budgetWei - reservedWei : 0;
    }
}
