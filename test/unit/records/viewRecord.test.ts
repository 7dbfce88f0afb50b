import type { Resource } from '@medplum/fhirtypes'
import { describe, expect, test } from 'vitest'
import { patients, readRecord } from '../../../local/people/people.ts'
import type { RecordClass } from '../../../src/core/classes.ts'
import { splitBundle } from '../../../src/records/splitBundle.ts'
import { viewRecord } from '../../../src/records/viewRecord.ts'

describe('a lab report is shown', () => {
  test('in the order of the report, with value, unit, range and the flag of its sender', () => {
    const view = viewOf('labs', [
      {
        resourceType: 'DiagnosticReport',
        result: [{ reference: 'Observation/b' }, { reference: 'Observation/a' }, { reference: 'Observation/c' }],
        performer: [{ reference: 'Organization/h' }],
        conclusion: 'Repeat in three months.',
      },
      { resourceType: 'Organization', id: 'h', name: 'Kisumu County Hospital' },
      {
        ...measured('a', 'Hemoglobin'),
        valueQuantity: { value: 9.800000000000001, unit: 'g/dL' },
        referenceRange: [{ low: { value: 11.1 }, high: { value: 17.7 } }],
        interpretation: [{ coding: [{ code: 'L' }] }],
      },
      {
        ...measured('b', 'LDL'),
        valueQuantity: { value: 101.2, unit: 'mg/dL', comparator: '>' },
        referenceRange: [{ high: { value: 100 } }],
        interpretation: [{ coding: [{ code: 'HH' }] }],
      },
      { ...measured('c', 'Malaria'), valueCodeableConcept: { text: 'Negative' } },
    ])
    expect(view).toEqual({
      title: 'Title',
      date: '2026-03-14',
      performer: 'Kisumu County Hospital',
      rows: [
        { name: 'LDL', value: '>101.2', unit: 'mg/dL', range: 'up to 100', flag: 'high' },
        { name: 'Hemoglobin', value: '9.8', unit: 'g/dL', range: '11.1 to 17.7', flag: 'low' },
        { name: 'Malaria', value: 'Negative', unit: '', range: '', flag: null },
        { name: 'Conclusion', value: 'Repeat in three months.', unit: '', range: '', flag: null },
      ],
    })
  })

  test('without a flag where the sender gave none, however odd the value', () => {
    const referenceRange = [{ low: { value: 11.1 } }]
    const view = viewOf('labs', [{ ...measured('a', 'Hemoglobin'), valueQuantity: { value: 2 }, referenceRange }])
    expect(view.rows).toEqual([{ name: 'Hemoglobin', value: '2', unit: '', range: 'from 11.1', flag: null }])
  })

  test.each([
    [{ valueQuantity: { value: 310.64710531594994 } }, '310.65'],
    [{ valueQuantity: { value: 0.004349 } }, '0.00435'],
    [{ valueQuantity: { value: 250_001 } }, '250001'],
    [{ valueQuantity: { value: -1.5 } }, '-1.5'],
    [{ valueString: '1+' }, '1+'],
    [{ valueBoolean: false }, 'No'],
    [{ valueInteger: 0 }, '0'],
    [{ valueRange: { low: { value: 1, unit: 'mL' }, high: { value: 2, unit: 'mL' } } }, '1 mL to 2 mL'],
    [{ valueRatio: { numerator: { value: 1 }, denominator: { value: 128 } } }, '1 : 128'],
    [{ dataAbsentReason: { text: 'Not performed' } }, 'Not performed'],
    [{}, ''],
  ])('with the value of %j as "%s"', (value, shown) => {
    expect(viewOf('labs', [{ ...measured('a', 'Test'), ...value }]).rows[0]?.value).toBe(shown)
  })
})

