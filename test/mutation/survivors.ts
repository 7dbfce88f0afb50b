/** A mutant that no test can or should tell from the contract, and why. */
export type Survivor = {
  readonly file: string
  /** The line as it stands in the source, without its indentation. */
  readonly line: string
  /** `before → after`. */
  readonly change: string
  readonly why: string
}

export const survivors: readonly Survivor[] = [
  {
    file: 'contracts/ProviderRegistry.sol',
    line: 'if (endedAt == 0 || (held.suspendedAt != 0 && held.suspendedAt < endedAt)) return held.suspendedAt;',
    change: '< → <=',
    why: 'Where both ends are the same second, either is the answer.',
  },
  {
    file: 'contracts/SponsorPaymaster.sol',
    line: 'unused: 0',
    change: '0 → 1',
    why: 'Nothing reads it: it fills the word.',
  },
  {
    file: 'contracts/SponsorPaymaster.sol',
    line: 'return reservedWei < budgetWei ? budgetWei - reservedWei : 0;',
    change: '< → <=',
    why: 'Where both are equal, their difference is the zero of the other branch.',
  },
  {
    file: 'contracts/ConsentLedger.sol',
    line: '_patients[patient].openRequestCount = 0;',
    change: '_patients[patient].openRequestCount = 0 → 0',
    why: 'The next request clears the places of those that are not open; emptying them at once saves it gas.',
  },
  {
    file: 'contracts/ConsentLedger.sol',
    line: '_patients[patient].openRequestCount = 0;',
    change: '0 → 1',
    why: 'As above: one place that holds no open request is cleared by the next request.',
  },
  {
    file: 'contracts/ConsentLedger.sol',
    line: 'for (uint256 place = 0; place < count; ++place) {',
    change: '< → <=',
    why: 'The place behind the last holds nothing, or a request that is not open or was removed just before: it is passed over.',
  },
  ...['bits & REPLACES != 0 → true', '& → |', '0 → 1'].map((change) => ({
    file: 'contracts/ConsentLedger.sol',
    line: 'if (bits & REPLACES != 0) _supersede(_replaced[requestId], requestId);',
    change,
    why: 'Always asked then; a grant that replaces none reads a zero and ends nothing. The mark only spares that read.',
  })),
  {
    file: 'contracts/ConsentLedger.sol',
    line: 'if (count != countBefore) _patients[patient].openRequestCount = uint8(count);',
    change: 'count != countBefore → true',
    why: 'The number that stands there is written again. The condition only spares that.',
  },
  {
    file: 'contracts/ConsentLedger.sol',
    line: 'if (lookedAt >= request.deadline() || lookedAt > block.timestamp) return false;',
    change: '> → >=',
    why: 'Asked for looks that are refused now: whatever ended, ended in this second or before, and its own line says no.',
  },
  {
    file: 'contracts/ConsentLedger.sol',
    line: 'if (block.timestamp < deadline) deadline = uint32(block.timestamp);',
    change: '< → <=',
    why: 'Where both are the same second, either is the end.',
  },
  {
    file: 'contracts/PatientAccount.sol',
    line: 'uint256 bits = _support[changeHash] | (1 << guardianship.index);',
    change: '1 → 2',
    why: 'Three bits one place higher count as well.',
  },
  {
    file: 'contracts/PatientAccount.sol',
    line: 'if (pending.readyAt == 0 || pending.changeHash != changeHash) revert ChangeNotProposed(changeHash);',
    change: '0 → 1',
    why: 'While nothing waits the hash is zero, which is the hash of no change: the second half refuses alone.',
  },
  {
    file: 'contracts/PatientAccount.sol',
    line: 'return _isSignedByOwner(_standing, hash, signature);',
    change: '_isSignedByOwner(_standing, hash, signature) → !(_isSignedByOwner(_standing, hash, signature))',
    why: 'Nobody calls it: validation and ERC-1271 have functions of their own here. The base asks for it.',
  },
  ...['0x40 → 63', '0x40 → 65'].map((change) => ({
    file: 'contracts/LedgerAccount.sol',
    line: 'let pointer := mload(0x40)',
    change,
    why: 'The beginning of memory, or a place 32 kB into it: any will do, since nothing is read after the call.',
  })),
  {
    file: 'contracts/LedgerAccount.sol',
    line: 'mstore(0, 0)',
    change: 'mstore(0, 0) → pop(0)',
    why: 'Nothing on the way here writes to the scratch space yet. The line is for the day on which something does.',
  },
  {
    file: 'contracts/LedgerAccount.sol',
    line: 'extcodecopy(address(), 0, ARGUMENTS_OFFSET, 64)',
    change: '64 → 65',
    why: 'Behind the arguments a code has ended: the byte more is a zero on the first byte of the free memory pointer, zero too.',
  },
  {
    file: 'contracts/LedgerAccount.sol',
    line: 'let success := call(gas(), target, 0, pointer, calldatasize(), 0, 0)',
    change: '0 → 1',
    why: 'Of the last two: where the answer would go, and one byte of it, in scratch space that nobody reads. The value is killed.',
  },
  {
    file: 'contracts/LedgerAccount.sol',
    line: 'mstore(0, 0)',
    change: '0 → 1',
    why: 'The byte that differs is overwritten, or is one above the address, which the comparison cleans.',
  },
  {
    file: 'contracts/LedgerAccount.sol',
    line: 'extcodecopy(address(), 12, ARGUMENTS_OFFSET, 20)',
    change: '20 → 21',
    why: 'The byte more goes into scratch space behind the word that is read.',
  },
  {
    file: 'contracts/Request.sol',
    line: 'uint256 private constant BITS_AT = 192;',
    change: '192 → 193',
    why: 'No mark uses the eighth bit. Request.t.sol tests the layout itself, on a copy of the library that is not changed.',
  },
  {
    file: 'contracts/Request.sol',
    line: 'uint256 private constant USES_AT = 200;',
    change: '200 → 199',
    why: 'No mark uses the eighth bit below it; Request.t.sol tests the layout.',
  },
  {
    file: 'contracts/Request.sol',
    line: 'uint256 private constant DEADLINE_AT = 224;',
    change: '224 → 223',
    why: 'In the ledger it shows only by a second, above 32,767 looks under one grant; Request.t.sol tests the layout.',
  },
]
