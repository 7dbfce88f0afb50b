import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { findMutants, type Node } from '../../mutation/mutants.ts'

const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string }

const source = `pragma solidity 0.8.37;
contract Counter {
    enum State { Open, Shut }
    error TooFar(uint256 from, uint256 to);
    uint256 private constant MOST = 3 days; // 7 > 5
    State private _state;
    uint256 private _count;
    modifier whenOpen() { if (_state != State.Open) revert TooFar(1, _count); _; }
    function add(uint256 more, uint256 less) external whenOpen returns (bool grew) {
        _count = _count + more;
        return more >= less && !grew;
    }
}
`

test('each small change is made once, in its place, and nothing is changed in a comment', () => {
  const settings = { outputSelection: { '*': { '': ['ast'] } } }
  const input = { language: 'Solidity', sources: { 'Counter.sol': { content: source } }, settings }
  const { sources } = JSON.parse(solc.compile(JSON.stringify(input))) as { sources: Record<string, { ast: Node }> }
  const ast = sources['Counter.sol']?.ast
  if (ast === undefined) throw new Error('The source does not compile.')

  const mutants = findMutants('Counter.sol', source, ast, new Map([['State', ['Open', 'Shut']]]))

  expect(mutants.map(({ where, line, before, after }) => `${where} ${line}: ${before} → ${after}`)).toEqual([
    'MOST 5: 3 days → 4 days',
    'MOST 5: 3 days → 2 days',
    'whenOpen 8: _state != State.Open → false',
    'whenOpen 8: != → ==',
    'whenOpen 8: State.Open → State.Shut',
    'whenOpen 8: 1 → 2',
    'whenOpen 8: 1 → 0',
    'add 10: _count = _count + more → 0',
    'add 10: + → -',
    'add 11: && → ||',
    'add 11: >= → >',
    'add 11: >= → <',
    'add 11: !grew → grew',
    'add 9: whenOpen → ',
  ])
})
