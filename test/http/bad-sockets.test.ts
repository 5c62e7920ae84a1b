// Streams whose clients misbehave: what each kind is answered, that its place is free again, and that others do not notice.
import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { openSocket, refusalOf } from '../support/event-client.ts'
import type { SocketReader } from '../support/event-client.ts'
import { eventually } from '../support/eventually.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import type { Answer } from '../support/http-node.ts'

const SUBSCRIBE = '/db/api/v1/events/subscribe?topic=t'
const WATCH = '/db/api/v1/watch?prefix=p'
const CACHE_WATCH = '/db/api/v1/cache/watch?prefix=p'
const ROUTES = [SUBSCRIBE, WATCH, CACHE_WATCH]
const CONNECTS = 300
const MIB = 1024 * 1024

let node: HttpNode
let key: string
beforeAll(async () => {
  node = await HttpNode.start()
})
beforeEach(async () => {
  key = await node.createKey()
})
afterAll(() => node.stop())

const socketUrl = (path: string): string => `ws://127.0.0.1:${node.port('public')}${path}`
const open = (path: string): Promise<SocketReader> => openSocket(socketUrl(path), { headers: { authorization: key } })
const limit = (limits: object): Promise<Answer> =>
  node.call('private', '/db/api/v1/admin/limits/set', { token: ROOT_KEY, body: { api_key: key, limits } })

function streamStatus(path: string, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: token, accept: 'text/event-stream' }
    const settings = { host: '127.0.0.1', port: node.port('public'), path, headers, agent: false }
    const request = http.get(settings, (response) => {
      resolve(response.statusCode ?? 0)
      request.destroy()
    })
    request.on('error', reject)
  })
}

async function subscribers(): Promise<number> {
  const usage = (await node.call('public', '/db/api/v1/limits', { token: key })).json()
  return (usage as { usage: { subscribers: number } }).usage.subscribers
}

const none = (): Promise<true> =>
  eventually('no subscriber is left', async () => ((await subscribers()) === 0 ? true : undefined))

test.each(ROUTES)(
  '%s is refused by both transports alike without a key, with a bad and with a broken one',
  async (path) => {
    for (const token of ['', 'insi_x', 'insi_%ff', `${key}x`, 'Bearer ']) {
      const refusal = await refusalOf(socketUrl(path), { authorization: token })
      expect([refusal.status, refusal.body['error_type']]).toEqual([401, 'AUTHENTICATION_FAILED'])
      expect(await streamStatus(path, token)).toBe(401)
    }
  },
)

