import type { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import {
  StateDriver,
  batch,
  bump,
  cas,
  createEntity,
  deleteEntity,
  dumpOf,
  expire,
  purge,
  recountUsage,
  set,
  setLimits,
  setnx,
  txn,
} from './state-fixtures.ts'

const cached = { space: 'cache', evict: true } as const
let state: StateDriver
beforeEach(async () => {
  state = await StateDriver.open()
  await state.apply(setLimits(0, { memoryBytes: 6 }))
})

const keys = async (): Promise<string[]> =>
  (await state.reader.listKeys({ space: 'cache', entityId: 0, prefix: Buffer.alloc(0), offset: 0, limit: 99 }, 0)).map(
    String,
  )

describe('at the memory limit', () => {
  test('the entries written longest ago make room', async () => {
    await state.applyAll(set('a', '1', cached), set('b', '2', cached), set('c', '3', cached))
    await state.apply(set('a', '9', cached))
    expect(await state.apply(set('d', '4', cached))).toMatchObject({ ok: true })
    expect(await keys()).toEqual(['a', 'c', 'd'])
    expect(await state.apply(set('e', '123', cached))).toMatchObject({ ok: true })
    expect(await keys()).toEqual(['d', 'e'])
    expect(state.reader.usage(0)).toMatchObject({ memoryBytes: 6, evictions: 3 })
  })

  test('without evict the write is refused, and its entries stay', async () => {
    await state.applyAll(set('a', '1', { space: 'cache' }), set('b', '2', cached), set('c', '3', cached))
    expect(await state.apply(set('d', '4', { space: 'cache' }))).toMatchObject({ code: 'MEMORY_LIMIT_EXCEEDED' })
    await state.applyAll(set('d', '4', cached), set('e', '5', cached))
    expect(await keys()).toEqual(['a', 'd', 'e'])
    expect(await state.apply(set('f', '12345', cached))).toMatchObject({ code: 'MEMORY_LIMIT_EXCEEDED' })
    expect(await keys()).toEqual(['a'])
  })

  test('what can never fit evicts nothing', async () => {
    await state.applyAll(set('a', '1', cached))
    expect(await state.apply(set('b', '123456', cached))).toEqual({
      ok: false,
      code: 'MEMORY_LIMIT_EXCEEDED',
      details: { current: 2, limit: 6 },
    })
    expect(await keys()).toEqual(['a'])
  })

  test('the entry that is written is never its own victim', async () => {
    await state.applyAll(set('a', '1', cached), set('b', '2', cached), set('c', '3', cached))
    expect(await state.apply(cas('a', '1', '123', cached))).toMatchObject({ ok: true })
    expect(await keys()).toEqual(['a', 'c'])
    expect(await state.apply(setnx('a', '1', cached))).toMatchObject({ code: 'KEY_EXISTS' })
    await state.apply(set('n', '9', cached))
    expect(await keys()).toEqual(['a', 'n'])
    expect(await state.apply(bump('n', 1n, 0n, cached))).toMatchObject({ value: '10' })
    expect(await keys()).toEqual(['n'])
  })

  test('entries of one log entry go in the order of their keys; expire keeps an entry evictable', async () => {
    await state.apply(txn([], { then: [set('b', '1', cached), set('a', '1', cached), set('c', '1', cached)] }))
    await state.apply(set('d', '1', cached))
    expect(await keys()).toEqual(['b', 'c', 'd'])
    await state.apply(expire('b', 90_000, { space: 'cache' }))
    await state.apply(set('e', '1', cached))
    expect(await keys()).toEqual(['b', 'd', 'e'])
    await state.applyAll(set('f', '1', cached), set('g', '1', cached), set('h', '1', cached))
    expect(await keys()).toEqual(['f', 'g', 'h'])
  })

  test('a txn that is taken back takes evictions back', async () => {
    await state.applyAll(set('a', '1', cached), set('b', '2', cached), set('c', '3', cached))
    await state.apply(txn([], { then: [set('d', '4', cached), setnx('c', 'x', cached)] }))
    expect(await keys()).toEqual(['a', 'b', 'c'])
    expect(state.reader.usage(0).evictions).toBe(0)
    await state.apply(set('d', '4', cached))
    expect(await keys()).toEqual(['b', 'c', 'd'])
  })

  test('many small entries make room for a large one, also after a restart', async () => {
    await state.apply(setLimits(0, { memoryBytes: 3000 }))
    await state.applyAll(
      ...Array.from({ length: 500 }, (_, at) => set(`k${String(at).padStart(3, '0')}`, 'vv', cached)),
    )
    state = await StateDriver.open((state.stores as ReplaceableMemoryStore).crash(Number.POSITIVE_INFINITY))
    expect(await state.apply(set('k', 'x'.repeat(2399), cached))).toMatchObject({ ok: true })
    expect(state.reader.usage(0)).toMatchObject({ evictions: 400, memoryBytes: 3000 })
    expect((await recountUsage(state.stores.current())).get(0)).toEqual([0, 3000])
  })

  test('the index goes with the entity', async () => {
    await state.applyAll(createEntity('u1'), set('a', '1', { ...cached, entityId: 1 }), deleteEntity('u1'), purge(1, 9))
    expect((await dumpOf(state.stores.current())).filter((line) => line.startsWith('13'))).toEqual([])
  })
})

test('one log entry evicts 4096 entries and no more, however many operations it has', async () => {
  const COUNT = 6_000
  await state.apply(setLimits(0, { memoryBytes: null }))
  for (let from = 0; from < COUNT; from += 1_000) {
    await state.applyAll(
      ...Array.from({ length: 1_000 }, (_, at) => set(`k${String(from + at).padStart(4, '0')}`, '', cached)),
    )
  }
  const count = (): Promise<number> => state.reader.count('cache', 0, Buffer.alloc(0), 0)
  await state.apply(setLimits(0, { memoryBytes: 5 * COUNT }))
  expect(await state.apply(set('large', 'x'.repeat(5 * COUNT - 5), cached))).toMatchObject({
    code: 'MEMORY_LIMIT_EXCEEDED',
    details: { current: 5 * (COUNT - 4096), limit: 5 * COUNT },
  })
  expect(await count()).toBe(COUNT - 4096)
  // What is left makes room in the next entry, and a batch shares one bound.
  const small = Array.from({ length: 3 }, (_, at) => set(`s${String(at)}`, '', cached))
  expect(await state.apply(batch([set('large', 'x'.repeat(5 * COUNT - 5), cached), ...small]))).toMatchObject({
    ok: true,
  })
  expect(await count()).toBeLessThanOrEqual(3)
  expect(state.reader.usage(0).evictions).toBeGreaterThanOrEqual(COUNT)
  expect((await recountUsage(state.stores.current())).get(0)?.[1]).toBe(state.reader.usage(0).memoryBytes)
})
