/** What a record is about. The three after `social` are sensitivities that no other class implies. */
export const recordClasses = [
  'demographics',
  'encounters',
  'problems',
  'allergies',
  'medications',
  'immunizations',
  'labs',
  'vitals',
  'imaging',
  'procedures',
  'notes',
  'maternal',
  'social',
  'hiv',
  'mental',
  'sexual',
] as const
export type RecordClass = (typeof recordClasses)[number]

/** What a doctor may ask for in one word; the same word stands in the text message. */
export const presets = ['BASIC', 'LAB_RESULTS', 'MEDICINES', 'VACCINES', 'VISITS', 'ALL', 'PRIVATE'] as const
export type Preset = (typeof presets)[number]

const ordinary = recordClasses.slice(0, 13)
const sensitive = recordClasses.slice(13)

/** The classes a preset opens. ALL never holds PRIVATE. */
export const presetClasses: Readonly<Record<Preset, readonly RecordClass[]>> = {
  BASIC: ['demographics', 'problems', 'allergies', 'medications', 'immunizations'],
  LAB_RESULTS: ['labs'],
  MEDICINES: ['medications'],
  VACCINES: ['immunizations'],
  VISITS: ['encounters', 'procedures', 'notes', 'vitals'],
  ALL: ordinary,
  PRIVATE: sensitive,
}

/** Bits of the `rights` byte on the ledger. */
export const rightBits = { VIEW: 1, ADD: 2, CORRECT: 4 } as const
export type Right = keyof typeof rightBits

/** What a doctor may ask for; an emergency is not asked for but opened. */
export const purposes = ['treatment', 'payment', 'research', 'patientRequest'] as const
export type AskedPurpose = (typeof purposes)[number]
export type Purpose = AskedPurpose | 'emergency'

export function isPreset(value: string): value is Preset {
  return (presets as readonly string[]).includes(value)
}

export function isAskedPurpose(value: string): value is AskedPurpose {
  return (purposes as readonly string[]).includes(value)
}
