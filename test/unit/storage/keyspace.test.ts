import * as fc from 'fast-check'
import {
  CACHE_PREFIX,
  EXPIRY_PREFIX,
  VALUE_PREFIX,
  dataKey,
  dataRange,
  entityIdOfKey,
  expiryKey,
  parseExpiryKey,
  prefixRange,
} from '../../../src/storage/keyspace.ts'

const key = fc.uint8Array({ maxLength: 20 })
const entityId = fc.nat({ max: 0xffff_ffff })
const prefix = fc.constantFrom(VALUE_PREFIX, CACHE_PREFIX)
const contains = ({ start, end }: { start: Buffer; end: Buffer }, found: Buffer): boolean =>
  start.compare(found) <= 0 && found.compare(end) < 0

describe('the key space', () => {
  test('a range holds the keys of its entity that start with the prefix, and no other', () => {
    fc.assert(
      fc.property(prefix, prefix, entityId, entityId, key, key, (inRange, ofKey, entity, other, start, tail) => {
        const range = dataRange(inRange, entity, start)
        expect(contains(range, dataKey(inRange, entity, Buffer.concat([start, tail])))).toBe(true)
        const isOurs =
          inRange === ofKey && entity === other && Buffer.from(tail).subarray(0, start.length).equals(start)
        expect(contains(range, dataKey(ofKey, other, tail))).toBe(isOurs)
      }),
    )
  })

  test('the last entity and keys of only 0xff have a range', () => {
    const last = dataKey(CACHE_PREFIX, 0xffff_ffff, Buffer.from([255, 255]))
    expect(contains(dataRange(CACHE_PREFIX, 0xffff_ffff, Buffer.from([255])), last)).toBe(true)
    expect(contains(prefixRange(CACHE_PREFIX), last)).toBe(true)
  })

  test('an expiry key says when and what, and sorts by time first', () => {
    fc.assert(
      fc.property(prefix, entityId, key, fc.nat(), fc.nat(), (ofKey, entity, text, one, two) => {
        const storeKey = dataKey(ofKey, entity, text)
        expect(parseExpiryKey(expiryKey(one, storeKey))).toEqual({ expiresAtMs: one, storeKey })
        expect(contains(prefixRange(EXPIRY_PREFIX), expiryKey(one, storeKey))).toBe(true)
        expect(entityIdOfKey(storeKey)).toBe(entity)
        const order = Math.sign(expiryKey(one, storeKey).compare(expiryKey(two, Buffer.concat([storeKey, storeKey]))))
        if (one !== two) expect(order).toBe(Math.sign(one - two))
      }),
    )
  })
})
