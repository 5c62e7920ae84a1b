// Events over HTTP on one real node: WebSockets, event streams, publishing, purge and shake.
import { WebSocket } from 'ws'
import { InsiClient } from '../../src/client/client.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import { eventually } from '../support/eventually.ts'
import { RecordingLog } from '../support/recording-log.ts'
import { openSocket, refusalOf } from '../support/event-client.ts'
import type { SocketReader } from '../support/event-client.ts'

const SUBSCRIBE = '/db/api/v1/events/subscribe'
const PUBLISH = '/db/api/v1/events'

let node: HttpNode
let key: string
beforeAll(async () => {
  node = await HttpNode.start()
})
beforeEach(async () => {
  key = await node.createKey()
})
afterAll(() => node.stop())

const url = (query: string): string => `ws://127.0.0.1:${node.port('public')}${SUBSCRIBE}${query}`
const subscribe = (query: string, token = key): Promise<SocketReader> =>
  openSocket(url(query), { headers: { authorization: token } })
const publish = async (topic: string, data: unknown, token = key): Promise<number> => {
  const answer = await node.call('public', PUBLISH, { token, body: { topic, data } })
  expect([answer.status, answer.text]).toEqual([200, ''])
  return Number(answer.headers['x-insi-event-id'])
}
const topicsOf = (reader: SocketReader): unknown[] => reader.events().map(({ topic }) => String(topic).split(':')[1])

test('an event reaches every subscriber of its topic, with scope, time and id', async () => {
  const readers = await Promise.all([subscribe('?topic=orders'), subscribe('?topic=orders')])
  const other = await subscribe('?topic=other')
  const id = await publish('orders', { n: 1 })
  for (const reader of readers) {
    const event = await reader.next()
    expect(event).toEqual({
      topic: expect.stringMatching(/^[0-9a-f-]{36}:orders$/),
      data: { n: 1 },
      emitted_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      id,
    })
  }
  expect(other.frames).toEqual([])
  for (const reader of [...readers, other]) await reader.close()
})

test.each([
  '{"data":12345678901234567890,"topic":"raw"}',
  '{"topic":"raw","data": {"a" : [1.0, 1e400, "\\u00e9\\ud800é", {"b":-0}]}  }',
  '{"\\u0064ata":"first","data":[ ],"topic":"raw"}',
  '{"topic":"raw","DATA":{"data":1,"x":"}\\",\\"data\\":2"}}',
  '{"topic":"raw","data":"\\\\"}',
  '{"topic":"raw"}',
])('data of %s passes through byte for byte', async (body) => {
  const reader = await subscribe('?topic=raw')
  expect((await node.call('public', PUBLISH, { token: key, body })).status).toBe(200)
  await reader.next()
  const expected: Record<string, string> = {
    '{"data":12345678901234567890,"topic":"raw"}': '12345678901234567890',
    '{"topic":"raw","data": {"a" : [1.0, 1e400, "\\u00e9\\ud800é", {"b":-0}]}  }':
      '{"a" : [1.0, 1e400, "\\u00e9\\ud800é", {"b":-0}]}',
    '{"\\u0064ata":"first","data":[ ],"topic":"raw"}': '[ ]',
    '{"topic":"raw","DATA":{"data":1,"x":"}\\",\\"data\\":2"}}': '{"data":1,"x":"}\\",\\"data\\":2"}',
    '{"topic":"raw","data":"\\\\"}': '"\\\\"',
    '{"topic":"raw"}': 'null',
  }
  expect(reader.frames[0]).toContain(`,"data":${expected[body] ?? ''},"emitted_at":"`)
  await reader.close()
})

test('a pattern gets what it matches and nothing else', async () => {
  const one = await subscribe('?topic=orders.*')
  const rest = await subscribe(`?topic=${encodeURIComponent('orders.>')}`)
  for (const topic of ['orders', 'orders.new', 'orders.new.eu', 'other.new', '']) await publish(topic, 1)
  await eventually('both have theirs', () => (rest.frames.length >= 2 && one.frames.length > 0 ? true : undefined))
  expect(topicsOf(one)).toEqual(['orders.new'])
  expect(topicsOf(rest)).toEqual(['orders.new', 'orders.new.eu'])
  await one.close()
  await rest.close()
})

