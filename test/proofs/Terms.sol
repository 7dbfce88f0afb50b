// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev What solc's model checker proves for every input, not for the inputs that a fuzzer tries. run.ts puts the contracts'
/// own functions in the places of the comments that name them.
contract GrantEnds {
    // ConsentLedger._roundUpToDay

    /// @dev A grant ends at a midnight, not before the days asked for, and never a whole day after 365.
    function aGrantEndsAtAMidnightWithin365DaysAndTheRestOfADay(uint40 answeredAt, uint16 durationDays) external pure {
        require(durationDays <= 365);
        uint256 askedFor = uint256(answeredAt) + uint256(durationDays) * 1 days;
        uint256 latestEnd = _roundUpToDay(askedFor);
        assert(latestEnd % 1 days == 0);
        assert(latestEnd >= askedFor);
        assert(latestEnd - answeredAt < 366 days);
    }

    /// @dev The word of a request keeps its end in 32 bits: enough until the year 2105.
    function anEndFitsItsBits(uint40 answeredAt) external pure {
        require(answeredAt <= type(uint32).max - 366 days);
        assert(_roundUpToDay(uint256(answeredAt) + 365 days) <= type(uint32).max);
    }
}

contract SponsorBudgets {
    // SponsorPaymaster._left

    /// @dev What is reserved stays within the budget, or where the budget was lowered since, as it was; its 96 bits suffice.
    function aReservationStaysWithinTheBudget(uint96 budgetWei, uint96 reservedWei, uint256 maxCostWei) external pure {
        require(maxCostWei <= _left(budgetWei, reservedWei));
        uint256 reserved = uint256(reservedWei) + maxCostWei;
        assert(reserved <= budgetWei || maxCostWei == 0);
        assert(reserved <= type(uint96).max);
    }

    /// @dev The sum that is taken unchecked cannot wrap around.
    function theSumOfGasLimitsFitsAWord(uint128 a, uint128 b, uint128 c, uint128 d, uint32 e) external pure {
        assert(uint256(a) + b + c + d + e <= uint256(type(uint128).max) * 4 + type(uint32).max);
    }
}
