// What values and cache offer beyond set and get: times to live, revisions, entries with cursors, counts, range deletion.
import { connect } from '../../src/client/client.ts'
import { eventually } from '../support/eventually.ts'
import { HttpNode } from '../support/http-node.ts'
import type { Answer, CallOptions } from '../support/http-node.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

let node: HttpNode
let token: string
beforeAll(async () => {
  node = await HttpNode.start()
})
afterAll(() => node.stop())
beforeEach(async () => {
  token = await node.createKey()
})

const call = (path: string, options: CallOptions = {}): Promise<Answer> =>
  node.call('public', `/db/api/v1/${path}`, { token, ...options })
const post = (path: string, body: unknown): Promise<Answer> => call(path, { body })
const revisionOf = (answer: Answer): number => Number(answer.headers['x-insi-revision'])
const errorOf = (answer: Answer): unknown => (answer.json() as { readonly error_type: string }).error_type

interface Page {
  readonly entries: readonly { key: string; value: string; revision: number; expires_at: string | null }[]
  readonly next: string | null
  readonly as_of: number
}
const page = async (path: string): Promise<Page> => (await call(path)).json() as Page

describe.each(['', 'cache/'])('under %j', (space) => {
  test('get with meta adds revision and expiry, in a query and in a body', async () => {
    const set = await post(`${space}set`, { key: 'a', value: '1', ttl_ms: 60_000 })
    const meta = (await call(`${space}get?key=a&meta=1`)).json() as Record<string, unknown>
    expect(meta).toEqual({
      data: '1',
      revision: revisionOf(set),
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      ttl_ms: expect.any(Number),
    })
    expect(meta['ttl_ms']).toBeLessThanOrEqual(60_000)
    expect(meta['ttl_ms']).toBeGreaterThan(30_000)
    expect((await post(`${space}get`, { key: 'a', meta: true })).json()).toMatchObject({ revision: revisionOf(set) })
    expect((await call(`${space}get?key=a`)).text).toBe('{"data":"1"}\n')
    expect((await call(`${space}get?key=a&meta=0`)).text).toBe('{"data":"1"}\n')
    expect((await call(`${space}get?key=a&meta=x`)).status).toBe(400)
  })

  test('expire changes when a key expires and gives it a new revision', async () => {
    const set = await post(`${space}set`, { key: 'a', value: '1', ttl_ms: 60_000 })
    const never = await post(`${space}expire`, { key: 'a', ttl_ms: null })
    expect([never.status, never.text]).toEqual([200, ''])
    expect(revisionOf(never)).toBeGreaterThan(revisionOf(set))
    expect((await call(`${space}get?key=a&meta=1`)).json()).toEqual({
      data: '1',
      revision: revisionOf(never),
      expires_at: null,
      ttl_ms: null,
    })
    expect((await post(`${space}expire`, { key: 'a', ttl_ms: 1 })).status).toBe(200)
    await eventually('the entry expires', async () =>
      (await call(`${space}get?key=a`)).status === 404 ? true : undefined,
    )
    expect(errorOf(await post(`${space}expire`, { key: 'a', ttl_ms: null }))).toBe('KEY_NOT_FOUND')
  })

  test('cas by revision replaces what has it, and says which one there is otherwise', async () => {
    const created = await post(`${space}cas`, { key: 'a', revision: 0, new_value: '1' })
    expect([created.status, created.text]).toEqual([200, ''])
    const again = await post(`${space}cas`, { key: 'a', revision: 0, new_value: '2' })
    expect([again.status, errorOf(again)]).toEqual([409, 'REVISION_MISMATCH'])
    expect(revisionOf(again)).toBe(revisionOf(created))
    const replaced = await post(`${space}cas`, { key: 'a', revision: revisionOf(created), new_value: '2' })
    expect(replaced.status).toBe(200)
    expect(revisionOf(replaced)).toBeGreaterThan(revisionOf(created))
    const both = await post(`${space}cas`, { key: 'a', revision: 1, old_value: '2', new_value: '3' })
    expect(errorOf(both)).toBe('INVALID_FIELD')
    expect(errorOf(await post(`${space}cas`, { key: 'a', new_value: '3' }))).toBe('MISSING_FIELD')
    expect((await call(`${space}get?key=a`)).json()).toEqual({ data: '2' })
  })

  test('every write names its revision', async () => {
    const answers = [
      await post(`${space}setnx`, { key: 'a', value: '1' }),
      await post(`${space}set`, { key: 'a', value: '2' }),
      await post(`${space}cas`, { key: 'a', old_value: '2', new_value: '3' }),
      await post(`${space}delete`, { key: 'a' }),
    ]
    const revisions = answers.map(revisionOf)
    expect(revisions.every(Number.isSafeInteger)).toBe(true)
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
  })

  test('entries are paged by cursor, forwards and backwards', async () => {
    const keys = ['p:a', 'p:b', 'p:c', 'p:d', 'p:ü']
    for (const key of [...keys, 'o', 'q']) await post(`${space}set`, { key, value: `of ${key}` })
    for (const reverse of [false, true]) {
      const seen: string[] = []
      let after = ''
      for (;;) {
        const query = `prefix=p:&limit=2&reverse=${reverse}&after=${encodeURIComponent(after)}`
        const { entries, next } = await page(`${space}iterate/entries?${query}`)
        for (const { key, value } of entries) expect(value).toBe(`of ${key}`)
        seen.push(...entries.map(({ key }) => key))
        if (next === null) break
        expect(next).toBe(seen.at(-1))
        after = next
      }
      expect(seen).toEqual(reverse ? keys.toReversed() : keys)
    }
  })

  test('an entry has its revision, and a page the index up to which it is complete', async () => {
    const revision = revisionOf(await post(`${space}set`, { key: 'a', value: '1', ttl_ms: 60_000 }))
    const { entries, next, as_of: asOf } = await page(`${space}iterate/entries`)
    expect(entries).toEqual([{ key: 'a', value: '1', revision, expires_at: expect.stringMatching(/Z$/) }])
    expect([next, asOf >= revision]).toEqual([null, true])
    expect((await post(`${space}iterate/entries`, { prefix: 'x', reverse: true })).json()).toMatchObject({
      entries: [],
    })
    expect(errorOf(await call(`${space}iterate/entries?prefix=b&after=a`))).toBe('INVALID_PARAMETER')
  })

  test('count counts, and delete/range removes a prefix and nothing else', async () => {
    for (const key of ['p1', 'p2', 'p3', 'o']) await post(`${space}set`, { key, value: '1' })
    expect((await call(`${space}count?prefix=p`)).json()).toEqual({ count: 3 })
    expect((await post(`${space}count`, {})).json()).toEqual({ count: 4 })
    expect((await post(`${space}delete/range`, { prefix: 'p*' })).json()).toEqual({ removed: 3, done: true })
    expect((await post(`${space}delete/range`, { prefix: 'p' })).json()).toEqual({ removed: 0, done: true })
    expect((await call(`${space}count`)).json()).toEqual({ count: 1 })
    expect(errorOf(await post(`${space}delete/range`, { prefix: '*' }))).toBe('MISSING_FIELD')
    expect((await call(`${space}count`)).json()).toEqual({ count: 1 })
  })
})

