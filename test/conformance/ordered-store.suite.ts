// What every OrderedStore and ReplaceableStore promises. Run on each implementation by ordered-store.test.ts.
import * as fc from 'fast-check'
import type {
  OrderedStore,
  RangeOptions,
  ReplaceableStore,
  StoreEntry,
  WriteOp,
} from '../../src/storage/ordered-store.ts'

/** Opens an empty store in a place of its own. */
export type StoreFactory = () => Promise<ReplaceableStore>

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const put = (key: string, value: string): WriteOp => ({ type: 'put', key: bytes(key), value: bytes(value) })
const del = (key: string): WriteOp => ({ type: 'del', key: bytes(key) })
const unsynced = { sync: false }
const all: RangeOptions = { start: Buffer.of(1), end: Buffer.of(255) }

function textsOf(entries: readonly StoreEntry[]): string[] {
  return entries.map(({ key, value }) => `${key.toString('latin1')}=${value.toString('latin1')}`)
}

async function read(store: Pick<OrderedStore, 'iterate'>, range: RangeOptions = all): Promise<string[]> {
  const iterator = store.iterate(range)
  const texts: string[] = []
  try {
    for (;;) {
      const entries = await iterator.next(3)
      if (entries.length === 0) return texts
      texts.push(...textsOf(entries))
    }
  } finally {
    await iterator.close()
  }
}

export function describeOrderedStore(name: string, open: StoreFactory): void {
  describe(`an ordered store on ${name}`, () => {
    let holder: ReplaceableStore
    let store: OrderedStore
    beforeEach(async () => {
      holder = await open()
      store = holder.current()
    })
    afterEach(() => holder.close())

    test('a missing key is undefined and an empty value is not', async () => {
      await store.batch([put('empty', '')], unsynced)
      expect(store.get(bytes('missing'))).toBeUndefined()
      expect(store.get(bytes('empty'))).toEqual(Buffer.alloc(0))
    })

    test('a batch is in order: the last operation on a key wins', async () => {
      await store.batch([put('a', '1'), put('a', '2'), put('b', '1'), del('b'), del('c'), put('c', '3')], unsynced)
      expect(await read(store)).toEqual(['a=2', 'c=3'])
    })

    test('batches that are not awaited are applied in the order of the calls', async () => {
      await Promise.all([
        store.batch([put('a', '1')], unsynced),
        store.batch([put('a', '2')], { sync: true }),
        store.batch([put('a', '3')], unsynced),
      ])
      expect(store.get(bytes('a'))).toEqual(bytes('3'))
    })

    test('an empty batch is allowed', async () => {
      await store.batch([], unsynced)
      await store.batch([], { sync: true })
      expect(await read(store)).toEqual([])
    })

    test('a key is any bytes but none that starts with 0', async () => {
      const key = Buffer.from([1, 0, 255, 128, 10])
      await store.batch([{ type: 'put', key, value: Buffer.from([0, 255]) }], unsynced)
      expect(store.get(key)).toEqual(Buffer.from([0, 255]))
      await expect(store.batch([put('\0x', 'v')], unsynced)).rejects.toThrow('range of the store')
    })

    test('a key given as a view of a larger array is that view', async () => {
      const larger = new Uint8Array([9, 1, 2, 3, 9])
      await store.batch([{ type: 'put', key: larger.subarray(1, 4), value: larger.subarray(2, 3) }], unsynced)
      expect(store.get(Buffer.from([1, 2, 3]))).toEqual(Buffer.of(2))
    })

    test('iteration is in byte order, half-open, forwards and backwards', async () => {
      await store.batch([put('b', '2'), put('a', '1'), put('c\xff', '4'), put('c', '3'), put('d', '5')], unsynced)
      const range = { start: bytes('a'), end: bytes('d') }
      expect(await read(store, range)).toEqual(['a=1', 'b=2', 'c=3', 'c\xff=4'])
      expect(await read(store, { ...range, reverse: true })).toEqual(['c\xff=4', 'c=3', 'b=2', 'a=1'])
      expect(await read(store, { start: bytes('x'), end: bytes('z') })).toEqual([])
      expect(await read(store, { start: bytes('d'), end: bytes('a') })).toEqual([])
    })

    test('a range that starts at 0 shows nothing of the store itself', async () => {
      await store.batch([put('a', '1')], unsynced)
      expect(await read(store, { start: Buffer.of(0), end: bytes('z') })).toEqual(['a=1'])
    })

    test('keysOnly leaves the values empty', async () => {
      await store.batch([put('a', '1'), put('b', '2')], unsynced)
      expect(await read(store, { ...all, keysOnly: true })).toEqual(['a=', 'b='])
    })

    test('next() stops soon after sizeBytesMax, and goes on with the next call', async () => {
      const value = 'v'.repeat(100_000)
      await store.batch(
        Array.from({ length: 20 }, (_, at) => put(`k${String(at).padStart(2, '0')}`, value)),
        unsynced,
      )
      const iterator = store.iterate(all)
      const first = await iterator.next(1000, 150_000)
      expect(first.length).toBeGreaterThanOrEqual(2)
      expect(first.length).toBeLessThan(10)
      const rest = await iterator.next(1000)
      expect(first.length + rest.length).toBe(20)
      expect(await iterator.next(1000)).toEqual([])
      await iterator.close()
    })

    test('an iterator shows the moment at which it was made', async () => {
      await store.batch([put('a', '1'), put('b', '2')], unsynced)
      const iterator = store.iterate(all)
      await store.batch([del('a'), put('b', '3'), put('c', '4')], unsynced)
      expect(textsOf(await iterator.next(10))).toEqual(['a=1', 'b=2'])
      await iterator.close()
      expect(await read(store)).toEqual(['b=3', 'c=4'])
    })

    test('a snapshot does not change, also when it is read late and twice', async () => {
      await store.batch([put('a', '1'), put('b', '2')], unsynced)
      const snapshot = store.snapshot()
      await store.batch([put('a', '9'), del('b')], unsynced)
      expect(snapshot.get(bytes('a'))).toEqual(bytes('1'))
      expect(snapshot.get(bytes('b'))).toEqual(bytes('2'))
      await store.batch([put('c', '3')], unsynced)
      expect(await read(snapshot)).toEqual(['a=1', 'b=2'])
      expect(await read(snapshot, { ...all, reverse: true, keysOnly: true })).toEqual(['b=', 'a='])
      await snapshot.close()
      expect(await read(store)).toEqual(['a=9', 'c=3'])
    })

    test('it equals a sorted map under random batches', async () => {
      const key = fc.stringMatching(/^[a-d]{1,3}$/)
      const op = fc.oneof(
        fc.record({ key, value: fc.string({ maxLength: 4 }) }),
        fc.record({ key, value: fc.constant(undefined) }),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(op, { maxLength: 6 }), { maxLength: 8 }), async (batches) => {
          const model = new Map<string, string>()
          await store.batch(
            (await read(store)).map((text) => del(text.split('=')[0] ?? '')),
            unsynced,
          )
          for (const batch of batches) {
            for (const { key, value } of batch) {
              if (value === undefined) model.delete(key)
              else model.set(key, value)
            }
            await store.batch(
              batch.map(({ key, value }) =>
                value === undefined ? del(key) : { type: 'put', key: bytes(key), value: Buffer.from(value, 'utf8') },
              ),
              { sync: batch.length === 1 },
            )
          }
          const iterator = store.iterate(all)
          const found = await iterator.next(1000)
          await iterator.close()
          expect(found.map(({ key, value }) => [key.toString('latin1'), value.toString('utf8')])).toEqual(
            [...model].sort(([left], [right]) => (left < right ? -1 : 1)),
          )
        }),
        { numRuns: 30 },
      )
    })

    test('approximateSizeBytes answers a number that is not negative', async () => {
      await store.batch([put('a', 'v'.repeat(10_000))], { sync: true })
      expect(await store.approximateSizeBytes(all)).toBeGreaterThanOrEqual(0)
    })

    test('every method fails with STORAGE_CLOSED after close()', async () => {
      await store.batch([put('a', '1')], unsynced)
      const iterator = store.iterate(all)
      const snapshot = store.snapshot()
      await store.close()
      const closed = expect.objectContaining({ code: 'STORAGE_CLOSED' })
      expect(() => store.get(bytes('a'))).toThrow(closed)
      expect(() => store.iterate(all)).toThrow(closed)
      expect(() => store.snapshot()).toThrow(closed)
      expect(() => snapshot.get(bytes('a'))).toThrow(closed)
      await expect(iterator.next(1)).rejects.toEqual(closed)
      await expect(store.batch([put('a', '2')], unsynced)).rejects.toEqual(closed)
      await expect(store.approximateSizeBytes(all)).rejects.toEqual(closed)
    })
  })
}

