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