test('tenants do not see each other, aliases see their parent', async () => {
  const other = await node.createKey()
  const alias = ((await node.call('public', '/db/api/v1/alias/set', { token: key })).json() as { alias: string }).alias
  const reader = await subscribe('?topic=t', alias)
  await publish('t', 'theirs', other)
  await publish('t', 'ours')
  expect(await reader.next()).toMatchObject({ data: 'ours' })
  await reader.close()
})

test('a subscriber resumes after an id without a gap or a duplicate', async () => {
  const ids: number[] = []
  for (let n = 0; n < 50; n += 1) ids.push(await publish(n % 2 === 0 ? 'even' : 'odd', n))
  const reader = await subscribe(`?topic=even&since=${ids[9] ?? 0}`)
  for (let n = 50; n < 60; n += 1) await publish(n % 2 === 0 ? 'even' : 'odd', n)
  await eventually('all are there', () => (reader.frames.length >= 25 ? true : undefined))
  expect(reader.events().map(({ data }) => data)).toEqual(Array.from({ length: 25 }, (_, at) => 10 + at * 2))
  await reader.close()
})

test('a subscriber that received nothing resumes from where it began', async () => {
  await publish('t', 'before')
  const client = new InsiClient({ endpoints: [{ publicUrl: `http://127.0.0.1:${node.port('public')}` }], apiKey: key })
  const first = await client.events.subscribe('t')
  const { beginsAfter } = first
  first.close()
  await first.ended
  await publish('t', 'meanwhile')
  expect(beginsAfter).toBeGreaterThan(0)
  const resumed = await client.events.subscribe('t', { since: beginsAfter ?? -1 })
  expect(resumed.beginsAfter).toBe(beginsAfter)
  for await (const { data } of resumed) {
    expect(data).toBe('meanwhile')
    break
  }
  client.close()
})

test('what is published while the connection is made is delivered', async () => {
  const caller = await node.services.keys.authenticate(key)
  const admission = await node.services.events.admit(caller, { topic: 't', since: null })
  const eventId = await publish('t', 'between')
  expect(eventId).toBeGreaterThan(admission.beginsAfter)
  const ids: (number | null)[] = []
  const subscriber = admission.attach({ send: (frame) => void ids.push(frame.eventId), close: () => {} })
  await eventually('it arrives', () => (ids.length > 0 ? true : undefined))
  expect(ids).toEqual([eventId])
  subscriber?.close({ code: 1000, reason: '' })
})

test('since before the window says first what was missed', async () => {
  const small = await HttpNode.start({ config: 'events: { retainSize: 2KiB }' })
  const token = await small.createKey()
  const send = async (data: string): Promise<number> => {
    const answer = await small.call('public', PUBLISH, { token, body: { topic: 't', data } })
    return Number(answer.headers['x-insi-event-id'])
  }
  const first = await send('first')
  const ids: number[] = []
  for (let n = 0; n < 20; n += 1) ids.push(await send(`${n}${'x'.repeat(500)}`))
  const reader = await openSocket(`ws://127.0.0.1:${small.port('public')}${SUBSCRIBE}?topic=t&since=${first}`, {
    headers: { authorization: token },
  })
  const [gap] = await reader.take(2)
  expect(gap).toEqual({ type: 'gap', missed_after: first, missed_through: expect.any(Number) })
  await eventually('the last is there', () => (reader.events().at(-1)?.['id'] === ids.at(-1) ? true : undefined))
  const through = Number(gap?.['missed_through'])
  expect(
    reader
      .events()
      .slice(1)
      .map(({ id }) => id),
  ).toEqual(ids.filter((id) => id > through))
  await reader.close()
  await small.stop()
})

