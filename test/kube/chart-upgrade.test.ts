// An upgrade of the chart: Kubernetes would refuse it if a field that cannot change did, and data would be left behind if a name did.
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { renderImmutableFields } from '../../scripts/chart-immutable-fields.ts'
import { requireHelm } from './cluster-tools.ts'

requireHelm()

const RELEASED = path.join(import.meta.dirname, 'released')

describe('an upgrade to this chart', () => {
  test.each(readdirSync(RELEASED))('from %s changes no immutable field and loses no object', (name) => {
    const before = JSON.parse(readFileSync(path.join(RELEASED, name), 'utf8')) as Record<
      string,
      Record<string, unknown>
    >
    const now = renderImmutableFields()
    expect(Object.keys(before)).not.toEqual([])
    // What is new may come; what was there must be there, unchanged.
    for (const [values, objects] of Object.entries(before)) {
      const kept = Object.entries(now[values] ?? {}).filter(([object]) => object in objects)
      expect({ values, objects: Object.fromEntries(kept) }).toEqual({ values, objects })
    }
  })
})
