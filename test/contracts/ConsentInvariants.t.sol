// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ConsentLedger} from "../../contracts/ConsentLedger.sol";
import {IConsentLedger} from "../../contracts/IConsentLedger.sol";
import {IPatientSafeguards} from "../../contracts/IPatientSafeguards.sol";
import {ConsentTest} from "./ConsentTest.sol";
import {ContractTest} from "./ContractTest.sol";

contract ConsentInvariantsTest is ConsentTest {
    ConsentHandler private _handler;

    function setUp() public override {
        super.setUp();
        _handler = new ConsentHandler(ledger, patient, hospital);
        _handler.start();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @dev Only the patient's path grants; no grant outlives a year, a removal, a freeze or its doctor's suspension, or
    /// opens anything during the patient's own; a removal always succeeds; a code never works twice; tightening is instant, loosening takes its 72 hours.
    function invariant_whatThePatientWasPromised() external view {
        _handler.check();
    }
}

/// @dev Anybody doing anything in any order to one patient with a card, and a note of each promise that was broken.
contract ConsentHandler is ContractTest {
    uint256 private constant MOST_REQUESTS = 24;
    /// @dev More than a run takes, so that the card never ends the game.
    uint256 private constant CARD_LINES = 100;

    ConsentLedger public immutable ledger;
    address public immutable patient;
    address public immutable hospital;

    address[3] public doctors;
    uint32[3] public affiliations;
    bytes32[] public requests;
    mapping(bytes32 requestId => bytes32 contentId) private contentIds;
    mapping(bytes32 requestId => uint256) public line;
    mapping(bytes32 requestId => uint256) public grantedAt;
    mapping(bytes32 requestId => bool) public removed;
    mapping(uint32 affiliationId => bool) public suspended;
    mapping(uint256 line => uint256 count) public codeUses;
    mapping(uint8 kind => uint256) public scheduledAt;
    mapping(uint8 kind => uint256) public lineOfLoosening;

    uint256 public lineCount;
    uint256 public grants;
    uint256 public executed;
    /// @dev Says which promise was broken; empty while none was.
    string public broken;
    bytes32[] private _links;

    constructor(ConsentLedger ledger_, address patient_, address hospital_) {
        ledger = ledger_;
        patient = patient_;
        hospital = hospital_;
        for (uint256 i = 0; i < 3; ++i) doctors[i] = vm.addr(500 + i);
    }

    /// @dev Line i's stretched code.
    function codeOf(uint256 i) public pure returns (bytes32) {
        return bytes14(keccak256(abi.encode("code", i)));
    }

    function start() external {
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(hospital);
            affiliations[i] = ledger.addDoctor(doctors[i]);
        }
        bytes32[] memory links = new bytes32[](CARD_LINES + 1);
        links[CARD_LINES] = keccak256("end");
        for (uint256 i = CARD_LINES; i > 0; --i) {
            bytes32 hash = keccak256(abi.encode(codeOf(i - 1)));
            links[i - 1] = keccak256(abi.encode(block.chainid, address(ledger), hash, links[i]));
        }
        _links = links;
        vm.prank(hospital);
        ledger.issueFirstCard(patient, links[0]);
    }

    function linkOf(uint256 i) public view returns (bytes32 link) {
        return _links[i];
    }

    modifier tightensOnly() {
        IPatientSafeguards.Safeguards memory before = ledger.safeguards(patient);
        _;
        IPatientSafeguards.Safeguards memory later = ledger.safeguards(patient);
        if (before.codeRequired && !later.codeRequired) broken = "assurance lowered at once";
        if (!before.emergencyAllowed && later.emergencyAllowed) broken = "emergency allowed at once";
        if (before.frozenAt != 0 && later.frozenAt == 0) broken = "unfrozen at once";
        if (later.cardTip != linkOf(lineCount)) broken = "another card at once";
    }

    function ask(uint8 who, uint8 uses, bool withLine) external tightensOnly {
        if (requests.length >= MOST_REQUESTS || lineCount >= CARD_LINES - 1) return;
        IConsentLedger.AccessRequest memory request = IConsentLedger.AccessRequest({
            patient: patient,
            affiliationId: affiliations[who % 3],
            rights: 1 + (uses % 7),
            uses: uses % 3,
            durationDays: 1 + uint16(uses) % 365,
            answerBy: uint40(block.timestamp + 24 hours),
            scopeCommitment: keccak256(abi.encode(requests.length, block.timestamp)),
            replaces: bytes32(0),
            lineHash: withLine ? keccak256(abi.encode(codeOf(lineCount))) : bytes32(0),
            nextLink: withLine ? linkOf(lineCount + 1) : bytes32(0)
        });
        bool codeRequired = ledger.safeguards(patient).codeRequired;
        bool frozen = ledger.safeguards(patient).frozenAt != 0;
        bool isSuspended = ledger.patientSuspendedAt(patient) != 0;
        vm.prank(doctors[who % 3]);
        try ledger.openRequest(request) returns (bytes32 requestId) {
            if (codeRequired && !withLine) broken = "a request without a line where a code is required";
            if (frozen) broken = "a request to a frozen patient";
            if (isSuspended) broken = "a request to a suspended patient";
            if (withLine) {
                line[requestId] = lineCount + 1;
                ++lineCount;
            }
            requests.push(requestId);
            contentIds[requestId] = ledger.contentIdOf(request);
        } catch {}
    }

    function grant(uint8 which, uint8 caller, uint8 codeLine, bool withCode) external tightensOnly {
        if (requests.length == 0) return;
        bytes32 requestId = requests[which % requests.length];
        uint16 durationDays = ledger.requestState(requestId).durationDays;
        uint256 until = block.timestamp + uint256(durationDays) * 1 days;
        address from = caller % 4 == 0 ? doctors[caller % 3] : patient;
        uint256 used = codeLine % 2 == 0 && line[requestId] != 0 ? line[requestId] - 1 : codeLine % (lineCount + 1);
        bool success;
        if (withCode) {
            bytes16 codeAndDay = bytes16(codeOf(used) | bytes32((until / 1 days) << 128));
            vm.prank(from);
            try ledger.openGrantWithCode(contentIds[requestId] << 128, codeAndDay) {
                success = true;
                ++codeUses[used];
            } catch {}
        } else {
            vm.prank(from);
            try ledger.openGrant(requestId, bytes32((until / 1 days) << 80)) {
                success = true;
                if (line[requestId] != 0) broken = "a bare reply where a line was taken";
            } catch {}
        }
        if (!success) return;
        ++grants;
        if (from != patient) broken = "a grant that is not the patient's";
        if (grantedAt[requestId] != 0) broken = "a request granted twice";
        if (removed[requestId]) broken = "a removed request granted";
        if (ledger.patientSuspendedAt(patient) != 0) broken = "a grant of a suspended patient";
        if (withCode && line[requestId] != used + 1) broken = "another line's code";
        grantedAt[requestId] = block.timestamp;
    }

    function remove(uint8 which) external tightensOnly {
        if (requests.length == 0) return;
        bytes32 requestId = requests[which % requests.length];
        vm.prank(patient);
        try ledger.revokeGrant(requestId) {
            removed[requestId] = true;
        } catch {
            broken = "a removal failed";
        }
    }

    function refuse(uint8 which) external tightensOnly {
        if (requests.length == 0) return;
        vm.prank(patient);
        try ledger.refuseRequest(requests[which % requests.length]) {} catch {}
    }

    function tighten(uint8 which) external tightensOnly {
        vm.prank(patient);
        if (which % 3 == 0) {
            ledger.freeze();
            scheduledAt[3] = 0;
        } else if (which % 3 == 1) {
            ledger.forbidEmergency();
            scheduledAt[1] = 0;
        } else {
            ledger.requireCode();
            scheduledAt[0] = 0;
        }
    }

    function askLoosening(uint8 which) external tightensOnly {
        if (lineCount >= CARD_LINES - 1) return;
        uint8 kind = _kindOf(which);
        bytes32 hash = keccak256(abi.encode(codeOf(lineCount)));
        bytes32 next = linkOf(lineCount + 1);
        vm.prank(patient);
        try ledger.askLoosening(IPatientSafeguards.LooseningKind(kind), 0, hash, next) {
            ++lineCount;
            lineOfLoosening[kind] = lineCount;
        } catch {}
    }

    function confirmLoosening(uint8 which, uint8 codeLine) external tightensOnly {
        uint8 kind = _kindOf(which);
        uint256 used = codeLine % 2 == 0 && lineOfLoosening[kind] != 0
            ? lineOfLoosening[kind] - 1
            : codeLine % (lineCount + 1);
        vm.prank(patient);
        try ledger.confirmLoosening(IPatientSafeguards.LooseningKind(kind), codeOf(used)) {
            ++codeUses[used];
            scheduledAt[kind] = block.timestamp;
        } catch {}
    }

    function cancelLoosening(uint8 which) external tightensOnly {
        uint8 kind = _kindOf(which);
        vm.prank(patient);
        ledger.cancelLoosening(IPatientSafeguards.LooseningKind(kind));
        scheduledAt[kind] = 0;
    }

    function executeLoosening(uint8 which) external {
        uint8 kind = _kindOf(which);
        try ledger.executeLoosening(patient, IPatientSafeguards.LooseningKind(kind)) {
            ++executed;
            if (scheduledAt[kind] == 0) broken = "a loosening that was not scheduled, or cancelled";
            if (block.timestamp < scheduledAt[kind] + 72 hours) broken = "a loosening before its time";
            scheduledAt[kind] = 0;
        } catch {}
    }

    function suspendDoctor(uint8 who) external tightensOnly {
        if (who % 8 != 0) return;
        uint32 affiliationId = affiliations[(who / 8) % 3];
        vm.prank(hospital);
        ledger.suspendDoctor(affiliationId);
        suspended[affiliationId] = true;
        vm.prank(hospital);
        affiliations[(who / 8) % 3] = ledger.addDoctor(doctors[(who / 8) % 3]);
    }

    function suspendPatient(uint8 which) external tightensOnly {
        vm.prank(hospital);
        if (which % 8 == 0) try ledger.suspendPatient(patient) {} catch {}
        else try ledger.addPatient(patient) {} catch {}
    }

    function wait(uint32 seconds_) external {
        vm.warp(block.timestamp + (seconds_ % 60 hours));
    }

    /// @dev Each promise about a grant that shows in the ledger's state at any moment.
    function check() external view {
        for (uint256 i = 0; i < requests.length; ++i) {
            bytes32 requestId = requests[i];
            IConsentLedger.ConsentRequest memory known = ledger.requestState(requestId);
            (address doctor, , ) = ledger.affiliation(known.affiliationId);
            if (!ledger.canAccess(requestId, doctor, known.rights)) continue;
            require(grantedAt[requestId] != 0, "access without a grant");
            require(!removed[requestId], "access after a removal");
            require(!suspended[known.affiliationId], "access after a suspension");
            require(block.timestamp <= grantedAt[requestId] + 366 days, "access after a year");
            require(ledger.safeguards(patient).frozenAt == 0, "access while frozen");
            require(ledger.patientSuspendedAt(patient) == 0, "access while suspended");
        }
        for (uint256 i = 0; i < lineCount; ++i) require(codeUses[i] <= 1, "a code worked twice");
        require(bytes(broken).length == 0, broken);
    }

    /// @dev All but the replacement of the card, which would end the game of lines.
    function _kindOf(uint8 which) private pure returns (uint8) {
        return which % 3 == 2 ? 3 : which % 3;
    }
}
