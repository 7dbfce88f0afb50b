import type { EpochMs } from '../core/people.ts'

/** Dates as the hospital reads them. */
export type Dates = {
  /** `22 Nov 2026` */
  day(at: EpochMs): string
  /** `22 Nov 2026, 15:04` */
  moment(at: EpochMs): string
  /** `15:04` */
  time(at: EpochMs): string
  /** `2026-11-22T12:04:00.000Z`, for the datetime attribute. */
  machine(at: EpochMs): string
  /** `14 Mar 2026` from `2026-03-14`; a date with parts missing stays as its sender wrote it. */
  recordDate(iso: string): string
}

/**
 * Dates in one time zone.
 *
 * @param timeZone an IANA name, e.g. Africa/Nairobi
 * @throws {RangeError} when the runtime does not know the zone
 */
export function datesIn(timeZone: string): Dates {
  // Month names are our own: en-GB of different runtimes writes both Sep and Sept.
  const format = new Intl.DateTimeFormat('en-GB-u-nu-latn', {
    timeZone,
    day: 'numeric',
    month: 'numeric',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const read = (at: EpochMs) => {
    const found = Object.fromEntries(format.formatToParts(at).map((part) => [part.type, part.value]))
    const day = `${Number(found['day'])} ${months[Number(found['month']) - 1]} ${found['year']}`
    return { day, time: `${found['hour']}:${found['minute']}` }
  }
  return {
    day: (at) => read(at).day,
    moment: (at) => `${read(at).day}, ${read(at).time}`,
    time: (at) => read(at).time,
    machine: (at) => new Date(at).toISOString(),
    recordDate: (iso) => {
      const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})/.exec(iso) ?? []
      const name = months[Number(month) - 1]
      return year && day && name ? `${Number(day)} ${name} ${year}` : iso
    },
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
