import { type Address, type Hex, keccak256, numberToHex } from 'viem'

/** One step of a trace, as debug_traceCall gives it with memory. */
export type TraceStep = {
  readonly op: string
  readonly depth: number
  readonly stack: readonly string[]
  readonly memory?: readonly string[]
}

/** Who validates. ERC-7562 calls these the entities of an operation. */
export type Entity = 'account' | 'factory' | 'paymaster'

/** A step of validation that public bundlers refuse, or allow for a stake only. */
export type Finding = {
  /** The rule's name in ERC-7562; `ours` is what we promise beyond it. */
  readonly rule: string
  readonly entity: Entity
  readonly what: string
  /** Whose stake makes it allowed; nobody's when undefined. */
  readonly allowedByStakeOf?: Entity
}

export type TracedOperation = {
  readonly entryPoint: Address
  readonly sender: Address
  readonly factory?: Address | undefined
  readonly paymaster?: Address | undefined
}

type Frame = {
  readonly entity: Entity | undefined
  /** Whose storage the code works on. */
  readonly self: bigint
  readonly code: bigint
  readonly creates: boolean
}

/** BeforeExecution(): the entry point emits it between validating and executing. */
const beforeExecution = BigInt('0xbb47ee3e183a558b1a2ff0874b079f3fc5478b7454eacf2bfc5af2ff5878f972')
const depositToSelector = '0xb760faf9'

/** [OP-011]; CREATE and CREATE2 have rules of their own. */
const forbidden = new Set(
  (
    'ORIGIN GASPRICE BLOCKHASH COINBASE TIMESTAMP NUMBER PREVRANDAO DIFFICULTY GASLIMIT BASEFEE BLOBHASH BLOBBASEFEE ' +
    'INVALID SELFDESTRUCT'
  ).split(' '),
)
const calls = new Set(['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL'])
const codeReads = new Set(['EXTCODESIZE', 'EXTCODECOPY', 'EXTCODEHASH'])
const storageReads = new Set(['SLOAD', 'TLOAD'])
const storageWrites = new Set(['SSTORE', 'TSTORE'])
const orderlyEnds = new Set(['STOP', 'RETURN', 'REVERT', 'SELFDESTRUCT'])
/** [OP-062]: the nine of every chain, and RIP-7212's P-256, which Lisk has. */
const precompiles = new Set([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 0x100n])
/** A structure that hangs on a mapping may take so many slots behind the hash. */
const associatedSlots = 128n

/**
 * Checks the validation of one operation against ERC-7562.
 *
 * The rules on reputation, on several operations of a mempool and on a second validation are the bundler's and need more
 * than one trace.
 *
 * @param steps the trace of `handleOps` with this operation alone
 * @param hasCode whether there was code at an address before it
 * @returns what a bundler refuses, in the order of the trace
 */
