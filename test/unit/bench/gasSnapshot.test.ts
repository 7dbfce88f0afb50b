import { expect, test } from 'vitest'
import { snapshotOf, worseThan } from '../../../bench/gasSnapshot.ts'
import { toRow } from '../../../bench/row.ts'

const recorded = { 'Grant, N = 1': 100_000, 'Fjord bytes of a grant, N = 1': 300 }

test('a figure that is worse by more than a hundredth is told, with both values', () => {
  expect(worseThan(recorded, { ...recorded, 'Grant, N = 1': 101_001 })).toEqual([
    'Grant, N = 1: 100000 -> 101001 (+1.0 %)',
  ])
  expect(worseThan(recorded, { ...recorded, 'Grant, N = 1': 101_000 })).toEqual([])
})

test('a better figure passes', () => {
  expect(worseThan(recorded, { ...recorded, 'Grant, N = 1': 50_000 })).toEqual([])
})

test('a figure cannot be lost, or stay without a record', () => {
  expect(worseThan(recorded, { 'Grant, N = 1': 100_000, 'Removal, N = 1': 90_000 })).toEqual([
    'Fjord bytes of a grant, N = 1: recorded as 300, not measured',
    'Removal, N = 1: 90000, not recorded',
  ])
})

test('only gas and bytes are recorded, of which less is better', () => {
  const row = { ours: 12.34, peer: 1, peerName: 'plain key' }
  const rows = [
    toRow({ ...row, metric: 'Grant, N = 1', unit: 'gas' }),
    toRow({ ...row, metric: 'Grants a second', unit: 'grants/s' }),
  ]
  expect(snapshotOf(rows)).toEqual({ 'Grant, N = 1': 12.34 })
})
