import type { Bundle, BundleEntry, Resource } from '@medplum/fhirtypes'
import type { RecordClass } from '../core/classes.ts'
import { ordinaryClassOf, type Sensitivity, sensitivitiesOf } from './classify.ts'
import { conceptText, recordDay } from './fhirText.ts'

/** One record before it is sealed. All of it is record text, the title included: none of it is stored in clear. */
export type RecordDocument = {
  class: RecordClass
  /** Day of the newest thing in it, e.g. 2026-03-14. */
  date: string
  title: string
  /** Type `collection`: the resources, and the organisations and staff they name. */
  resources: Bundle
}

export type SplitBundle = {
  /** Newest first. */
  documents: RecordDocument[]
  /** What stands in no document, counted by kind and reason. */
  unclassified: Unclassified[]
}

export type Unclassified = {
  resourceType: string
  reason: UnclassifiedReason
  count: number
}

export type UnclassifiedReason =
  /** Its type or category has no class: claims, devices, observations without a category. */
  | 'noClass'
  /** It speaks of several sensitivities at once; no single grant may open it. A person has to part it. */
  | 'severalSensitivities'
  /** It says no day, and its encounter says none: the record-date window could not hold it back. */
  | 'noDate'
  /** An organisation, practitioner, place or medication that no document names. */
  | 'notNamed'

/** Travel with the documents that name them and are no documents themselves. */
const supportingTypes = new Set(['Organization', 'Practitioner', 'PractitionerRole', 'Location', 'Medication'])
/**
 * What merely stands in one visit with a sensitive resource, or belongs to the same person, is not sensitive for that. A place
 * or a person that is sensitive by name, an HIV clinic, does hand it on.
 */
const untaintingKeys = new Set(['subject', 'patient', 'encounter', 'context'])
const untaintingTypes = new Set(['Patient', 'Encounter'])

/**
 * Parts a FHIR R4 bundle into records: one per class and encounter, and one per report with its observations.
 *
 * A resource is sensitive when its own content is, when it points to one that is (a prescription whose reason is a sensitive
 * problem), or when it is part of a report in which one is. A sensitive resource stands in a document of its sensitivity and
 * nowhere else, so no ordinary grant opens it.
 *
 * @param bundle of any type with entries; it is read and not changed, and the documents share its resources
 */
export function splitBundle(bundle: Bundle): SplitBundle {
  const entries = (bundle.entry ?? []).filter(hasResource)
  const find = finderOf(entries)
  const sensitivities = spread(entries, find)
  const clinical = entries.filter(({ resource }) => !supportingTypes.has(resource.resourceType))
  const newestDay = clinical.map(({ resource }) => recordDay(resource) ?? '').reduce(later, '')

  const documents: RecordDocument[] = []
  const leftOut = new Map<string, Unclassified>()
  const named = new Set<Entry>()

  for (const unit of unitsOf(clinical, find)) {
    const found = new Set(unit.flatMap((entry) => [...(sensitivities.get(entry) ?? [])]))
    if (found.size > 1) {
      for (const entry of unit) leaveOut(entry, 'severalSensitivities')
      continue
    }
    const [sensitivity] = found
    const recordClass = sensitivity ?? classOf(unit)
    const date = unit.map((entry) => dayIn(entry)).reduce(later, '')
    if (recordClass === null) for (const entry of unit) leaveOut(entry, 'noClass')
    else if (date === '') for (const entry of unit) leaveOut(entry, 'noDate')
    else place(recordClass, date, unit)
  }
  for (const entry of entries) {
    if (supportingTypes.has(entry.resource.resourceType) && !named.has(entry)) leaveOut(entry, 'notNamed')
  }
  documents.sort((one, other) => other.date.localeCompare(one.date))
  return { documents, unclassified: [...leftOut.values()] }

  /** A patient's own data has no day of its own: it is as new as what came with it. */
  function dayIn({ resource }: Entry): string {
    const own = recordDay(resource)
    if (own !== null) return own
    if (resource.resourceType === 'Patient' || resource.resourceType === 'RelatedPerson') return newestDay
    const visit = find(encounterOf(resource) ?? '')
    return (visit && recordDay(visit.resource)) ?? ''
  }

  function place(recordClass: RecordClass, date: string, unit: Entry[]): void {
    const companions = supportersOf(unit)
    for (const companion of companions) named.add(companion)
    const resources: Bundle = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [...unit, ...companions].map(withoutRequest),
    }
    documents.push({ class: recordClass, date, title: titleOf(recordClass, unit), resources })
  }

  function supportersOf(unit: Entry[]): Entry[] {
    const companions = new Set<Entry>()
    const queue = [...unit]
    for (let entry = queue.pop(); entry; entry = queue.pop()) {
      for (const { target } of linksOf(entry, find)) {
        if (!supportingTypes.has(target.resource.resourceType) || companions.has(target)) continue
        companions.add(target)
        queue.push(target)
      }
    }
    return [...companions]
  }

  /** Reports first, each with its observations; then what is left, by class, sensitivity and encounter. */
  function unitsOf(all: Entry[], findEntry: Find): Entry[][] {
    const units: Entry[][] = []
    const taken = new Set<Entry>()
    for (const entry of all) {
      if (entry.resource.resourceType !== 'DiagnosticReport') continue
      const unit = [entry, ...membersOf(entry, findEntry)]
      for (const member of unit) taken.add(member)
      units.push(unit)
    }
    const groups = new Map<string, Entry[]>()
    for (const entry of all) {
      if (taken.has(entry)) continue
      const found = [...(sensitivities.get(entry) ?? [])].sort()
      const group = found.length > 0 ? found.join('+') : ordinaryClassOf(entry.resource)
      // A kind without a class stays by itself, so that it is counted under its own reason.
      const key = group === null ? `alone ${groups.size}` : `${group} ${encounterKey(entry.resource)}`
      const known = groups.get(key)
      if (known) known.push(entry)
      else groups.set(key, [entry])
    }
    return [...units, ...groups.values()]
  }

  function leaveOut({ resource: { resourceType } }: Entry, reason: UnclassifiedReason): void {
    const key = `${resourceType} ${reason}`
    const row = leftOut.get(key) ?? { resourceType, reason, count: 0 }
    row.count += 1
    leftOut.set(key, row)
  }
}

