import { createRequire } from 'node:module'
import hardhatNodeTestRunner from '@nomicfoundation/hardhat-node-test-runner'
import hardhatViem from '@nomicfoundation/hardhat-viem'
import { defineConfig } from 'hardhat/config'

const require = createRequire(import.meta.url)

/** `bin/test --long` says so. */
const isLong = process.env['LONG_TESTS'] === 'yes'

/**
 * `bin/test` compiles the Solidity suites, which bring the contracts with them, as the mutants are: a minute in place of five.
 * With `--long`, and by hand, they run on the code that ships, as the suites in TypeScript always do.
 */
const isQuick = process.env['QUICK_SUITES'] === 'yes'
const shipped = { viaIR: true, optimizer: { enabled: true, runs: 1_000_000 } }
const quick = { optimizer: { enabled: true, runs: 1 } }

export default defineConfig({
  plugins: [hardhatNodeTestRunner, hardhatViem],
  solidity: {
    version: '0.8.37',
    // Tests in the same run would change what the optimizer makes of the contracts.
    splitTestsCompilation: true,
    // The compiler comes from the lock file: nothing is downloaded while compiling.
    path: require.resolve('solc/soljson.js'),
    settings: {
      evmVersion: 'cancun',
      ...(isQuick ? quick : shipped),
      // A comment must not move a CREATE2 address.
      metadata: { bytecodeHash: 'none' },
    },
  },
  networks: {
    simulated: { type: 'edr-simulated', chainType: 'op', hardfork: 'isthmus' },
  },
  paths: {
    sources: './contracts',
    tests: { solidity: './test/contracts', nodejs: './test/contracts' },
    // Neither way throws away what the other compiled.
    ...(isQuick ? { artifacts: './cache/quick/artifacts', cache: './cache/quick/cache' } : {}),
  },
  test: {
    solidity: {
      fuzz: { runs: isLong ? 100_000 : 10_000, seed: '0x4845414c5448434841494e' },
      // Without these, an invariant would take the fuzz runs for its own. 256 x 200 is 51,200 calls, 5,000 x 200 a million.
      invariant: { runs: isLong ? 5_000 : 256, depth: 200 },
    },
  },
})
