// Event data as scripts know it from insic's output.
import { durationText } from '../../../src/cli/error-text.ts'
import { renderEventData } from '../../../src/cli/event-text.ts'

test.each([
  ['text', 'text'],
  ['', ''],
  [123, '123'],
  [999999, '999999'],
  [12345.678, '12345.678'],
  [1000000, '1e+06'],
  [1234567, '1.234567e+06'],
  [-2500000, '-2.5e+06'],
  [1e100, '1e+100'],
  [0.0001, '0.0001'],
  [0.00001, '1e-05'],
  [0, '0'],
  [true, 'true'],
  [null, '<nil>'],
  [[1, 'a b', { k: 'v' }], '[1 a b map[k:v]]'],
  [{ b: [1, 2.5, 'x'], a: 1 }, 'map[a:1 b:[1 2.5 x]]'],
  [{}, 'map[]'],
  [[], '[]'],
])('%j is %s', (data, text) => {
  expect(renderEventData(data)).toBe(text)
})

test.each([
  [0, '0s'],
  [300, '300ms'],
  [1000, '1s'],
  [1500, '1.5s'],
  [60_000, '1m0s'],
  [3_723_500, '1h2m3.5s'],
])('%i ms are %s', (durationMs, text) => {
  expect(durationText(durationMs)).toBe(text)
})
