// Subscriptions over a real WebSocket server.
import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { connect } from '../../../src/client/client.ts'
import type { InsiClient } from '../../../src/client/client.ts'
import { eventually } from '../../support/eventually.ts'

let http: Server
let sockets: WebSocketServer
let client: InsiClient
let onConnection: (socket: WebSocket, request: IncomingMessage) => void
let refusal: string | undefined

beforeAll(async () => {
  http = createServer((_request, response) => response.end('{}'))
  sockets = new WebSocketServer({ noServer: true })
  http.on('upgrade', (request, socket, head) => {
    if (refusal !== undefined) {
      socket.end(refusal)
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => onConnection(webSocket, request))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  client = connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, 'insi_key')
})
afterAll(async () => {
  client.close()
  for (const socket of sockets.clients) socket.terminate()
  await new Promise((resolve) => http.close(resolve))
})
beforeEach(() => {
  refusal = undefined
})

function frame(data: unknown, topic = 'scope:t'): string {
  return JSON.stringify({ topic, data, emitted_at: '2026-11-22T19:11:15.601Z' })
}

test('events are read in order, those that follow the handshake at once too', async () => {
  let asked: IncomingMessage | undefined
  onConnection = (socket, request) => {
    asked = request
    socket.send(frame(1))
    socket.send(frame({ n: [2, null] }))
    socket.close(1001, 'node is stopping')
  }
  const subscription = await client.events.subscribe('a topic')
  const seen: unknown[] = []
  for await (const event of subscription) seen.push(event)
  expect(seen).toEqual([
    { topic: 'scope:t', data: 1, emittedAt: '2026-11-22T19:11:15.601Z' },
    { topic: 'scope:t', data: { n: [2, null] }, emittedAt: '2026-11-22T19:11:15.601Z' },
  ])
  expect(await subscription.ended).toEqual({ code: 1001, reason: 'node is stopping' })
  expect(asked?.url).toBe('/db/api/v1/events/subscribe?topic=a+topic')
  expect(asked?.headers.authorization).toBe('insi_key')
})

test('a connection that breaks without a word ends the stream without an error', async () => {
  onConnection = (socket) => socket.terminate()
  const subscription = await client.events.subscribe('t')
  for await (const event of subscription) expect(event).toBeUndefined()
  expect(await subscription.ended).toMatchObject({ code: 1006 })
})

test.each([
  ['an abort', (controller: AbortController) => controller.abort()],
  ['leaving the loop', () => {}],
])('%s closes the subscription with 1000', async (_name, stop) => {
  const controller = new AbortController()
  let closedWith: number | undefined
  onConnection = (socket) => {
    socket.on('close', (code) => (closedWith = code))
    socket.send(frame(1))
  }
  const subscription = await client.events.subscribe('t', { signal: controller.signal })
  for await (const event of subscription) {
    expect(event.data).toBe(1)
    stop(controller)
    if (!controller.signal.aborted) break
  }
  await eventually('the server sees the close', () => closedWith)
  expect(closedWith).toBe(1000)
})

test('a reader that does not read pauses the socket, and loses nothing', async () => {
  const total = 1_000
  let hasPong = false
  onConnection = (socket) => {
    socket.on('pong', () => (hasPong = true))
    // Far more than one read of a socket takes in: what was read before the pause is taken, a ping among it too.
    for (let n = 0; n < total; n++) socket.send(frame(n) + ' '.repeat(2_000))
    socket.ping()
  }
  const subscription = await client.events.subscribe('t')
  // A socket that is read answers the ping, which follows the frames, long before this many requests are done.
  for (let n = 0; n < 50; n++) await client.ping()
  expect(hasPong).toBe(false)
  let next = 0
  for await (const { data } of subscription) {
    expect(data).toBe(next++)
    if (next === total) break
  }
  await eventually('the pong', () => (hasPong ? true : undefined))
})

test.each([
  ['no JSON', 'hello'],
  ['no event', '{"topic":1}'],
])('a frame that is %s ends the stream with UNEXPECTED_ANSWER', async (_name, text) => {
  onConnection = (socket) => socket.send(text)
  const subscription = await client.events.subscribe('t')
  await expect(subscription[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'UNEXPECTED_ANSWER' })
})

test('a refused handshake is the error that the server says', async () => {
  const body = JSON.stringify({
    error_type: 'SUBSCRIBER_LIMIT_EXCEEDED',
    message: 'subscriber limit exceeded',
    hint: 'h',
    request_id: 'r',
  })
  refusal = `HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  await expect(client.events.subscribe('t')).rejects.toMatchObject({
    code: 'SUBSCRIBER_LIMIT_EXCEEDED',
    facts: { status: 503, requestId: 'r' },
  })
})

test('an answer that is no handshake is UNEXPECTED_ANSWER', async () => {
  refusal = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}'
  await expect(client.events.subscribe('t')).rejects.toThrow(/the answer 200 is no handshake$/)
})

test('an address where nobody listens is UNREACHABLE', async () => {
  const away = connect('http://127.0.0.1:1', 'insi_key')
  await expect(away.events.subscribe('t')).rejects.toMatchObject({ code: 'UNREACHABLE' })
})