describe('another record is shown', () => {
  test('blood pressure as its two parts', () => {
    const component = [
      { code: { text: 'Systolic' }, valueQuantity: { value: 120, unit: 'mm[Hg]' } },
      { code: { text: 'Diastolic' }, valueQuantity: { value: 80, unit: 'mm[Hg]' } },
    ]
    const { rows } = viewOf('vitals', [{ ...measured('a', 'Blood pressure'), component }])
    expect(rows.map(({ name, value }) => `${name} ${value}`)).toEqual(['Systolic 120', 'Diastolic 80'])
  })

  test.each<[RecordClass, Record<string, unknown>, string, string]>([
    [
      'medications',
      {
        resourceType: 'MedicationRequest',
        status: 'active',
        medicationCodeableConcept: { text: 'Clopidogrel 75 mg' },
        dosageInstruction: [{ text: 'one a day' }],
      },
      'Clopidogrel 75 mg',
      'active, one a day',
    ],
    [
      'problems',
      {
        resourceType: 'Condition',
        code: { coding: [{ code: '38341003', display: 'Hypertension (disorder)' }] },
        clinicalStatus: { coding: [{ code: 'active' }] },
        onsetDateTime: '2020-02-01',
      },
      'Hypertension',
      'active, since 2020-02-01',
    ],
    [
      'immunizations',
      {
        resourceType: 'Immunization',
        status: 'completed',
        vaccineCode: { text: 'DTaP' },
        occurrenceDateTime: '2026-01-02',
      },
      'DTaP',
      'completed, 2026-01-02',
    ],
    [
      'allergies',
      {
        resourceType: 'AllergyIntolerance',
        code: { text: 'Penicillin' },
        criticality: 'high',
        reaction: [{ manifestation: [{ text: 'Rash' }] }],
      },
      'Penicillin',
      'high, Rash',
    ],
    [
      'encounters',
      { resourceType: 'Encounter', status: 'finished', type: [{ text: 'Check up' }], reasonCode: [{ text: 'Cough' }] },
      'Check up',
      'finished, Cough',
    ],
    ['demographics', { resourceType: 'Patient', name: [{ given: ['Juma'], family: 'Barasa' }] }, 'Name', 'Juma Barasa'],
    ['notes', { resourceType: 'ClinicalImpression' }, 'ClinicalImpression', 'kept with the record'],
  ])('%s: %j', (recordClass, resource, name, value) => {
    expect(viewOf(recordClass, [resource]).rows).toMatchObject([{ name, value }])
  })
})

describe("the villagers' records", () => {
  test.each(patients)('of $name all have rows with a name and a value', (patient) => {
    for (const document of splitBundle(readRecord(patient)).documents) {
      const view = viewRecord(document)
      expect(view.rows.length, view.title).toBeGreaterThan(0)
      for (const row of view.rows)
        expect(row, view.title).toMatchObject({ name: expect.stringMatching(/./), value: expect.stringMatching(/./) })
    }
  })

  test("show Akinyi's lipid panel as her doctor reads it", () => {
    const panel = splitBundle(readRecord(patients[0])).documents.find(({ title }) => title === 'Lipid Panel')
    expect(panel && viewRecord(panel)).toMatchInlineSnapshot(`
      {
        "date": "2021-03-18",
        "performer": "Kisumu County Hospital",
        "rows": [
          {
            "flag": null,
            "name": "Total Cholesterol",
            "range": "up to 200",
            "unit": "mg/dL",
            "value": "185.97",
          },
          {
            "flag": null,
            "name": "Triglycerides",
            "range": "up to 150",
            "unit": "mg/dL",
            "value": "124.31",
          },
          {
            "flag": null,
            "name": "Low Density Lipoprotein Cholesterol",
            "range": "up to 100",
            "unit": "mg/dL",
            "value": "92.12",
          },
          {
            "flag": null,
            "name": "High Density Lipoprotein Cholesterol",
            "range": "from 40",
            "unit": "mg/dL",
            "value": "68.98",
          },
        ],
        "title": "Lipid Panel",
      }
    `)
  })
})

function viewOf(recordClass: RecordClass, resources: Record<string, unknown>[]) {
  const entry = resources.map((resource) => ({ resource: resource as unknown as Resource }))
  return viewRecord({
    class: recordClass,
    date: '2026-03-14',
    title: 'Title',
    resources: { resourceType: 'Bundle', type: 'collection', entry },
  })
}

function measured(id: string, name: string) {
  return { resourceType: 'Observation', id, status: 'final', code: { text: name } }
}