type Entry = BundleEntry & { resource: Resource }
type Find = (reference: string) => Entry | undefined

/** What a transaction asks of a server has no place in a collection. */
function withoutRequest({ fullUrl, resource }: Entry): BundleEntry {
  return fullUrl === undefined ? { resource } : { fullUrl, resource }
}

/** A report without a category of its own is what its observations are. */
function classOf(unit: Entry[]): RecordClass | null {
  for (const { resource } of unit) {
    const found = ordinaryClassOf(resource)
    if (found) return found
  }
  return null
}

function hasResource(entry: BundleEntry): entry is Entry {
  return entry.resource !== undefined
}

/** Finds an entry by the ways in which FHIR refers: full URL, or type and id. */
function finderOf(entries: Entry[]): Find {
  const byReference = new Map<string, Entry>()
  for (const entry of entries) {
    const { resourceType, id } = entry.resource
    if (entry.fullUrl) byReference.set(entry.fullUrl, entry)
    if (id) byReference.set(`${resourceType}/${id}`, entry)
  }
  return (reference) => byReference.get(reference) ?? byReference.get(reference.split('/').slice(-2).join('/'))
}

/** Sensitivities of each entry, handed on along references until nothing changes. */
function spread(entries: Entry[], find: Find): Map<Entry, Set<Sensitivity>> {
  const found = new Map(entries.map((entry) => [entry, sensitivitiesOf(entry.resource)]))
  const links = entries.flatMap((entry) =>
    linksOf(entry, find)
      .filter(({ key, target }) => !untaintingKeys.has(key) && !untaintingTypes.has(target.resource.resourceType))
      .map(({ target }) => ({ from: found.get(target), to: found.get(entry) })),
  )
  for (let changed = true; changed; ) {
    changed = false
    for (const { from, to } of links) {
      const before = to?.size
      for (const sensitivity of from ?? []) to?.add(sensitivity)
      if (to?.size !== before) changed = true
    }
  }
  return found
}

/** References inside an entry, with the name of the field each stands in. */
function linksOf(entry: Entry, find: Find): { key: string; target: Entry }[] {
  const links: { key: string; target: Entry }[] = []
  walk(entry.resource, '')
  return links

  function walk(node: unknown, key: string): void {
    if (Array.isArray(node)) {
      for (const item of node) walk(item, key)
    } else if (typeof node === 'object' && node !== null) {
      for (const [name, child] of Object.entries(node)) {
        const target = name === 'reference' && typeof child === 'string' ? find(child) : undefined
        if (target && target !== entry) links.push({ key, target })
        else walk(child, name)
      }
    }
  }
}

/** The observations of a report, those that they consist of included. */
function membersOf(report: Entry, find: Find): Entry[] {
  const members = new Set<Entry>()
  const queue = [report]
  for (let entry = queue.shift(); entry; entry = queue.shift()) {
    for (const { key, target } of linksOf(entry, find)) {
      const isMember = (key === 'result' || key === 'hasMember') && target.resource.resourceType === 'Observation'
      if (!isMember || members.has(target)) continue
      members.add(target)
      queue.push(target)
    }
  }
  return [...members]
}

function encounterKey(resource: Resource): string {
  if (resource.resourceType === 'Encounter') return `Encounter/${resource.id ?? ''}`
  return encounterOf(resource) ?? recordDay(resource) ?? ''
}

function encounterOf(resource: Resource): string | undefined {
  const { encounter, context } = resource as { encounter?: unknown; context?: unknown }
  for (const link of [encounter, context]) {
    const { reference } = (link ?? {}) as { reference?: unknown }
    if (typeof reference === 'string') return reference
  }
  return undefined
}

const classTitles: Readonly<Record<RecordClass, string>> = {
  demographics: 'Personal details',
  encounters: 'Visit',
  problems: 'Problems',
  allergies: 'Allergies',
  medications: 'Medicines',
  immunizations: 'Vaccines given',
  labs: 'Laboratory results',
  vitals: 'Vital signs',
  imaging: 'Imaging',
  procedures: 'Procedures',
  notes: 'Notes',
  maternal: 'Pregnancy and birth',
  social: 'Social history',
  hiv: 'HIV and sexually transmitted infections',
  mental: 'Mental health and substance use',
  sexual: 'Sexual health and violence',
}

/** A report goes by its own name, as its sender wrote it; everything else by its class. */
function titleOf(recordClass: RecordClass, [lead]: Entry[]): string {
  const own = lead?.resource.resourceType === 'DiagnosticReport' ? conceptText(lead.resource.code) : ''
  return own || classTitles[recordClass]
}

function later(one: string, other: string): string {
  return one > other ? one : other
}
