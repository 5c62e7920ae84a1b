import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import type { Answer } from '../support/http-node.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

let node: HttpNode
let clock: VirtualClock
const start = async (config = ''): Promise<void> => {
  clock = new VirtualClock()
  node = await HttpNode.start({ clock, config })
}
afterEach(() => node.stop())

const limit = (token: string, limits: Readonly<Record<string, number>>): Promise<Answer> =>
  node.call('private', '/db/api/v1/admin/limits/set', { token: ROOT_KEY, body: { api_key: token, limits } })
const get = (token: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  node.call('public', '/db/api/v1/get?key=a', { token, headers })
const publish = (token: string): Promise<Answer> =>
  node.call('public', '/db/api/v1/events', { token, body: { topic: 't', data: 1 } })
/** The statuses of `count` requests, one after the other. */
async function statuses(count: number, call: () => Promise<Answer>): Promise<number[]> {
  const found: number[] = []
  for (let at = 0; at < count; at++) found.push((await call()).status)
  return found
}
const rates = async (): Promise<unknown> =>
  (await node.call('private', '/db/api/v1/admin/metrics/ops', { token: ROOT_KEY })).json()

test('a key over its limit gets 429 with the limit and when to come back, its aliases with it', async () => {
  await start()
  const token = await node.createKey()
  await limit(token, { rate_per_second_data_limit: 3 })
  const alias = ((await node.call('public', '/db/api/v1/alias/set', { token })).json() as { alias: string }).alias
  expect(await statuses(3, () => get(token))).toEqual([404, 404, 404])
  for (const refused of [await get(token), await get(alias)]) {
    expect(refused.status).toBe(429)
    expect(refused.json()).toMatchObject({ error_type: 'RATE_LIMITED', message: 'Too Many Requests' })
    expect(refused.headers).toMatchObject({
      'retry-after': '1',
      'x-ratelimit-limit': '3',
      'x-ratelimit-burst': '3',
      'content-type': 'application/json',
    })
  }
  clock.advance(334)
  expect(await statuses(2, () => get(alias))).toEqual([404, 429])
})

test('events have a limit of their own, and what is not data or events has none', async () => {
  await start()
  const token = await node.createKey()
  await limit(token, { rate_per_second_data_limit: 0, rate_per_second_event_limit: 2 })
  expect(await statuses(3, () => publish(token))).toEqual([200, 200, 429])
  const shake = (): Promise<Answer> => node.call('public', '/db/api/v1/events/shake', { token, method: 'POST' })
  expect((await shake()).status).toBe(429)
  const refused = await get(token)
  expect([refused.status, refused.headers['retry-after'], refused.headers['x-ratelimit-limit']]).toEqual([
    429,
    '60',
    '0',
  ])
  expect(await statuses(20, () => node.call('public', '/db/api/v1/ping', { token }))).toEqual(Array(20).fill(200))
})

test('a changed limit holds at once, and root has none', async () => {
  await start()
  const token = await node.createKey()
  await limit(token, { rate_per_second_data_limit: 1 })
  expect(await statuses(2, () => get(token))).toEqual([404, 429])
  await limit(token, { rate_per_second_data_limit: 1000 })
  clock.advance(10)
  expect(await statuses(5, () => get(token))).toContain(404)
  expect(await statuses(50, () => get(ROOT_KEY))).toEqual(Array(50).fill(404))
})

test('a client address has its limit for each category, through trusted proxies too; the root key passes', async () => {
  await start(`rateLimiters:
  values: { limit: 0.5, burst: 2 }
  system: { limit: 10, burst: 1 }
trustedProxies: [127.0.0.1]`)
  const token = await node.createKey()
  const ask = () => get(token, { 'X-Forwarded-For': '192.0.2.1' })
  expect(await statuses(2, ask)).toEqual([404, 404])
  const refused = await ask()
  expect(refused.status).toBe(429)
  expect(refused.headers).toMatchObject({ 'retry-after': '2', 'x-ratelimit-limit': '0.5', 'x-ratelimit-burst': '2' })
  expect((await get('no-key', { 'X-Forwarded-For': '192.0.2.1' })).status).toBe(429)
  expect((await get(token, { 'X-Forwarded-For': '192.0.2.2' })).status).toBe(404)
  expect((await get(token, { 'X-Cluster-Internal-Forward': 'true', 'X-Forwarded-For': '192.0.2.1' })).status).toBe(429)
  expect((await get(ROOT_KEY, { 'X-Forwarded-For': '192.0.2.1' })).status).toBe(404)
  const ping = () => node.call('public', '/db/api/v1/ping', { token })
  expect(await statuses(2, ping)).toEqual([200, 429])
  clock.advance(2_000)
  expect(await statuses(2, ask)).toEqual([404, 429])
  const metrics = (await node.call('ops', '/metrics')).text
  expect(metrics).toContain('insi_rate_limited_total{limiter="address",class="values"} 4')
  expect(metrics).toContain('insi_rate_limited_total{limiter="key",class="data"} 0')
})

test('an IPv6 client has one limit for all addresses of its /64, however they are written', async () => {
  await start(`rateLimiters:
  values: { limit: 0.5, burst: 2 }
trustedProxies: [127.0.0.1]`)
  const token = await node.createKey()
  const ask = async (address: string): Promise<number> => (await get(token, { 'X-Forwarded-For': address })).status
  expect(await ask('2001:db8:0:1::1')).toBe(404)
  expect(await ask('2001:0DB8:0000:0001:ffff:ffff:ffff:ffff')).toBe(404)
  expect(await ask('[2001:db8::1:2:3:4:5]:443')).toBe(429)
  expect(await ask('2001:db8:0:1:2::192.0.2.1')).toBe(429)
  expect(await ask('2001:db8:0:2::1')).toBe(404)
  expect([await ask('::1'), await ask('::2'), await ask('::3')]).toEqual([404, 404, 429])
  // An IPv4 client stays one however it is written, and apart from its neighbours.
  expect([await ask('::ffff:192.0.2.7'), await ask('192.0.2.7'), await ask('192.0.2.7')]).toEqual([404, 404, 429])
  expect(await ask('192.0.2.8')).toBe(404)
})

test('operation rates are those of the last second, and 0 when nothing happens', async () => {
  await start()
  const none = { op_vs: 0, op_cache: 0, op_events: 0, op_subscribers: 0, op_blobs: 0, op_system: 0 }
  const token = await node.createKey()
  clock.advance(5_000)
  expect(await rates()).toEqual(none)
  await statuses(7, () => get(token))
  await statuses(2, () => get('no-key'))
  await statuses(3, () => node.call('public', '/db/api/v1/cache/get?key=a', { token }))
  await statuses(4, () => publish(token))
  await node.call('public', '/db/api/v1/events/purge', { token, method: 'POST' })
  await node.call('public', '/db/api/v1/events/subscribe', { token })
  clock.advance(100)
  expect(await rates()).toEqual({ ...none, op_vs: 9, op_cache: 3, op_events: 5, op_subscribers: 1, op_system: 1 })
  clock.advance(1_100)
  expect(await rates()).toEqual(none)
})

test('operation rates are for root, by GET and POST, on the private listener', async () => {
  await start()
  const token = await node.createKey()
  const path = '/db/api/v1/admin/metrics/ops'
  expect((await node.call('private', path, { token: ROOT_KEY, method: 'POST' })).status).toBe(200)
  expect((await node.call('private', path, { token })).status).toBe(401)
  expect((await node.call('private', path)).status).toBe(401)
  expect((await node.call('public', path, { token: ROOT_KEY })).status).toBe(404)
})
