import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { createPublicClient, createWalletClient, type Hex, http, isAddressEqual, isHex, numberToHex } from 'viem'
import { formatUserOperation, formatUserOperationRequest, type RpcUserOperation } from 'viem/account-abstraction'
import { privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { entryPointAbi } from '../../src/accounts/contracts.generated.ts'
import type { Deployment } from '../../src/accounts/deployments.ts'
import { bundleGasLimit, dropFailing, encodeHandleOps, splitByGas } from '../../src/accounts/handleOps.ts'
import { hashUserOperation, type SignedUserOperation } from '../../src/accounts/userOperation.ts'

/** Gas of a transaction, of a byte that is not zero and of one that is. Source: the yellow paper, EIP-2028. */
const [transactionGas, byteGas, zeroByteGas] = [21_000n, 16n, 4n]
/** What handleOps does around an operation. */
const operationGas = 18_000n

export type BundlerStandInOptions = {
  chainUrl: string
  deployment: Deployment
  /** Pays for the bundles first; needs a balance. */
  privateKey: Hex
  /** Default: a free one. */
  port?: number
}

/** Stands in for a vendor's ERC-4337 bundler on 127.0.0.1. */
export type BundlerStandIn = AsyncDisposable & {
  url: string
  /** Methods that were answered, oldest first. */
  calls: string[]
  /** Off: operations are taken and wait. On again: they go. */
  setBundling(enabled: boolean): Promise<void>
  /** The bundler was restarted: it has no operations, and remembers none. */
  forget(): void
  /** A rule of the vendor's own: every operation is refused with this number. Null: none is. */
  setRefusal(code: number | null): void
  /** The next operation it is handed waits at its door. @returns a function that lets it in */
  keepWaiting(): () => void
  stop(): Promise<void>
}

/** An answer that is an error, as ERC-7769 numbers them. */
class RpcError extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

type Known = { operation: SignedUserOperation; transactionHash: Hex | null }

/**
 * Starts a bundler with the public methods of ERC-7769, over the code that bundles for ourselves: it checks what it is handed
 * against the chain, keeps it in memory, and calls `handleOps` from a key of its own.
 */
export async function startBundler(options: BundlerStandInOptions): Promise<BundlerStandIn> {
  const { deployment } = options
  const entryPoint = deployment.entryPoint.address
  const account = privateKeyToAccount(options.privateKey)
  const client = createPublicClient({ chain: anvil, transport: http(options.chainUrl), pollingInterval: 20 })
  const wallet = createWalletClient({ account, chain: anvil, transport: http(options.chainUrl) })
  const known = new Map<Hex, Known>()
  const calls: string[] = []
  let isBundling = true
  let refusal: number | null = null
  let door: Promise<void> | null = null

  const methods: Record<string, (params: readonly unknown[]) => Promise<unknown>> = {
    eth_chainId: async () => numberToHex(deployment.chainId),
    eth_supportedEntryPoints: async () => [entryPoint],
    async eth_sendUserOperation(params) {
      const wait = door
      door = null
      await wait
      const operation = readOperation(params)
      if (refusal !== null) throw new RpcError(refusal, `Not taken here: ${operation.sender}`)
      const hash = hashUserOperation(operation, deployment)
      const before = known.get(hash)
      if (before && !(await isInBlock(before))) throw new RpcError(-32602, 'Already known')
      if (operation.preVerificationGas < leastPreVerificationGas(operation))
        throw new RpcError(-32602, `preVerificationGas must be at least ${leastPreVerificationGas(operation)}`)
      const rival = waiting()
        .map((one) => one.operation)
        .find((one) => one.sender === operation.sender && one.nonce === operation.nonce)
      if (rival && !isDearer(operation, rival)) throw new RpcError(-32602, 'Replacement operation underpriced')
      await requireValid(operation)
      if (rival) known.delete(hashUserOperation(rival, deployment))
      known.set(hash, { operation, transactionHash: null })
      await bundle()
      return hash
    },
    async eth_estimateUserOperationGas(params) {
      const operation = readOperation(params)
      const callGasLimit = await client
        .estimateGas({ account: entryPoint, to: operation.sender, data: operation.callData })
        .catch(() => operation.callGasLimit)
      return {
        preVerificationGas: numberToHex(leastPreVerificationGas(operation)),
        verificationGasLimit: numberToHex(operation.verificationGasLimit ?? 150_000n),
        callGasLimit: numberToHex(callGasLimit),
        paymasterVerificationGasLimit: numberToHex(operation.paymasterVerificationGasLimit ?? 100_000n),
        paymasterPostOpGasLimit: numberToHex(operation.paymasterPostOpGasLimit ?? 0n),
      }
    },
    async eth_getUserOperationByHash([hash]) {
      const found = known.get(readHash(hash))
      if (!found) return null
      const { operation, transactionHash } = found
      const receipt = transactionHash && (await receiptOf(transactionHash))
      return {
        userOperation: formatUserOperationRequest(operation),
        entryPoint,
        transactionHash: receipt ? transactionHash : null,
        blockHash: receipt ? receipt.blockHash : null,
        blockNumber: receipt ? receipt.blockNumber : null,
      }
    },
    async eth_getUserOperationReceipt([hash]) {
      const userOpHash = readHash(hash)
      const event = { abi: entryPointAbi, address: entryPoint, eventName: 'UserOperationEvent' } as const
      const [log] = await client.getContractEvents({ ...event, args: { userOpHash }, fromBlock: 0n, strict: true })
      const receipt = log && (await receiptOf(log.transactionHash))
      if (!receipt) return null
      const { sender, nonce, paymaster, success, actualGasCost, actualGasUsed } = log.args
      return {
        userOpHash,
        entryPoint,
        sender,
        nonce: numberToHex(nonce),
        paymaster,
        success,
        actualGasCost: numberToHex(actualGasCost),
        actualGasUsed: numberToHex(actualGasUsed),
        logs: receipt.logs,
        receipt,
      }
    },
  }

  function waiting(): Known[] {
    return [...known.values()].filter(({ transactionHash }) => transactionHash === null)
  }

  /** From then on it is as if the bundler had never had it. */
  async function isInBlock({ transactionHash }: Known): Promise<boolean> {
    return transactionHash !== null && (await receiptOf(transactionHash)) !== null
  }

  /** As a node gives it: every number in hexadecimal. */
  function receiptOf(hash: Hex) {
    return client.request({ method: 'eth_getTransactionReceipt', params: [hash] })
  }

  function readOperation([value, target]: readonly unknown[]): SignedUserOperation {
    if (!isHex(target) || !isAddressEqual(target, entryPoint))
      throw new RpcError(-32602, `Unsupported entry point: ${String(target)}; this bundler serves ${entryPoint}`)
    const rpcOperation = value as RpcUserOperation<'0.7'>
    for (const field of ['sender', 'nonce', 'callData', 'signature'] as const)
      if (!isHex(rpcOperation?.[field])) throw new RpcError(-32602, `userOperation.${field} must be hexadecimal`)
    if ('initCode' in rpcOperation || 'paymasterAndData' in rpcOperation)
      throw new RpcError(-32602, 'initCode and paymasterAndData belong to EntryPoint v0.6')
    return formatUserOperation(rpcOperation) as SignedUserOperation
  }

  /** Refuses what the entry point would, by the number that ERC-7769 has for it. */
  async function requireValid(operation: SignedUserOperation): Promise<void> {
    const { failed } = await dropFailing(client, entryPoint, account.address, [{ operation }])
    const [first] = failed
    if (first) throw new RpcError(codeOf(first.reason), `UserOperation reverted with reason: ${first.reason}`)
  }

  let running: Promise<unknown> = Promise.resolve()
  function bundle(): Promise<unknown> {
    running = running.then(sendBundles, sendBundles)
    return running
  }

  async function sendBundles(): Promise<void> {
    if (!isBundling) return
    for (const bundle of splitByGas(waiting())) {
      const { valid, failed } = await dropFailing(client, entryPoint, account.address, bundle)
      for (const { one } of failed) known.delete(hashUserOperation(one.operation, deployment))
      if (valid.length === 0) continue
      const data = encodeHandleOps(valid, account.address)
      const transactionHash = await wallet.sendTransaction({ to: entryPoint, data, gas: bundleGasLimit })
      for (const one of valid) one.transactionHash = transactionHash
    }
  }

  const server = fastify({ forceCloseConnections: true })
  server.post('/', async (request) => {
    const { id, method, params } = request.body as { id: number; method: string; params?: unknown[] }
    const answer = { jsonrpc: '2.0', id }
    const does = methods[method]
    if (!does) return { ...answer, error: { code: -32601, message: `Method not found: ${method}` } }
    try {
      return { ...answer, result: await does(params ?? []) }
    } catch (error) {
      const code = error instanceof RpcError ? error.code : -32603
      return { ...answer, error: { code, message: error instanceof Error ? error.message : 'Internal error' } }
    } finally {
      calls.push(method)
    }
  })
  await server.listen({ host: '127.0.0.1', port: options.port ?? 0 })
  const { port } = server.server.address() as AddressInfo
  const stop = async () => {
    await server.close()
    await running.catch(() => {})
  }
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    async setBundling(enabled) {
      isBundling = enabled
      await bundle()
    },
    forget: () => known.clear(),
    setRefusal(code) {
      refusal = code
    },
    keepWaiting() {
      const { promise, resolve } = Promise.withResolvers<void>()
      door = promise
      return resolve
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Bytes and work that the gas limits do not cover, for an operation alone in its bundle. */
function leastPreVerificationGas(operation: SignedUserOperation): bigint {
  const data = encodeHandleOps([{ operation }], operation.sender)
  let gas = transactionGas + operationGas
  for (const byte of Buffer.from(data.slice(2), 'hex')) gas += byte === 0 ? zeroByteGas : byteGas
  return gas
}

/** A replacement offers a tenth more of both fees. */
function isDearer(after: SignedUserOperation, before: SignedUserOperation): boolean {
  return (['maxFeePerGas', 'maxPriorityFeePerGas'] as const).every((fee) => after[fee] * 10n >= before[fee] * 11n)
}

/** ERC-7769's number for an entry point's code: signature, time range, paymaster, or whatever else it rejects. */
function codeOf(reason: string): number {
  if (/^AA[23]4/.test(reason)) return -32507
  if (/^AA[23]2/.test(reason)) return -32503
  return /^AA3/.test(reason) ? -32501 : -32500
}

function readHash(value: unknown): Hex {
  if (!isHex(value) || value.length !== 66) throw new RpcError(-32602, 'A user operation hash has 32 bytes')
  return value
}
