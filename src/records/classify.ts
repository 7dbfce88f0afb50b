import type { Resource } from '@medplum/fhirtypes'
import type { RecordClass } from '../core/classes.ts'
import { maternalTerms, type SensitiveTerms, type Sensitivity, sensitiveTerms } from './sensitiveCodes.ts'

export type { Sensitivity } from './sensitiveCodes.ts'

/** Narratives and attachments longer than this, in characters, are searched only so far. */
const maxAttachmentCharacters = 1_000_000

/**
 * The sensitivities that stand in one resource: its codes, its security labels, its words, and text files attached to it.
 *
 * What it inherits from resources it points to is the business of `splitBundle`. The limits are told in sensitiveCodes.ts.
 */
export function sensitivitiesOf(resource: Resource): Set<Sensitivity> {
  const content = contentOf(resource)
  const found = new Set<Sensitivity>()
  for (const [sensitivity, terms] of Object.entries(sensitiveTerms) as [Sensitivity, SensitiveTerms][]) {
    const labelled = (resource.meta?.security ?? []).some((label) => terms.labels.includes(label.code ?? ''))
    if (labelled || matches(content, terms)) found.add(sensitivity)
  }
  return found
}

/** The ordinary class of a resource by its type and category, or null when it has none. Sensitivities come before this. */
export function ordinaryClassOf(resource: Resource): RecordClass | null {
  switch (resource.resourceType) {
    case 'Encounter':
    case 'Condition':
    case 'Procedure':
    case 'Observation':
    case 'CarePlan':
      if (matches(contentOf(resource), maternalTerms)) return 'maternal'
  }
  switch (resource.resourceType) {
    case 'Patient':
    case 'RelatedPerson':
      return 'demographics'
    case 'Encounter':
    case 'Appointment':
      return 'encounters'
    case 'Condition':
    case 'CarePlan':
    case 'Goal':
      return 'problems'
    case 'AllergyIntolerance':
      return 'allergies'
    case 'MedicationRequest':
    case 'MedicationStatement':
    case 'MedicationAdministration':
    case 'MedicationDispense':
      return 'medications'
    case 'Immunization':
    case 'ImmunizationRecommendation':
      return 'immunizations'
    case 'Specimen':
      return 'labs'
    case 'ImagingStudy':
    case 'Media':
      return 'imaging'
    case 'Procedure':
      return 'procedures'
    case 'DocumentReference':
    case 'Composition':
    case 'ClinicalImpression':
      return 'notes'
    case 'Observation':
      return first(resource.category, observationClasses)
    case 'DiagnosticReport':
      // Synthea files death certificates under the laboratory.
      if (hasCode(resource.code, '69409-1')) return 'notes'
      return first(resource.category, reportClasses)
    default:
      return null
  }
}

/** HL7 observation-category. */
const observationClasses: Readonly<Record<string, RecordClass>> = {
  laboratory: 'labs',
  'vital-signs': 'vitals',
  activity: 'vitals',
  imaging: 'imaging',
  procedure: 'procedures',
  therapy: 'procedures',
  exam: 'notes',
  survey: 'social',
  'social-history': 'social',
}

/** HL7 v2 table 0074, LOINC document classes, and the category names of some senders. */
const reportClasses: Readonly<Record<string, RecordClass>> = {
  LAB: 'labs',
  laboratory: 'labs',
  CH: 'labs',
  HM: 'labs',
  MB: 'labs',
  SR: 'labs',
  'LP29684-5': 'imaging',
  RAD: 'imaging',
  RUS: 'imaging',
  CT: 'imaging',
  '34117-2': 'notes',
  '51847-2': 'notes',
  '11506-3': 'notes',
  survey: 'social',
}

type Concept = { coding?: { system?: string; code?: string }[]; text?: string }

function first(categories: Concept[] | undefined, classes: Readonly<Record<string, RecordClass>>): RecordClass | null {
  for (const { code } of (categories ?? []).flatMap((category) => category.coding ?? [])) {
    const found = code === undefined ? undefined : classes[code]
    if (found) return found
  }
  return null
}

function hasCode(concept: Concept | undefined, code: string): boolean {
  return (concept?.coding ?? []).some((coding) => coding.code === code)
}

type Content = { codings: { system: string; code: string }[]; text: string }

function matches({ codings, text }: Content, terms: Partial<SensitiveTerms>): boolean {
  return (
    codings.some(({ system, code }) => {
      const known = systemOf(system)
      return (
        ((known === 'snomed' || known === null) && terms.snomed?.includes(code)) ||
        ((known === 'loinc' || known === null) && terms.loinc?.includes(code)) ||
        ((known === 'rxnorm' || known === null) && terms.rxnorm?.includes(code)) ||
        (known === 'icd10' && terms.icd10?.test(code))
      )
    }) || Boolean(terms.words?.test(text))
  )
}

/** Null for a system that is missing or not known: such a code is looked up in every list. */
function systemOf(system: string): 'snomed' | 'loinc' | 'rxnorm' | 'icd10' | 'other' | null {
  if (/snomed|2\.16\.840\.1\.113883\.6\.96$/.test(system)) return 'snomed'
  if (/loinc|2\.16\.840\.1\.113883\.6\.1$/.test(system)) return 'loinc'
  if (/rxnorm|2\.16\.840\.1\.113883\.6\.88$/.test(system)) return 'rxnorm'
  if (/icd-?10|2\.16\.840\.1\.113883\.6\.(3|90)$/i.test(system)) return 'icd10'
  return /^http:\/\/(terminology\.)?hl7\.org\//.test(system) ? 'other' : null
}

/** Parts of a resource that name persons, places or other resources rather than say something about health. */
const unsearchedKeys = new Set([
  'id',
  'reference',
  'url',
  'system',
  'profile',
  'family',
  'given',
  'line',
  'city',
  'value',
])

/** Every coding and every word of a resource, extensions, contained resources, narrative and attached text included. */
function contentOf(resource: Resource): Content {
  const codings: Content['codings'] = []
  const texts: string[] = []
  walk(resource, '')
  return { codings, text: texts.join('\n') }

  function walk(node: unknown, key: string): void {
    if (typeof node === 'string') {
      if (!unsearchedKeys.has(key)) texts.push(node)
    } else if (Array.isArray(node)) {
      for (const item of node) walk(item, key)
    } else if (typeof node === 'object' && node !== null) {
      const fields = node as Record<string, unknown>
      const { code, system, data, contentType } = fields
      if (typeof code === 'string') codings.push({ system: typeof system === 'string' ? system : '', code })
      if (typeof data === 'string' && typeof contentType === 'string') texts.push(attachedText(contentType, data))
      for (const [name, child] of Object.entries(fields)) if (name !== 'data') walk(child, name)
    }
  }
}

function attachedText(contentType: string, base64: string): string {
  const readable = /^(text\/|application\/(fhir\+)?(json|xml))/.test(contentType)
  return readable ? Buffer.from(base64.slice(0, maxAttachmentCharacters), 'base64').toString('utf8') : ''
}
