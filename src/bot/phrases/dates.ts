import type { EpochMs } from '../../core/people.ts'

/** `29 Nov`: day and short month, in digits every phone has (`Intl` alone would bring U+202F and local digits). */
export function dayAndMonth(at: EpochMs, zone: string, months: readonly string[]): string {
  const { day, month } = parts(at, zone)
  return `${Number(day)} ${months[Number(month) - 1]}`
}

/** `29 Nov 14:05` */
export function dayAndTime(at: EpochMs, zone: string, months: readonly string[]): string {
  const { hour, minute } = parts(at, zone)
  return `${dayAndMonth(at, zone, months)} ${hour}:${minute}`
}

function parts(at: EpochMs, zone: string) {
  const format = new Intl.DateTimeFormat('en-GB-u-nu-latn', {
    timeZone: zone,
    day: '2-digit',
    month: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const found = Object.fromEntries(format.formatToParts(at).map((part) => [part.type, part.value]))
  return { day: found['day'], month: found['month'], hour: found['hour'], minute: found['minute'] }
}