test('a browser subscribes with its key in the query or in a subprotocol, and the key reaches no log', async () => {
  const log = new RecordingLog()
  const logged = await HttpNode.start({ log, logLevel: { level: 'debug', setLevel: () => {} } })
  const token = await logged.createKey()
  const at = `ws://127.0.0.1:${logged.port('public')}${SUBSCRIBE}?topic=t`
  const browser = new globalThis.WebSocket(`${at}&token=${token}`)
  await new Promise((resolve) => browser.addEventListener('open', resolve))
  const message = new Promise((resolve) => browser.addEventListener('message', (event) => resolve(event.data)))
  const byProtocol = await openSocket(at, { protocols: ['insi.v1', `insi.bearer.${token}`] })
  expect(byProtocol.socket.protocol).toBe('insi.v1')
  const rootProtocol = await openSocket(at, { protocols: ['insi.v1', `insi.bearer.${ROOT_KEY.replaceAll('=', '')}`] })
  await logged.call('public', PUBLISH, { token, body: { topic: 't', data: 'seen' } })
  expect(String(await message)).toContain('"data":"seen"')
  expect(await byProtocol.next()).toMatchObject({ data: 'seen' })
  const closed = new Promise((resolve) => browser.addEventListener('close', resolve))
  browser.close()
  await closed
  await byProtocol.close()
  await rootProtocol.close()
  expect((await refusalOf(`${at}&token=${token}x`)).status).toBe(401)
  expect(JSON.stringify(log.lines)).toContain(SUBSCRIBE)
  expect(JSON.stringify(log.lines)).not.toContain(token)
  await logged.stop()
})

