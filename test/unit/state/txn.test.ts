import type { Compare } from '../../../src/state/commands.ts'
import type { Change } from '../../../src/state/changes.ts'
import {
  StateDriver,
  batch,
  bump,
  casRevision,
  createEntity,
  del,
  deleteEntity,
  deleteRange,
  dumpOf,
  expire,
  publish,
  recountUsage,
  set,
  setLimits,
  setnx,
  txn,
} from './state-fixtures.ts'

let state: StateDriver
beforeEach(async () => {
  state = await StateDriver.open()
})

const on = (key: string) => ({ space: 'value' as const, key: Buffer.from(key) })
const equals = (key: string, value: string): Compare => ({ type: 'value', ...on(key), value: Buffer.from(value) })

describe('cas by revision', () => {
  test('replaces the revision that it names; 0 stands for a missing key', async () => {
    expect(await state.apply(casRevision('k', 0, 'one'))).toEqual({ ok: true, revision: 1 })
    expect(await state.apply(casRevision('k', 0, 'two'))).toEqual({
      ok: false,
      code: 'REVISION_MISMATCH',
      details: { current: 1 },
    })
    expect(await state.apply(casRevision('k', 1, 'two'))).toEqual({ ok: true, revision: 3 })
    expect(await state.apply(casRevision('none', 5, 'x'))).toMatchObject({ details: { current: 0 } })
    expect(state.value('k')).toBe('two')
  })
})

describe('expire', () => {
  test('changes the expiry alone and is a new revision', async () => {
    await state.apply(set('k', 'v'))
    expect(await state.apply(expire('k', 5000))).toEqual({ ok: true, revision: 2 })
    expect(state.reader.get('value', 0, Buffer.from('k'), 0)).toEqual({
      value: Buffer.from('v'),
      revision: 2,
      expiresAtMs: 5000,
    })
    expect(state.value('k', 0, 5000)).toBeUndefined()
    await state.apply(expire('k', 0))
    expect(state.value('k', 0, 9000)).toBe('v')
    expect(await state.apply(expire('none', 5000))).toEqual({ ok: false, code: 'KEY_NOT_FOUND' })
  })

  test('does not bring back what has expired', async () => {
    await state.apply(set('k', 'v', { expiresAtMs: 2000 }))
    expect(await state.apply(expire('k', 9000, { timeMs: 2000 }))).toEqual({ ok: false, code: 'KEY_NOT_FOUND' })
  })
})

describe('delete-range', () => {
  test('removes what has the prefix, in bounded steps, and nothing else', async () => {
    await state.applyAll(
      ...['a', 'p1', 'p2', 'p3', 'q'].map((key) => set(key, 'v')),
      set('p1', 'c', { space: 'cache' }),
    )
    expect(await state.apply(deleteRange('p', 2))).toMatchObject({ ok: true, removedCount: 2, done: false })
    expect(await state.apply(deleteRange('p', 2))).toMatchObject({ ok: true, removedCount: 1, done: true })
    const keys = await state.reader.listKeys(
      { space: 'value', entityId: 0, prefix: Buffer.alloc(0), offset: 0, limit: 9 },
      0,
    )
    expect(keys.map(String)).toEqual(['a', 'q'])
    expect(state.reader.usage(0)).toMatchObject({ diskBytes: 4, memoryBytes: 3 })
    expect(await state.apply(deleteRange('', 9, { entityId: 5 }))).toEqual({ ok: false, code: 'ENTITY_NOT_FOUND' })
  })
})

