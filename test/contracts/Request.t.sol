// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {Request, Requests} from "../../contracts/Request.sol";
import {ContractTest} from "./ContractTest.sol";

contract RequestTest is ContractTest {
    IConsentLedger.RequestState private constant LAST = IConsentLedger.RequestState.Superseded;

    function testFuzz_aWordGivesBackWhatWentIn(
        address patient,
        uint24 affiliationId,
        uint8 state,
        uint8 bits,
        uint8 uses,
        uint16 tally,
        uint32 deadline
    ) public pure {
        IConsentLedger.RequestState known = IConsentLedger.RequestState(state % 7);
        Request request = Requests.make(patient, affiliationId, known, bits, uses, tally, deadline);
        _assertIs(request, patient, affiliationId, known, bits, uses, tally, deadline);
        _assertIs(request.withState(LAST), patient, affiliationId, LAST, bits, uses, tally, deadline);
        request = request.with(LAST, ~bits, ~tally, ~deadline);
        _assertIs(request, patient, affiliationId, LAST, ~bits, uses, ~tally, ~deadline);
    }

    function test_noFieldReachesIntoAnother() public pure {
        IConsentLedger.RequestState none = IConsentLedger.RequestState.Unknown;
        uint256 together;
        uint256[7] memory alone = [
            Request.unwrap(Requests.make(address(type(uint160).max), 0, none, 0, 0, 0, 0)),
            Request.unwrap(Requests.make(address(0), type(uint24).max, none, 0, 0, 0, 0)),
            Request.unwrap(Requests.make(address(0), 0, LAST, 0, 0, 0, 0)),
            Request.unwrap(Requests.make(address(0), 0, none, type(uint8).max, 0, 0, 0)),
            Request.unwrap(Requests.make(address(0), 0, none, 0, type(uint8).max, 0, 0)),
            Request.unwrap(Requests.make(address(0), 0, none, 0, 0, type(uint16).max, 0)),
            Request.unwrap(Requests.make(address(0), 0, none, 0, 0, 0, type(uint32).max))
        ];
        for (uint256 i = 0; i < alone.length; ++i) {
            vm.assertEq(together & alone[i], 0);
            together |= alone[i];
        }
    }

    function _assertIs(
        Request request,
        address patient,
        uint24 affiliationId,
        IConsentLedger.RequestState state,
        uint8 bits,
        uint8 uses,
        uint16 tally,
        uint32 deadline
    ) private pure {
        vm.assertEq(request.patient(), patient);
        vm.assertEq(request.affiliationId(), affiliationId);
        vm.assertTrue(request.state() == state);
        vm.assertEq(request.bits(), bits);
        vm.assertEq(request.uses(), uses);
        vm.assertEq(request.tally(), tally);
        vm.assertEq(request.deadline(), deadline);
    }
}
