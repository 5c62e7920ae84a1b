// What the chart makes of each example in charts/insi/ci is what was reviewed.
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { SNAPSHOTS, renderSnapshots } from '../../scripts/generate-chart-snapshots.ts'
import { requireHelm } from './cluster-tools.ts'

requireHelm()

const rendered = renderSnapshots()

test.each([...rendered])('%s is as it was: run `node scripts/generate-chart-snapshots.ts`', (name, text) => {
  expect(text).toBe(readFileSync(path.join(SNAPSHOTS, name), 'utf8'))
})

test('there is no snapshot of values that are gone', () => {
  const kept = readdirSync(SNAPSHOTS)
  expect(kept.toSorted()).toEqual([...rendered.keys()].toSorted())
})