export function describeReplaceableStore(name: string, open: StoreFactory): void {
  describe(`a replaceable store on ${name}`, () => {
    let holder: ReplaceableStore
    beforeEach(async () => {
      holder = await open()
      await holder.current().batch([put('old', '1')], unsynced)
    })
    afterEach(() => holder.close())

    test('a replacement starts empty and is not seen before its commit', async () => {
      const replacement = await holder.beginReplacement()
      expect(await read(replacement)).toEqual([])
      await replacement.batch([put('new', '2')], unsynced)
      expect(await read(holder.current())).toEqual(['old=1'])
    })

    test('commit switches to the replacement and closes the old store', async () => {
      const old = holder.current()
      const replacement = await holder.beginReplacement()
      await replacement.batch([put('new', '2')], unsynced)
      await holder.commitReplacement()
      expect(holder.current()).toBe(replacement)
      expect(await read(holder.current())).toEqual(['new=2'])
      expect(() => old.get(bytes('old'))).toThrow(expect.objectContaining({ code: 'STORAGE_CLOSED' }))
    })

    test('a second replacement can follow a committed one', async () => {
      for (const value of ['2', '3']) {
        const replacement = await holder.beginReplacement()
        await replacement.batch([put('new', value)], unsynced)
        await holder.commitReplacement()
      }
      expect(await read(holder.current())).toEqual(['new=3'])
    })

    test('abort leaves the current store, and a new replacement starts empty', async () => {
      const replacement = await holder.beginReplacement()
      await replacement.batch([put('new', '2')], unsynced)
      await holder.abortReplacement()
      expect(await read(holder.current())).toEqual(['old=1'])
      expect(await read(await holder.beginReplacement())).toEqual([])
    })

    test('beginning again discards the replacement that was begun before', async () => {
      const first = await holder.beginReplacement()
      await first.batch([put('first', '1')], unsynced)
      const second = await holder.beginReplacement()
      expect(await read(second)).toEqual([])
      expect(() => first.get(bytes('first'))).toThrow(expect.objectContaining({ code: 'STORAGE_CLOSED' }))
    })
  })
}
