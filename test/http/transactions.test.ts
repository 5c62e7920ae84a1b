// batch and txn: several operations in one commit.
import { openSocket } from '../support/event-client.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import type { Answer } from '../support/http-node.ts'

let node: HttpNode
let token: string
beforeAll(async () => {
  node = await HttpNode.start()
})
afterAll(() => node.stop())
beforeEach(async () => {
  token = await node.createKey()
})

const post = (path: string, body: unknown): Promise<Answer> =>
  node.call('public', `/db/api/v1/${path}`, { token, body })
const valueOf = async (path: string, key: string): Promise<unknown> => {
  const answer = await post(path, { key })
  return answer.status === 404 ? null : (answer.json() as { readonly data: string }).data
}

test('a batch carries out each operation for itself, in order and in one commit', async () => {
  const answer = await post('batch', {
    operations: [
      { op: 'set', key: 'a', value: '1', ttl_ms: 60_000 },
      { op: 'setnx', key: 'a', value: '2' },
      { op: 'cas', key: 'a', old_value: '1', new_value: '3' },
      { op: 'cas', key: 'a', revision: 0, new_value: '4' },
      { op: 'bump', key: 'n', value: '41' },
      { op: 'bump', key: 'n', value: '1' },
      { op: 'set', space: 'cache', key: 'a', value: 'cached' },
      { op: 'expire', key: 'missing', ttl_ms: null },
      { op: 'publish', topic: 't', data: { x: [1] } },
      { op: 'delete', key: 'a' },
    ],
  })
  expect(answer.status).toBe(200)
  const { results } = answer.json() as { readonly results: readonly Record<string, unknown>[] }
  expect(results.map((one) => one['ok'] === true || one['error_type'])).toEqual([
    true,
    'KEY_EXISTS',
    true,
    'REVISION_MISMATCH',
    true,
    true,
    true,
    'KEY_NOT_FOUND',
    true,
    true,
  ])
  expect(new Set(results.flatMap((one) => one['revision'] ?? [])).size).toBe(1)
  expect(results[1]).toEqual({ ok: false, error_type: 'KEY_EXISTS', message: 'key already exists' })
  expect(results[5]).toMatchObject({ data: '42' })
  expect(results[8]).toMatchObject({ event_id: expect.any(Number) })
  expect([await valueOf('get', 'a'), await valueOf('get', 'n'), await valueOf('cache/get', 'a')]).toEqual([
    null,
    '42',
    'cached',
  ])
})

test('a batch without operations, or with too many or too large ones, is refused', async () => {
  const set = { op: 'set', key: 'a', value: '1' }
  expect((await post('batch', {})).status).toBe(400)
  expect((await post('batch', { operations: [] })).status).toBe(400)
  expect((await post('batch', { operations: Array.from({ length: 1025 }, () => set) })).status).toBe(400)
  const large = { ...set, value: 'x'.repeat(1_000_000) }
  const answer = await post('batch', { operations: Array.from({ length: 5 }, () => large) })
  expect([answer.status, answer.text]).toEqual([413, expect.stringContaining('too large together')])
  expect((await post('batch', { operations: Array.from({ length: 1024 }, () => set) })).status).toBe(200)
})

test('a batch names the element that is wrong', async () => {
  const answer = await post('batch', {
    operations: [
      { op: 'set', key: 'a', value: '1' },
      { op: 'set', key: 'b' },
    ],
  })
  expect(answer.json()).toMatchObject({
    error_type: 'MISSING_FIELD',
    message: 'Missing value in batch request payload: operations[1]',
  })
})

test('a txn carries out then when every comparison holds, and else otherwise', async () => {
  await post('set', { key: 'a', value: '1' })
  const swap = {
    compare: [
      { key: 'a', op: 'value', value: '1' },
      { key: 'a', op: 'exists' },
      { key: 'lock', op: 'missing' },
      { key: 'a', space: 'cache', op: 'missing' },
    ],
    then: [
      { op: 'set', key: 'a', value: '2' },
      { op: 'set', key: 'b', value: '2', space: 'cache' },
      { op: 'publish', topic: 'changed', data: 'a' },
    ],
    else: [{ op: 'bump', key: 'missed', value: '1' }],
  }
  const first = await post('txn', swap)
  expect(first.json()).toEqual({
    succeeded: true,
    revision: Number(first.headers['x-insi-revision']),
    results: [
      { ok: true, revision: expect.any(Number) },
      { ok: true, revision: expect.any(Number) },
      { ok: true, revision: expect.any(Number), event_id: expect.any(Number) },
    ],
  })
  expect([await valueOf('get', 'a'), await valueOf('cache/get', 'b')]).toEqual(['2', '2'])
  const second = await post('txn', swap)
  expect(second.json()).toMatchObject({ succeeded: false, results: [{ ok: true, data: '1' }] })
  const byRevision = {
    compare: [{ key: 'a', op: 'revision', revision: Number(first.headers['x-insi-revision']) }],
    then: [{ op: 'delete', key: 'a' }],
  }
  expect((await post('txn', byRevision)).json()).toMatchObject({ succeeded: true })
  expect((await post('txn', byRevision)).json()).toMatchObject({ succeeded: false, results: [] })
})

