import { describe, expect, test } from 'vitest'
import { presets, purposes } from '../../../src/core/classes.ts'
import type { EpochMs } from '../../../src/core/people.ts'
import type { Hex } from '../../../src/core/rows.ts'
import {
  type Artefact,
  canonicalArtefact,
  commitToArtefact,
  commitToEmergency,
  commitToFinding,
  commitToScope,
  type Scope,
} from '../../../src/core/scope.ts'

const salt: Hex = `0x${'11'.repeat(32)}`
const otherSalt: Hex = `0x${'12'.repeat(32)}`
const scope: Scope = {
  preset: 'LAB_RESULTS',
  purpose: 'treatment',
  recordsFrom: Date.UTC(2025, 10, 24) as EpochMs,
  recordsUntil: Date.UTC(2026, 11, 2) as EpochMs,
}

describe('the commitment to a scope', () => {
  test('is the same for the same scope and salt, in every release', () => {
    expect(commitToScope(scope, salt)).toBe(commitToScope({ ...scope }, salt))
    expect(commitToScope(scope, salt)).toMatchInlineSnapshot(
      `"0xe197b5e1ff58656ebf6b537a36af10a53fb66fc5955a279636a1b608cb8b614b"`,
    )
  })

  test('cannot be guessed without the salt', () => {
    expect(commitToScope(scope, otherSalt)).not.toBe(commitToScope(scope, salt))
  })

  test('differs for every preset, purpose and window', () => {
    const scopes = [
      ...presets.flatMap((preset) => purposes.map((purpose) => ({ ...scope, preset, purpose }))),
      { ...scope, recordsFrom: (scope.recordsFrom + 1) as EpochMs },
      { ...scope, recordsUntil: (scope.recordsUntil + 1) as EpochMs },
    ]
    expect(new Set(scopes.map((one) => commitToScope(one, salt))).size).toBe(scopes.length)
  })
})

describe('the commitment to the evidence of an answer', () => {
  const artefact: Artefact = {
    request: `0x${'22'.repeat(32)}`,
    prompt: '47: Dr Achieng Otieno asks',
    language: 'en',
    inboundMessageId: `SM${'0'.repeat(32)}`,
    answer: 'allow',
    assurance: 'A0',
    promptedAt: 1_000,
    receivedAt: 2_000,
    decidedAt: 3_000,
  }

  test('does not depend on the order in which the evidence was gathered', () => {
    const reversed = Object.fromEntries(Object.entries(artefact).reverse()) as Artefact
    expect(Object.keys(reversed)).not.toEqual(Object.keys(artefact))
    expect(canonicalArtefact(reversed)).toBe(canonicalArtefact(artefact))
  })

  test('stands over members in the order of their names, without white space between', () => {
    const canonical = canonicalArtefact(artefact)
    const names = Object.keys(JSON.parse(canonical) as object)
    expect(names).toEqual([...names].sort())
    expect(names).toHaveLength(9)
    expect(JSON.parse(canonical)).toEqual(artefact)
    expect(canonical).toMatch(/^{"answer":"allow","assurance":"A0","decidedAt":3000,/)
    expect(canonical).toMatch(/,"receivedAt":2000,"request":"0x(22){32}"}$/)
  })

  test('changes with every single member', () => {
    const all = Object.keys(artefact).map((name) =>
      commitToArtefact(canonicalArtefact({ ...artefact, [name]: 'changed' }), salt),
    )
    expect(new Set([...all, commitToArtefact(canonicalArtefact(artefact), salt)]).size).toBe(10)
  })

  test('cannot be guessed without the salt', () => {
    const canonical = canonicalArtefact(artefact)
    expect(commitToArtefact(canonical, salt)).not.toBe(commitToArtefact(canonical, otherSalt))
    expect(commitToArtefact(canonical, salt)).toMatchInlineSnapshot(`"0xc197d89d9a439ce2604369ce8e4dd7f56aa1f768"`)
  })
})

describe('what an emergency puts on chain', () => {
  test('is another for every reason, scope and salt', () => {
    const commitments = [
      commitToEmergency(scope, 'Unconscious after a fall', salt),
      commitToEmergency(scope, 'Unconscious after a fall.', salt),
      commitToEmergency(scope, 'Unconscious after a fall', otherSalt),
      commitToEmergency({ ...scope, preset: 'ALL' }, 'Unconscious after a fall', salt),
      commitToScope(scope, salt),
      commitToFinding('Unconscious after a fall', salt),
      commitToFinding('Unconscious after a fall', otherSalt),
    ]
    expect(new Set(commitments).size).toBe(commitments.length)
  })

  test('commits to a finding in the same way in every release', () => {
    expect(commitToFinding('It was one.', salt)).toMatchInlineSnapshot(
      `"0x248866ef7d413d993e66b70995f82ae16937f93803d8ee34ed0b7e9380ce9f68"`,
    )
  })
})