test('a bump names its revision and keeps the expiry', async () => {
  await post('set', { key: 'n', value: '1', ttl_ms: 60_000 })
  const bumped = await post('bump', { key: 'n', value: '2' })
  expect([bumped.text, revisionOf(bumped) > 0]).toEqual(['{"data":"3"}\n', true])
  expect((await call('get?key=n&meta=1')).json()).toMatchObject({
    revision: revisionOf(bumped),
    expires_at: expect.any(String),
  })
})

test('a range is removed in steps until nothing is left', async () => {
  const operations = Array.from({ length: 1000 }, (_, at) => ({ op: 'set', key: `k${at}`, value: '' }))
  await post('batch', { operations })
  await post('batch', { operations: operations.map((one) => ({ ...one, key: `k-${one.key}` })) })
  expect((await post('delete/range', { prefix: 'k' })).json()).toEqual({ removed: 2000, done: true })
})

test('a time to live ends when the clock says so, and the standard one of the cache is the default', async () => {
  const clock = new VirtualClock()
  const virtual = await HttpNode.start({ clock, config: 'cache: { standardTTL: 10s }' })
  try {
    const key = await virtual.createKey()
    const send = (path: string, body: unknown): Promise<Answer> =>
      virtual.call('public', `/db/api/v1/${path}`, { token: key, body })
    await send('set', { key: 'short', value: '1', ttl_ms: 5_000 })
    await send('set', { key: 'always', value: '1' })
    await send('cache/set', { key: 'long', value: '1', ttl_ms: 20_000 })
    await send('cache/set', { key: 'standard', value: '1' })
    const left = async (path: string, name: string): Promise<number> => (await send(path, { key: name })).status
    clock.advance(4_999)
    expect([await left('get', 'short'), await left('cache/get', 'standard')]).toEqual([200, 200])
    clock.advance(1)
    expect([await left('get', 'short'), await left('get', 'always')]).toEqual([404, 200])
    expect((await send('setnx', { key: 'short', value: '2' })).status).toBe(200)
    clock.advance(5_000)
    expect([await left('cache/get', 'standard'), await left('cache/get', 'long')]).toEqual([404, 200])
    expect((await send('cache/get', { key: 'long', meta: true })).json()).toMatchObject({ ttl_ms: 10_000 })
  } finally {
    await virtual.stop()
  }
})

describe('a page of keys that are long', () => {
  const KEY_BYTES = 32 * 1024
  const COUNT = 140
  const keys = Array.from({ length: COUNT }, (_, n) => String(n).padStart(4, '0').padEnd(KEY_BYTES, 'k'))

  beforeEach(async () => {
    for (let from = 0; from < COUNT; from += 70) {
      const operations = keys.slice(from, from + 70).flatMap((key) => [
        { op: 'set', key, value: '' },
        { op: 'set', space: 'cache', key, value: '' },
      ])
      for (let at = 0; at < operations.length; at += 100) {
        expect((await post('batch', { operations: operations.slice(at, at + 100) })).status).toBe(200)
      }
    }
  })

  test.each(['', 'cache/'])('ends at 4 MiB and says where to go on (%s)', async (noun) => {
    const path = `${noun}iterate/prefix?limit=10000`
    const get = (offset: number): Promise<Answer> =>
      node.call('public', `/db/api/v1/${path}&offset=${offset}`, { token })
    const keysOf = (answer: Answer): string[] => {
      const body = answer.json() as { readonly data: string[] } | string[]
      return Array.isArray(body) ? body : body.data
    }
    const first = await get(0)
    expect(keysOf(first)).toEqual(keys.slice(0, 128))
    expect(first.headers['x-insi-next-offset']).toBe('128')
    const second = await get(128)
    expect(keysOf(second)).toEqual(keys.slice(128))
    expect(second.headers).not.toHaveProperty('x-insi-next-offset')
  })

  test('does not end the listing of the client', async () => {
    const client = connect({ publicUrl: `http://127.0.0.1:${node.port('public')}` }, token)
    for (const store of [client.values, client.cache]) {
      const found: string[] = []
      for await (const key of store.keys('')) found.push(key)
      expect(found).toEqual(keys)
    }
    client.close()
  })
})