describe('before the upgrade', () => {
  test.each([
    ['no token', '?topic=t', {}, 401, 'AUTHENTICATION_FAILED'],
    ['a wrong token', '?topic=t&token=insi_x', {}, 401, 'AUTHENTICATION_FAILED'],
    ['a token with broken encoding', '?topic=t&token=%ff', {}, 401, 'AUTHENTICATION_FAILED'],
    ['no topic', '', { authorization: 'KEY' }, 400, 'MISSING_FIELD'],
    ['an empty topic', '?topic=', { authorization: 'KEY' }, 400, 'MISSING_FIELD'],
    ['a wildcard within a word', '?topic=a*', { authorization: 'KEY' }, 400, 'INVALID_TOPIC'],
    ['a rest that is not last', '?topic=a.%3E.b', { authorization: 'KEY' }, 400, 'INVALID_TOPIC'],
    ['too many words', `?topic=${'*.'.repeat(64)}*`, { authorization: 'KEY' }, 400, 'INVALID_TOPIC'],
    ['a topic that is too long', `?topic=${'x'.repeat(1025)}`, { authorization: 'KEY' }, 400, 'INVALID_TOPIC'],
    ['a topic with NUL', '?topic=a%00', { authorization: 'KEY' }, 400, 'INVALID_TOPIC'],
    ['broken encoding', '?topic=%ff', { authorization: 'KEY' }, 400, 'INVALID_PARAMETER'],
    ['garbage since', '?topic=t&since=x', { authorization: 'KEY' }, 400, 'INVALID_PARAMETER'],
    ['negative since', '?topic=t&since=-1', { authorization: 'KEY' }, 400, 'INVALID_PARAMETER'],
    ['since that no event has', '?topic=t&since=9007199254740991', { authorization: 'KEY' }, 400, 'INVALID_PARAMETER'],
    ['too large since', '?topic=t&since=9999999999999999', { authorization: 'KEY' }, 400, 'INVALID_PARAMETER'],
    ['version 8', '?topic=t', { authorization: 'KEY', 'sec-websocket-version': '8' }, 400, 'UPGRADE_REQUIRED'],
    ['no version', '?topic=t', { authorization: 'KEY', 'sec-websocket-version': '' }, 400, 'UPGRADE_REQUIRED'],
    ['a wrong key', '?topic=t', { authorization: 'KEY', 'sec-websocket-key': 'abc' }, 400, 'UPGRADE_REQUIRED'],
    ['a bad protocol', '?topic=t', { authorization: 'KEY', 'sec-websocket-protocol': 'a b' }, 400, 'INVALID_PARAMETER'],
    [
      'two equal protocols',
      '?topic=t',
      { authorization: 'KEY', 'sec-websocket-protocol': 'a,a' },
      400,
      'INVALID_PARAMETER',
    ],
  ])('%s is refused as every request is', async (_what, query, headers: Record<string, string>, status, code) => {
    const given = headers['authorization'] === 'KEY' ? { ...headers, authorization: key } : headers
    const refusal = await refusalOf(url(query), given)
    expect([refusal.status, refusal.body['error_type']]).toEqual([status, code])
    expect(refusal.headers['content-type']).toBe('application/json')
    expect(refusal.headers['x-request-id']).toBe(refusal.body['request_id'])
    expect(refusal.headers.connection).toBe('close')
    if (code === 'UPGRADE_REQUIRED') expect(refusal.headers['sec-websocket-version']).toBe('13')
  })

  test('without a key it is said where a browser puts one', async () => {
    const [missing, wrong] = [await refusalOf(url('?topic=t')), await refusalOf(url('?topic=t&token=insi_x'))]
    expect(missing.body['message']).toBe(
      'Invalid or missing token: where no header can be set, as in a browser, append &token=KEY to the address',
    )
    expect(wrong.body['message']).toBe('Invalid or missing token')
  })

  test('a plain GET is told to upgrade, another method which it is', async () => {
    const plain = await node.call('public', `${SUBSCRIBE}?topic=t`, { token: key })
    expect([plain.status, plain.headers['sec-websocket-version']]).toEqual([400, '13'])
    const posted = await node.call('public', `${SUBSCRIBE}?topic=t`, { token: key, method: 'POST' })
    expect([posted.status, posted.headers.allow]).toEqual([405, 'HEAD, GET'])
  })

  test('a request to upgrade any other route is served as a request', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket' }
    const answer = await node.call('public', '/db/api/v1/ping', { token: key, headers })
    expect(answer.status).toBe(200)
  })

  test('the limit of a key holds, and a slot is free again when its subscriber has ended', async () => {
    await node.call('private', '/db/api/v1/admin/limits/set', {
      token: ROOT_KEY,
      body: { api_key: key, limits: { subscribers: 2 } },
    })
    const readers = [await subscribe('?topic=t'), await subscribe('?topic=t')]
    const refusal = await refusalOf(url('?topic=t'), { authorization: key })
    expect(refusal.status).toBe(503)
    expect(refusal.body['message']).toContain('subscriber limit exceeded')
    await readers[0]?.close()
    const again = await eventually('there is room', () => subscribe('?topic=t'))
    await again.close()
    await readers[1]?.close()
  })

  test('the limit of the node holds', async () => {
    const small = await HttpNode.start({ config: 'sessions: { maxConnections: 1 }' })
    const at = `ws://127.0.0.1:${small.port('public')}${SUBSCRIBE}?topic=t`
    const reader = await openSocket(at, { headers: { authorization: ROOT_KEY } })
    const refusal = await refusalOf(at, { authorization: ROOT_KEY })
    expect([refusal.status, refusal.body['error_type']]).toEqual([503, 'TOO_MANY_CONNECTIONS'])
    await reader.close()
    await small.stop()
  })

  test('an origin that is not allowed is refused', async () => {
    const strict = await HttpNode.start({ config: 'events: { allowedOrigins: ["https://app.example"] }' })
    const at = `ws://127.0.0.1:${strict.port('public')}${SUBSCRIBE}?topic=t`
    const refusal = await refusalOf(at, { authorization: ROOT_KEY, origin: 'https://evil.example' })
    expect([refusal.status, refusal.body['error_type']]).toEqual([403, 'ORIGIN_NOT_ALLOWED'])
    const allowed = await openSocket(at, { headers: { authorization: ROOT_KEY, origin: 'https://app.example' } })
    await allowed.close()
    await strict.stop()
  })
})

