// Event streams: subscribing without a WebSocket.
import http from 'node:http'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import { eventually } from '../support/eventually.ts'

const SUBSCRIBE = '/db/api/v1/events/subscribe'

let node: HttpNode
let key: string
beforeAll(async () => {
  node = await HttpNode.start()
  key = await node.createKey()
})
afterAll(() => node.stop())

interface Stream {
  readonly response: http.IncomingMessage
  /** Where it begins. */
  readonly since: string
  text: string
  readonly ended: Promise<void>
}

function open(query: string, headers: Record<string, string> = {}, at = node): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const settings = {
      host: '127.0.0.1',
      port: at.port('public'),
      path: `${SUBSCRIBE}${query}`,
      headers: { accept: 'text/event-stream', ...headers },
      agent: false,
    }
    const request = http.get(settings, (response) => {
      const stream: Stream = {
        response,
        since: String(response.headers['x-insi-since']),
        text: '',
        ended: new Promise((end) => response.once('close', () => end())),
      }
      response.on('data', (chunk: Buffer) => (stream.text += String(chunk)))
      response.on('error', () => {})
      resolve(stream)
    })
    request.on('error', reject)
  })
}

const publish = async (topic: string, body: string): Promise<number> => {
  const answer = await node.call('public', '/db/api/v1/events', { token: key, body })
  expect([topic, answer.status]).toEqual([topic, 200])
  return Number(answer.headers['x-insi-event-id'])
}
const has = (stream: Stream, text: string): Promise<true> =>
  eventually(`the stream has ${text}`, () => (stream.text.includes(text) ? true : undefined))
const usedSlots = async (): Promise<number> => {
  const usage = (await node.call('public', '/db/api/v1/limits', { token: key })).json()
  return (usage as { usage: { subscribers: number } }).usage.subscribers
}

test('an event stream has the id and the frame of each event, line by line', async () => {
  const stream = await open(`?topic=t&token=${key}`)
  expect(stream.response.statusCode).toBe(200)
  expect(stream.response.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-insi-node': 'node0',
  })
  const id = await publish('t', '{"topic":"t","data":[1,\r\n2,\n12345678901234567890]}')
  await has(stream, '12345678901234567890')
  expect(stream.text).toMatch(
    new RegExp(
      String.raw`^retry: \d+\nid: ${stream.since}\n\nid: ${id}\ndata: \{"topic":"[0-9a-f-]{36}:t","data":\[1,\ndata: 2,\ndata: 12345678901234567890\],"emitted_at":"[^"]+","id":${id}\}\n\n$`,
    ),
  )
  stream.response.destroy()
  await eventually('its slot is free', async () => ((await usedSlots()) === 0 ? true : undefined))
})

test('a stream that ended before anything came is resumed from where it began', async () => {
  await publish('s', '{"topic":"s","data":"before"}')
  const stream = await open('?topic=s', { authorization: key })
  stream.response.destroy()
  await eventually('its slot is free', async () => ((await usedSlots()) === 0 ? true : undefined))
  await publish('s', '{"topic":"s","data":"meanwhile"}')
  const resumed = await open('?topic=s', { authorization: key, 'last-event-id': stream.since })
  expect(resumed.since).toBe(stream.since)
  await publish('s', '{"topic":"s","data":"after"}')
  await has(resumed, '"after"')
  expect([...resumed.text.matchAll(/"data":"(\w+)"/g)].map(([, data]) => data)).toEqual(['meanwhile', 'after'])
  resumed.response.destroy()
})

test('a client that comes back with Last-Event-ID gets what it missed', async () => {
  const first = await publish('r', '{"topic":"r","data":"first"}')
  await publish('r', '{"topic":"r","data":"second"}')
  const stream = await open('?topic=r&since=0', { authorization: key, 'last-event-id': String(first) })
  await publish('r', '{"topic":"r","data":"third"}')
  await has(stream, '"third"')
  expect([...stream.text.matchAll(/"data":"(\w+)"/g)].map(([, data]) => data)).toEqual(['second', 'third'])
  stream.response.destroy()
})

test('purge ends a stream with a last message that says why', async () => {
  const stream = await open('?topic=t', { authorization: `Bearer ${key}` })
  const purged = await node.call('public', '/db/api/v1/events/purge', { token: key, method: 'POST' })
  expect(purged.json()).toMatchObject({ disconnected_sessions: 1 })
  await stream.ended
  expect(stream.text).toContain('event: close\ndata: {"code":1001,"reason":"purged"}\n\n')
})

test('a node that stops ends its streams', async () => {
  const stopping = await HttpNode.start()
  const stream = await open(`?topic=t&token=${encodeURIComponent(ROOT_KEY)}`, {}, stopping)
  await stopping.stop()
  await stream.ended
  expect(stream.text).toContain('"code":1012')
})

test.each([
  ['?topic=t', {}, 401],
  ['?topic=t&token=x', {}, 401],
  ['', { authorization: 'KEY' }, 400],
  ['?topic=a*', { authorization: 'KEY' }, 400],
  ['?topic=t', { authorization: 'KEY', 'last-event-id': 'x' }, 400],
  ['?topic=t', { authorization: 'KEY', 'last-event-id': '9007199254740991' }, 400],
])('a bad request for a stream (%s, %j) is refused as every request is', async (query, headers, status) => {
  const given: Record<string, string> = 'authorization' in headers ? { ...headers, authorization: key } : headers
  const stream = await open(query, given)
  await stream.ended
  expect(stream.response.statusCode).toBe(status)
  expect(JSON.parse(stream.text)).toMatchObject({ request_id: stream.response.headers['x-request-id'] })
})
