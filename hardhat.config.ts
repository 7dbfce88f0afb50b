import { createRequire } from 'node:module'
import hardhatNodeTestRunner from '@nomicfoundation/hardhat-node-test-runner'
import hardhatViem from '@nomicfoundation/hardhat-viem'
import { defineConfig } from 'hardhat/config'

const require = createRequire(import.meta.url)

/** `bin/test --long` says so. */
const isLong = process.env['LONG_TESTS'] === 'yes'

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
      viaIR: true,
      optimizer: { enabled: true, runs: 1_000_000 },
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
  },
  test: {
    solidity: {
      fuzz: { runs: isLong ? 100_000 : 10_000, seed: '0x4845414c5448434841494e' },
      // Without these, an invariant would take the fuzz runs for its own. 256 x 200 is 51,200 calls, 5,000 x 200 a million.
      invariant: { runs: isLong ? 5_000 : 256, depth: 200 },
    },
  },
})
