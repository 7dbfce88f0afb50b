/** Work that follows a commit. Each is an outbox row first; the queue carries ids only. */
export const jobNames = [
  'handleMessage',
  'sendMessage',
  'redactMessage',
  'submitUserOperations',
  'logAccess',
  'uploadRecord',
  'remindPatient',
  'endRequest',
  'executeLoosening',
] as const
export type JobName = (typeof jobNames)[number]
