// What each method of the client sends, and what it makes of the answer.
import { InsiClient } from '../../../src/client/client.ts'
import { OPERATIONS_ROUTE } from '../../../src/client/insight.ts'
import { ROUTES } from '../../../src/contract/routes.ts'
import { ScriptedServer, apiError, empty, json } from './scripted-server.ts'
import type { ScriptedAnswer } from './scripted-server.ts'
import { ENTITY, LIMITS, PARSED_LIMITS, WIRE_ENTITY } from './wire-samples.ts'

const KEY = 'insi_key'
let server: ScriptedServer
let client: InsiClient

beforeAll(async () => {
  server = await ScriptedServer.start()
  client = new InsiClient({ endpoints: [{ publicUrl: server.url }], apiKey: KEY })
})
afterAll(async () => {
  client.close()
  await server.stop()
})

interface Case {
  readonly name: string
  readonly call: () => Promise<unknown>
  readonly answer: ScriptedAnswer
  readonly sent: { method: string; path: string; query?: Record<string, string>; body?: unknown }
  readonly result: unknown
}

const API = '/db/api/v1'
const CASES: readonly Case[] = [
  {
    name: 'get',
    call: () => client.values.get('a b/ü'),
    answer: json({ data: 'x<y' }),
    sent: { method: 'GET', path: `${API}/get`, query: { key: 'a b/ü' } },
    result: 'x<y',
  },
  {
    name: 'get of an empty value',
    call: () => client.values.get('k'),
    answer: json({ data: '' }),
    sent: { method: 'GET', path: `${API}/get`, query: { key: 'k' } },
    result: '',
  },
  {
    name: 'get of a missing key',
    call: () => client.values.get('k'),
    answer: apiError('KEY_NOT_FOUND'),
    sent: { method: 'GET', path: `${API}/get`, query: { key: 'k' } },
    result: undefined,
  },
  {
    name: 'a local get',
    call: () => client.values.get('k', { consistency: 'local' }),
    answer: json({ data: 'v' }),
    sent: { method: 'GET', path: `${API}/get`, query: { key: 'k', consistency: 'local' } },
    result: 'v',
  },
  {
    name: 'get of a key too long for a URL',
    call: () => client.values.get('k'.repeat(8000)),
    answer: json({ data: 'v' }),
    sent: { method: 'POST', path: `${API}/get`, body: { key: 'k'.repeat(8000) } },
    result: 'v',
  },
  {
    name: 'set',
    call: () => client.values.set('k', 'v'),
    answer: empty(),
    sent: { method: 'POST', path: `${API}/set`, body: { key: 'k', value: 'v' } },
    result: undefined,
  },
  {
    name: 'set with a time to live',
    call: () => client.values.set('k', 'v', { ttlMs: 500 }),
    answer: empty(),
    sent: { method: 'POST', path: `${API}/set`, body: { key: 'k', value: 'v', ttl_ms: 500 } },
    result: undefined,
  },
  ...(['values', 'cache'] as const).flatMap((noun): Case[] => {
    const path = noun === 'values' ? API : `${API}/cache`
    const entry = { key: 'k', value: 'v', revision: 12 }
    return [
      {
        name: `${noun} expire`,
        call: () => client[noun].expire('k', null),
        answer: empty(),
        sent: { method: 'POST', path: `${path}/expire`, body: { key: 'k', ttl_ms: null } },
        result: undefined,
      },
      {
        name: `${noun} delete range`,
        call: () => client[noun].deleteRange('k'),
        answer: json({ removed: 3, done: true }),
        sent: { method: 'POST', path: `${path}/delete/range`, body: { prefix: 'k' } },
        result: { removed: 3, done: true },
      },
      {
        name: `${noun} count`,
        call: () => client[noun].count('k'),
        answer: json({ count: 7 }),
        sent: { method: 'GET', path: `${path}/count`, query: { prefix: 'k' } },
        result: 7,
      },
      {
        name: `${noun} entries`,
        call: () => client[noun].entries('k', { after: 'j', limit: 1 }),
        answer: json({ entries: [{ ...entry, expires_at: null }], next: 'k', as_of: 34 }),
        sent: { method: 'GET', path: `${path}/iterate/entries`, query: { prefix: 'k', after: 'j', limit: '1' } },
        result: { entries: [{ ...entry, expiresAt: null }], next: 'k', asOf: 34 },
      },
    ]
  }),
  {
    name: 'batch',
    call: () => client.transactions.batch([{ op: 'set', key: 'k', value: 'v' }]),
    answer: json({ results: [{ ok: true, revision: 12 }] }),
    sent: { method: 'POST', path: `${API}/batch`, body: { operations: [{ op: 'set', key: 'k', value: 'v' }] } },
    result: [{ ok: true, revision: 12 }],
  },
  {
    name: 'txn',
    call: () => client.transactions.txn({ compare: [{ op: 'missing', key: 'k' }], then: [{ op: 'delete', key: 'j' }] }),
    answer: json({ succeeded: true, revision: 12, results: [{ ok: true, revision: 12 }] }),
    sent: {
      method: 'POST',
      path: `${API}/txn`,
      body: { compare: [{ op: 'missing', key: 'k' }], then: [{ op: 'delete', key: 'j' }] },
    },
    result: { succeeded: true, revision: 12, results: [{ ok: true, revision: 12 }] },
  },
  {
    name: 'setnx',
    call: () => client.values.setnx('k', ''),
    answer: empty(),
    sent: { method: 'POST', path: `${API}/setnx`, body: { key: 'k', value: '' } },
    result: undefined,
  },
  {
    name: 'cas',
    call: () => client.values.cas('k', { oldValue: 'a', newValue: 'b' }),
    answer: empty(),
    sent: { method: 'POST', path: `${API}/cas`, body: { key: 'k', old_value: 'a', new_value: 'b' } },
    result: undefined,
  },
  {
    name: 'bump beyond what a number holds',
    call: () => client.values.bump('k', 9_007_199_254_740_993n),
    answer: json({ data: '9223372036854775807' }),
    sent: { method: 'POST', path: `${API}/bump`, body: { key: 'k', value: '9007199254740993' } },
    result: 9_223_372_036_854_775_807n,
  },
  {
    name: 'bump without a floor',
    call: () => client.values.bump('k', -5, { floor: null }),
    answer: json({ data: '-5' }),
    sent: { method: 'POST', path: `${API}/bump`, body: { key: 'k', value: '-5', min: null } },
    result: -5n,
  },
  {
    name: 'delete',
    call: () => client.values.delete('k'),
    answer: empty(),
    sent: { method: 'POST', path: `${API}/delete`, body: { key: 'k' } },
    result: undefined,
  },
  {
    name: 'iterate',
    call: () => client.values.iterate('u:', { offset: 5, limit: 2 }),
    answer: json({ data: ['u:1', 'u:2'] }),
    sent: { method: 'GET', path: `${API}/iterate/prefix`, query: { prefix: 'u:', offset: '5', limit: '2' } },
    result: ['u:1', 'u:2'],
  },
  {
    name: 'iterate without a match',
    call: () => client.values.iterate('u:'),
    answer: json({ data: null }),
    sent: { method: 'GET', path: `${API}/iterate/prefix`, query: { prefix: 'u:' } },
    result: [],
  },
  {
    name: 'cache get',
    call: () => client.cache.get('k'),
    answer: json({ data: 'v' }),
    sent: { method: 'GET', path: `${API}/cache/get`, query: { key: 'k' } },
    result: 'v',
  },
  {
    name: 'cache set',
    call: () => client.cache.set('k', 'v'),
    answer: empty(),
    sent: { method: 'POST', path: `${API}/cache/set`, body: { key: 'k', value: 'v' } },
    result: undefined,
  },
  {
    name: 'cache iterate',
    call: () => client.cache.iterate('s:'),
    answer: json(['s:1']),
    sent: { method: 'GET', path: `${API}/cache/iterate/prefix`, query: { prefix: 's:' } },
    result: ['s:1'],
  },
  {
    name: 'cache iterate without a match',
    call: () => client.cache.iterate('s:'),
    answer: json(null),
    sent: { method: 'GET', path: `${API}/cache/iterate/prefix`, query: { prefix: 's:' } },
    result: [],
  },
  {
    name: 'publish',
    call: () => client.events.publish('t', { n: 1 }),
    answer: empty(),
    sent: { method: 'POST', path: `${API}/events`, body: { topic: 't', data: { n: 1 } } },
    result: undefined,
  },
  {
    name: 'purge',
    call: () => client.events.purge(),
    answer: json({ success: true, key_uuid: 'u', disconnected_sessions: 3 }),
    sent: { method: 'POST', path: `${API}/events/purge`, body: {} },
    result: 3,
  },
  {
    name: 'shake',
    call: () => client.events.shake(),
    answer: json({ success: true, disconnected_sessions: 0 }),
    sent: { method: 'POST', path: `${API}/events/shake`, body: {} },
    result: 0,
  },
  {
    name: 'alias add',
    call: () => client.aliases.add(),
    answer: json({ alias: 'insi_alias' }),
    sent: { method: 'POST', path: `${API}/alias/set`, body: {} },
    result: 'insi_alias',
  },
  {
    name: 'alias delete',
    call: () => client.aliases.delete('insi_alias'),
    answer: json({ status: 'ok' }),
    sent: { method: 'POST', path: `${API}/alias/delete`, body: { alias: 'insi_alias' } },
    result: undefined,
  },
  {
    name: 'alias list',
    call: () => client.aliases.list(),
    answer: json({ aliases: null }),
    sent: { method: 'GET', path: `${API}/alias/list`, query: {} },
    result: [],
  },
  {
    name: 'own limits',
    call: () => client.limits.own(),
    answer: json(LIMITS),
    sent: { method: 'GET', path: `${API}/limits`, query: {} },
    result: PARSED_LIMITS,
  },
  {
    name: 'limits of root, which has none',
    call: () => client.limits.own(),
    answer: json({ usage: LIMITS.usage, max_limits: {} }),
    sent: { method: 'GET', path: `${API}/limits`, query: {} },
    result: { usage: PARSED_LIMITS.usage, limits: {} },
  },
  {
    name: 'limits of another key',
    call: () => client.limits.of('insi_tenant'),
    answer: json(LIMITS),
    sent: { method: 'POST', path: `${API}/admin/limits/get`, body: { api_key: 'insi_tenant' } },
    result: PARSED_LIMITS,
  },
  {
    name: 'set limits',
    call: () => client.limits.set('insi_tenant', { diskBytes: 5, eventRequestsPerSecond: 7 }),
    answer: json({ status: 'ok' }),
    sent: {
      method: 'POST',
      path: `${API}/admin/limits/set`,
      body: { api_key: 'insi_tenant', limits: { bytes_on_disk: 5, rate_per_second_event_limit: 7 } },
    },
    result: undefined,
  },
  {
    name: 'create a key',
    call: () => client.keys.create('My App'),
    answer: json({ key_name: 'My App', key: 'insi_new' }),
    sent: { method: 'POST', path: `${API}/admin/api/create`, body: { key_name: 'My App' } },
    result: { name: 'My App', key: 'insi_new' },
  },
  {
    name: 'delete a key',
    call: () => client.keys.delete('insi_tenant'),
    answer: json({ success: 'true' }),
    sent: { method: 'POST', path: `${API}/admin/api/delete`, body: { key: 'insi_tenant' } },
    result: undefined,
  },
  {
    name: 'insight of a key, which is not put into a URL',
    call: () => client.insight.entity('insi_tenant'),
    answer: json({ entity: WIRE_ENTITY }),
    sent: { method: 'POST', path: `${API}/admin/insight/entity`, body: { root_api_key: 'insi_tenant' } },
    result: ENTITY,
  },
  {
    name: 'insight of all',
    call: () => client.insight.entities({ offset: 1, limit: 5 }),
    answer: json({ entities: [WIRE_ENTITY] }),
    sent: { method: 'POST', path: `${API}/admin/insight/entities`, body: { offset: 1, limit: 5 } },
    result: [ENTITY],
  },
  {
    name: 'insight by alias',
    call: () => client.insight.entityByAlias('insi_alias'),
    answer: json({ entity: { ...WIRE_ENTITY, aliases: ['insi_alias'] } }),
    sent: { method: 'POST', path: `${API}/admin/insight/entity_by_alias`, body: { alias: 'insi_alias' } },
    result: { ...ENTITY, aliases: ['insi_alias'] },
  },
  {
    name: 'operation rates',
    call: () => client.insight.operationRates(),
    answer: json({ op_vs: 1, op_cache: 2, op_events: 3, op_subscribers: 4, op_blobs: 0, op_system: 5.5 }),
    sent: { method: 'GET', path: OPERATIONS_ROUTE.path, query: {} },
    result: { values: 1, cache: 2, events: 3, subscribers: 4, blobs: 0, system: 5.5 },
  },
  {
    name: 'ping',
    call: () => client.ping(),
    answer: json({ entity: 'root', leader: '', 'node-badge-id': 'n', status: 'ok', uptime: '1s' }),
    sent: { method: 'GET', path: `${API}/ping`, query: {} },
    result: { entity: 'root', leader: '', 'node-badge-id': 'n', status: 'ok', uptime: '1s' },
  },
]