export function findBreaches(
  steps: readonly TraceStep[],
  operation: TracedOperation,
  hasCode: (address: Address) => boolean,
): Finding[] {
  const findings: Finding[] = []
  const sender = BigInt(operation.sender)
  const entryPoint = BigInt(operation.entryPoint)
  const addresses: Record<Entity, bigint | undefined> = {
    account: sender,
    factory: operation.factory === undefined ? undefined : BigInt(operation.factory),
    paymaster: operation.paymaster === undefined ? undefined : BigInt(operation.paymaster),
  }
  const associated = new Map<bigint, bigint[]>()
  const frames: Frame[] = [{ entity: undefined, self: entryPoint, code: entryPoint, creates: false }]
  let createdCount = 0

  for (const [index, step] of steps.entries()) {
    const previous = steps[index - 1]
    while (frames.length > step.depth) {
      const ended = frames.pop()
      if (ended?.entity === undefined) continue
      if (previous !== undefined && previous.depth === frames.length + 1 && !orderlyEnds.has(previous.op)) {
        report('OP-020', ended.entity, `${previous.op} ended a call: out of gas or not an opcode`)
      }
      if (ended.creates && top(step, 0) !== sender) report('OP-031', ended.entity, 'CREATE2 of another contract')
    }
    if (frames.length < step.depth) frames.push(enter(frames.at(-1), previous))
    const frame = frames.at(-1)
    if (frame === undefined) break
    if (step.depth === 1 && step.op === 'LOG1' && top(step, 2) === beforeExecution) break
    if (frame.entity === undefined || frame.code === entryPoint) continue
    check(frame, frame.entity, step, steps[index + 1])
  }
  return findings

  function report(rule: string, entity: Entity, what: string, allowedByStakeOf?: Entity) {
    findings.push({ rule, entity, what, ...(allowedByStakeOf === undefined ? {} : { allowedByStakeOf }) })
  }

  function enter(caller: Frame | undefined, step: TraceStep | undefined): Frame {
    if (caller === undefined || step === undefined) throw new TypeError('A trace begins with its outermost call.')
    if (step.op === 'CREATE' || step.op === 'CREATE2') {
      const creates = step.op === 'CREATE2'
      return { entity: caller.entity, self: creates ? sender : 0n, code: creates ? sender : 0n, creates }
    }
    const target = targetOf(step)
    const keepsSelf = step.op === 'DELEGATECALL' || step.op === 'CALLCODE'
    return { entity: entityOf(caller, target), self: keepsSelf ? caller.self : target, code: target, creates: false }
  }

  /** The entry point calls its creator, which calls the factory; then the account; then the paymaster. */
  function entityOf(caller: Frame, target: bigint): Entity | undefined {
    if (caller.entity !== undefined) return caller.entity
    if (caller.code !== entryPoint) return 'factory'
    if (target === sender) return 'account'
    return target === addresses.paymaster ? 'paymaster' : undefined
  }

  function check(frame: Frame, entity: Entity, step: TraceStep, next: TraceStep | undefined) {
    const { op } = step
    if (forbidden.has(op)) report('OP-011', entity, op)
    else if (op === 'GAS' && !calls.has(next?.op ?? '')) report('OP-012', entity, `GAS before ${next?.op}`)
    else if (op === 'CREATE' && (frame.self !== sender || addresses.factory === undefined)) {
      report('OP-011', entity, op)
    } else if (op === 'CREATE2') {
      createdCount += 1
      if (entity !== 'factory' || createdCount > 1) report('OP-031', entity, op)
    } else if (op === 'BALANCE' || op === 'SELFBALANCE') {
      report('OP-080', entity, op, entity === 'account' ? undefined : entity)
    } else if (op === 'KECCAK256' || op === 'SHA3') noteHash(step)
    else if (codeReads.has(op)) {
      if (op === 'EXTCODESIZE' && next?.op === 'ISZERO') return
      requireCode(entity, op, top(step, 0) & addressMask)
    } else if (calls.has(op)) checkCall(frame, entity, step)
    else if (storageReads.has(op) || storageWrites.has(op)) {
      checkStorage(frame, entity, top(step, 0), storageWrites.has(op))
    }
  }

  function requireCode(entity: Entity, op: string, target: bigint) {
    if (precompiles.has(target) || target === entryPoint) return
    const address = toAddress(target)
    // [OP-042]: the factory may look at the account that it makes.
    if (target === sender && operation.factory !== undefined) return
    if (!hasCode(address)) report('OP-041', entity, `${op} of ${address}, which has no code`)
  }

  function checkCall(frame: Frame, entity: Entity, step: TraceStep) {
    const target = targetOf(step)
    const hasValue = step.op === 'CALL' || step.op === 'CALLCODE'
    const value = hasValue ? top(step, 2) : 0n
    if (target === entryPoint) {
      const [offset, length] = hasValue ? [top(step, 3), top(step, 4)] : [top(step, 2), top(step, 3)]
      // [OP-052], [OP-053]: depositTo, and plain value from the account.
      const deposits = length >= 4n && memoryOf(step, offset, 4n) === depositToSelector
      const pays = length === 0n && frame.self === sender
      if (step.op !== 'CALL' || (!deposits && !pays)) report('OP-054', entity, `${step.op} to the entry point`)
      return
    }
    if (value !== 0n) report('OP-061', entity, `${step.op} with value`)
    requireCode(entity, step.op, target)
  }

  /** [STO-010] to [STO-033]. */
  function checkStorage(frame: Frame, entity: Entity, slot: bigint, writes: boolean) {
    const what = `${writes ? 'write' : 'read'} of ${toAddress(frame.self)}`
    if (writes && entity === 'account') report('ours', entity, what)
    if (frame.self === sender) return
    const staked = entity === 'account' ? 'factory' : entity
    const own = addresses[entity]
    if (frame.self === own) report('STO-031', entity, what, staked)
    else if (isAssociated(sender, slot)) {
      if (operation.factory !== undefined) report('STO-022', entity, what, staked)
    } else if (entity === 'account') report('STO-021', entity, what)
    else if (Object.values(addresses).includes(frame.self)) report('STO-033', entity, what)
    else if (own !== undefined && isAssociated(own, slot)) report('STO-032', entity, what, staked)
    else report('STO-033', entity, what, writes ? undefined : staked)
  }

  function noteHash(step: TraceStep) {
    const [offset, length] = [top(step, 0), top(step, 1)]
    if (length < 32n) return
    const hashed = memoryOf(step, offset, length)
    const key = BigInt(hashed.slice(0, 66))
    if (key <= addressMask) associated.set(key, [...(associated.get(key) ?? []), BigInt(keccak256(hashed))])
  }

  function isAssociated(address: bigint, slot: bigint): boolean {
    if (slot === address) return true
    return (associated.get(address) ?? []).some((hash) => slot >= hash && slot - hash <= associatedSlots)
  }
}

const addressMask = (1n << 160n) - 1n

/** Every address that the trace calls or whose code it reads, so that a caller can ask which have code. */
export function addressesIn(steps: readonly TraceStep[]): Address[] {
  const found = new Set<Address>()
  for (const step of steps) {
    if (calls.has(step.op)) found.add(toAddress(targetOf(step)))
    else if (codeReads.has(step.op)) found.add(toAddress(top(step, 0) & addressMask))
  }
  return [...found]
}

function targetOf(step: TraceStep): bigint {
  return top(step, 1) & addressMask
}

/** The stack's `depth`-th value from the top. */
function top(step: TraceStep, depth: number): bigint {
  return BigInt(step.stack.at(-1 - depth) ?? 0)
}

/** Memory that is not there yet reads as zeros. */
function memoryOf(step: TraceStep, offset: bigint, length: bigint): Hex {
  const words = (step.memory ?? []).map((word) => word.replace('0x', '')).join('')
  const [from, to] = [Number(offset) * 2, Number(offset + length) * 2]
  return `0x${words.slice(from, to).padEnd(to - from, '0')}`
}

function toAddress(value: bigint): Address {
  return numberToHex(value, { size: 20 })
}
