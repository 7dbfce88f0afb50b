import { createPublicClient, defineChain, http, type PublicClient } from 'viem'

/** Every call to the chain ends within this time. */
const callTimeoutMs = 8_000

/** A client for one chain, by its JSON-RPC address. */
export function openChainClient(rpcUrl: string, chainId: number): PublicClient {
  const chain = defineChain({
    id: chainId,
    name: `chain ${chainId}`,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  })
  return createPublicClient({
    chain,
    transport: http(rpcUrl, { timeout: callTimeoutMs, retryCount: 1, batch: true }),
    cacheTime: 0,
  })
}
