import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Bundle, Resource } from '@medplum/fhirtypes'
import { describe, expect, test } from 'vitest'
import { patients, readRecord } from '../../../local/people/people.ts'
import { presetClasses, type RecordClass } from '../../../src/core/classes.ts'
import { sensitivitiesOf } from '../../../src/records/classify.ts'
import { type RecordDocument, splitBundle } from '../../../src/records/splitBundle.ts'

const snomed = 'http://snomed.info/sct'
const loinc = 'http://loinc.org'
const subject = { reference: 'Patient/p' }
const encounter = { reference: 'Encounter/e' }
const effectiveDateTime = '2026-03-14T10:00:00+03:00'
const visit = {
  resourceType: 'Encounter',
  id: 'e',
  status: 'finished',
  class: { code: 'AMB' },
  type: [coded(snomed, '185349003', 'Encounter for check up')],
  period: { start: effectiveDateTime },
}

describe('a bundle is parted', () => {
  test('into one record per class and visit, a lab report with its results being one', () => {
    const { documents, unclassified } = split([
      { resourceType: 'Patient', id: 'p', birthDate: '1981-07-23' },
      visit,
      report('r1', 'Lipid panel', ['o1', 'o2']),
      lab('o1', '2093-3', 'Total cholesterol'),
      lab('o2', '2571-8', 'Triglycerides'),
      report('r2', 'Blood count', ['o3']),
      lab('o3', '718-7', 'Hemoglobin'),
      lab('o4', '2345-7', 'Glucose'),
      observation('v1', 'vital-signs', '8302-2', 'Height'),
      observation('v2', 'vital-signs', '29463-7', 'Weight'),
      { resourceType: 'Immunization', id: 'i', encounter, occurrenceDateTime: effectiveDateTime },
    ])
    expect(documents.map(({ class: recordClass, title, date }) => [recordClass, title, date]).sort()).toEqual([
      ['demographics', 'Personal details', '2026-03-14'],
      ['encounters', 'Visit', '2026-03-14'],
      ['immunizations', 'Vaccines given', '2026-03-14'],
      ['labs', 'Blood count', '2026-03-14'],
      ['labs', 'Laboratory results', '2026-03-14'],
      ['labs', 'Lipid panel', '2026-03-14'],
      ['vitals', 'Vital signs', '2026-03-14'],
    ])
    expect(idsIn(documents.find(({ title }) => title === 'Lipid panel'))).toEqual(['r1', 'o1', 'o2'])
    expect(idsIn(documents.find(({ title }) => title === 'Vital signs'))).toEqual(['v1', 'v2'])
    expect(unclassified).toEqual([])
  })

  test('so that two visits never share a record', () => {
    const other = { ...visit, id: 'e2' }
    const later = { ...observation('v2', 'vital-signs', '8302-2', 'Height'), encounter: { reference: 'Encounter/e2' } }
    const { documents } = split([visit, other, observation('v1', 'vital-signs', '8302-2', 'Height'), later])
    expect(documents.map(({ class: recordClass }) => recordClass).sort()).toEqual([
      'encounters',
      'encounters',
      'vitals',
      'vitals',
    ])
  })

  test('and the hospital and doctor that a record names travel with it, but not the visit', () => {
    const hospital = { resourceType: 'Organization', id: 'h', name: 'Kisumu County Hospital' }
    const { documents, unclassified } = split([
      visit,
      hospital,
      { resourceType: 'Practitioner', id: 'nobody' },
      { ...report('r1', 'Lipid panel', []), performer: [{ reference: 'Organization/h' }] },
    ])
    expect(idsIn(documents.find(({ class: recordClass }) => recordClass === 'labs'))).toEqual(['r1', 'h'])
    expect(unclassified).toEqual([{ resourceType: 'Practitioner', reason: 'notNamed', count: 1 }])
  })

  test('and what has no class, or no day, is counted and not lost silently', () => {
    const { documents, unclassified } = split([
      { resourceType: 'Claim', id: 'c1' },
      { resourceType: 'Claim', id: 'c2' },
      { resourceType: 'Observation', id: 'o', status: 'final', code: { text: 'Something' }, effectiveDateTime },
      { resourceType: 'AllergyIntolerance', id: 'a', patient: subject, code: { text: 'Penicillin' } },
    ])
    expect(documents).toEqual([])
    expect(unclassified).toEqual([
      { resourceType: 'Claim', reason: 'noClass', count: 2 },
      { resourceType: 'Observation', reason: 'noClass', count: 1 },
      { resourceType: 'AllergyIntolerance', reason: 'noDate', count: 1 },
    ])
  })

  test('and a collection carries no requests to a server', () => {
    const { documents } = splitBundle({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [{ fullUrl: 'urn:uuid:e', resource: visit as Resource, request: { method: 'POST', url: 'Encounter' } }],
    })
    expect(documents[0]?.resources).toEqual({
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ fullUrl: 'urn:uuid:e', resource: visit }],
    })
  })

  test('and an empty bundle gives nothing', () => {
    expect(splitBundle({ resourceType: 'Bundle', type: 'collection' })).toEqual({ documents: [], unclassified: [] })
  })
})

