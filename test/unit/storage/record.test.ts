import * as fc from 'fast-check'
import { decodeRecord, encodeRecord, recordChecksum } from '../../../src/storage/record.ts'

const bytes = fc.uint8Array({ maxLength: 100 })
const uint48 = fc.oneof(fc.integer({ min: 0 }), fc.constant(2 ** 48 - 1), fc.constant(2 ** 32))
const corrupt = expect.objectContaining({ code: 'RECORD_CORRUPT' })

describe('a stored record', () => {
  test('it decodes to what was encoded', () => {
    fc.assert(
      fc.property(bytes, uint48, uint48, bytes, (key, revision, expiresAtMs, payload) => {
        const record = decodeRecord(key, encodeRecord(key, revision, expiresAtMs, payload))
        expect(record).toEqual({ revision, expiresAtMs, payload: Buffer.from(payload) })
      }),
    )
  })

  test('any flipped bit, any cut and any other key is RECORD_CORRUPT', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.nat(), (key, payload, at) => {
        const record = encodeRecord(key, 5, 6, payload)
        const bit = at % (record.length * 8)
        const flipped = Buffer.from(record)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(() => decodeRecord(key, flipped)).toThrow(corrupt)
        expect(() => decodeRecord(key, record.subarray(0, at % record.length))).toThrow(corrupt)
        expect(() => decodeRecord(Buffer.concat([key, Buffer.of(1)]), record)).toThrow(corrupt)
      }),
    )
  })

  test('the layout of version 1 stays as stores hold it', () => {
    const record = encodeRecord(Buffer.from('key'), 258, 3, Buffer.from('payload'))
    expect(record.toString('hex')).toBe(
      [
        '01',
        recordChecksum(record).toString(16).padStart(8, '0'),
        '000000000102',
        '000000000003',
        '7061796c6f6164',
      ].join(''),
    )
  })

  test('the error tells nothing of the key but its prefix and length', () => {
    try {
      decodeRecord(Buffer.from('secret'), Buffer.alloc(40))
    } catch (error) {
      expect(JSON.stringify(error) + String(error)).not.toContain('secret')
      expect(error).toEqual(expect.objectContaining({ details: { prefix: 's'.charCodeAt(0), keyLength: 6 } }))
      return
    }
    throw new Error('it was not refused')
  })
})