test('a txn with an operation that is refused changes nothing and names it', async () => {
  const answer = await post('txn', {
    then: [
      { op: 'set', key: 'a', value: '1' },
      { op: 'set', key: 'a', value: '1', space: 'cache' },
      { op: 'publish', topic: 't', data: 1 },
      { op: 'bump', key: 'a', value: '1' },
      { op: 'setnx', key: 'a', value: '2' },
    ],
  })
  expect(answer.status).toBe(409)
  expect(answer.json()).toMatchObject({ error_type: 'KEY_EXISTS', message: expect.stringContaining('operation 4') })
  expect([await valueOf('get', 'a'), await valueOf('cache/get', 'a')]).toEqual([null, null])
  const limits = (await node.call('public', '/db/api/v1/limits', { token })).json()
  expect(limits).toMatchObject({ usage: { bytes_on_disk: 0, bytes_in_memory: 0, events_emitted: 0 } })
})

test('a txn over the disk limit answers the numbers and changes nothing', async () => {
  await node.call('private', '/db/api/v1/admin/limits/set', {
    token: ROOT_KEY,
    body: { api_key: token, limits: { bytes_on_disk: 10 } },
  })
  const answer = await post('txn', {
    then: [
      { op: 'set', key: 'a', value: '12345' },
      { op: 'set', key: 'b', value: '12345' },
    ],
  })
  expect(answer.json()).toMatchObject({ error_type: 'DISK_LIMIT_EXCEEDED' })
  expect(answer.headers['x-disk-usage-limit']).toBe('10')
  expect(await valueOf('get', 'a')).toBeNull()
})

describe('events that a batch or txn publishes', () => {
  const publishOf = (data: string): string => `{"op":"publish","topic":"t","data":${data}}`
  const setLimits = (limits: Readonly<Record<string, number>>): Promise<Answer> =>
    node.call('private', '/db/api/v1/admin/limits/set', { token: ROOT_KEY, body: { api_key: token, limits } })
  const published = (count: number) => ({ operations: Array.from({ length: count }, () => JSON.parse(publishOf('1'))) })
  const publish = (): Promise<Answer> => post('events', { topic: 't', data: 1 })

  test('carry their data byte for byte, with numbers that JavaScript cannot hold', async () => {
    const data = [
      '9007199254740993',
      '{"n": 123456789012345678901234567890, "x":[1.10, {"}":"],"}]}',
      '"a\\"]}"',
      '1e400',
    ]
    const reader = await openSocket(`ws://127.0.0.1:${node.port('public')}/db/api/v1/events/subscribe?topic=t`, {
      headers: { authorization: token },
    })
    const [first = '', second = '', ...rest] = data
    await post(
      'batch',
      ` { "x" : [[{}]], "operations" : [ {"op":"delete","key":"data"} ,${publishOf(first)} , ${publishOf(second)}] }`,
    )
    await post('txn', `{"then":[${rest.map(publishOf).join(',')}],"else":[${publishOf('"no"')}]}`)
    await reader.take(data.length)
    const texts = reader.frames.map((frame) =>
      frame.slice(frame.indexOf('"data":') + 7, frame.lastIndexOf(',"emitted_at"')),
    )
    expect(texts).toEqual(data)
    await reader.close()
  })

  test('count one by one towards the rate of events, all of a request or none', async () => {
    await setLimits({ rate_per_second_event_limit: 5 })
    expect((await post('batch', published(3))).status).toBe(200)
    const refused = await post('batch', published(4))
    expect([refused.status, refused.headers['x-ratelimit-limit'], refused.headers['retry-after']]).toEqual([
      429,
      '5',
      '1',
    ])
    expect((await post('txn', { then: published(2).operations, else: published(1).operations })).status).toBe(200)
    expect((await publish()).status).toBe(429)
    expect((await post('batch', { operations: [{ op: 'delete', key: 'k' }] })).status).toBe(200)
  })

  test('are refused for good when they are more than the key may publish at once', async () => {
    await setLimits({ rate_per_second_event_limit: 5 })
    const refused = await post('batch', published(6))
    expect(refused.status).toBe(400)
    expect(refused.json()).toMatchObject({ error_type: 'INVALID_FIELD' })
    expect((await post('batch', published(5))).status).toBe(200)
    await setLimits({ rate_per_second_event_limit: 0 })
    expect((await post('batch', published(1))).status).toBe(429)
  })

  test('count towards the daily quota, also those of a txn, and not those of one that is refused', async () => {
    await setLimits({ events_emitted: 4, rate_per_second_event_limit: 1000 })
    expect((await publish()).status).toBe(200)
    const { results } = (await post('batch', published(2))).json() as { readonly results: { ok: boolean }[] }
    expect(results.map(({ ok }) => ok)).toEqual([true, true])
    expect((await post('txn', { then: published(2).operations })).json()).toMatchObject({
      error_type: 'EVENTS_LIMIT_EXCEEDED',
    })
    expect((await post('txn', { then: published(1).operations })).status).toBe(200)
    expect((await publish()).json()).toMatchObject({ error_type: 'EVENTS_LIMIT_EXCEEDED' })
    expect((await post('limits', {})).json()).toMatchObject({ usage: { events_emitted: 4 } })
  })
})