describe('no ordinary class holds', () => {
  test.each<[string, RecordClass, Record<string, unknown>]>([
    ['an HIV infection', 'hiv', condition('86406008', 'Human immunodeficiency virus infection (disorder)')],
    ['an HIV test without a finding', 'hiv', lab('x', '7917-8', 'HIV 1 Ab [Presence] in Serum')],
    ['a viral load', 'hiv', lab('x', '20447-9', 'RNA copies')],
    ['a syphilis test', 'hiv', procedure('269828009', 'Infectious titer test')],
    ['HIV medicine by its code', 'hiv', medication('1433873', 'one tablet a day')],
    ['HIV medicine by its name', 'hiv', medication('0', 'Dolutegravir 50 mg')],
    [
      'an HIV code of ICD-10',
      'hiv',
      { ...condition('0', ''), code: coded('http://hl7.org/fhir/sid/icd-10', 'B24', '') },
    ],
    ['an HIV code without its system', 'hiv', { ...condition('0', ''), code: { coding: [{ code: '62479008' }] } }],
    ['what its sender labelled HIV', 'hiv', { ...lab('x', '718-7', 'Hemoglobin'), meta: security('HIV') }],
    ['the depression questionnaire PHQ-9', 'mental', observation('x', 'survey', '44261-6', 'Total score')],
    ['the alcohol questionnaire AUDIT-C', 'mental', observation('x', 'survey', '75626-2', 'Total score')],
    ['the drug questionnaire DAST-10', 'mental', observation('x', 'survey', '82667-7', 'Total score')],
    ['alcohol dependence', 'mental', condition('7200002', 'Alcoholism')],
    ['a suicide attempt', 'mental', condition('287185009', 'Attempted suicide - cut/stab (event)')],
    ['partner violence', 'sexual', condition('706893006', 'Victim of intimate partner abuse (finding)')],
    ['the violence questionnaire HARK', 'sexual', observation('x', 'survey', '76504-0', 'Total score')],
    ['a contraceptive', 'sexual', medication('978950', 'Natazia 28 Day Pack')],
    ['an induced abortion', 'sexual', procedure('386639001', 'Termination')],
    ['a visit with a sensitive reason', 'mental', { ...visit, reasonCode: [coded(snomed, '370143000', '')] }],
    ['a note that says so in its text file', 'hiv', note('The patient is HIV positive.')],
    [
      'a narrative that says so',
      'hiv',
      { ...note('Well.'), text: { status: 'generated', div: '<div>HIV clinic</div>' } },
    ],
  ])('%s', (_what, sensitivity, resource) => {
    const { documents } = split([resource])
    expect(documents.map(({ class: recordClass }) => recordClass)).toEqual([sensitivity])
  })

  test('one answer about violence in a long social questionnaire', () => {
    const component = [
      { code: coded(loinc, '71802-3', 'Housing status'), valueString: 'I have housing' },
      { code: coded(loinc, '76501-6', 'Within the last year, have you been afraid of your partner or ex-partner?') },
    ]
    const { documents } = split([{ ...observation('x', 'survey', '93025-5', 'PRAPARE'), component }])
    expect(documents.map(({ class: recordClass }) => recordClass)).toEqual(['sexual'])
  })

  test('a lab report of which one result is sensitive: the whole of it is', () => {
    const { documents } = split([
      report('r', 'Antenatal bloods', ['o1', 'o2']),
      lab('o1', '718-7', 'Hemoglobin'),
      lab('o2', '7917-8', 'HIV 1 Ab'),
    ])
    expect(documents.map(({ class: recordClass }) => recordClass)).toEqual(['hiv'])
    expect(idsIn(documents[0])).toEqual(['r', 'o1', 'o2'])
  })

  test('a harmless medicine whose reason is a sensitive problem', () => {
    const { documents } = split([
      { ...condition('86406008', 'HIV'), id: 'c' },
      { ...medication('0', 'Co-trimoxazole'), reasonReference: [{ reference: 'Condition/c' }] },
    ])
    expect(documents.map(({ class: recordClass }) => recordClass)).toEqual(['hiv'])
  })

  test('a result from a clinic whose name tells', () => {
    const { documents } = split([
      { resourceType: 'Organization', id: 'h', name: 'Kisumu HIV Clinic' },
      { ...lab('o', '718-7', 'Hemoglobin'), performer: [{ reference: 'Organization/h' }] },
    ])
    expect(documents.map(({ class: recordClass }) => recordClass)).toEqual(['hiv'])
  })

  test('what speaks of two sensitivities at once: nobody gets it until a person has parted it', () => {
    const { documents, unclassified } = split([
      report('r', 'Screening', ['o1', 'o2']),
      lab('o1', '7917-8', 'HIV 1 Ab'),
      observation('o2', 'survey', '44261-6', 'PHQ-9'),
    ])
    expect(documents).toEqual([])
    expect(unclassified).toEqual([
      { resourceType: 'DiagnosticReport', reason: 'severalSensitivities', count: 1 },
      { resourceType: 'Observation', reason: 'severalSensitivities', count: 2 },
    ])
  })
})

