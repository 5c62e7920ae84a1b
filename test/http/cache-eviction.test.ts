// The cache at the memory limit of its key, over HTTP, where the configuration lets old entries make room.
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import type { Answer } from '../support/http-node.ts'

let node: HttpNode
let token: string
afterEach(() => node.stop())

const start = async (eviction: string): Promise<void> => {
  node = await HttpNode.start({ config: `cache: { eviction: ${eviction} }` })
  token = await node.createKey()
  const body = { api_key: token, limits: { bytes_in_memory: 100 } }
  expect((await node.call('private', '/db/api/v1/admin/limits/set', { token: ROOT_KEY, body })).status).toBe(200)
}
const post = (path: string, body: unknown): Promise<Answer> =>
  node.call('public', `/db/api/v1/${path}`, { token, body })
const set = (key: string, sizeBytes = 9): Promise<Answer> => post('cache/set', { key, value: 'v'.repeat(sizeBytes) })
const keys = async (): Promise<unknown> => (await post('cache/iterate/prefix', {})).json()
const memory = async (): Promise<unknown> =>
  ((await post('limits', {})).json() as { readonly usage: Record<string, number> }).usage['bytes_in_memory']
const evictions = (): number => node.state.reader.usage(1).evictions

test('entries that were written longest ago make room, and are counted', async () => {
  await start('evict')
  for (let n = 0; n < 10; n += 1) expect((await set(`${n}`)).status).toBe(200)
  expect([await memory(), evictions()]).toEqual([100, 0])
  // Reading does not make an entry younger, writing does.
  expect((await post('cache/get', { key: '1' })).status).toBe(200)
  expect((await set('0')).status).toBe(200)
  expect((await set('a', 19)).status).toBe(200)
  expect(await keys()).toEqual(['0', '3', '4', '5', '6', '7', '8', '9', 'a'])
  expect([await memory(), evictions()]).toEqual([100, 2])
  expect((await post('cache/get', { key: '1' })).status).toBe(404)
  const batch = { operations: [{ op: 'set', space: 'cache', key: 'b', value: 'v'.repeat(99) }] }
  expect((await post('batch', batch)).json()).toMatchObject({ results: [{ ok: true }] })
  expect([await keys(), await memory(), evictions()]).toEqual([['b'], 100, 11])
})

test('what is larger than the limit is refused and evicts nothing', async () => {
  await start('evict')
  await set('a')
  const refused = await set('b', 100)
  expect([refused.status, refused.json()]).toEqual([
    400,
    expect.objectContaining({ error_type: 'MEMORY_LIMIT_EXCEEDED' }),
  ])
  expect([await keys(), evictions()]).toEqual([['a'], 0])
})

test('values are never evicted, and without eviction the write is refused', async () => {
  await start('refuse')
  for (let n = 0; n < 10; n += 1) await set(`${n}`)
  const refused = await set('a')
  expect(refused.json()).toMatchObject({ error_type: 'MEMORY_LIMIT_EXCEEDED' })
  expect(refused.headers).toMatchObject({ 'x-current-memory-usage': '100', 'x-memory-usage-limit': '100' })
  expect([await memory(), evictions()]).toEqual([100, 0])
})
