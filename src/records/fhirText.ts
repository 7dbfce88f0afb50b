import type { CodeableConcept, HumanName, Quantity, Reference, Resource } from '@medplum/fhirtypes'

/** A concept in the sender's own words; its code only when there are none. */
export function conceptText(concept: CodeableConcept | undefined): string {
  const coding = concept?.coding?.find(({ display }) => display) ?? concept?.coding?.[0]
  return withoutTag(concept?.text ?? coding?.display ?? coding?.code ?? '')
}

/** SNOMED's fully specified names carry their kind, which says nothing to a reader: "Hypertension (disorder)". */
function withoutTag(text: string): string {
  return text.replace(/ \((disorder|finding|procedure|situation|regime\/therapy|event|person|observable entity)\)$/, '')
}

/**
 * A number for the screen: whole numbers as they are, others with two decimals or three significant digits.
 *
 * Synthetic and computed values arrive with fifteen digits; the original stays beside what is shown.
 */
export function numberText(value: number): string {
  if (Number.isInteger(value)) return String(value)
  const short = Math.abs(value) >= 1 ? Number(value.toFixed(2)) : Number(value.toPrecision(3))
  return String(short)
}

export function quantityText(quantity: Quantity | undefined): string {
  if (quantity?.value === undefined) return ''
  return [`${quantity.comparator ?? ''}${numberText(quantity.value)}`, quantity.unit ?? quantity.code]
    .filter(Boolean)
    .join(' ')
}

export function nameText(names: HumanName[] | undefined): string {
  const name = names?.find(({ use }) => use === 'official') ?? names?.[0]
  return name?.text ?? [...(name?.prefix ?? []), ...(name?.given ?? []), name?.family].filter(Boolean).join(' ')
}

/** The name of who is referred to: as the reference says it, else as the resource it points to does. */
export function referenceText(
  reference: Reference | undefined,
  find: (reference: string) => Resource | undefined,
): string {
  if (reference?.display) return reference.display
  const target = reference?.reference ? find(reference.reference) : undefined
  switch (target?.resourceType) {
    case 'Organization':
    case 'Location':
      return target.name ?? ''
    case 'Practitioner':
      return nameText(target.name)
    case 'Medication':
      return conceptText(target.code)
    default:
      return ''
  }
}

/**
 * The day of a FHIR date, dateTime or instant as its sender wrote it, e.g. 2026-03-14; the first day of a bare month or year.
 */
export function dayOf(dateTime: string | undefined): string | null {
  const [, year, month = '01', day = '01'] = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T.*)?)?)?$/.exec(dateTime ?? '') ?? []
  return year ? `${year}-${month}-${day}` : null
}

/** The day on which what a resource tells happened, or null when it says none. */
export function recordDay(resource: Resource): string | null {
  return dayOf(recordDateTime(resource))
}

function recordDateTime(resource: Resource): string | undefined {
  switch (resource.resourceType) {
    case 'Observation':
      return (
        resource.effectiveDateTime ?? resource.effectivePeriod?.start ?? resource.effectiveInstant ?? resource.issued
      )
    case 'DiagnosticReport':
      return resource.effectiveDateTime ?? resource.effectivePeriod?.start ?? resource.issued
    case 'Encounter':
      return resource.period?.start
    case 'Condition':
      return resource.recordedDate ?? resource.onsetDateTime ?? resource.onsetPeriod?.start
    case 'AllergyIntolerance':
      return resource.recordedDate ?? resource.onsetDateTime
    case 'Procedure':
      return resource.performedDateTime ?? resource.performedPeriod?.start
    case 'Immunization':
      return resource.occurrenceDateTime ?? resource.recorded
    case 'MedicationRequest':
      return resource.authoredOn
    case 'MedicationStatement':
      return resource.effectiveDateTime ?? resource.effectivePeriod?.start ?? resource.dateAsserted
    case 'MedicationAdministration':
      return resource.effectiveDateTime ?? resource.effectivePeriod?.start
    case 'MedicationDispense':
      return resource.whenHandedOver ?? resource.whenPrepared
    case 'CarePlan':
      return resource.created ?? resource.period?.start
    case 'Goal':
      return resource.startDate
    case 'ImagingStudy':
      return resource.started
    case 'Media':
      return resource.createdDateTime ?? resource.issued
    case 'DocumentReference':
    case 'Composition':
    case 'ClinicalImpression':
      return resource.date
    case 'Specimen':
      return resource.receivedTime ?? resource.collection?.collectedDateTime
    case 'Appointment':
      return resource.start ?? resource.created
    case 'ImmunizationRecommendation':
      return resource.date
    default:
      return undefined
  }
}
