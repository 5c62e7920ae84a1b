import { dataKey, VALUE_PREFIX } from '../../../src/storage/keyspace.ts'
import { StateDriver, createEntity, del, set } from './state-fixtures.ts'

let state: StateDriver
beforeEach(async () => {
  state = await StateDriver.open()
})

interface ListOptions {
  prefix?: string
  offset?: number
  limit?: number
  entityId?: number
  nowMs?: number
}

async function list(options: ListOptions = {}): Promise<string[]> {
  const { prefix = '', offset = 0, limit = 100, entityId = 0, nowMs = 0 } = options
  const keys = await state.reader.listKeys(
    { space: 'value', entityId, prefix: Buffer.from(prefix, 'latin1'), offset, limit },
    nowMs,
  )
  return keys.map((key) => key.toString('latin1'))
}

describe('listKeys', () => {
  test('keys come in byte order, without those of other entities and spaces', async () => {
    await state.applyAll(createEntity('u1'), createEntity('u2'))
    await state.applyAll(set('b', '', { entityId: 1 }), set('a', '', { entityId: 1 }), set('B', '', { entityId: 1 }))
    await state.applyAll(
      set('x', '', { entityId: 2 }),
      set('r', ''),
      set('c', '', { entityId: 1, space: 'cache' }),
      set('é', '', { entityId: 1 }),
    )
    expect(await list({ entityId: 1 })).toEqual(['B', 'a', 'b', Buffer.from('é').toString('latin1')])
    expect(await list({ entityId: 2 })).toEqual(['x'])
    expect(await list({ entityId: 9 })).toEqual([])
  })

  test('a prefix selects, also one that ends in the greatest byte', async () => {
    const keys = ['a', 'ab', 'abc', 'b', 'a\xff', 'a\xff\xff', 'a\xffz']
    await state.applyAll(
      ...keys.map((key) => ({ ...set('', ''), key: Buffer.from(key, 'latin1') }) as ReturnType<typeof set>),
    )
    expect(await list({ prefix: 'ab' })).toEqual(['ab', 'abc'])
    expect(await list({ prefix: 'a\xff' })).toEqual(['a\xff', 'a\xffz', 'a\xff\xff'])
    expect(await list({ prefix: 'zz' })).toEqual([])
  })

  test('offset and limit page through without gaps or repetitions', async () => {
    const keys = Array.from({ length: 2500 }, (_, at) => `k${String(at).padStart(4, '0')}`)
    await state.applyAll(...keys.map((key) => set(key, 'v')))
    expect(await list({ limit: 5000 })).toEqual(keys)
    expect(await list({ offset: 1234, limit: 3 })).toEqual(['k1234', 'k1235', 'k1236'])
    expect(await list({ offset: 2499 })).toEqual(['k2499'])
    expect(await list({ offset: 2500 })).toEqual([])
    expect(await list({ limit: 0 })).toEqual([])
  })

  test('expired records are not listed and do not count for the offset', async () => {
    await state.applyAll(
      set('a', '', { expiresAtMs: 2000 }),
      set('b', ''),
      set('c', '', { expiresAtMs: 3000 }),
      set('d', ''),
    )
    expect(await list({ nowMs: 1999 })).toEqual(['a', 'b', 'c', 'd'])
    expect(await list({ nowMs: 2000 })).toEqual(['b', 'c', 'd'])
    expect(await list({ nowMs: 3000, offset: 1 })).toEqual(['d'])
    await state.apply(del('other', { timeMs: 2500 }))
    expect(await list({ nowMs: 0 })).toEqual(['b', 'c', 'd'])
  })
})

describe('get', () => {
  test('a record that was altered in the store is RECORD_CORRUPT and never a wrong value', async () => {
    await state.apply(set('k', 'value'))
    const key = dataKey(VALUE_PREFIX, 0, Buffer.from('k'))
    const stored = Buffer.from(state.stores.current().get(key)!)
    for (let at = 0; at < stored.length; at += 1) {
      const altered = Buffer.from(stored)
      altered[at] = (altered[at] ?? 0) ^ 0x10
      await state.stores.current().batch([{ type: 'put', key, value: altered }], { sync: false })
      expect(() => state.value('k')).toThrow(expect.objectContaining({ code: 'RECORD_CORRUPT' }))
    }
  })

  test('a record under another key is RECORD_CORRUPT', async () => {
    await state.apply(set('k', 'value'))
    const stored = state.stores.current().get(dataKey(VALUE_PREFIX, 0, Buffer.from('k')))!
    const other = dataKey(VALUE_PREFIX, 0, Buffer.from('other'))
    await state.stores.current().batch([{ type: 'put', key: other, value: stored }], { sync: false })
    expect(() => state.value('other')).toThrow(expect.objectContaining({ code: 'RECORD_CORRUPT' }))
  })
})

