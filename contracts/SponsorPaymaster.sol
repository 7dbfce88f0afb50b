// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Paymaster} from "@openzeppelin/contracts/account/paymaster/Paymaster.sol";
import {ERC4337Utils} from "@openzeppelin/contracts/account/utils/ERC4337Utils.sol";
import {IEntryPoint, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {IConsentLedger} from "./IConsentLedger.sol";
import {IProviderRegistry} from "./IProviderRegistry.sol";

/// @title Pays the gas of patients and doctors
/// @notice Sponsors ledger calls of registered accounts only, within a price, a size and a daily budget per account.
/// @dev The budget is charged with the most that an operation may cost, at validation, and nothing is given back: that
/// needs no second call per operation. Reads the time while validating, which public bundlers allow no paymaster to do.
contract SponsorPaymaster is Paymaster, Ownable2Step, Pausable {
    using ERC4337Utils for PackedUserOperation;

    /// @notice What one operation and one account may cost.
    /// @param maxFeePerGasWei Highest maxFeePerGas of an operation.
    /// @param maxGasPerOperation Highest sum of an operation's gas limits, preVerificationGas included.
    /// @param dailyBudgetWei Highest sum of maximum costs per account and UTC day.
    struct Limits {
        uint64 maxFeePerGasWei;
        uint32 maxGasPerOperation;
        uint128 dailyBudgetWei;
    }

    struct Spending {
        uint32 day;
        uint128 reservedWei;
    }

    IEntryPoint private immutable _entryPoint;
    IProviderRegistry private immutable _registry;

    Limits private _limits;
    mapping(address account => Spending) private _spendings;

    /// @notice The owner set new limits.
    event LimitsChanged(uint64 maxFeePerGasWei, uint32 maxGasPerOperation, uint128 dailyBudgetWei);

    /// @notice No hospital has added `account`, or its last affiliation is suspended.
    error AccountNotRegistered(address account);

    /// @notice The operation calls `selector`, which is no ledger function of this kind of account.
    error CallNotSponsored(address account, bytes4 selector);

    /// @notice The operation offers a higher gas price than the limit.
    error FeeTooHigh(uint256 maxFeePerGasWei, uint256 limitWei);

    /// @notice The operation asks for more gas than the limit.
    error GasTooHigh(uint256 gasLimitSum, uint256 limit);

    /// @notice The account has `leftWei` of its budget left today, and the operation may cost `maxCostWei`.
    error BudgetExceeded(address account, uint256 maxCostWei, uint256 leftWei);

    /// @notice A paymaster without an owner could never pay its deposit back.
    error OwnerRequired();

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

    /// @notice Sets what one operation and one account may cost. The owner only.
    /// @dev Emits {LimitsChanged}.
    function setLimits(Limits calldata newLimits) external onlyOwner {
        _setLimits(newLimits);
    }

    /// @notice Stops sponsoring. The owner only.
    function pause() external onlyOwner {
        _pause();
    }

    /// @notice Sponsors again. The owner only.
    function unpause() external onlyOwner {
        _unpause();
    }

    /// @notice Adds the value sent to the deposit that pays for operations. Anyone may.
    function deposit() external payable {
        _deposit(msg.value);
    }

    /// @notice Pays `amountWei` of the deposit out to `to`. The owner only.
    function withdraw(address payable to, uint256 amountWei) external onlyOwner {
        _withdraw(to, amountWei);
    }

    /// @notice Stakes the value sent, so that public bundlers let this paymaster use storage. The owner only.
    function addStake(uint32 unstakeDelaySeconds) external payable onlyOwner {
        _addStake(msg.value, unstakeDelaySeconds);
    }

    /// @notice Starts the delay after which the stake can be withdrawn. The owner only.
    function unlockStake() external onlyOwner {
        _unlockStake();
    }

    /// @notice Pays the unlocked stake out to `to`. The owner only.
    function withdrawStake(address payable to) external onlyOwner {
        _withdrawStake(to);
    }

    /// @notice What one operation and one account may cost.
    function limits() external view returns (Limits memory) {
        return _limits;
    }

    /// @notice What is left of the account's budget today, in wei.
    function budgetLeft(address account) external view returns (uint256) {
        uint256 reservedWei = _reservedToday(account);
        uint256 budgetWei = _limits.dailyBudgetWei;
        return reservedWei < budgetWei ? budgetWei - reservedWei : 0;
    }

    /// @notice The registry that says whose operations are sponsored.
    function providerRegistry() external view returns (address) {
        return address(_registry);
    }

    /// @inheritdoc Paymaster
    function entryPoint() public view override returns (IEntryPoint) {
        return _entryPoint;
    }

    /// @notice Always refused: ownership can be handed over, not given up.
    function renounceOwnership() public pure override {
        revert OwnerRequired();
    }

    /// @dev Reverts with {Pausable-EnforcedPause}, {AccountNotRegistered}, {CallNotSponsored}, {FeeTooHigh},
    /// {GasTooHigh}, {BudgetExceeded}.
    function _validatePaymasterUserOp(
        PackedUserOperation calldata userOperation,
        bytes32,
        uint256 maxCostWei
    ) internal override whenNotPaused returns (bytes memory context, uint256 validationData) {
        _requireSponsoredCall(userOperation.sender, userOperation.callData);

        Limits memory current = _limits;
        uint256 feeWei = userOperation.maxFeePerGas();
        if (feeWei > current.maxFeePerGasWei) revert FeeTooHigh(feeWei, current.maxFeePerGasWei);
        uint256 gasLimitSum = userOperation.verificationGasLimit() +
            userOperation.callGasLimit() +
            userOperation.paymasterVerificationGasLimit() +
            userOperation.paymasterPostOpGasLimit() +
            userOperation.preVerificationGas;
        if (gasLimitSum > current.maxGasPerOperation) revert GasTooHigh(gasLimitSum, current.maxGasPerOperation);

        _reserve(userOperation.sender, maxCostWei, current.dailyBudgetWei);
        return ("", ERC4337Utils.SIG_VALIDATION_SUCCESS);
    }

    function _requireSponsoredCall(address account, bytes calldata callData) private view {
        bytes4 selector = bytes4(callData);
        if (_isPatientCall(selector)) {
            if (!_registry.isPatient(account)) revert AccountNotRegistered(account);
        } else if (_isDoctorCall(selector)) {
            if (!_registry.isDoctor(account)) revert AccountNotRegistered(account);
        } else {
            revert CallNotSponsored(account, selector);
        }
    }

    function _reserve(address account, uint256 maxCostWei, uint256 budgetWei) private {
        uint256 reservedWei = _reservedToday(account);
        uint256 leftWei = reservedWei < budgetWei ? budgetWei - reservedWei : 0;
        if (maxCostWei > leftWei) revert BudgetExceeded(account, maxCostWei, leftWei);
        // Both fit: the sum is at most the budget, and days since 1970 fill 32 bits after eleven million years.
        _spendings[account] = Spending({day: uint32(_today()), reservedWei: uint128(reservedWei + maxCostWei)});
    }

    function _setLimits(Limits memory newLimits) private {
        _limits = newLimits;
        emit LimitsChanged(newLimits.maxFeePerGasWei, newLimits.maxGasPerOperation, newLimits.dailyBudgetWei);
    }

    function _reservedToday(address account) private view returns (uint256) {
        Spending memory spending = _spendings[account];
        return spending.day == _today() ? spending.reservedWei : 0;
    }

    function _today() private view returns (uint256) {
        return block.timestamp / 1 days;
    }

    function _isPatientCall(bytes4 selector) private pure returns (bool) {
        return
            selector == IConsentLedger.openGrant.selector ||
            selector == IConsentLedger.refuseRequest.selector ||
            selector == IConsentLedger.revokeGrant.selector;
    }

    function _isDoctorCall(bytes4 selector) private pure returns (bool) {
        return selector == IConsentLedger.openRequest.selector || selector == IConsentLedger.withdrawRequest.selector;
    }
}
