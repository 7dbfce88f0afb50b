// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Pays the gas of patients and doctors
/// @notice Sponsors ledger calls of registered accounts only, within caps per operation and a budget per account and day.
/// @dev An operation names its UTC day in the paymaster's data, three bytes of days since 1970, and is valid on that day
/// alone: so no clock is read while validating. Its owner signs that data with the rest.
interface ISponsorPaymaster {
    /// @notice What one operation and one account may cost.
    /// @param maxFeePerGasWei Highest maxFeePerGas of an operation.
    /// @param maxGasPerOperation Highest sum of an operation's gas limits, preVerificationGas included.
    /// @param maxPreVerificationGas Highest preVerificationGas: a bundler gets it whatever the operation did.
    /// @param dailyBudgetWei Highest sum of maximum costs per account and UTC day.
    struct Limits {
        uint64 maxFeePerGasWei;
        uint32 maxGasPerOperation;
        uint32 maxPreVerificationGas;
        uint96 dailyBudgetWei;
    }

    /// @notice The owner set new limits.
    event LimitsChanged(
        uint64 maxFeePerGasWei,
        uint32 maxGasPerOperation,
        uint32 maxPreVerificationGas,
        uint96 dailyBudgetWei
    );

    /// @notice The owner stopped the sponsor.
    event Paused();

    /// @notice The owner let the sponsor pay again.
    event Unpaused();

    /// @notice The owner set the deposit below which only calls that take access away are sponsored.
    event DepositFloorChanged(uint256 floorWei);

    /// @notice The deposit was found to be below the floor (`low`) or above it again.
    event DepositLowChanged(bool low, uint256 depositWei);

    /// @notice The owner stopped the sponsor.
    error SponsorPaused();

    /// @notice The deposit is below its floor: what opens something waits until it is filled up.
    error DepositLow(bytes4 selector);

    /// @notice No hospital has added `account`, or its last affiliation is suspended.
    error AccountNotRegistered(address account);

    /// @notice The operation calls `selector`, which is no ledger function of this kind of account.
    error CallNotSponsored(address account, bytes4 selector);

    /// @notice The operation's paymaster data is `length` bytes long; three that name the day are expected.
    error DayMissing(uint256 length);

    /// @notice The operation names `day`, and the account has spent on `later` already.
    error DayPassed(address account, uint24 day, uint24 later);

    /// @notice The operation offers a higher gas price than the limit.
    error FeeTooHigh(uint256 maxFeePerGasWei, uint256 limitWei);

    /// @notice The operation asks for more gas than the limit.
    error GasTooHigh(uint256 gasLimitSum, uint256 limit);

    /// @notice The operation asks for more preVerificationGas than the limit.
    error PreVerificationGasTooHigh(uint256 preVerificationGas, uint256 limit);

    /// @notice The account has `leftWei` of its budget left that day, and the operation may cost `maxCostWei`.
    error BudgetExceeded(address account, uint256 maxCostWei, uint256 leftWei);

    /// @notice A paymaster without an owner could never pay its deposit back.
    error OwnerRequired();

    /// @notice Sets what one operation and one account may cost. The owner only.
    /// @dev Emits {LimitsChanged}.
    function setLimits(Limits calldata newLimits) external;

    /// @notice Sets the deposit below which only calls that take access away are sponsored. The owner only.
    /// @dev Emits {DepositFloorChanged}, and {DepositLowChanged} when that changes.
    function setDepositFloor(uint128 floorWei) external;

    /// @notice Stops sponsoring. The owner only.
    /// @dev Emits {Paused}.
    function pause() external;

    /// @notice Sponsors again. The owner only.
    /// @dev Emits {Unpaused}.
    function unpause() external;

    /// @notice Compares the deposit with its floor and remembers the answer; anybody may ask.
    /// @dev The entry point's balances may not be read while validating, so this is done before. Emits
    /// {DepositLowChanged} when the answer is another than before.
    function noteDeposit() external;

    /// @notice Adds the value sent to the deposit that pays for operations. Anyone may.
    /// @dev Emits {DepositLowChanged} when that changes.
    function deposit() external payable;

    /// @notice Pays `amountWei` of the deposit out to `to`. The owner only.
    /// @dev Emits {DepositLowChanged} when that changes.
    function withdraw(address payable to, uint256 amountWei) external;

    /// @notice Stakes the value sent, so that public bundlers let this paymaster use storage. The owner only.
    function addStake(uint32 unstakeDelaySeconds) external payable;

    /// @notice Starts the delay after which the stake can be withdrawn. The owner only.
    function unlockStake() external;

    /// @notice Pays the unlocked stake out to `to`. The owner only.
    function withdrawStake(address payable to) external;

    /// @notice What one operation and one account may cost.
    function limits() external view returns (Limits memory);

    /// @notice True while the owner has stopped the sponsor.
    function paused() external view returns (bool);

    /// @notice The deposit below which only calls that take access away are sponsored, in wei.
    function depositFloor() external view returns (uint256);

    /// @notice True while the deposit was last found below its floor.
    function isDepositLow() external view returns (bool);

    /// @notice What is left of the account's budget today, in wei.
    function budgetLeft(address account) external view returns (uint256);

    /// @notice The registry that says whose operations are sponsored.
    function providerRegistry() external view returns (address);
}