describe('an ordinary record stays ordinary', () => {
  test.each<[string, RecordClass, Record<string, unknown>]>([
    ['hypertension', 'problems', condition('38341003', 'Hypertension')],
    ['a vaccine against hepatitis B', 'immunizations', vaccine('Hep B, adolescent or pediatric')],
    ['a vaccine against papilloma viruses', 'immunizations', vaccine('HPV, quadrivalent')],
    ['tobacco', 'social', observation('x', 'survey', '72166-2', 'Tobacco smoking status NHIS')],
    ['depression of the ST segment', 'notes', observation('x', 'exam', '0', 'ST depression')],
    ['a hearing aid', 'procedures', procedure('0', 'Fitting of hearing aids')],
    ['a prenatal visit', 'maternal', { ...visit, type: [coded(snomed, '424441002', 'Prenatal initial visit')] }],
    ['a miscarriage', 'maternal', condition('19169002', 'Miscarriage in first trimester')],
  ])('%s', (_what, recordClass, resource) => {
    expect(split([resource]).documents.map((document) => document.class)).toEqual([recordClass])
  })

  test('though it was written down in the visit in which a sensitive problem was found', () => {
    const { documents } = split([
      visit,
      condition('86406008', 'HIV'),
      observation('v', 'vital-signs', '8302-2', 'Height'),
    ])
    expect(documents.map(({ class: recordClass }) => recordClass).sort()).toEqual(['encounters', 'hiv', 'vitals'])
  })
})

describe("the villagers' records", () => {
  test.each(patients)('of $name are all placed, and no ordinary preset opens anything sensitive', (patient) => {
    const { documents, unclassified } = splitBundle(readRecord(patient))
    expect(unclassified).toEqual([])
    expectSafe(documents)
    const classes = new Set(documents.map(({ class: recordClass }) => recordClass))
    expect(classes).toContain('labs')
    expect(classes).toContain('immunizations')
    expect(classes).toContain('demographics')
  })

  test("hold one contraceptive, Atieno's, and it is PRIVATE", () => {
    const { documents } = splitBundle(readRecord(patients[3]))
    expect(documents.filter(({ class: recordClass }) => presetClasses.PRIVATE.includes(recordClass))).toMatchObject([
      { class: 'sexual' },
    ])
  })
})