describe('txn', () => {
  test('carries out then or else by its comparisons', async () => {
    await state.apply(set('k', 'v'))
    const branches = { then: [set('yes', '1'), publish('t', '1')], else: [set('no', '1')] }
    expect(await state.apply(txn([equals('k', 'v'), { type: 'missing', ...on('x') }], branches))).toEqual({
      ok: true,
      revision: 2,
      succeeded: true,
      results: [
        { ok: true, revision: 2 },
        { ok: true, revision: 2, eventId: 2048 },
      ],
    })
    expect(await state.apply(txn([equals('k', 'w')], branches))).toMatchObject({ succeeded: false })
    expect([state.value('yes'), state.value('no')]).toEqual(['1', '1'])
    expect(state.reader.events(0, 0, 10)).toHaveLength(1)
  })

  test.each<[string, Compare, boolean]>([
    ['an equal value', equals('k', 'v'), true],
    ['another value', equals('k', ''), false],
    ['the value of a missing key', equals('x', ''), false],
    ['an existing key', { type: 'exists', ...on('k') }, true],
    ['a missing key', { type: 'exists', ...on('x') }, false],
    ['the missing of an existing key', { type: 'missing', ...on('k') }, false],
    ['its revision', { type: 'revision', ...on('k'), revision: 1 }, true],
    ['another revision', { type: 'revision', ...on('k'), revision: 2 }, false],
    ['the revision of a missing key', { type: 'revision', ...on('x'), revision: 0 }, false],
    ['an expired key', { type: 'exists', ...on('old') }, false],
    ['the same key of the other space', { type: 'exists', ...on('k'), space: 'cache' }, false],
  ])('compares %s', async (_name, compare, succeeded) => {
    await state.applyAll(set('k', 'v'), set('old', 'v', { expiresAtMs: 900 }))
    expect(await state.apply(txn([compare], {}))).toMatchObject({ ok: true, succeeded })
  })

  test('operations see those before them', async () => {
    const operations = [bump('n', 5n), bump('n', 2n), setnx('m', 'x'), del('m'), setnx('m', 'y')]
    const result = await state.apply(txn([], { then: operations }))
    expect(result).toMatchObject({ ok: true, results: [{ value: '5' }, { value: '7' }, {}, {}, {}] })
    expect([state.value('n'), state.value('m')]).toEqual(['7', 'y'])
  })

  test('one rejection takes everything back, whatever it was', async () => {
    await state.applyAll(
      setLimits(0, { eventsPerDay: 10 }),
      set('k', 'v', { expiresAtMs: 9000 }),
      set('d', 'v'),
      publish('t', '0'),
    )
    const heard: Change[] = []
    state.machine.setChangeListener({ onApplied: (changes) => heard.push(...changes) })
    const before = await contentBut(state)
    const operations = [
      set('k', 'longer', { expiresAtMs: 7000 }),
      set('new', 'v', { expiresAtMs: 8000 }),
      del('d'),
      set('c', 'v', { space: 'cache', evict: true }),
      publish('t', '1', { retainMs: 0 }),
      setnx('k', 'taken'),
    ]
    expect(await state.apply(txn([], { then: operations }))).toEqual({
      ok: false,
      code: 'KEY_EXISTS',
      details: { operation: 5 },
    })
    expect(await contentBut(state)).toEqual(before)
    expect(heard).toEqual([])
    expect(state.reader.usage(0)).toMatchObject({ diskBytes: 4, memoryBytes: 0, events: 1 })
    // The index in memory too: what did not happen must not expire, and what was kept must.
    await state.apply(set('other', 'v', { timeMs: 9000 }))
    expect((await recountUsage(state.stores.current())).get(0)).toEqual([8, 0])
  })

  test('a quota is decided with what the txn has done so far', async () => {
    await state.applyAll(setLimits(0, { diskBytes: 4 }), set('a', '1'))
    expect(await state.apply(txn([], { then: [set('b', '2'), set('c', '3')] }))).toEqual({
      ok: false,
      code: 'DISK_LIMIT_EXCEEDED',
      details: { current: 4, limit: 4, operation: 1 },
    })
    expect(await state.apply(txn([], { then: [del('a'), set('b', '2'), set('c', '3')] }))).toMatchObject({ ok: true })
    expect(state.reader.usage(0).diskBytes).toBe(4)
  })
})

describe('batch', () => {
  test('each operation has its own result, and a rejection stops none', async () => {
    const result = await state.apply(batch([set('k', 'v'), setnx('k', 'w'), publish('a', '1'), publish('b', '2')]))
    expect(result).toEqual({
      ok: true,
      revision: 1,
      results: [
        { ok: true, revision: 1 },
        { ok: false, code: 'KEY_EXISTS' },
        { ok: true, revision: 1, eventId: 1024 },
        { ok: true, revision: 1, eventId: 1025 },
      ],
    })
    expect(state.reader.events(0, 1024, 10).map(({ topic }) => topic)).toEqual(['b'])
  })

  test('of an entity that is gone is refused as a whole', async () => {
    await state.applyAll(createEntity('u1'), deleteEntity('u1'))
    for (const command of [batch([set('k', 'v', { entityId: 1 })], 1), txn([], {}, 1)]) {
      expect(await state.apply(command)).toEqual({ ok: false, code: 'ENTITY_NOT_FOUND' })
    }
  })
})

/** All that is stored but how far it goes. */
async function contentBut({ stores }: StateDriver): Promise<string[]> {
  return (await dumpOf(stores.current())).filter((line) => !line.startsWith('01'))
}
