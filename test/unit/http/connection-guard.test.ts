// The guard on real connections, with a clock that the test turns.
import net from 'node:net'
import type { Socket } from 'node:net'
import { ConnectionGuard } from '../../../src/http/connection-guard.ts'
import { eventually } from '../../support/eventually.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const ANSWER_TIMEOUT_MS = 60_000
const SWEEP_MS = 1_000
/** More than the buffers of a connection hold. */
const LARGE = Buffer.alloc(32 * 1024 * 1024)

let clock: VirtualClock
let guard: ConnectionGuard
let server: net.Server
let client: Socket
let socket: Socket
beforeEach(async () => {
  clock = new VirtualClock()
  guard = new ConnectionGuard(clock, { answerTimeoutMs: ANSWER_TIMEOUT_MS })
  guard.start()
  server = net.createServer()
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  client.pause()
  socket = await accepted
  socket.on('error', () => {})
  client.on('error', () => {})
  guard.watch(socket)
})
afterEach(async () => {
  guard.stop()
  client.destroy()
  socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

test('only a connection with an answer that is not written yet is timed', () => {
  clock.advance(SWEEP_MS)
  expect(socket.timeout ?? 0).toBe(0)
  socket.write(LARGE)
  clock.advance(SWEEP_MS)
  expect(socket.timeout).toBe(ANSWER_TIMEOUT_MS)
})

test('the timeout of an idle connection is left alone', async () => {
  socket.write(LARGE)
  clock.advance(SWEEP_MS)
  client.resume()
  await eventually('all is written', () => (socket.writableLength === 0 ? true : undefined))
  socket.setTimeout(ANSWER_TIMEOUT_MS)
  clock.advance(SWEEP_MS)
  expect(socket.timeout).toBe(ANSWER_TIMEOUT_MS)
})

test('a connection that became a WebSocket is not timed any more', () => {
  socket.write(LARGE)
  clock.advance(SWEEP_MS)
  guard.release(socket)
  expect(socket.timeout).toBe(0)
  clock.advance(SWEEP_MS)
  expect(socket.timeout).toBe(0)
})
