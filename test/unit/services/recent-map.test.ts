import * as fc from 'fast-check'
import { RecentMap } from '../../../src/services/recent-map.ts'

test('what is set can be read until it is deleted', () => {
  const map = new RecentMap<string, number>(10)
  map.set('a', 1)
  map.set('a', 2)
  expect(map.get('a')).toBe(2)
  map.delete('a')
  expect(map.get('a')).toBeUndefined()
})

test('it never holds more than its maximum and never answers a wrong value', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat())), fc.integer({ min: 2, max: 20 }), (writes, entriesMax) => {
      const map = new RecentMap<number, number>(entriesMax)
      const latest = new Map<number, number>()
      for (const [key, value] of writes) {
        map.set(key, value)
        latest.set(key, value)
        expect(map.size).toBeLessThanOrEqual(entriesMax)
        expect(map.get(key)).toBe(value)
      }
      for (const [key, value] of latest) expect([undefined, value]).toContain(map.get(key))
    }),
  )
})

test('an entry that is read now and then outlives those that are not', () => {
  const map = new RecentMap<number, string>(100)
  map.set(-1, 'hot')
  map.set(-2, 'cold')
  for (let key = 0; key < 1000; key += 1) {
    map.set(key, 'x')
    if (key % 20 === 0) map.get(-1)
  }
  expect(map.get(-1)).toBe('hot')
  expect(map.get(-2)).toBeUndefined()
})
