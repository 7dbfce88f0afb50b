import { type EpochMs, minute } from './people.ts'

const quietFromHour = 20
const quietUntilHour = 8

/**
 * The next moment at which a text that can wait may go out: now, or 08:00 in the hospital's time zone.
 * Steps by quarter hours, so that a change to daylight saving time never shifts it.
 */
export function afterQuietHours(now: EpochMs, timeZone: string): EpochMs {
  const hourOf = new Intl.DateTimeFormat('en-GB-u-nu-latn', { timeZone, hour: '2-digit', hourCycle: 'h23' })
  const isQuiet = (at: number) => {
    const hour = Number(hourOf.format(at))
    return hour >= quietFromHour || hour < quietUntilHour
  }
  const quarter = 15 * minute
  let at = now as number
  while (isQuiet(at)) at = Math.floor(at / quarter) * quarter + quarter
  return at as EpochMs
}
