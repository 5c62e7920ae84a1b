import * as fc from 'fast-check'
import { pathOf, queryOf, queryValue } from '../../../src/http/query.ts'

test('path and query of a request target are split at the first question mark', () => {
  expect(pathOf('/a/b')).toBe('/a/b')
  expect(queryOf('/a/b')).toBe('')
  expect(pathOf('/a?b?c')).toBe('/a')
  expect(queryOf('/a?b?c')).toBe('b?c')
  expect(pathOf('//a')).toBe('//a')
  expect(pathOf('*')).toBe('*')
})

test.each([
  ['key=a', 'a'],
  ['x=1&key=a&y=2', 'a'],
  ['key=first&key=second', 'first'],
  ['key', ''],
  ['key=', ''],
  ['key&x=1', ''],
  ['x=key=a&key=b', 'b'],
  ['keys=1&ke=2', undefined],
  ['', undefined],
  ['&&key=a', 'a'],
  ['%6Bey=a', 'a'],
  ['key=a+b%2Bc', 'a b+c'],
  ['key=a=b', 'a=b'],
  ['key=%C3%BC', 'ü'],
  ['key=Ã¼', 'ü'],
])('the key in %j is %j', (query, value) => {
  expect(queryValue(query, 'key')).toBe(value)
})

test.each(['key=%', 'key=%zz', 'key=%ff', 'key=%ED%A0%80', 'key=\u00ff'])('%j is refused', (query) => {
  expect(() => queryValue(query, 'key')).toThrow(URIError)
})

test('it reads what a standard encoder wrote', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
      fc.pre(a.isWellFormed() && b.isWellFormed())
      const query = new URLSearchParams([
        ['a', a],
        ['b', b],
      ]).toString()
      expect(queryValue(query, 'a')).toBe(a)
      expect(queryValue(query, 'b')).toBe(b)
    }),
  )
})
