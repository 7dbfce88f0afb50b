/** Marks a string that must not be mixed with another kind of string. */
export type Brand<Value, Name extends string> = Value & { readonly __brand: Name }

/** Milliseconds since 1970-01-01T00:00:00Z. Every clock reading in this house has this type. */
export type EpochMs = Brand<number, 'EpochMs'>

export type HospitalId = Brand<string, 'HospitalId'>
export type DoctorId = Brand<string, 'DoctorId'>
export type PatientId = Brand<string, 'PatientId'>
export type RecordId = Brand<string, 'RecordId'>
export type ConsentRequestId = Brand<string, 'ConsentRequestId'>
export type AccessEntryId = Brand<string, 'AccessEntryId'>

export type Language = 'en' | 'sw'

/** Where a message reaches a person. A phone number may be missing on some channels, so identity is never the number. */
export type Channel = 'sms'

/** A + and 8 to 15 digits, as `parsePhone` made it. */
export type PhoneNumber = Brand<string, 'PhoneNumber'>

export const day = 86_400_000
export const hour = 3_600_000
export const minute = 60_000
