import { MemoryStore } from '../../../src/storage/memory-store.ts'
import type { WriteOp } from '../../../src/storage/ordered-store.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'

const put = (key: string, value: string): WriteOp => ({ type: 'put', key: Buffer.from(key), value: Buffer.from(value) })
const get = (store: MemoryStore, key: string): string | undefined => store.get(Buffer.from(key))?.toString()
const closed = expect.objectContaining({ code: 'STORAGE_CLOSED' })

describe('the memory store after a crash', () => {
  async function written(): Promise<MemoryStore> {
    const store = new MemoryStore()
    await store.batch([put('a', '1'), put('b', '1')], { sync: true })
    await store.batch([put('a', '2')], { sync: false })
    await store.batch([{ type: 'del', key: Buffer.from('b') }, put('c', '3')], { sync: false })
    await store.batch([put('a', '4'), put('a', '5')], { sync: false })
    return store
  }

  test.each([
    [0, { a: '1', b: '1', c: undefined }],
    [1, { a: '2', b: '1', c: undefined }],
    [2, { a: '2', b: undefined, c: '3' }],
    [3, { a: '5', b: undefined, c: '3' }],
    [Number.POSITIVE_INFINITY, { a: '5', b: undefined, c: '3' }],
  ])('the first %d unsynced batches survive whole and the rest not at all', async (keep, expected) => {
    const store = await written()
    expect(store.unsyncedBatchCount).toBe(3)
    const survivor = store.crash(keep)
    expect({ a: get(survivor, 'a'), b: get(survivor, 'b'), c: get(survivor, 'c') }).toEqual(expected)
    expect(survivor.unsyncedBatchCount).toBe(Math.min(keep, 3))
  })

  test('a synced batch makes all earlier ones durable', async () => {
    const store = await written()
    await store.batch([], { sync: true })
    expect(get(store.crash(0), 'a')).toBe('5')
  })

  test('unsynced batches that survived one crash may be lost in the next', async () => {
    const store = await written()
    expect(get(store.crash(2).crash(1), 'c')).toBeUndefined()
  })

  test('the old store is closed: a process that is gone writes no more', async () => {
    const store = await written()
    const survivor = store.crash(0)
    await expect(store.batch([put('a', 'ghost')], { sync: true })).rejects.toEqual(closed)
    expect(get(survivor, 'a')).toBe('1')
  })

  test('readers that were open do not hold the survivor to the past', async () => {
    const store = await written()
    const snapshot = store.snapshot()
    const survivor = store.crash(0)
    await survivor.batch([put('a', '9')], { sync: false })
    expect(get(survivor, 'a')).toBe('9')
    expect(() => snapshot.get(Buffer.from('a'))).toThrow(closed)
  })
})

describe('the replaceable memory store after a crash', () => {
  test('a replacement that was not committed is gone, a committed one is complete', async () => {
    let stores = new ReplaceableMemoryStore()
    await stores.current().batch([put('a', 'old')], { sync: true })
    const unfinished = await stores.beginReplacement()
    await unfinished.batch([put('a', 'new')], { sync: true })
    stores = stores.crash(0)
    await expect(unfinished.batch([], { sync: true })).rejects.toEqual(closed)
    expect(get(stores.current(), 'a')).toBe('old')
    await (await stores.beginReplacement()).batch([put('a', 'new')], { sync: false })
    await stores.commitReplacement()
    stores = stores.crash(0)
    expect(get(stores.current(), 'a')).toBe('new')
  })
})
