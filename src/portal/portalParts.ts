import type { EpochMs } from '../core/people.ts'
import type { PortalActions } from './actions.ts'
import type { AssetUrls } from './assetUrls.ts'
import type { Dates } from './dates.ts'
import type { EventStreams } from './eventStreams.ts'

/** What every route of the portal may need, made once by `portalScope`. */
export type PortalParts = {
  actions: PortalActions
  clock: () => EpochMs
  /** Cookies travel over https only. */
  secure: boolean
  dates: Dates
  assets: AssetUrls
  streams: EventStreams
  /** Without a slash at its end. */
  explorerUrl: string | null
  /** The ledger as CAIP-10 names it. */
  ledgerName: string
  lookLastsMs: number
  signInLimits: { perAddress: number; perName: number; windowMs: number }
}