describe('an open socket', () => {
  test('that sends more than 512 bytes is closed with 1009', async () => {
    const reader = await subscribe('?topic=t')
    reader.socket.send('x'.repeat(513))
    expect((await reader.ended).code).toBe(1009)
  })

  test('may send what it likes up to that, and goes on', async () => {
    const reader = await subscribe('?topic=t')
    for (const message of ['', 'x'.repeat(512), '{"type":"gap"}', Buffer.from([0, 255])]) reader.socket.send(message)
    await publish('t', 1)
    expect(await reader.next()).toMatchObject({ data: 1 })
    await reader.close()
  })

  test('that sends garbage instead of frames is closed, and its slot is free', async () => {
    const reader = await subscribe('?topic=t')
    const raw = (reader.socket as unknown as { readonly _socket: { write(bytes: Buffer): void } })._socket
    raw.write(Buffer.alloc(1_000, 0xff))
    expect((await reader.ended).code).toBe(1002)
    await eventually('the slot is free', async () => {
      const usage = (await node.call('public', '/db/api/v1/limits', { token: key })).json()
      return (usage as { usage: { subscribers: number } }).usage.subscribers === 0 ? true : undefined
    })
  })

  test('ends when its key is deleted, that of an alias too', async () => {
    const alias = ((await node.call('public', '/db/api/v1/alias/set', { token: key })).json() as { alias: string })
      .alias
    const second = ((await node.call('public', '/db/api/v1/alias/set', { token: key })).json() as { alias: string })
      .alias
    const readers = [await subscribe('?topic=t'), await subscribe('?topic=t', alias)]
    const ofSecond = await subscribe('?topic=t', second)
    await node.call('public', '/db/api/v1/alias/delete', { token: key, body: { alias: second } })
    expect((await ofSecond.ended).code).toBe(4401)
    expect(readers.map(({ socket }) => socket.readyState)).toEqual([WebSocket.OPEN, WebSocket.OPEN])
    const deletion = { token: ROOT_KEY, body: { key } }
    expect((await node.call('private', '/db/api/v1/admin/api/delete', deletion)).status).toBe(200)
    for (const reader of readers) expect(await reader.ended).toEqual({ code: 4401, reason: 'key deleted' })
  })

  test.each(['POST', 'DELETE'])('is ended by purge and by shake with %s', async (method) => {
    const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/) as string
    for (const [action, reason] of [
      ['purge', 'purged'],
      ['shake', 'shaken'],
    ] as const) {
      const readers = [await subscribe('?topic=a'), await subscribe('?topic=b')]
      const bystander = await subscribe('?topic=a', ROOT_KEY)
      const answer = await node.call('public', `${PUBLISH}/${action}`, { token: key, method })
      const who = action === 'purge' ? { key_uuid: uuid } : {}
      expect(answer.json()).toEqual({ success: true, ...who, disconnected_sessions: 2 })
      for (const reader of readers) expect(await reader.ended).toEqual({ code: 1001, reason })
      expect(bystander.socket.readyState).toBe(WebSocket.OPEN)
      await bystander.close()
    }
    const again = await node.call('public', `${PUBLISH}/purge`, { token: key, method })
    expect(again.json()).toEqual({ success: true, key_uuid: uuid, disconnected_sessions: 0 })
  })
})

test('a node that stops says so to its subscribers', async () => {
  const stopping = await HttpNode.start()
  const at = `ws://127.0.0.1:${stopping.port('public')}${SUBSCRIBE}?topic=t`
  const readers = await Promise.all(
    Array.from({ length: 20 }, () => openSocket(at, { headers: { authorization: ROOT_KEY } })),
  )
  const began = performance.now()
  await stopping.stop()
  for (const reader of readers) expect((await reader.ended).code).toBe(1012)
  expect(performance.now() - began).toBeLessThan(2_000)
})
