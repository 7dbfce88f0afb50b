/** What the stand-in can be told to do wrong, as the vendor may. */
export const faultModes = [
  'none',
  /** Everything answers 500. */
  'down',
  /** Everything answers 429. */
  'rateLimited',
  /** Takes the request and never answers. */
  'hang',
  /** An upload is stored, and answered with the CID of something else. */
  'otherCid',
  /** The answer, or the gateway's file, breaks off in the middle. */
  'cutBody',
  /** An upload is answered 200 with an error inside. */
  'errorWith200',
  /** The gateway changes one byte of a file. */
  'corruptGateway',
] as const
export type FaultMode = (typeof faultModes)[number]

export function isFaultMode(value: unknown): value is FaultMode {
  return typeof value === 'string' && (faultModes as readonly string[]).includes(value)
}
