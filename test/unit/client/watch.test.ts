// Watches over a real WebSocket server: what is read, and what becomes of them when connections break.
import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { InsiClient } from '../../../src/client/client.ts'
import type { WatchFrame } from '../../../src/client/watch.ts'
import { ERRORS } from '../../../src/contract/errors.ts'
import type { ErrorCode } from '../../../src/contract/errors.ts'
import { eventually } from '../../support/eventually.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { closedPort } from './scripted-server.ts'

type Serve = (socket: WebSocket) => void

let http: Server
let sockets: WebSocketServer
let client: InsiClient
/** What the server does with one connection after the other: serve it, or refuse it with an error. */
let script: (Serve | ErrorCode)[]
let asked: string[]

// A server for each test: a connect that one leaves behind must not use up what the next one scripted.
beforeEach(async () => {
  http = createServer()
  sockets = new WebSocketServer({ noServer: true })
  script = []
  asked = []
  http.on('upgrade', (request, socket, head) => {
    asked.push(new URL(request.url ?? '', 'http://local').search)
    const next = script.shift()
    if (next === undefined) socket.destroy()
    else if (typeof next === 'string') refuse(socket, next)
    else sockets.handleUpgrade(request, socket, head, next)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  client = clientOf([url()])
})
afterEach(async () => {
  client.close()
  for (const socket of sockets.clients) socket.terminate()
  await new Promise((resolve) => http.close(resolve))
})

const url = (): string => `http://127.0.0.1:${(http.address() as AddressInfo).port}`

function clientOf(urls: readonly string[]): InsiClient {
  const endpoints = urls.map((publicUrl) => ({ publicUrl }))
  return new InsiClient({ endpoints, apiKey: 'insi_key', retry: { backoffMinMs: 1, backoffMaxMs: 5 } })
}

function refuse(socket: Duplex, code: ErrorCode): void {
  const { status, meaning, hint } = ERRORS[code]
  const body = JSON.stringify({ error_type: code, message: meaning, hint, request_id: 'r' })
  socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`)
}

/** Sends the first frame of a connection, then one for each of `revisions`, then does `after`. */
function serve(beginsAfter: number, revisions: readonly number[], after: Serve = () => {}): Serve {
  return (socket) => {
    socket.send(JSON.stringify({ revision: beginsAfter, changes: [] }))
    for (const revision of revisions) {
      socket.send(JSON.stringify({ revision, changes: [{ key: `k${revision}`, value: null }] }))
    }
    after(socket)
  }
}

async function take(frames: AsyncIterable<WatchFrame>, count: number): Promise<WatchFrame[]> {
  const taken: WatchFrame[] = []
  for await (const frame of frames) if (taken.push(frame) === count) break
  return taken
}

const revisionsOf = (frames: readonly WatchFrame[]): number[] => frames.map(({ revision }) => revision)

test('opens where it is told to, and tells the revision up to which everything was read', async () => {
  script = [serve(812, [815])]
  const watch = await client.values.watch('a b', { since: 812 })
  expect(watch.revision).toBe(812)
  expect(await take(watch, 1)).toEqual([{ revision: 815, changes: [{ key: 'k815', value: null, expiresAt: null }] }])
  expect(watch.revision).toBe(815)
  expect(asked).toEqual(['?prefix=a+b&since=812'])
})

test.each<[string, Serve]>([
  ['breaks without a word', (socket) => socket.terminate()],
  ['is closed because the node stops', (socket) => socket.close(1012, 'node is stopping')],
])('a connection that %s is opened again since the last revision, past refusals that may pass', async (_name, end) => {
  script = [serve(10, [11, 12], end), 'NO_LEADER', 'OVERLOADED', serve(12, [13], end), serve(13, [14])]
  const watch = await client.cache.watch('')
  expect(revisionsOf(await take(watch, 4))).toEqual([11, 12, 13, 14])
  expect(asked).toEqual(['?prefix=', ...Array.from({ length: 3 }, () => '?prefix=&since=12'), '?prefix=&since=13'])
})

test('changes that cannot be had any more are a gap, and the watch goes on behind it', async () => {
  script = [serve(10, [11], (socket) => socket.terminate()), 'WATCH_TOO_OLD', serve(40, [41])]
  const watch = await client.values.watch('')
  const [, gap, next] = await take(watch, 3)
  expect(gap).toEqual({ revision: 40, changes: [], gap: { missedAfter: 11, missedThrough: 40 } })
  expect(next?.revision).toBe(41)
})

test('a beginning that is too old is refused: what was missed is not made up', async () => {
  script = ['WATCH_TOO_OLD']
  await expect(client.values.watch('', { since: 1 })).rejects.toMatchObject({ code: 'WATCH_TOO_OLD' })
})

test.each<[string, (Serve | ErrorCode)[]]>([
  ['ends because the key was deleted', [serve(1, [], (socket) => socket.close(4401, 'key deleted'))]],
  ['is refused because the key is none', [serve(1, [], (socket) => socket.terminate()), 'AUTHENTICATION_FAILED']],
])('a watch that %s fails with AUTHENTICATION_FAILED', async (_name, connections) => {
  script = connections
  const watch = await client.values.watch('')
  await expect(take(watch, 1)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
})

test('an outage that lasts longer than it may fails with what was met last', async () => {
  script = [serve(1, [], (socket) => socket.terminate())]
  const watch = await client.values.watch('', { reconnectForMs: 20 })
  await expect(take(watch, 1)).rejects.toMatchObject({ code: 'UNREACHABLE' })
})

test('a frame that is not as documented ends the watch with UNEXPECTED_ANSWER', async () => {
  script = [serve(1, [], (socket) => socket.send('{"revision":"2"}'))]
  await expect(take(await client.values.watch(''), 1)).rejects.toMatchObject({ code: 'UNEXPECTED_ANSWER' })
})

test('another endpoint is asked when the first is away', async () => {
  const away = await closedPort()
  client.close()
  client = clientOf([`http://127.0.0.1:${away}`, url()])
  script = [serve(1, [2])]
  expect(revisionsOf(await take(await client.values.watch(''), 1))).toEqual([2])
})

test('an abort ends the watch without an error, while it waits and while it connects again', async () => {
  let closedWith: number | undefined
  script = [serve(1, [], (socket) => socket.on('close', (code) => (closedWith = code)))]
  const waiting = new AbortController()
  const watch = await client.values.watch('', { signal: waiting.signal })
  const read = take(watch, 1)
  waiting.abort()
  expect(await read).toEqual([])
  await eventually('the server sees the close', () => closedWith)
  expect(closedWith).toBe(1000)

  const connecting = new AbortController()
  script = [serve(1, [], (socket) => socket.terminate())]
  asked = []
  const lost = take(await client.values.watch('', { signal: connecting.signal }), 1)
  await eventually('it tries again', () => (asked.length > 2 ? true : undefined))
  connecting.abort()
  expect(await lost).toEqual([])
})

test('a connection over which nothing comes, not even a ping, is given up and opened again', async () => {
  let nowMs = 0
  const looks = new Set<() => void>()
  const clock = {
    ...systemClock,
    monotonicMs: () => nowMs,
    every: (_intervalMs: number, look: () => void) => {
      looks.add(look)
      return { cancel: () => void looks.delete(look) }
    },
  }
  client.close()
  client = new InsiClient({
    endpoints: [{ publicUrl: url() }],
    apiKey: 'insi_key',
    clock,
  })
  const pinged = { count: 0 }
  script = [serve(1, [2], (socket) => socket.on('pong', () => (pinged.count += 1))), serve(2, [3])]
  const frames = (await client.values.watch(''))[Symbol.asyncIterator]()
  expect((await frames.next()).value).toMatchObject({ revision: 2 })
  const next = frames.next()
  nowMs += 59_000
  for (const socket of sockets.clients) if (socket.readyState === socket.OPEN) socket.ping()
  await eventually('the ping is answered', () => (pinged.count === 1 ? true : undefined))
  nowMs += 59_000
  for (const look of looks) look()
  expect(asked).toHaveLength(1)
  nowMs += 1_000
  for (const look of looks) look()
  expect((await next).value).toMatchObject({ revision: 3 })
  expect(asked[1]).toBe('?prefix=&since=2')
  await frames.return?.()
})

test('a watch that has ended leaves nothing on the signal of its caller', async () => {
  const { signal } = new AbortController()
  script = [serve(7, [8]), serve(8, [9])]
  for (let count = 0; count < 2; count += 1) await take(await client.values.watch('', { signal }), 1)
  await eventually('the signal is left alone', () =>
    getEventListeners(signal, 'abort').length === 0 ? true : undefined,
  )
})
