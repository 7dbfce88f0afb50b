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
]
