import type {
  CodeableConcept,
  Observation,
  ObservationComponent,
  ObservationReferenceRange,
  Resource,
} from '@medplum/fhirtypes'
import type { RecordRow, RecordView } from '../core/recordView.ts'
import { conceptText, dayOf, nameText, numberText, quantityText, referenceText } from './fhirText.ts'
import type { RecordDocument } from './splitBundle.ts'

/**
 * What a screen shows of a record: one row per result, medicine, vaccine, problem and so on, in the sender's words.
 *
 * Nothing is computed or judged here: a flag is the sender's own interpretation. Numbers are shortened for reading.
 */
export function viewRecord(document: RecordDocument): RecordView {
  const { title, date, resources } = document
  const found = new Map<string, Resource>()
  for (const { fullUrl, resource } of resources.entry ?? []) {
    if (!resource) continue
    if (fullUrl) found.set(fullUrl, resource)
    if (resource.id) found.set(`${resource.resourceType}/${resource.id}`, resource)
  }
  const all = (resources.entry ?? []).flatMap(({ resource }) => resource ?? [])
  const find: Find = (reference) => found.get(reference)
  return {
    title,
    date,
    performer: performerOf(all, find),
    rows: inReportOrder(all, find).flatMap((one) => rowsOf(one, find)),
  }
}

type Find = (reference: string) => Resource | undefined

/** Results in the order in which their report names them; then the rest as it came. */
function inReportOrder(all: Resource[], find: Find): Resource[] {
  const ordered = new Set<Resource>()
  for (const resource of all) {
    if (resource.resourceType !== 'DiagnosticReport') continue
    for (const { reference } of resource.result ?? []) {
      const result = reference ? find(reference) : undefined
      if (result) ordered.add(result)
    }
  }
  for (const resource of all) ordered.add(resource)
  return [...ordered]
}

function performerOf(all: Resource[], find: Find): string | null {
  for (const resource of all) {
    const references = makersOf(resource)
    for (const reference of references) {
      const name = referenceText(reference, find)
      if (name) return name
    }
  }
  return null
}

function makersOf(resource: Resource) {
  switch (resource.resourceType) {
    case 'DiagnosticReport':
      return [...(resource.performer ?? []), ...(resource.resultsInterpreter ?? [])]
    case 'Observation':
      return resource.performer ?? []
    case 'Encounter':
      return [resource.serviceProvider, ...(resource.participant ?? []).map(({ individual }) => individual)]
    case 'Procedure':
    case 'Immunization':
      return (resource.performer ?? []).map(({ actor }) => actor)
    case 'MedicationRequest':
      return [resource.requester]
    case 'Condition':
    case 'AllergyIntolerance':
      return [resource.recorder, resource.asserter]
    case 'DocumentReference':
    case 'Composition':
      return resource.author ?? []
    default:
      return []
  }
}

