import type { Bundle } from '@medplum/fhirtypes'
import { day, type EpochMs } from '../../src/core/people.ts'

/** A FHIR date, dateTime or instant that has a day. Bare years and months stay as they are: they have no day to move. */
const datePattern = /^(\d{4}-\d{2}-\d{2})(T.*)?$/
/** Never moved: people keep their birthdays. */
const keptKeys = new Set(['birthDate', 'expirationDate'])

/**
 * Moves every date of a bundle by whole days. Distances between dates, times of day and time zones stay.
 *
 * Dates inside sentences are left alone, and so are birthdays: a villager is younger at her visits than Synthea had her.
 *
 * @param offsetDays may be negative
 * @returns a copy
 */
export function shiftDates(bundle: Bundle, offsetDays: number): Bundle {
  return moved(bundle, '') as Bundle

  function moved(node: unknown, key: string): unknown {
    if (typeof node === 'string') {
      const [, date, time = ''] = (!keptKeys.has(key) && datePattern.exec(node)) || []
      return date ? isoDay(Date.parse(date) + offsetDays * day) + time : node
    }
    if (Array.isArray(node)) return node.map((item) => moved(item, key))
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, moved(child, name)]))
  }
}

/** The newest day that stands in a bundle, birthdays apart, e.g. 2021-03-18; null when there is none. */
export function newestDay(bundle: Bundle): string | null {
  let newest: string | null = null
  look(bundle, '')
  return newest

  function look(node: unknown, key: string): void {
    if (typeof node === 'string') {
      const date = keptKeys.has(key) ? undefined : datePattern.exec(node)?.[1]
      if (date && (newest === null || date > newest)) newest = date
    } else if (Array.isArray(node)) {
      for (const item of node) look(item, key)
    } else if (typeof node === 'object' && node !== null) {
      for (const [name, child] of Object.entries(node)) look(child, name)
    }
  }
}

/** Moves a bundle so that its newest day is `daysAgo` days before the clock's reading (UTC). */
export function endDaysAgo(bundle: Bundle, now: EpochMs, daysAgo: number): Bundle {
  const newest = newestDay(bundle)
  if (newest === null) return bundle
  return shiftDates(bundle, Math.round((Date.parse(isoDay(now)) - Date.parse(newest)) / day) - daysAgo)
}

function isoDay(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10)
}