const sampleFolder = path.resolve('../shared/data/health/synthea-r4')
const samples = existsSync(sampleFolder) ? readdirSync(sampleFolder).filter((name) => name.endsWith('.json')) : []

describe.skipIf(samples.length === 0)("Synthea's sample patients (../shared/data; skipped where it is absent)", () => {
  test('are placed or counted to the last resource, and nothing sensitive is ordinary', () => {
    for (const name of samples) {
      const bundle = JSON.parse(readFileSync(path.join(sampleFolder, name), 'utf8')) as Bundle
      const { documents, unclassified } = splitBundle(bundle)
      expectSafe(documents)
      const placed = new Set(documents.flatMap(({ resources }) => resources.entry?.map(({ fullUrl }) => fullUrl) ?? []))
      const counted = unclassified.reduce((sum, { count }) => sum + count, 0)
      expect(placed.size + counted, name).toBe(bundle.entry?.length)
      const kinds = new Set(unclassified.map(({ resourceType }) => resourceType))
      for (const kind of kinds)
        expect(['Claim', 'ExplanationOfBenefit', 'Organization', 'Practitioner']).toContain(kind)
    }
  })
})

/** Ordinary documents hold nothing sensitive of their own. */
function expectSafe(documents: RecordDocument[]): void {
  for (const { class: recordClass, resources } of documents) {
    if (presetClasses.PRIVATE.includes(recordClass)) continue
    for (const { resource } of resources.entry ?? []) if (resource) expect(sensitivitiesOf(resource).size).toBe(0)
  }
}

/** Test resources carry only what matters, so they are not whole FHIR; real input may not be either. */
function split(resources: Record<string, unknown>[]) {
  const entry = resources.map((resource) => ({ resource: resource as unknown as Resource }))
  return splitBundle({ resourceType: 'Bundle', type: 'transaction', entry })
}

function idsIn(document: RecordDocument | undefined): (string | undefined)[] {
  return (document?.resources.entry ?? []).map(({ resource }) => resource?.id)
}

function coded(system: string, code: string, display: string) {
  return { coding: [{ system, code, display }], text: display }
}

function observation(id: string, category: string, code: string, display: string) {
  const categories = [{ coding: [{ code: category }] }]
  const concept = coded(loinc, code, display)
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    category: categories,
    code: concept,
    encounter,
    effectiveDateTime,
  }
}

function lab(id: string, code: string, display: string) {
  return observation(id, 'laboratory', code, display)
}

function report(id: string, name: string, results: string[]) {
  return {
    resourceType: 'DiagnosticReport',
    id,
    status: 'final',
    category: [{ coding: [{ code: 'LAB' }] }],
    code: { text: name },
    encounter,
    effectiveDateTime,
    result: results.map((result) => ({ reference: `Observation/${result}` })),
  }
}

function condition(code: string, display: string) {
  return {
    resourceType: 'Condition',
    subject,
    encounter,
    code: coded(snomed, code, display),
    recordedDate: effectiveDateTime,
  }
}

function procedure(code: string, display: string) {
  const performedDateTime = effectiveDateTime
  return {
    resourceType: 'Procedure',
    status: 'completed',
    subject,
    code: coded(snomed, code, display),
    performedDateTime,
  }
}

function medication(code: string, display: string) {
  const medicationCodeableConcept = coded('http://www.nlm.nih.gov/research/umls/rxnorm', code, display)
  return {
    resourceType: 'MedicationRequest',
    id: 'm',
    encounter,
    medicationCodeableConcept,
    authoredOn: effectiveDateTime,
  }
}

function vaccine(display: string) {
  return { resourceType: 'Immunization', vaccineCode: { text: display }, occurrenceDateTime: effectiveDateTime }
}

function note(text: string) {
  const attachment = { contentType: 'text/plain', data: Buffer.from(text).toString('base64') }
  return { resourceType: 'DocumentReference', status: 'current', date: effectiveDateTime, content: [{ attachment }] }
}

function security(code: string) {
  return { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code }] }
}