function rowsOf(resource: Resource, find: Find): RecordRow[] {
  switch (resource.resourceType) {
    case 'Observation':
      return observationRows(resource)
    case 'DiagnosticReport':
      return resource.conclusion ? [row('Conclusion', resource.conclusion)] : []
    case 'MedicationRequest': {
      const { medicationCodeableConcept, medicationReference, dosageInstruction, status } = resource
      const name = conceptText(medicationCodeableConcept) || referenceText(medicationReference, find)
      return [row(name, [status, ...(dosageInstruction ?? []).map(({ text }) => text)])]
    }
    case 'MedicationStatement':
    case 'MedicationAdministration':
    case 'MedicationDispense': {
      const { medicationCodeableConcept, medicationReference, status } = resource
      return [row(conceptText(medicationCodeableConcept) || referenceText(medicationReference, find), status)]
    }
    case 'Immunization':
      return [row(conceptText(resource.vaccineCode), [resource.status, dayOf(resource.occurrenceDateTime)])]
    case 'Condition': {
      const { code, clinicalStatus, onsetDateTime, abatementDateTime } = resource
      const from = dayOf(onsetDateTime)
      const until = dayOf(abatementDateTime)
      return [row(conceptText(code), [conceptText(clinicalStatus), from && `since ${from}`, until && `until ${until}`])]
    }
    case 'AllergyIntolerance': {
      const { code, clinicalStatus, criticality, reaction } = resource
      const reactions = (reaction ?? []).flatMap(({ manifestation }) => (manifestation ?? []).map(conceptText))
      return [row(conceptText(code), [conceptText(clinicalStatus), criticality, ...reactions])]
    }
    case 'Procedure':
      return [row(conceptText(resource.code), [resource.status, ...(resource.reasonCode ?? []).map(conceptText)])]
    case 'Encounter': {
      const { type, reasonCode, period, status } = resource
      const name = (type ?? []).map(conceptText).filter(Boolean).join(', ') || 'Visit'
      return [row(name, [status, ...(reasonCode ?? []).map(conceptText), dayOf(period?.start)])]
    }
    case 'Patient': {
      const { name, gender, birthDate, deceasedDateTime } = resource
      const died = dayOf(deceasedDateTime)
      const known = [row('Name', nameText(name)), row('Gender', gender), row('Born', birthDate), row('Died', died)]
      return known.filter(({ value }) => value !== '')
    }
    case 'RelatedPerson':
      return [row('Related person', [nameText(resource.name), ...(resource.relationship ?? []).map(conceptText)])]
    case 'ImagingStudy': {
      const { description, procedureCode, modality } = resource
      const name = description ?? (procedureCode ?? []).map(conceptText).find(Boolean) ?? 'Images'
      return [
        row(
          name,
          (modality ?? []).map(({ display, code }) => display ?? code),
        ),
      ]
    }
    case 'CarePlan': {
      const name = resource.title ?? (resource.category ?? []).map(conceptText).find(Boolean) ?? 'Care plan'
      const steps = (resource.activity ?? []).map(({ detail }) => conceptText(detail?.code))
      return [row(name, [resource.status, ...steps])]
    }
    case 'Goal':
      return [row(conceptText(resource.description), resource.lifecycleStatus)]
    case 'DocumentReference':
      return [row(resource.description ?? (conceptText(resource.type) || 'Document'), 'kept with the record')]
    case 'Organization':
    case 'Practitioner':
    case 'PractitionerRole':
    case 'Location':
    case 'Medication':
      return []
    default:
      // Never hidden, though we have no better words for it: the original is kept with the record.
      return [row(resource.resourceType, 'kept with the record')]
  }
}

function observationRows(observation: Observation): RecordRow[] {
  const components = (observation.component ?? []).map(measurement)
  const own = measurement(observation)
  return own.value === '' && components.length > 0 ? components : [own, ...components]
}

function measurement(measured: Observation | ObservationComponent): RecordRow {
  const { valueQuantity, dataAbsentReason, interpretation, referenceRange } = measured
  const value = valueText(measured) || (dataAbsentReason ? conceptText(dataAbsentReason) : '')
  return {
    name: conceptText(measured.code),
    value,
    unit: valueQuantity?.unit ?? valueQuantity?.code ?? '',
    range: (referenceRange ?? []).map(rangeText).filter(Boolean).join('; '),
    flag: flagOf(interpretation),
  }
}

function valueText(measured: Observation | ObservationComponent): string {
  const { valueQuantity, valueString, valueBoolean, valueInteger, valueRange, valueRatio, valueDateTime, valueTime } =
    measured
  if (valueQuantity?.value !== undefined) return `${valueQuantity.comparator ?? ''}${numberText(valueQuantity.value)}`
  if (valueString !== undefined) return valueString
  if (valueBoolean !== undefined) return valueBoolean ? 'Yes' : 'No'
  if (valueInteger !== undefined) return String(valueInteger)
  if (valueRange) return `${quantityText(valueRange.low)} to ${quantityText(valueRange.high)}`
  if (valueRatio) return `${quantityText(valueRatio.numerator)} : ${quantityText(valueRatio.denominator)}`
  return conceptText(measured.valueCodeableConcept) || valueDateTime || valueTime || ''
}

function rangeText({ text, low, high }: ObservationReferenceRange): string {
  if (text) return text
  const [from, to] = [low?.value, high?.value]
  if (from !== undefined && to !== undefined) return `${numberText(from)} to ${numberText(to)}`
  if (from !== undefined) return `from ${numberText(from)}`
  return to === undefined ? '' : `up to ${numberText(to)}`
}

/** HL7 v3-ObservationInterpretation; whatever else a sender says there is left to the original. */
function flagOf(interpretation: CodeableConcept[] | undefined): RecordRow['flag'] {
  for (const { code } of (interpretation ?? []).flatMap(({ coding }) => coding ?? [])) {
    if (code === 'H' || code === 'HH' || code === 'HU' || code === '>') return 'high'
    if (code === 'L' || code === 'LL' || code === 'LU' || code === '<') return 'low'
    if (code === 'A' || code === 'AA') return 'abnormal'
  }
  return null
}

function row(name: string, value: string | null | undefined | (string | null | undefined)[]): RecordRow {
  const parts = (Array.isArray(value) ? value : [value]).filter(Boolean)
  return { name: name || 'Not named', value: parts.join(', '), unit: '', range: '', flag: null }
}
