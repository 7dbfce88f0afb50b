/** What a screen shows of one record: plain text, already chosen; the original file stays beside it. */
export type RecordView = {
  /** As the sender wrote it, e.g. "Lipid panel". */
  title: string
  /** ISO date of the record, e.g. 2026-03-14. */
  date: string
  /** Who made it, where known. */
  performer: string | null
  rows: RecordRow[]
}

export type RecordRow = {
  name: string
  /** The value as text, e.g. "5.4" or "Negative". */
  value: string
  /** UCUM unit as given, or empty. */
  unit: string
  /** Reference range as text, or empty. */
  range: string
  /** The sender's own interpretation, never ours. */
  flag: 'high' | 'low' | 'abnormal' | null
}