describe.each(ROUTES)('a WebSocket of %s', (path) => {
  test('is closed with 1009 for a message over 512 bytes, whole or in parts', async () => {
    const whole = await open(path)
    whole.socket.send('x'.repeat(513))
    expect((await whole.ended).code).toBe(1009)
    const parts = await open(path)
    for (let part = 0; part < 6; part += 1) parts.socket.send('x'.repeat(100), { fin: false })
    expect((await parts.ended).code).toBe(1009)
    await none()
  })

  test.each([
    ['bytes that are no frame', [0xff, 0xff, 0xff, 0xff], 1002],
    ['a frame without a mask', [0x81, 0x01, 0x61], 1002],
    ['an unknown opcode', [0x83, 0x80, 0, 0, 0, 0], 1002],
    ['a continuation of nothing', [0x80, 0x80, 0, 0, 0, 0], 1002],
    ['a ping in parts', [0x09, 0x80, 0, 0, 0, 0], 1002],
    ['a ping that is too long', [0x89, 0xfe, 0, 0x7e], 1002],
    ['a length of eight exabytes', [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1009],
    ['text that is no UTF-8', [0x81, 0x81, 0, 0, 0, 0, 0xff], 1007],
    ['a close with a code that is none', [0x88, 0x82, 0, 0, 0, 0, 0, 1], 1002],
  ])('is closed for %s', async (_what, bytes, code) => {
    const reader = await open(path)
    const raw = (reader.socket as unknown as { readonly _socket: Socket })._socket
    raw.write(Buffer.from(bytes))
    expect((await reader.ended).code).toBe(code)
    await none()
  })
})

test('garbage behind the request of an event stream ends its connection', async () => {
  const socket = connect(node.port('public'), '127.0.0.1')
  socket.write(`GET ${SUBSCRIBE} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: ${key}\r\n\r\n`)
  await once(socket, 'data')
  expect(await subscribers()).toBe(1)
  socket.on('error', () => {})
  socket.write(Buffer.alloc(1_000, 0xff))
  await once(socket, 'close')
  await none()
})

test('connections that break without a word free their places', async () => {
  const readers = await Promise.all(Array.from({ length: 20 }, () => open(SUBSCRIBE)))
  expect(await subscribers()).toBe(20)
  for (const { socket } of readers) (socket as unknown as { readonly _socket: Socket })._socket.resetAndDestroy()
  await none()
})

test.each(['a WebSocket', 'an event stream'])(
  '%s that is not read is given up with a bounded queue, and others get everything meanwhile',
  async (transport) => {
    await limit({ rate_per_second_event_limit: 1_000_000 })
    const quiet = await open(SUBSCRIBE)
    const stalled = connect(node.port('public'), '127.0.0.1')
    const upgrade =
      transport === 'a WebSocket'
        ? 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
        : 'Accept: text/event-stream\r\n'
    stalled.on('error', () => {})
    stalled.write(`GET ${SUBSCRIBE} HTTP/1.1\r\nHost: x\r\n${upgrade}Authorization: ${key}\r\n\r\n`)
    await eventually('both subscribe', async () => ((await subscribers()) === 2 ? true : undefined))
    stalled.pause()
    const before = process.memoryUsage().rss
    const data = 'x'.repeat(256 * 1024)
    const count = 80
    for (let n = 0; n < count; n += 1) {
      const body = { topic: 't', data }
      expect((await node.call('public', '/db/api/v1/events', { token: key, body })).status).toBe(200)
    }
    await eventually('the stalled one is gone', async () => ((await subscribers()) === 1 ? true : undefined))
    await eventually('the other has all', () => (quiet.frames.length === count ? true : undefined))
    // The test holds what the reader received, and the store what was published: twenty MiB each.
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * MIB)
    stalled.destroy()
    await quiet.close()
  },
  30_000,
)

test('hundreds of connects of one key are refused at its limit on both transports, and another is served', async () => {
  const quiet = await node.createKey()
  await limit({ subscribers: 2, rate_per_second_event_limit: 1_000_000 })
  const held = await Promise.all([open(SUBSCRIBE), open(SUBSCRIBE)])
  const slowestMs: number[] = []
  for (let done = 0; done < CONNECTS; done += 50) {
    const refused = [
      ...Array.from({ length: 25 }, async () => (await refusalOf(socketUrl(SUBSCRIBE), { authorization: key })).status),
      ...Array.from({ length: 25 }, () => streamStatus(SUBSCRIBE, key)),
    ]
    const began = performance.now()
    const body = { key: 'k', value: String(done) }
    expect((await node.call('public', '/db/api/v1/set', { token: quiet, body })).status).toBe(200)
    slowestMs.push(performance.now() - began)
    expect(new Set(await Promise.all(refused))).toEqual(new Set([503]))
  }
  expect(Math.max(...slowestMs)).toBeLessThan(2_000)
  expect(held.every(({ socket }) => socket.readyState === WebSocket.OPEN)).toBe(true)
  for (const reader of held) await reader.close()
})

test('hundreds of connects of one key beyond its rate are told when to come back', async () => {
  await limit({ rate_per_second_event_limit: 1 })
  const connects = Array.from({ length: CONNECTS }, () => refusalOf(socketUrl(SUBSCRIBE), { authorization: key }))
  const settled = await Promise.allSettled(connects)
  const refusals = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  // The others were accepted: one at once, and one more for each second that this takes.
  expect(refusals.length).toBeGreaterThan(CONNECTS / 2)
  for (const { status, headers } of refusals) {
    expect(status).toBe(429)
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
  }
})
