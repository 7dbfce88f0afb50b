// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEntryPoint, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {ISponsorPaymaster} from "../../contracts/ISponsorPaymaster.sol";
import {SponsorPaymaster} from "../../contracts/SponsorPaymaster.sol";
import {ConsentTest} from "./ConsentTest.sol";

/// @dev An entry point that asks for sponsorship at random, and keeps its own books of what was promised.
contract SponsorCaller {
    SponsorPaymaster private _paymaster;
    address[3] private _accounts;
    uint24 private _firstDay;

    mapping(address account => mapping(uint24 day => uint256 promisedWei)) public promised;

    function begin(SponsorPaymaster paymaster, address[3] memory accounts, uint24 firstDay) external {
        if (_firstDay != 0) return;
        _paymaster = paymaster;
        _accounts = accounts;
        _firstDay = firstDay;
    }

    /// @dev As the real one does, the cost follows from the limits and the fee.
    function ask(uint8 who, uint8 what, uint8 when, uint128[4] calldata limits, uint64 fee, uint64 pre) external {
        address account = _accounts[who % 3];
        uint24 day = _firstDay + (when % 4);
        PackedUserOperation memory operation;
        operation.sender = account;
        operation.callData = abi.encodePacked(_selector(what), uint256(1));
        uint128[4] memory small = [limits[0] % 4e5, limits[1] % 4e5, limits[2] % 2e5, limits[3] % 2e5];
        operation.accountGasLimits = bytes32(abi.encodePacked(small[0], small[1]));
        operation.preVerificationGas = pre % 1.2e5;
        operation.gasFees = bytes32(abi.encodePacked(uint128(0), uint128(fee % 3 gwei)));
        operation.paymasterAndData = abi.encodePacked(address(_paymaster), small[2], small[3], day);
        uint256 maxCostWei = (uint256(small[0]) + small[1] + small[2] + small[3] + operation.preVerificationGas) *
            (fee % 3 gwei);
        try _paymaster.validatePaymasterUserOp(operation, bytes32(0), maxCostWei) {
            promised[account][day] += maxCostWei;
        } catch {
            return;
        }
    }

    function _selector(uint8 what) private pure returns (bytes4) {
        bytes4[6] memory selectors = [
            IConsentLedger.openGrant.selector,
            IConsentLedger.revokeGrant.selector,
            IConsentLedger.refuseRequest.selector,
            IConsentLedger.openRequest.selector,
            IConsentLedger.withdrawRequest.selector,
            IConsentLedger.logAccess.selector
        ];
        return selectors[what % 6];
    }
}

contract SponsorPaymasterInvariantTest is ConsentTest {
    uint96 private constant BUDGET = 0.002 ether;
    uint24 private constant FIRST_DAY = uint24(NOW / 1 days);

    SponsorCaller private _caller;
    SponsorPaymaster private _paymaster;

    function setUp() public override {
        super.setUp();
        _caller = new SponsorCaller();
        ISponsorPaymaster.Limits memory limits = ISponsorPaymaster.Limits({
            maxFeePerGasWei: 2.5 gwei,
            maxGasPerOperation: 1_000_000,
            maxPreVerificationGas: 100_000,
            dailyBudgetWei: BUDGET
        });
        _paymaster = new SponsorPaymaster(IEntryPoint(address(_caller)), ledger, governor, limits);
        _caller.begin(_paymaster, [patient, doctor, stranger], FIRST_DAY);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_caller);
    }

    function invariant_nobodyIsPromisedMoreThanADaysBudgetAndAStrangerNothing() external view {
        for (uint24 day = FIRST_DAY; day < FIRST_DAY + 4; ++day) {
            vm.assertLe(_caller.promised(patient, day), BUDGET);
            vm.assertLe(_caller.promised(doctor, day), BUDGET);
            vm.assertEq(_caller.promised(stranger, day), 0);
        }
    }
}
