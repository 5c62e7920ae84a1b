import * as fc from 'fast-check'
import { TopicIndex, matchesPattern, parsePattern } from '../../../src/services/events/topics.ts'

test.each([
  ['orders', 'orders', true],
  ['orders', 'orders.new', false],
  ['orders.*', 'orders.new', true],
  ['orders.*', 'orders', false],
  ['orders.*', 'orders.new.eu', false],
  ['*.new', 'orders.new', true],
  ['orders.>', 'orders.new.eu', true],
  ['orders.>', 'orders', false],
  ['>', '', true],
  ['*', '', true],
  ['*.*', 'a', false],
  ['a.*.c', 'a..c', true],
  ['*.>', 'a.b', true],
  ['a.*', 'a.*', true],
])('%s on the topic %j: %s', (text, topic, isMatch) => {
  const pattern = parsePattern(text)
  expect(pattern === null ? text === topic : matchesPattern(pattern ?? [], topic)).toBe(isMatch)
  const index = new TopicIndex<string>()
  index.add(text, pattern ?? null, 'it')
  expect(index.match(topic)).toEqual(isMatch ? ['it'] : [])
})

test.each(['a*', '*a', 'a.>.b', '>.a', 'a.b>', '>>', '**', 'a.*>', '*.'.repeat(64) + '*'])(
  'the pattern %s is refused',
  (text) => expect(parsePattern(text)).toBeUndefined(),
)

test('the index finds exactly those whose pattern matches, whatever was added and removed', () => {
  const word = fc.constantFrom('a', 'b', '', '*')
  const topic = fc.array(fc.constantFrom('a', 'b', ''), { minLength: 1, maxLength: 4 }).map((words) => words.join('.'))
  const pattern = fc
    .tuple(fc.array(word, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([words, hasRest]) => [...words, ...(hasRest ? ['>'] : [])].join('.'))
  fc.assert(
    fc.property(fc.array(fc.tuple(pattern, fc.boolean()), { maxLength: 12 }), topic, (subscribers, published) => {
      const index = new TopicIndex<number>()
      const parse = (text: string): readonly string[] | null => parsePattern(text) ?? null
      subscribers.forEach(([text], at) => index.add(text, parse(text), at))
      subscribers.forEach(([text, stays], at) => {
        if (!stays) index.delete(text, parse(text), at)
      })
      const wanted = subscribers.flatMap(([text, stays], at) => {
        const words = parse(text)
        return stays && (words === null ? text === published : matchesPattern(words, published)) ? [at] : []
      })
      expect(index.match(published).toSorted((a, b) => a - b)).toEqual(wanted)
    }),
  )
})
