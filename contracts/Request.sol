// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IConsentLedger} from "./IConsentLedger.sol";

/// @dev All that the ledger keeps of a request, in one word of storage; zero is the unknown one. Packed by hand: the
/// compiler writes a struct of seven members to its word in six steps, which costs each grant 1.9k gas. From the lowest
/// bit: patient 160, affiliation 24, state 8, bits 8, uses 8, tally 16, deadline 32.
type Request is uint256;

using Requests for Request global;

/// @title Reading and changing a request's word
library Requests {
    uint256 private constant AFFILIATION_AT = 160;
    uint256 private constant STATE_AT = 184;
    uint256 private constant BITS_AT = 192;
    uint256 private constant USES_AT = 200;
    uint256 private constant TALLY_AT = 208;
    uint256 private constant DEADLINE_AT = 224;
    uint256 private constant STATE_MASK = 0xff << STATE_AT;
    /// @dev Patient, affiliation and uses, which never change.
    uint256 private constant FIXED_MASK = ((1 << STATE_AT) - 1) | (0xff << USES_AT);

    /// @notice The word of a new request.
    /// @param bits_ Rights in the lowest three, then the ledger's marks.
    /// @param tally_ Open: days asked for. Granted or revoked: looks and changes logged.
    /// @param deadline_ Open: last second to answer. Granted or revoked: first second without access, zero when never
    /// granted. Unix seconds, until the year 2106.
    function make(
        address patient_,
        uint24 affiliationId_,
        IConsentLedger.RequestState state_,
        uint8 bits_,
        uint8 uses_,
        uint16 tally_,
        uint32 deadline_
    ) internal pure returns (Request) {
        return
            Request.wrap(
                uint256(uint160(patient_)) |
                    (uint256(affiliationId_) << AFFILIATION_AT) |
                    (uint256(state_) << STATE_AT) |
                    (uint256(bits_) << BITS_AT) |
                    (uint256(uses_) << USES_AT) |
                    (uint256(tally_) << TALLY_AT) |
                    (uint256(deadline_) << DEADLINE_AT)
            );
    }

    /// @notice The request in another state, all else as it was.
    function withState(Request request, IConsentLedger.RequestState state_) internal pure returns (Request) {
        return Request.wrap((Request.unwrap(request) & ~STATE_MASK) | (uint256(state_) << STATE_AT));
    }

    /// @notice The request as {make} would say of the same patient, affiliation and uses.
    function with(
        Request request,
        IConsentLedger.RequestState state_,
        uint8 bits_,
        uint16 tally_,
        uint32 deadline_
    ) internal pure returns (Request) {
        return
            Request.wrap(
                (Request.unwrap(request) & FIXED_MASK) |
                    (uint256(state_) << STATE_AT) |
                    (uint256(bits_) << BITS_AT) |
                    (uint256(tally_) << TALLY_AT) |
                    (uint256(deadline_) << DEADLINE_AT)
            );
    }

    /// @notice The account of the patient who is asked.
    function patient(Request request) internal pure returns (address) {
        return address(uint160(Request.unwrap(request)));
    }

    /// @notice Under which affiliation the doctor asked.
    function affiliationId(Request request) internal pure returns (uint24) {
        return uint24(Request.unwrap(request) >> AFFILIATION_AT);
    }

    /// @notice What has become of the request.
    function state(Request request) internal pure returns (IConsentLedger.RequestState) {
        return IConsentLedger.RequestState(uint8(Request.unwrap(request) >> STATE_AT));
    }

    /// @notice See {make}.
    function bits(Request request) internal pure returns (uint8) {
        return uint8(Request.unwrap(request) >> BITS_AT);
    }

    /// @notice Looks and changes that use the grant up; zero for any number.
    function uses(Request request) internal pure returns (uint8) {
        return uint8(Request.unwrap(request) >> USES_AT);
    }

    /// @notice See {make}.
    function tally(Request request) internal pure returns (uint16) {
        return uint16(Request.unwrap(request) >> TALLY_AT);
    }

    /// @notice See {make}.
    function deadline(Request request) internal pure returns (uint32) {
        return uint32(Request.unwrap(request) >> DEADLINE_AT);
    }
}