describe('list', () => {
  const entries = async (
    options: {
      prefix?: string
      after?: string
      reverse?: boolean
      limit?: number
      sizeBytesMax?: number
      nowMs?: number
    } = {},
  ) => {
    const { prefix = '', after, reverse = false, limit = 100, sizeBytesMax = 1_000_000, nowMs = 0 } = options
    const page = { space: 'value', entityId: 0, prefix: Buffer.from(prefix), reverse, limit, sizeBytesMax } as const
    const request = after === undefined ? page : { ...page, after: Buffer.from(after) }
    const { records, hasMore } = await state.reader.list(request, nowMs)
    return { found: records.map(({ key, value }) => `${key.toString()}=${value.toString()}`), hasMore }
  }

  test('a page begins behind a key, in either direction, whether the key exists or not', async () => {
    await state.applyAll(...['a', 'b', 'b1', 'c', 'd'].map((key) => set(key, key.toUpperCase())))
    const all = ['a=A', 'b=B', 'b1=B1', 'c=C', 'd=D']
    expect(await entries()).toEqual({ found: all, hasMore: false })
    expect((await entries({ reverse: true })).found).toEqual(all.toReversed())
    expect((await entries({ after: 'b' })).found).toEqual(all.slice(2))
    expect((await entries({ after: 'b0' })).found).toEqual(all.slice(2))
    expect((await entries({ after: 'b1', reverse: true })).found).toEqual(['b=B', 'a=A'])
    expect((await entries({ after: 'bz', reverse: true })).found).toEqual(['b1=B1', 'b=B', 'a=A'])
    expect((await entries({ prefix: 'b', after: 'b' })).found).toEqual(['b1=B1'])
    expect((await entries({ prefix: 'b', after: 'b', reverse: true })).found).toEqual([])
    expect((await entries({ after: 'd' })).found).toEqual([])
    // A key outside of the prefix never widens the page.
    expect((await entries({ prefix: 'b', after: 'a' })).found).toEqual(['b=B', 'b1=B1'])
    expect((await entries({ prefix: 'b', after: 'z', reverse: true })).found).toEqual(['b1=B1', 'b=B'])
  })

  test.each([false, true])('pages put together are the whole, whatever ends them (reverse: %s)', async (reverse) => {
    const keys = Array.from({ length: 2_345 }, (_, at) => `k${String(at).padStart(4, '0')}`)
    await state.applyAll(...keys.map((key, at) => set(key, 'v'.repeat(at % 40))))
    const whole = (await entries({ limit: 10_000, reverse })).found
    expect(whole).toHaveLength(keys.length)
    for (const bound of [{ limit: 500 }, { limit: 10_000, sizeBytesMax: 3_000 }]) {
      const found: string[] = []
      for (;;) {
        const after = found.at(-1)?.split('=')[0]
        const page = await entries({ ...bound, reverse, ...(after === undefined ? {} : { after }) })
        found.push(...page.found)
        if (!page.hasMore) break
        expect(page.found.length).toBeGreaterThan(0)
      }
      expect(found).toEqual(whole)
    }
  })

  test('a record that is larger than a page comes alone', async () => {
    await state.applyAll(set('a', 'x'.repeat(50)), set('b', ''))
    expect(await entries({ sizeBytesMax: 10 })).toEqual({ found: [`a=${'x'.repeat(50)}`], hasMore: true })
    expect(await entries({ sizeBytesMax: 10, after: 'a' })).toEqual({ found: ['b='], hasMore: false })
    expect(await entries({ sizeBytesMax: 51 })).toEqual({ found: [`a=${'x'.repeat(50)}`], hasMore: true })
    expect((await entries({ sizeBytesMax: 52 })).hasMore).toBe(false)
    expect((await entries({ limit: 2 })).hasMore).toBe(false)
    expect((await entries({ limit: 1 })).hasMore).toBe(true)
  })

  test('expired records are left out, at the edges of a page too', async () => {
    await state.applyAll(
      set('a', '', { expiresAtMs: 2000 }),
      set('b', ''),
      set('c', '', { expiresAtMs: 2000 }),
      set('d', '', { expiresAtMs: 2000 }),
    )
    expect(await entries({ nowMs: 1999, limit: 2 })).toEqual({ found: ['a=', 'b='], hasMore: true })
    expect(await entries({ nowMs: 2000, limit: 1 })).toEqual({ found: ['b='], hasMore: false })
    expect(await entries({ nowMs: 2000, reverse: true })).toEqual({ found: ['b='], hasMore: false })
  })
})

describe('count', () => {
  const count = (prefix = '', nowMs = 0, entityId = 0): Promise<number> =>
    state.reader.count('value', entityId, Buffer.from(prefix), nowMs)

  test('it counts the live keys of one entity, space and prefix', async () => {
    await state.applyAll(createEntity('u1'))
    await state.applyAll(
      ...Array.from({ length: 2_500 }, (_, at) => set(`k${String(at)}`, 'v')),
      set('other', '', { expiresAtMs: 5_000 }),
      set('k', '', { space: 'cache' }),
      set('k', '', { entityId: 1 }),
    )
    expect([await count(), await count('k'), await count('k1'), await count('none')]).toEqual([2_501, 2_500, 1_111, 0])
    expect([await count('', 5_000), await count('', 0, 1), await count('', 0, 9)]).toEqual([2_500, 1, 0])
    await state.apply(del('k1'))
    expect(await count('k1')).toBe(1_110)
  })
})
