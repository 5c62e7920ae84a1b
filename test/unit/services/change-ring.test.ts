// The newest changes of watched entities, in log order.
import { ChangeRing } from '../../../src/services/change-ring.ts'
import type { WriteChange } from '../../../src/services/change-ring.ts'

function change(entityId: number, revision: number, key: string): WriteChange {
  return { type: 'write', entityId, space: 'value', key: Buffer.from(key), revision, value: null, expiresAtMs: 0 }
}

test('what a revision changes of an entity is one, though it changes another entity in between', () => {
  const ring = new ChangeRing()
  for (const one of [change(1, 5, 'a'), change(2, 5, 'b'), change(1, 5, 'c'), change(1, 6, 'd')]) ring.add(one)
  const found = [0, 1, 2, 3].map((place) => {
    const recorded = ring.at(place)
    return recorded && [recorded.entityId, recorded.revision, recorded.changes.map(({ key }) => key.toString()).join()]
  })
  expect(found).toEqual([[1, 5, 'a,c'], [2, 5, 'b'], [1, 6, 'd'], undefined])
  expect(ring.endPlace).toBe(3)
})