test.each(CASES)('$name', async ({ call, answer, sent, result }) => {
  server.requests.length = 0
  server.script = () => answer
  expect(await call()).toEqual(result)
  expect(server.requests).toEqual([
    { query: {}, body: undefined, ...sent, headers: expect.objectContaining({ authorization: KEY }) as unknown },
  ])
})

test('every route of the API that takes a key has a method that was tried here', () => {
  const tried = new Set(CASES.map(({ sent }) => sent.path))
  const elsewhere = ['/cache/setnx', '/cache/cas', '/cache/delete', '/events/subscribe'].map((path) => API + path)
  // Of test/unit/cli/observing.test.ts.
  elsewhere.push(`${API}/admin/log/get`, `${API}/admin/log/set`, `${API}/admin/overview`)
  // Watches are read with any client of Server-Sent Events.
  elsewhere.push(`${API}/watch`, `${API}/cache/watch`)
  const isOfCluster = (path: string): boolean => path.startsWith(`${API}/cluster/`) || path === `${API}/join`
  const routes = ROUTES.map((route) => (route.auth === 'none' || isOfCluster(route.path) ? '' : route.path))
  expect(routes.filter((path) => path !== '').filter((path) => !tried.has(path) && !elsewhere.includes(path))).toEqual(
    [],
  )
})

test.each([
  ['an empty key', () => client.values.get('')],
  ['an empty key of a write', () => client.cache.set('', 'v')],
  ['half of a surrogate pair in a query', () => client.values.get('\uD800')],
  ['a bump by a fraction', () => client.values.bump('k', 1.5)],
  ['an empty name', () => client.keys.create('')],
  ['an empty topic', () => client.events.subscribe('')],
])('%s is refused before anything is sent', async (_name, call) => {
  server.requests.length = 0
  await expect(call()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(server.requests).toEqual([])
})

test.each([
  ['something else than JSON', { status: 200, text: '<html>' }],
  ['another shape', json({ data: 5 })],
  ['nothing', empty()],
])('an answer with %s is UNEXPECTED_ANSWER', async (_name, answer) => {
  server.script = () => answer
  await expect(client.values.get('k')).rejects.toMatchObject({ code: 'UNEXPECTED_ANSWER' })
})

test('two clients of different keys share connections', async () => {
  server.script = () => json({ data: 'v' })
  await client.values.get('k')
  const before = server.connectionCount
  server.requests.length = 0
  await client.withKey('insi_other').values.get('k')
  expect(server.requests[0]?.headers.authorization).toBe('insi_other')
  expect(server.connectionCount).toBe(before)
})
